"""`python -m deploy.stack`: real Kafka, MongoDB protocol, Redis and MinIO on this machine.

    python -m deploy.stack [--data DIR] [--brokers 3]      in the foreground, until Ctrl-C
    python -m deploy.stack env                             its settings, for `eval` in a shell
    python -m deploy.stack run -- CMD …                    a stack for one command, then gone

An engine whose setting is in the environment already is taken as given and not started.
"""

import argparse
import asyncio
import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from deploy import topics
from deploy.engines.cache import cache_folder
from deploy.engines.engine import Engine, Place, Unavailable
from deploy.engines.kafka import Broker
from deploy.engines.kafka import brokers as kafka_brokers
from deploy.engines.minio import Minio
from deploy.engines.mongo import Mongo
from deploy.engines.redis import Redis
from deploy.running import announced, newest

DEV: Final = "ORDER_CHAT_DEV"
COMMAND_STOP_S: Final = 15.0
"""How long a command gets to end after we were told to."""


class Stack:
    """Engines as one: all up inside the context, all gone after it.

    *folder*, an absolute path, takes their data and logs and is not removed. What *given* has a
    URL for is not started; `environment` then repeats that URL.
    """

    def __init__(
        self,
        folder: Path,
        *,
        brokers: int = 1,
        given: Mapping[str, str] = os.environ,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        place = Place(cache_folder(), folder, say)
        wanted: Sequence[Engine] = [
            *kafka_brokers(brokers, place),
            Mongo("mongo", place),
            Redis("redis", place),
            Minio("minio", place),
        ]
        variables = {engine.variable for engine in wanted}
        self._say = say
        self.given = {name: given[name] for name in sorted(variables) if given.get(name)}
        self.engines: Mapping[str, Engine] = {
            engine.name: engine for engine in wanted if engine.variable not in self.given
        }

    @property
    def environment(self) -> dict[str, str]:
        """The settings that make our services use these engines; while the stack is up."""
        urls = {engine.variable: engine.url for engine in self.engines.values()}
        dev = {DEV: "on"} if any(engine.dev for engine in self.engines.values()) else {}
        return {**urls, **self.given, **dev}

    async def __aenter__(self) -> Self:
        """Start all; raise `Unavailable` that names every engine that is not there, and why."""
        try:
            async with asyncio.TaskGroup() as group:
                coming = [group.create_task(self._up(e)) for e in self.engines.values()]
            missing = [reason for task in coming if (reason := task.result())]
            if missing:
                raise Unavailable("\n".join(missing))
            await self._make_topics()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop()

    async def _up(self, engine: Engine) -> str | None:
        """Have it and start it; the reason if that fails, so that each may tell its own."""
        try:
            await engine.obtain()
            await engine.start()
        except Unavailable as error:
            return f"{engine.name}: {error}"
        self._say(f"{engine.name}: {engine.version} on 127.0.0.1:{engine.port}")
        return None

    async def _make_topics(self) -> None:
        """In a cluster of ours; whoever gave us one has made them."""
        cluster = [engine for engine in self.engines.values() if isinstance(engine, Broker)]
        if cluster:
            try:
                await topics.make(topics.wish(cluster[0].url, dev=True))
            except (OSError, ValueError) as error:
                raise Unavailable(f"kafka-1: {error}") from error

    async def _stop(self) -> None:
        async with asyncio.TaskGroup() as group:
            for engine in self.engines.values():
                group.create_task(engine.stop())


async def hold(stack: Stack) -> int:
    """Keep a stack up and say its settings to other processes, until we are cancelled."""
    async with stack:
        with announced(cache_folder(), stack.environment):
            _say("Up. `python -m deploy.stack env` prints its settings; Ctrl-C ends it.")
            await asyncio.Event().wait()
    return 0


async def lend(stack: Stack, command: Sequence[str]) -> int:
    """Run a command on a stack of its own; the command's exit code."""
    async with stack:
        process = await asyncio.create_subprocess_exec(
            *command, env={**os.environ, **stack.environment}
        )
        try:
            code = await process.wait()
        finally:
            if process.returncode is None:
                await _end(process)
    return code if code >= 0 else 128 - code


async def _end(process: asyncio.subprocess.Process) -> None:
    process.terminate()
    try:
        async with asyncio.timeout(COMMAND_STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def print_environment() -> int:
    """Export lines of the stack that runs, newest first; 1 if there is none."""
    environment = newest(cache_folder())
    if environment is None:
        print("No stack runs here: start one with `make stack`.", file=sys.stderr)
        return 1
    for name, value in environment.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


async def serve(options: argparse.Namespace) -> int:
    """A stack for `run` or for the foreground; its exit code. A signal ends it in good order."""
    task = asyncio.current_task()
    assert task is not None
    told = _cancelled_by_signals(task)
    with ExitStack() as folders:
        data = options.data or Path(folders.enter_context(_temporary()))
        stack = Stack(data, brokers=options.brokers, say=_say)
        for name in stack.given:
            _say(f"{name} is given: that engine is not started here")
        try:
            return await (lend(stack, options.command) if options.verb == "run" else hold(stack))
        except Unavailable as error:
            print(f"The stack is not up.\n{error}\n(--data DIR keeps all logs)", file=sys.stderr)
            return 1
        except asyncio.CancelledError:
            if not told:
                raise
            return 0 if options.verb is None else 128 + told[0]


def _cancelled_by_signals(task: asyncio.Task[int]) -> list[int]:
    """Let the first SIGINT or SIGTERM cancel *task*; the list then holds its number."""
    loop, told = asyncio.get_running_loop(), list[int]()

    def tell(number: int) -> None:
        told.append(number)
        task.cancel()
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(each)  # a second one ends us at once, and with us all

    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, tell, each)
    return told


def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="order-chat-stack-", ignore_cleanup_errors=True)


def _say(line: str) -> None:
    print(line, flush=True)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; `verb` is None, `env` or `run`."""
    parser = argparse.ArgumentParser(prog="python -m deploy.stack", description=__doc__)
    parser.add_argument(
        "--data",
        metavar="DIR",
        type=lambda text: Path(text).resolve(),
        help="keep all data there; else it is temporary",
    )
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=1, help="of Kafka")
    verbs = parser.add_subparsers(dest="verb", metavar="env | run")
    verbs.add_parser("env", help="print the settings of the stack that runs")
    run = verbs.add_parser("run", help="start a stack, run a command on it, stop it")
    run.add_argument("command", nargs=argparse.REMAINDER, metavar="-- CMD …")
    options = parser.parse_args(arguments)
    if options.verb == "run":
        if options.command[:1] == ["--"]:
            options.command = options.command[1:]
        if not options.command:
            run.error("a command is missing after `--`")
    return options


def main() -> int:
    """Do what the command line says."""
    options = parse()
    return print_environment() if options.verb == "env" else asyncio.run(serve(options))


if __name__ == "__main__":
    sys.exit(main())
