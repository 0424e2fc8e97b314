"""Files are looked at in processes of their own, one for each file; this is our side of them.

A process that has read somebody's file may be theirs: what it answers is bounded in length and in
time, and checked like anything else that comes from outside.
"""

import asyncio
import logging
import shutil
import sys
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from attachment_service.child import Child
from attachment_service.job import Job, Ready, Result
from attachment_service.kinds import HEAD_BYTES, KINDS, PIXELS_MAX, Check, Kind
from attachment_service.sandbox import NICENESS
from attachment_service.verdicts import Reason, Rejected
from shared.blobs.port import READ_BYTES_MAX

logger = logging.getLogger("order_chat.attachments")

Read = Callable[[int, int], Awaitable[bytes]]
"""Start, length (at most `READ_BYTES_MAX`) → these bytes of a file."""

_NICE: Final = shutil.which("nice")
INSPECTOR: Final = (
    *((_NICE, "-n", str(NICENESS)) if _NICE else ()),  # from the start, which is most of its work
    *(sys.executable, "-I", "-m", "attachment_service.inspector"),
)
STARTS_WITHIN_S: Final = 30.0
"""Takes a tenth of a second where the machine has nothing else to do."""

_GIVEN: Final = frozenset({Reason.TYPE, Reason.IMAGE, Reason.TOO_MANY_PIXELS})
"""The reasons that an inspector may give."""
_NOT_SAID: Final = (EOFError, asyncio.LimitOverrunError, msgspec.DecodeError)
"""What waiting for a line of JSON comes to where somebody says something else."""
_WEBP: Final = KINDS["image/webp"].begins


class InspectionUnavailable(Exception):
    """The machine did not let us look: nothing is known of the file, and asking again is safe."""


class Finding(msgspec.Struct, frozen=True):
    """What was made of a file that is as it should be."""

    image: bytes | None
    """Encoded anew, to be kept instead of what came; null: what came is kept."""
    thumbnail: bytes | None
    """WebP."""
    width: int | None
    height: int | None


class Inspection:
    """Looks at *at_once* files at a time; more wait for their turn.

    What calculates too long is ended by its own limits (`sandbox`); *within_s*, for each piece that
    is handed over and for the answer, is for a process that does nothing at all. With it a file is
    rejected, so it must be more than what a busy machine, where it has to stand back, makes of half
    a minute of work.
    """

    def __init__(
        self,
        *,
        at_once: int = 2,
        within_s: float = 300.0,
        inspector: tuple[str, ...] = INSPECTOR,
    ) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._within_s = within_s
        self._inspector = inspector
        self._ending: set[asyncio.Task[None]] = set()
        self.network: bool | None = None
        """Whether inspections can reach the network; null before the first."""

    async def inspect(self, content_type: str, size: int, read: Read) -> Finding:
        """Look at a file of *size* bytes. Raises `Rejected`, `InspectionUnavailable`, and whatever
        *read* raises. Cancelling it ends the process."""
        kind = KINDS.get(content_type)
        if kind is None:
            raise Rejected(Reason.TYPE)
        if size > kind.bytes_max(size):
            raise Rejected(Reason.SIZE)
        job = Job(content_type, size, kind.bytes_read(size))
        async with self._turns:
            finding = await self._look(job, kind, read)
            if finding is None and kind.check is Check.PDF:
                # Its first page cannot be drawn; that it is a PDF can be seen without.
                job = Job(content_type, size, min(size, HEAD_BYTES), draw=False)
                finding = await self._look(job, kind, read)
        if finding is None:
            raise Rejected(Reason.UNINSPECTABLE)
        return finding

    async def close(self) -> None:
        """Wait until every process that was begun is gone; to be called when no inspection runs."""
        await asyncio.gather(*self._ending)

    async def _look(self, job: Job, kind: Kind, read: Read) -> Finding | None:
        """Have one process look; null if it died, fell silent or said what it cannot have seen."""
        try:
            child = await Child.start(self._inspector, {}, heard=True)
        except OSError as error:
            raise InspectionUnavailable from error
        try:
            await self._begin(child, job)
            if not await self._hand_over(child, job, read):
                return None
            return await self._answer(child, kind)
        finally:
            ending = asyncio.create_task(child.end())
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
            await asyncio.shield(ending)

    async def _begin(self, child: Child, job: Job) -> None:
        """Until it has given up what it does not need. So far it has seen nothing of the file."""
        try:
            async with asyncio.timeout(STARTS_WITHIN_S):
                child.stdin.write(msgspec.json.encode(job) + b"\n")
                ready = msgspec.json.decode(await child.stdout.readuntil(), type=Ready)
        except (*_NOT_SAID, OSError) as error:  # a time-out is one too
            raise InspectionUnavailable from error
        if ready.network and not self.network:
            logger.warning("inspections can reach the network: this machine does not let them not")
        self.network = ready.network

    async def _hand_over(self, child: Child, job: Job, read: Read) -> bool:
        """Give it the bytes, in pieces; tell whether it took them. The store has time-outs of its
        own: what it takes is not counted."""
        for start in range(0, job.length, READ_BYTES_MAX):
            wanted = min(READ_BYTES_MAX, job.length - start)
            piece = await read(start, wanted)
            if len(piece) != wanted:
                raise Rejected(Reason.SIZE)
            try:
                async with asyncio.timeout(self._within_s):
                    child.stdin.write(piece)
                    await child.stdin.drain()
            except OSError:  # it is gone; a time-out is one too
                return False
        return True

    async def _answer(self, child: Child, kind: Kind) -> Finding | None:
        """What it says at its end, if that can be."""
        heard = child.stdout
        try:
            async with asyncio.timeout(self._within_s):
                result = msgspec.json.decode(await heard.readuntil(), type=Result)
                image = await heard.readexactly(result.image) if result.image else None
                small = await heard.readexactly(result.thumbnail) if result.thumbnail else None
                silent = not await heard.read(1)
                code = await child.wait()
        except (*_NOT_SAID, TimeoutError):
            return None
        if not silent or code != 0:
            return None
        if result == Result(result.reason) and result.reason in _GIVEN:
            raise Rejected(result.reason)
        finding = Finding(image, small, result.width, result.height)
        return finding if result.reason is None and _can_be(finding, kind) else None


def _can_be(finding: Finding, kind: Kind) -> bool:
    """Whether that can have come of such a file."""
    small = finding.thumbnail
    if small is not None and not _WEBP.match(small):
        return False
    if kind.check is Check.RASTER:
        if finding.image is None or small is None or not (finding.width and finding.height):
            return False
        fits = finding.width * finding.height <= PIXELS_MAX
        return fits and kind.begins.match(finding.image) is not None
    drawn = small is None or kind.check is Check.PDF
    return drawn and finding == Finding(None, small, None, None)
