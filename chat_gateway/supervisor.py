"""Several gateways on one port: who starts the processes, and starts them again.

Each process is a gateway of its own to the log. Two pipes bind it to this one: it writes its own
port into its standard output once it listens, and takes the end of its standard input for the end
of this process, however that came.
"""

import asyncio
import logging
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

logger = logging.getLogger("order_chat.gateway")

PAUSES_S: Final = (0.0, 0.5, 1.0, 2.0, 5.0)
SETTLED_S: Final = 60.0
"""A process that lived as long is not in the trouble any more that an earlier one ended by."""

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
ENDED_WELL: Final = (0, -signal.SIGTERM)
"""How a process ends that was told to; the second if it had not come so far as to heed it."""


class Restarts:
    """How long one place waits for its next process: longer each time, until one lives on."""

    def __init__(self) -> None:
        self._short_lives = 0

    def pause_s(self, lived_s: float) -> float:
        """The pause after a process that lived so long."""
        if lived_s >= SETTLED_S:
            self._short_lives = 0
        pause_s = PAUSES_S[min(self._short_lives, len(PAUSES_S) - 1)]
        self._short_lives += 1
        return pause_s


class Supervisor:
    """Keeps *count* processes running until it is told to end.

    *command*: what starts the process of a number, from 1 on. *stop_s*: how long they may take to
    end once they were told.
    """

    def __init__(
        self,
        command: Callable[[int], Sequence[str]],
        environment: Mapping[str, str],
        count: int,
        *,
        stop_s: float,
    ) -> None:
        self._command = command
        self._environment = dict(environment)  # uvloop takes nothing else
        self._count = count
        self._stop_s = stop_s
        self._processes: dict[int, Process] = {}
        self._proven: set[int] = set()
        """The numbers under which a process has listened."""
        self._decided = asyncio.Event()
        """Set once the first process listens, or all is to end."""
        self._ending = asyncio.Event()
        self._sent: signal.Signals | None = None
        """What all were told last."""
        self._code = 0

    async def run(self) -> int:
        """Return the exit code once all processes are gone.

        They go on SIGTERM and SIGINT; a second one kills them. They go as well if one ends with an
        error before any under its number has listened: what stops a start would stop it again.
        """
        loop = asyncio.get_running_loop()
        for told in SIGNALS:
            loop.add_signal_handler(told, self._told)
        seeing_off = asyncio.create_task(self._see_off())
        try:
            async with asyncio.TaskGroup() as keeping:
                keeping.create_task(self._keep(1))
                # The first one alone, so that what stops the start is said once.
                await self._decided.wait()
                for number in range(2, self._count + 1):
                    keeping.create_task(self._keep(number))
        finally:
            seeing_off.cancel()
            for told in SIGNALS:
                loop.remove_signal_handler(told)
        return self._code

    def _told(self) -> None:
        if self._ending.is_set():
            self._send(signal.SIGKILL)
        self._end(0)

    def _end(self, code: int) -> None:
        self._code = self._code or code
        self._ending.set()
        self._decided.set()

    async def _see_off(self) -> None:
        """Tell all processes of the end when it comes; kill those that do not heed it."""
        await self._ending.wait()
        if self._sent is None:  # else somebody pressed Ctrl-C twice before we came to this
            self._send(signal.SIGTERM)
        await asyncio.sleep(self._stop_s)
        logger.warning("processes that did not end in time are killed")
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        self._sent = number
        for process in self._processes.values():
            with suppress(ProcessLookupError):  # it is gone, and nobody was told yet
                process.send_signal(number)

    async def _keep(self, number: int) -> None:
        """Have a process under that number until the end."""
        loop = asyncio.get_running_loop()
        restarts = Restarts()
        while not self._ending.is_set():
            begun = loop.time()
            code = await self._run(number)
            if self._ending.is_set():
                self._code = self._code or (0 if code in ENDED_WELL else 1)
            elif code > 0 and number not in self._proven:
                self._end(code)
            else:
                pause_s = restarts.pause_s(loop.time() - begun)
                logger.warning(
                    "a process ended and is started again",
                    extra={"number": number, "code": code, "pause_s": pause_s},
                )
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._ending.wait()

    async def _run(self, number: int) -> int:
        """One process from its start to its exit code."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command(number),
                stdin=PIPE,
                stdout=PIPE,
                env=self._environment,
                start_new_session=True,  # a Ctrl-C in the terminal is ours to answer
            )
        except OSError as error:
            # No memory for one more, perhaps: no reason to end the others.
            why = {"number": number, "error": type(error).__name__}
            logger.warning("a process could not be started", extra=why)
            return os.EX_OSERR
        self._processes[number] = process
        if self._sent is not None:  # to the others, while it was being made
            with suppress(ProcessLookupError):
                process.send_signal(self._sent)
        assert process.stdout is not None
        if port := await process.stdout.readline():
            self._proven.add(number)
            self._decided.set()
            logger.info(
                "a process listens",
                extra={"number": number, "pid": process.pid, "port": int(port)},
            )
        code = await process.wait()
        del self._processes[number]
        return code
