"""An engine: a process of ours on 127.0.0.1 whose port, data and log outlive its death."""

import asyncio
import os
import random
import shutil
import signal
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, ClassVar, Final, NamedTuple

HOST: Final = "127.0.0.1"
PROBE_S: Final = 2.0
PROBE_EVERY_S: Final = 0.1
LOG_LINES: Final = 15
"""How much of an engine's own log an error repeats."""

PORTS: Final = range(20_000, 32_000)
"""Below the range the system hands out to outgoing connections: a dead engine's port stays free."""


class Unavailable(Exception):
    """An engine cannot be had, or does not come up; the text says why and what to do."""


class Place(NamedTuple):
    """Where engines live and whom they tell what takes long."""

    cache: Path
    """Downloads and builds: kept for the next run, shared by all stacks of this user."""

    data: Path
    """This stack's folder; every engine has one of its own in it."""

    say: Callable[[str], None]
    """Takes one line for the person who waits."""


class Engine(ABC):
    """One server process. `obtain` once, then `start`, `stop`, `kill` as often as wanted.

    Port and data stay the same over restarts. Not for use from two tasks at once.
    """

    variable: ClassVar[str]
    """The setting that names this engine, such as `ORDER_CHAT_LOG_URL`."""

    niceness: ClassVar[int] = 0
    """How far it stands back where the processors are short."""

    start_s: ClassVar[float] = 60.0
    stop_s: ClassVar[float] = 15.0

    def __init__(self, name: str, place: Place) -> None:
        self.name = name
        self.place = place
        self.port = free_port()
        self.folder = place.data / name
        self.log_file = self.folder / "log.txt"
        self._process: asyncio.subprocess.Process | None = None

    @abstractmethod
    async def obtain(self) -> None:
        """Find, download or build the program, and make the data folder ready for it.

        Say so through `place.say` before anything that takes long. Raise `Unavailable` when it
        cannot be had. Called once, before `version`, `url` or `start`.
        """

    @property
    @abstractmethod
    def version(self) -> str:
        """Program and version in a few words, such as `Redis 7.0.15`."""

    @property
    @abstractmethod
    def url(self) -> str:
        """What the setting says to reach this engine."""

    @property
    def dev(self) -> bool:
        """Whether our services refuse this engine, as it is started here, without DEV."""
        return False

    @abstractmethod
    def command(self) -> Sequence[str]:
        """The program and its arguments; it must stay in the foreground and log to its output."""

    def environment(self) -> Mapping[str, str]:
        """Variables the process needs beyond those it inherits."""
        return {}

    @abstractmethod
    async def probe(self) -> None:
        """Ask once whether it serves; raise `OSError`, `EOFError` or `ValueError` if not."""

    @property
    def pid(self) -> int:
        """The process now running."""
        return self._running().pid

    @property
    def alive(self) -> bool:
        """Whether the process runs (or is paused)."""
        return self._process is not None and self._process.returncode is None

    async def ready(self) -> bool:
        """Whether it serves now; answers within two seconds."""
        try:
            async with asyncio.timeout(PROBE_S):
                await self.probe()
        except (OSError, EOFError, ValueError):  # a time-out is an OSError
            return False
        return True

    async def start(self) -> None:
        """Start it, return when it serves; raise `Unavailable` with the end of its log if not."""
        if self.alive:
            raise RuntimeError(f"{self.name} runs already")
        command = await asyncio.to_thread(_as_started, self.command(), self.niceness)
        log = await asyncio.to_thread(_open_log, self.log_file)
        with log:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                env={**os.environ, **self.environment()},
                cwd=self.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A group of its own, since a Ctrl-C in the terminal is ours to answer. No session:
                # in one, niceness would count for nothing where Linux has sched_autogroup. (uvloop
                # does not know `process_group`.)
                preexec_fn=os.setpgrp,
            )
        try:
            await self._come_up(self._process)
        except BaseException:
            await self.kill()
            raise

    async def stop(self) -> None:
        """End it as an operator would; kill it when it takes too long. Nothing if it is dead."""
        if not self.alive:
            return
        process = self._running()
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)  # a paused one would never see the first
        try:
            async with asyncio.timeout(self.stop_s):
                await process.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it at once, as a power cut of this process would. Nothing if it is dead."""
        if self.alive:
            process = self._running()
            process.kill()
            await process.wait()

    def pause(self) -> None:
        """Let it stand still with its connections open, until `resume`."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused one go on."""
        self._running().send_signal(signal.SIGCONT)

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            raise RuntimeError(f"{self.name} does not run")
        return self._process

    async def _come_up(self, process: asyncio.subprocess.Process) -> None:
        try:
            async with asyncio.timeout(self.start_s):
                while not await self.ready():
                    if process.returncode is not None:
                        what = f"ended with code {process.returncode}"
                        raise Unavailable(await self._obituary(what))
                    await asyncio.sleep(PROBE_EVERY_S)
        except TimeoutError:
            what = f"does not answer on port {self.port} after {self.start_s:.0f} s"
            raise Unavailable(await self._obituary(what)) from None

    async def _obituary(self, what: str) -> str:
        lines = await asyncio.to_thread(last_lines, self.log_file)
        return "\n".join([f"{self.name} {what}. Its log ({self.log_file}) ends:", *lines])


def _open_log(file: Path) -> BinaryIO:
    file.parent.mkdir(parents=True, exist_ok=True)
    return file.open("ab")


def last_lines(file: Path) -> Sequence[str]:
    """The last lines of an engine's log, indented."""
    with file.open("rb") as log:
        log.seek(max(0, file.stat().st_size - 8_192))
        text = log.read().decode(errors="replace")
    return [f"    {line}" for line in text.splitlines()[-LOG_LINES:]]


_given: set[int] = set()
"""Ports this process gave away: they stay free to look at until whoever has one listens."""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on and nobody is given by chance."""
    for port in random.sample(PORTS, 100):
        if port in _given:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            _given.add(port)
            return port
    raise Unavailable(f"No free port from {PORTS.start} to {PORTS.stop} on {HOST}.")


def _as_started(command: Sequence[str], niceness: int) -> Sequence[str]:
    """The command standing back so far, and ended by the system when we are killed ourselves, each
    where it can be had."""
    words = list(command)
    if niceness and (nice := shutil.which("nice")):
        words = [nice, "-n", str(niceness), *words]
    if setpriv := shutil.which("setpriv"):
        words = [setpriv, "--pdeathsig", "KILL", "--", *words]
    return words
