"""A program of ours as a process: started, killed, paused, started again on the same port."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import httpx

from deploy.engines.engine import free_port

READY_S: Final = 30.0
STOP_S: Final = 20.0
POLL_S: Final = 0.05


class ServerFailed(Exception):
    """A process did not start, or did not stop, as it should."""


class Process:
    """One process that serves on a port; what it prints goes to `NAME.log` in the folder."""

    def __init__(
        self,
        name: str,
        module: str,
        folder: Path,
        environment: Mapping[str, str],
        arguments: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.port = free_port()
        self._command = (sys.executable, "-m", module, *arguments)
        self._output = folder / f"{name}.log"
        self._environment = {**os.environ, **environment, "ORDER_CHAT_PORT": str(self.port)}
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

    @property
    def alive(self) -> bool:
        """Whether it runs, paused or not."""
        return self._process is not None and self._process.returncode is None

    async def start(self, *, until: str = "/readyz", within_s: float = READY_S) -> None:
        """Start the process and wait until that route answers 200. Raises `ServerFailed`."""
        self._output.parent.mkdir(parents=True, exist_ok=True)
        with self._output.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment,
            )
        try:
            async with asyncio.timeout(within_s), httpx.AsyncClient() as http:
                while not await self._answers(http, until):
                    if self._process.returncode is not None:
                        code = self._process.returncode
                        raise ServerFailed(f"it ended with {code}, see {self._output}")
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise ServerFailed(f"no {until} after {within_s} s, see {self._output}") from None

    async def once(self, *arguments: str, within_s: float) -> None:
        """Run it with more arguments to its end, which must be good. Raises `ServerFailed`."""
        with self._output.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment,
            )
        try:
            async with asyncio.timeout(within_s):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        if process.returncode != 0:
            raise ServerFailed(f"it ended with {process.returncode}, see {self._output}")

    async def kill(self) -> None:
        """End the process as a power cut would, as far as a process can tell."""
        if self.alive:
            assert self._process is not None
            self._process.kill()
            await self._process.wait()

    def pause(self) -> None:
        """Let it stand still with its connections open, until `resume`."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

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

    async def _answers(self, http: httpx.AsyncClient, route: str) -> bool:
        try:
            return (await http.get(f"{self.url}{route}", timeout=1)).status_code == 200
        except httpx.HTTPError:
            return False
