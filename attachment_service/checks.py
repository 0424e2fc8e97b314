"""From quarantine to the clean shelf: what is done with a file that has come whole.

The parts are joined under a key no form leads to, so that nobody replaces the file after it was
looked at; what was looked at is what is kept. Each check writes keys of its own, and only the
one that still has the claim makes its file the upload's. So a check may end anywhere, and another
one may begin while it goes on unnoticed: at most one counts, and the janitor removes what the other
one wrote.
"""

import asyncio
import hashlib
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Final, NamedTuple

from attachment_service.inspection import Inspection, InspectionUnavailable, Read
from attachment_service.kinds import KINDS, Check
from attachment_service.model import CLAIM_MS, GRANTED_MS, IllegalStep, Passed, State, Upload
from attachment_service.ports import Scanner, ScannerUnavailable, Uploads, UploadsUnavailable
from attachment_service.verdicts import Reason, Rejected
from shared.blobs.port import (
    READ_BYTES_MAX,
    Blob,
    Blobs,
    BlobsUnavailable,
    Changed,
    NotFound,
    Shelf,
)

logger = logging.getLogger("order_chat.attachments")

RETRY_MS: Final = 15_000
"""When a check is begun again after a scanner or a store was away."""
HOLD_S: Final = CLAIM_MS / 3_000
"""How often a claim is renewed: it may fail twice."""
CHECKS_MAX: Final = 100
"""Checks under way or waiting here; whoever comes then is told to come again."""
AT_ONCE: Final = 4
"""Of these so many read and write at a time."""

_PASSING: Final = (
    BlobsUnavailable,
    InspectionUnavailable,
    ScannerUnavailable,
    UploadsUnavailable,
    NotFound,
    Changed,
)
"""What says nothing of the file. What we joined ourselves changes or vanishes only by a fault."""


class TooMany(Exception):
    """Too many checks are under way here."""


class Checks:
    """The checks of one process. Ends them with `close`; others then take them over."""

    def __init__(
        self,
        uploads: Uploads,
        blobs: Blobs,
        inspection: Inspection,
        scanner: Scanner | None,
        now_ms: Callable[[], int],
    ) -> None:
        self._uploads = uploads
        self._blobs = blobs
        self._inspection = inspection
        self._scanner = scanner
        self._now_ms = now_ms
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self.rejected: dict[Reason, int] = dict.fromkeys(Reason, 0)
        self.passed = 0
        self.put_off = 0

    @property
    def under_way(self) -> int:
        """How many checks run here, or wait for their turn."""
        return len(self._under_way)

    def start(self, upload: Upload) -> None:
        """Claim an upload whose parts are all there, and check it in a task.

        Without effect if it is checked already, or somebody else is faster. Raises `TooMany`.
        """
        if upload.id in self._under_way:
            return
        if len(self._under_way) >= CHECKS_MAX:
            raise TooMany
        try:
            claimed = upload.claim(secrets.token_hex(8), self._now_ms())
        except IllegalStep:
            return
        task = asyncio.create_task(self._run(upload, claimed))
        self._under_way[upload.id] = task
        task.add_done_callback(lambda task: self._ended(upload.id, task))

    async def wait(self, id_: str, within_s: float) -> bool:
        """Wait until the check of an upload here has ended; tell whether there was one."""
        task = self._under_way.get(id_)
        if task is None:
            return False
        await asyncio.wait([task], timeout=within_s)
        return True

    async def close(self) -> None:
        """End all checks where they are."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, id_: str, task: asyncio.Task[None]) -> None:
        del self._under_way[id_]
        if not task.cancelled() and (error := task.exception()) is not None:
            # The claim runs out, and somebody tries again; a bounded number of times.
            logger.error("a check failed", exc_info=error)

    async def _run(self, upload: Upload, claimed: Upload) -> None:
        if not await self._uploads.replace(claimed):
            return  # somebody else was faster
        claim = _Claim(self._uploads, claimed, self._now_ms)
        holding = asyncio.create_task(claim.hold())
        try:
            if upload.is_hopeless(self._now_ms()):
                raise Rejected(Reason.UNINSPECTABLE)
            async with self._turns:
                passed = await self._check(claimed)
        except Rejected as rejected:
            reason = rejected.reason
            await claim.settle(lambda u: u.reject(u.check, reason, self._now_ms()))
        except _PASSING as error:
            self.put_off += 1
            logger.warning("a check is put off", extra={"error": type(error).__name__})
            await claim.settle(lambda u: u.put_off(u.check, self._now_ms(), RETRY_MS))
        else:
            kept_until = self._now_ms() + GRANTED_MS
            await claim.settle(lambda u: u.make_ready(u.check, passed, kept_until))
        finally:
            holding.cancel()
            await asyncio.gather(holding, return_exceptions=True)
        await self._clear(claim.upload)

    async def _check(self, upload: Upload) -> Passed:
        """Look at everything, then put the file on the clean shelf. Raises `Rejected`."""
        place = self._place(upload)
        whole = await self._join(upload, place)

        async def read(start: int, length: int) -> bytes:
            return await self._blobs.read(*place, whole.etag, start, length)

        await self._compare(upload, read)
        if self._scanner is not None:
            await self._scanner.scan(upload.size, _pieces(upload, read))
        finding = await self._inspection.inspect(upload.content_type, upload.size, read)
        if finding.thumbnail is not None:
            await self._blobs.put(upload.thumbnail_key, finding.thumbnail)
        if finding.image is not None:
            await self._blobs.put(upload.file_key, finding.image)
        elif place.shelf is Shelf.QUARANTINE:
            await self._blobs.publish(upload.whole_key, whole.etag, upload.file_key)
        return Passed(
            size=upload.size if finding.image is None else len(finding.image),
            width=finding.width,
            height=finding.height,
            thumbnail=finding.thumbnail is not None,
        )

    def _place(self, upload: Upload) -> "_Place":
        """Where the whole file is looked at; no form leads there.

        What nobody scans lies on the clean shelf already, which saves a copy: no link to it is
        given out before it is ready. An image's original lies in quarantine, since it is not kept.
        """
        if self._scanner is None and KINDS[upload.content_type].check is not Check.RASTER:
            return _Place(Shelf.CLEAN, upload.file_key)
        return _Place(Shelf.QUARANTINE, upload.whole_key)

    async def _join(self, upload: Upload, place: "_Place") -> Blob:
        try:
            await self._blobs.join(upload.part_keys, *place)
        except NotFound:
            raise Rejected(Reason.SIZE) from None  # a part was there when the check began
        whole = await self._blobs.stat(*place)
        if whole.size != upload.size:
            raise Rejected(Reason.SIZE)
        return whole

    async def _compare(self, upload: Upload, read: Read) -> None:
        """With the checksum that was announced, if one was."""
        if upload.sha256 is None:
            return
        digest = hashlib.sha256()
        async for piece in _pieces(upload, read):
            await asyncio.to_thread(digest.update, piece)
        if digest.hexdigest() != upload.sha256:
            raise Rejected(Reason.CHECKSUM)

    async def _clear(self, upload: Upload) -> None:
        """Remove what nobody needs now that this check is over. What stays because of a failure is
        the janitor's."""
        own = [(Shelf.QUARANTINE, upload.whole_key)]
        if upload.state is State.READY:
            self.passed += 1
        else:
            own += [(Shelf.CLEAN, upload.file_key), (Shelf.CLEAN, upload.thumbnail_key)]
        if upload.state is State.REJECTED and upload.reason is not None:
            self.rejected[upload.reason] += 1
        if upload.state is not State.CHECKING:  # else the parts are another check's
            own += [(Shelf.QUARANTINE, key) for key in upload.part_keys]
        try:
            for shelf, key in own:
                await self._blobs.remove(shelf, key)
        except BlobsUnavailable as error:
            logger.warning("a removal failed", extra={"error": type(error).__name__})


class _Place(NamedTuple):
    """Where an object lies."""

    shelf: Shelf
    key: str


async def _pieces(upload: Upload, read: Read) -> AsyncIterator[bytes]:
    for start in range(0, upload.size, READ_BYTES_MAX):
        yield await read(start, READ_BYTES_MAX)


class _Claim:
    """The right to settle an upload, renewed while it is held. Steps come one after the other."""

    def __init__(self, uploads: Uploads, claimed: Upload, now_ms: Callable[[], int]) -> None:
        self.upload = claimed
        """As stored, as far as we know."""
        self._uploads = uploads
        self._now_ms = now_ms
        self._step = asyncio.Lock()

    async def hold(self) -> None:
        """Renew it in time, until cancelled; a renewal that fails is made good by the next."""
        while True:
            await asyncio.sleep(HOLD_S)
            try:
                await self.settle(lambda u: u.hold(u.check, self._now_ms()))
            except UploadsUnavailable as error:
                logger.warning("a claim was not renewed", extra={"error": type(error).__name__})

    async def settle(self, step: Callable[[Upload], Upload]) -> None:
        """Take a step, unless the claim is lost. Raises `UploadsUnavailable`."""
        async with self._step:
            check = self.upload.check
            try:
                changed = step(self.upload)
                if await self._uploads.replace(changed):
                    self.upload = changed
                    return
                # Lost, or a renewal of ours was stored without our hearing of it.
                stored = await self._uploads.get(self.upload.id)
                if stored is None or stored.check != check:
                    return
                self.upload = stored
                changed = step(stored)
                if await self._uploads.replace(changed):
                    self.upload = changed
            except IllegalStep:
                return
