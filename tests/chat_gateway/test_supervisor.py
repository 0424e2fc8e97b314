"""Several processes kept running: with small programs in the gateways' place."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chat_gateway.supervisor import Restarts, Supervisor

PATIENCE_S = 20.0
LISTEN = "print(8090, flush=True)\n"
STAY = "sys.stdin.read()\n"
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
BEGIN = """\
import os, signal, sys, time
from pathlib import Path
number, folder = int(sys.argv[1]), Path(sys.argv[2])
"""
TELL = "Path(folder, f'{number}-{os.getpid()}').touch()\n"
SECOND_OF_2_FAILS = f"""\
if number == 2 and len(list(folder.glob("2-*"))) == 1:
    {TELL}
    sys.exit(1)
"""


class Place:
    """Processes that leave a file each, called by number and process id, once they are begun."""

    def __init__(self, folder: Path, program: str, *, stop_s: float = PATIENCE_S) -> None:
        self._folder = folder
        self._program = BEGIN + program
        self.supervisor = Supervisor(self._command, os.environ, 2, stop_s=stop_s)

    def _command(self, number: int) -> Sequence[str]:
        return (sys.executable, "-c", self._program, str(number), str(self._folder))

    def pids(self, number: int) -> list[int]:
        """Of those that ran under a number."""
        return [int(file.name.partition("-")[2]) for file in self._folder.glob(f"{number}-*")]

    async def begun(self, number: int, count: int = 1) -> Sequence[int]:
        """Wait until so many ran under a number."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.pids(number)) < count:  # noqa: ASYNC110 (files are mute)
                await asyncio.sleep(0.01)
        return self.pids(number)

    async def end(self) -> int:
        """The exit code."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.supervisor.run()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[int]]:
        """Run until told to end; both processes have begun."""
        ended = asyncio.create_task(self.end())
        try:
            await self.begun(1)
            await self.begun(2)
            yield ended
        finally:
            if not ended.done():
                tell(signal.SIGTERM)
                await ended


def tell(number: signal.Signals) -> None:
    """The supervisor runs in this process."""
    os.kill(os.getpid(), number)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_process_that_ends_again_and_again_is_given_more_time_each_time() -> None:
    """At once at first, for it may have been an accident; never more than 5 s apart."""
    restarts = Restarts()

    assert [restarts.pause_s(1.0) for _ in range(6)] == [0.0, 0.5, 1.0, 2.0, 5.0, 5.0]


def test_a_minute_of_life_is_a_new_beginning() -> None:
    """What ended it has nothing to do with what ended those before."""
    restarts = Restarts()
    for _ in range(5):
        restarts.pause_s(1.0)

    assert [restarts.pause_s(60.0), restarts.pause_s(1.0)] == [0.0, 0.5]


async def test_all_end_when_told(tmp_path: Path) -> None:
    """In good order, and so with 0."""
    place = Place(tmp_path, LISTEN + TELL + STAY)
    async with place.running() as ended:
        tell(signal.SIGTERM)

        assert await ended == 0

    assert [alive(pid) for number in (1, 2) for pid in place.pids(number)] == [False, False]


async def test_a_process_that_was_killed_is_started_again(tmp_path: Path) -> None:
    """Under its number; the other one is left alone."""
    place = Place(tmp_path, LISTEN + TELL + STAY)
    async with place.running():
        os.kill(place.pids(2)[0], signal.SIGKILL)

        again = await place.begun(2, count=2)

        assert sorted(alive(pid) for pid in again) == [False, True]
        assert [alive(pid) for pid in place.pids(1)] == [True]


async def test_what_stops_the_first_start_stops_all_and_is_said_once(tmp_path: Path) -> None:
    """The second is not even tried, though there is half a second for it: its error would be the
    same."""
    place = Place(tmp_path, TELL + "time.sleep(0.5)\nsys.exit(7)\n")

    assert await place.end() == 7

    assert [len(place.pids(number)) for number in (1, 2)] == [1, 0]


async def test_one_that_cannot_start_ends_the_others(tmp_path: Path) -> None:
    """As when its own port is somebody's: fewer than were asked for would be no answer."""
    place = Place(tmp_path, TELL + "if number == 2: sys.exit(1)\n" + LISTEN + STAY)

    assert await place.end() == 1

    assert [len(place.pids(number)) for number in (1, 2)] == [1, 1]
    assert not alive(place.pids(1)[0])


async def test_an_error_after_a_good_start_is_no_reason_to_give_up(tmp_path: Path) -> None:
    """An engine that is away when a process comes back may be there again; the others go on."""
    place = Place(tmp_path, SECOND_OF_2_FAILS + LISTEN + TELL + STAY)
    async with place.running() as ended:
        os.kill(place.pids(2)[0], signal.SIGKILL)

        await place.begun(2, count=3)

        assert not ended.done()


async def test_who_does_not_heed_the_end_is_killed(tmp_path: Path) -> None:
    """After its time, and the exit code tells."""
    place = Place(tmp_path, DEAF + LISTEN + TELL + STAY, stop_s=0.1)
    async with place.running() as ended:
        tell(signal.SIGINT)

        assert await ended == 1


async def test_a_second_signal_kills_at_once(tmp_path: Path) -> None:
    """Whoever presses Ctrl-C twice does not want to wait."""
    place = Place(tmp_path, DEAF + LISTEN + TELL + STAY, stop_s=3_600)
    async with place.running() as ended:
        tell(signal.SIGINT)
        await asyncio.sleep(0)
        assert not ended.done()
        tell(signal.SIGINT)

        assert await ended == 1


async def test_an_end_while_the_first_one_starts_does_not_wait_for_it(tmp_path: Path) -> None:
    """It has no clients yet."""
    place = Place(tmp_path, TELL + STAY)
    ended = asyncio.create_task(place.end())
    await place.begun(1)

    tell(signal.SIGTERM)

    assert await ended == 0
    assert place.pids(2) == []


async def test_a_program_that_is_not_there_ends_all(caplog: pytest.LogCaptureFixture) -> None:
    """As an error of its own would; a record says what it was."""
    supervisor = Supervisor(lambda _: ("/nobody/s/program",), os.environ, 2, stop_s=PATIENCE_S)

    assert await supervisor.run() == os.EX_OSERR

    assert "a process could not be started" in caplog.messages
