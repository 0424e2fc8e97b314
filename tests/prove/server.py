"""The standalone process: started, killed, started again on the same data and port."""

import asyncio
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx

READY_S: Final = 30.0
STOP_S: Final = 20.0
POLL_S: Final = 0.05


class ServerFailed(Exception):
    """The process did not start, or did not stop, as it should."""


class Server:
    """One server on one data folder; what it prints goes to `server.log` beside the folder."""

    def __init__(
        self, folder: Path, secret: str, environment: Mapping[str, str] | None = None
    ) -> None:
        self.data = folder / "data"
        self.port = _free_port()
        self._output = folder / "server.log"
        self._environment = {
            **os.environ,
            "ORDER_CHAT_RATE_LIMITS": "off",
            "ORDER_CHAT_JWT_SECRET": secret,
            **(environment or {}),
        }
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Where its routes are."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The number of the process, once it was started."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start the process and wait until it is ready. Raises `ServerFailed`."""
        with self._output.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "deploy.standalone"),
                *("--port", str(self.port), "--data", str(self.data)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment,
            )
        try:
            async with asyncio.timeout(READY_S), httpx.AsyncClient() as http:
                while not await self._is_ready(http):
                    if self._process.returncode is not None:
                        code = self._process.returncode
                        raise ServerFailed(f"it ended with {code}, see {self._output}")
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise ServerFailed(f"not ready after {READY_S} s, see {self._output}") from None

    async def kill(self) -> None:
        """End the process as a power cut would, as far as a process can tell."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> None:
        """Ask the process to end, and wait until it has, in good order. Raises `ServerFailed`."""
        assert self._process is not None
        self._process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await self._process.wait()
        except TimeoutError:
            raise ServerFailed(f"still there {STOP_S} s after SIGTERM") from None
        if self._process.returncode != 0:
            raise ServerFailed(f"it ended with {self._process.returncode}, see {self._output}")

    async def _is_ready(self, http: httpx.AsyncClient) -> bool:
        try:
            return (await http.get(f"{self.url}/readyz", timeout=1)).status_code == 200
        except httpx.HTTPError:
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port
