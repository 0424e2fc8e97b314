"""A program that is handed a file, started without holding anybody up.

An event loop starts a process by `fork`, which copies the tables of all memory we have: ten
milliseconds with 150 MB (uvloop 0.23), in which no message goes anywhere. Python's `subprocess`
starts it by `vfork`, which copies nothing; a thread waits for that, and for its end.
"""

import asyncio
import os
import signal
from asyncio import StreamReader, StreamReaderProtocol, StreamWriter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from subprocess import DEVNULL, PIPE, Popen
from typing import Any, Final, TypeVar

THREADS: Final = ThreadPoolExecutor(8, thread_name_prefix="children")
"""One for each child while somebody waits for its end; there are at most `checks.AT_ONCE`."""

T = TypeVar("T")


class Child:
    """A process that reads what we write. Whatever becomes of it, `end` it."""

    def __init__(self, process: Popen[bytes], stdin: StreamWriter, stdout: StreamReader) -> None:
        self.stdin = stdin
        self.stdout = stdout
        """At its end at once, unless the child is heard."""
        self._process = process
        self._ended: asyncio.Future[int] | None = None

    @classmethod
    async def start(
        cls, words: Sequence[str], environment: Mapping[str, str], *, heard: bool
    ) -> "Child":
        """Start it, *heard* or not, in a group of its own: what it starts is ended with it, and a
        Ctrl-C in the terminal is ours to answer. What it writes to its standard error is dropped,
        since that might quote the file. Raises `OSError` if it cannot be started."""
        starting = asyncio.ensure_future(cls._start(words, environment, heard))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            # The thread goes on, and nobody else will know of what it starts.
            await asyncio.shield(asyncio.ensure_future(_end_once_started(starting)))
            raise

    @classmethod
    async def _start(
        cls, words: Sequence[str], environment: Mapping[str, str], heard: bool
    ) -> "Child":
        def start() -> Popen[bytes]:
            return Popen(  # noqa: S603 (words of ours, or of a setting)
                words,
                stdin=PIPE,
                stdout=PIPE if heard else DEVNULL,
                stderr=DEVNULL,
                env=environment,
                cwd="/",
                # No session of its own: Linux shares the processor out among sessions before it
                # looks at niceness (sched_autogroup), so there it would stand back for nobody.
                process_group=0,
            )

        process = await _in_thread(start)
        return cls(process, await _written(process.stdin), await _read(process.stdout))

    async def wait(self) -> int:
        """The code it ended with, once it has."""
        if self._ended is None:
            self._ended = _in_thread(self._process.wait)
        return await asyncio.shield(self._ended)

    async def end(self) -> None:
        """Let nothing be left of it, nor of what it started: no process, no pipe."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self.stdin.close()
        await self.stdout.read()  # what it still wrote, at most a full pipe; then the pipe closes
        await self.wait()


async def _written(pipe: Any) -> StreamWriter:
    loop = asyncio.get_running_loop()
    protocol = StreamReaderProtocol(StreamReader())
    transport, _ = await loop.connect_write_pipe(lambda: protocol, pipe)
    return StreamWriter(transport, protocol, None, loop)


async def _read(pipe: Any) -> StreamReader:
    reader = StreamReader()
    if pipe is None:
        reader.feed_eof()
    else:
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: StreamReaderProtocol(reader), pipe)
    return reader


def _in_thread(call: Callable[[], T]) -> asyncio.Future[T]:
    return asyncio.get_running_loop().run_in_executor(THREADS, call)


async def _end_once_started(starting: asyncio.Future[Child]) -> None:
    with suppress(OSError):
        await (await starting).end()
