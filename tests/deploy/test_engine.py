"""An engine comes up, dies, stands still and comes back, or says readably why it does not."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from deploy.engines.engine import HOST, Engine, Place, Unavailable
from deploy.engines.tool import run, tool

SERVER = """
import signal, socket, sys
if sys.argv[2] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    while True:
        with server.accept()[0] as client:
            client.sendall(b"hello")
"""


class Greeter(Engine):
    """The smallest server there is; its log is empty."""

    variable = "ORDER_CHAT_GREETER_URL"
    start_s = 10.0
    stop_s = 0.3

    def __init__(self, folder: Path, *, program: str = SERVER, ear: str = "") -> None:
        super().__init__("greeter", Place(folder, folder, print))
        self._line = [sys.executable, "-c", program, str(self.port), ear]

    async def obtain(self) -> None:
        """It is always there."""

    @property
    def version(self) -> str:
        return "Greeter 1"

    @property
    def url(self) -> str:
        return f"greeter://{HOST}:{self.port}"

    def command(self) -> Sequence[str]:
        return self._line

    async def probe(self) -> None:
        reader, writer = await asyncio.open_connection(HOST, self.port)
        try:
            await reader.readexactly(5)
        finally:
            writer.close()


@pytest.fixture
async def greeter(tmp_path: Path) -> AsyncIterator[Greeter]:
    greeter = Greeter(tmp_path)
    await greeter.start()
    yield greeter
    await greeter.kill()


async def test_a_started_engine_serves(greeter: Greeter) -> None:
    """Start returns no earlier than the engine answers."""
    assert await greeter.ready()


async def test_an_engine_that_stands_back_does_so_for_all(tmp_path: Path) -> None:
    """It is in our session: niceness counts for nothing between two (sched_autogroup)."""
    greeter = Greeter(tmp_path)
    greeter.niceness = 10  # type: ignore[misc]  # as MinIO's class has it
    await greeter.start()
    pid = greeter.pid

    niceness = os.getpriority(os.PRIO_PROCESS, pid)
    session, group = os.getsid(pid), os.getpgid(pid)
    await greeter.kill()

    assert niceness == min(19, os.nice(0) + 10)
    assert (session, group) == (os.getsid(0), pid)


async def test_a_killed_engine_comes_back_where_it_was(greeter: Greeter) -> None:
    """Its address outlives it, so whoever knew it finds it again."""
    before = (greeter.url, greeter.pid)

    await greeter.kill()
    await greeter.start()

    assert (greeter.url, greeter.pid != before[1]) == (before[0], True)


async def test_a_stopped_engine_is_gone(greeter: Greeter) -> None:
    """Nothing of it runs on, and stopping it once more does no harm."""
    pid = greeter.pid

    await greeter.stop()
    await greeter.stop()

    assert not Path(f"/proc/{pid}").exists()


async def test_an_engine_that_will_not_stop_is_killed(tmp_path: Path) -> None:
    """A stop has a deadline."""
    greeter = Greeter(tmp_path, ear="deaf")
    await greeter.start()

    await greeter.stop()

    assert not greeter.alive


async def test_a_paused_engine_stops_too(greeter: Greeter) -> None:
    """What stands still is woken to be ended: it ends by itself, no kill is needed."""
    greeter.pause()
    greeter.stop_s = 10.0  # type: ignore[misc]  # longer than the test may take

    async with asyncio.timeout(5):
        await greeter.stop()

    assert not greeter.alive


async def test_a_paused_engine_does_not_answer_until_resumed(greeter: Greeter) -> None:
    """A pause is seen from outside, its end too."""
    greeter.pause()
    paused = await greeter.ready()

    greeter.resume()

    assert (paused, await greeter.ready()) == (False, True)


async def test_an_engine_that_dies_at_start_is_quoted(tmp_path: Path) -> None:
    """The error carries what the engine said itself."""
    greeter = Greeter(tmp_path, program="raise SystemExit('the disk is full')")

    with pytest.raises(Unavailable, match=r"ended with code 1(.|\n)*the disk is full"):
        await greeter.start()


async def test_an_engine_that_never_answers_is_given_up(tmp_path: Path) -> None:
    """A start has a deadline, and leaves no process behind."""
    greeter = Greeter(tmp_path, program="import time; time.sleep(60)")
    greeter.start_s = 0.3  # type: ignore[misc]

    with pytest.raises(Unavailable, match="does not answer on port"):
        await greeter.start()

    assert not greeter.alive


def test_a_missing_program_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the program and what to do."""
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(Unavailable, match=r"^`java` is missing: install a Java\.$"):
        tool("java", "install a Java")


async def test_a_failed_download_is_quoted(tmp_path: Path) -> None:
    """The tool's last words are in the error."""
    say = "import sys; sys.exit('no such version')"

    with pytest.raises(Unavailable, match="no such version"):
        await run([sys.executable, "-c", say], folder=tmp_path, within_s=20)


async def test_an_engine_inherits_what_it_needs_to_run(greeter: Greeter) -> None:
    """Its environment is ours and what it asks for, never less."""
    given = Path(f"/proc/{greeter.pid}/environ").read_bytes()

    assert f"PATH={os.environ['PATH']}".encode() in given
