"""A newcomer who follows a page's shell blocks to the letter, but for ports and folders."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.docs.pages import ROOT, Block
from tests.docs.ports import answers, free_port

BLOCK_S: Final = 60
START_S: Final = 30.0
STOP_S: Final = 20.0
POLL_S: Final = 0.05


class Walk:
    """The state of the walk: servers that run, and what the shell has exported so far.

    It takes place in a folder of its own, from which `docs` can be seen, so that `data` is fresh.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = {port: free_port() for port in ("8080", "8000")}
        self._servers: list[subprocess.Popen[bytes]] = []
        self._environment = {
            name: value for name, value in os.environ.items() if "ORDER_CHAT" not in name
        } | {
            "PYTHONPATH": str(ROOT),
            "ORDER_CHAT_PORT": str(self._ports["8080"]),
            "ORDER_CHAT_DRAIN_S": "0",
        }
        (folder / "docs").symlink_to(ROOT / "docs")
        (folder / "exported").touch()

    def here(self, text: str) -> str:
        """A text of the page with the ports, folders and interpreter of this walk."""
        for told, taken in self._ports.items():
            text = text.replace(f"127.0.0.1:{told}", f"127.0.0.1:{taken}")
        shop = f"shop.py --port {self._ports['8000']} --chat http://127.0.0.1:{self._ports['8080']}"
        return (
            text.replace(".venv/bin/python", sys.executable)
            # It is there, or this would not run: only that make knows how is tried.
            .replace("make install", f"make --directory '{ROOT}' --dry-run install")
            .replace("docs/examples/shop.py", f"docs/examples/{shop}")
        )

    def take(self, blocks: Iterable[Block]) -> str:
        """Run blocks one after the other; answers what the last one printed."""
        said = ""
        for block in blocks:
            if block.note.startswith("server="):
                self._serve(block.text, block.note.removeprefix("server="))
                continue
            if block.note == "stop":
                self.end()
            said = self._run(block.text)
        return said

    def end(self) -> None:
        """Stop the servers, the newest first."""
        while self._servers:
            server = self._servers.pop()
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGTERM)
                server.wait(STOP_S)

    def _run(self, text: str) -> str:
        script = f"set -eu; . ./exported\n{self.here(text)}\nexport -p > ./exported"
        run = subprocess.run(
            ["bash", "-c", script],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=BLOCK_S,
            check=False,
        )
        assert run.returncode == 0, f"{text}\n{run.stdout}{run.stderr}"
        return run.stdout

    def _serve(self, text: str, port: str) -> None:
        with (self._folder / f"server-{port}.log").open("wb") as output:
            server = subprocess.Popen(
                ["bash", "-c", f". ./exported; exec env {self.here(text)}"],
                cwd=self._folder,
                env=self._environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._servers.append(server)
        deadline = time.monotonic() + START_S
        while not answers(self._ports[port]):
            ended = server.poll() is not None or time.monotonic() > deadline
            assert not ended, (self._folder / f"server-{port}.log").read_text()
            time.sleep(POLL_S)
