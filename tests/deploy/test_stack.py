"""A stack takes what is given, starts the rest, and says in a sentence what it cannot have."""

import asyncio
import sys
from pathlib import Path

import pytest

from deploy.engines.engine import Unavailable
from deploy.stack import Stack, lend, parse, print_environment

GIVEN = {
    "ORDER_CHAT_LOG_URL": "kafka://kafka.example:9092",
    "ORDER_CHAT_STORE_URL": "mongodb://mongo.example/order_chat",
    "ORDER_CHAT_SIGNALS_URL": "redis://redis.example:6379/0",
    "ORDER_CHAT_BLOBS_URL": "minio://key:secret@minio.example:9000/order-chat",
}


def test_an_engine_that_is_given_is_not_started(tmp_path: Path) -> None:
    """What the environment names already is taken as it is, and the rest is ours."""
    stack = Stack(tmp_path, given={"ORDER_CHAT_LOG_URL": "kafka://kafka.example:9092"})

    assert sorted(stack.engines) == ["minio", "mongo", "redis"]


async def test_a_stack_of_given_engines_says_what_it_was_given(tmp_path: Path) -> None:
    """The settings of given engines are passed on, and nothing is made less safe."""
    async with Stack(tmp_path, given=GIVEN | {"PATH": "/bin"}) as stack:
        assert stack.environment == GIVEN


def test_an_empty_variable_gives_nothing(tmp_path: Path) -> None:
    """As everywhere, empty means not set."""
    stack = Stack(tmp_path, given={"ORDER_CHAT_SIGNALS_URL": ""})

    assert "redis" in stack.engines


def test_three_brokers_know_each_other(tmp_path: Path) -> None:
    """Whichever of them is asked, its address is that of the cluster."""
    stack = Stack(tmp_path, brokers=3, given={})

    urls = {stack.engines[name].url for name in ("kafka-1", "kafka-2", "kafka-3")}

    ports = [stack.engines[f"kafka-{number}"].port for number in (1, 2, 3)]
    assert urls == {"kafka://" + ",".join(f"127.0.0.1:{port}" for port in ports)}


async def test_a_missing_tool_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who lacks Java reads which engine wants it and what to install."""
    monkeypatch.setenv("PATH", "/nowhere")
    stack = Stack(tmp_path, given=GIVEN | {"ORDER_CHAT_LOG_URL": ""})

    with pytest.raises(Unavailable, match=r"^kafka-1: `java` is missing: install a Java of 17"):
        await stack.__aenter__()


async def test_a_command_gets_the_settings_and_answers_its_code(tmp_path: Path) -> None:
    """`run` is a frame around the command, which alone decides how it ends."""
    program = "import os, sys; sys.exit(len(os.environ['ORDER_CHAT_STORE_URL']))"
    stack = Stack(tmp_path, given=GIVEN)

    code = await lend(stack, [sys.executable, "-c", program])

    assert code == len(GIVEN["ORDER_CHAT_STORE_URL"])


async def test_a_command_that_is_killed_is_a_failure(tmp_path: Path) -> None:
    """As a shell says it: 128 and the number of the signal."""
    program = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    stack = Stack(tmp_path, given=GIVEN)

    code = await lend(stack, [sys.executable, "-c", program])

    assert code == 128 + 9


async def test_a_command_ends_with_its_stack(tmp_path: Path) -> None:
    """Whoever ends the stack ends what ran on it."""
    callers: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    server = await asyncio.start_server(lambda *ends: callers.put_nowait(ends), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    program = f"import socket; socket.create_connection(('127.0.0.1', {port})).recv(1)"
    lent = asyncio.create_task(lend(Stack(tmp_path, given=GIVEN), [sys.executable, "-c", program]))
    async with server, asyncio.timeout(20):
        reader, writer = await callers.get()

        lent.cancel()
        await asyncio.wait([lent])

        assert await reader.read() == b""
        writer.close()


def test_the_command_keeps_its_own_options() -> None:
    """What stands after `--` is not read by us."""
    options = parse(["--brokers", "3", "run", "--", "pytest", "--brokers", "5"])

    assert (options.brokers, options.command) == (3, ["pytest", "--brokers", "5"])


def test_run_without_a_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is started for nothing."""
    with pytest.raises(SystemExit):
        parse(["run", "--"])

    assert "a command is missing" in capsys.readouterr().err


def test_without_a_stack_there_are_no_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`env` fails with a sentence, and prints nothing a shell would run."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    code = print_environment()

    said = capsys.readouterr()
    assert (code, said.out, said.err.startswith("No stack runs here")) == (1, "", True)
