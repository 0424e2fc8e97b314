"""What nobody finished: checks whose process died, uploads never completed, files never sent, and
objects in the store that no upload needs.

Everything it does may be repeated, by any number of processes at once: a record changes only from
the version that was looked at, and a clean file goes only if a record says that nobody needs it.
One without a record stays: somebody may have lost records of files that messages speak of.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from typing import Final, assert_never

from attachment_service.checks import Checks, TooMany
from attachment_service.model import State, Upload, may_go, owner_of
from attachment_service.ports import Messages, MessagesUnavailable, TooQuick, Uploads
from shared.blobs.port import Blobs, Shelf

logger = logging.getLogger("order_chat.attachments")

LOOK_S: Final = 10.0
"""How often records that are due are looked at: so long a dead process's checks wait, beside their
claims."""
SWEEP_S: Final = 3_600.0
"""How often the shelves are gone through."""
ORPHAN_MS: Final = 900_000
"""An object is left alone for so long: longer than a form lives, and than clocks differ."""
PAGE: Final = 100


class Janitor:
    """Looks after what is left, while `run` goes on."""

    def __init__(
        self,
        uploads: Uploads,
        blobs: Blobs,
        messages: Messages,
        checks: Checks,
        now_ms: Callable[[], int],
    ) -> None:
        self._uploads = uploads
        self._blobs = blobs
        self._messages = messages
        self._checks = checks
        self._now_ms = now_ms
        self.expired_uploads = 0
        self.removed_objects = 0
        self.unknown_objects = 0
        """On the clean shelf, without a record, as of the last sweep."""

    async def run(self) -> None:
        """Look and sweep, until cancelled."""
        loop = asyncio.get_running_loop()
        swept_at = float("-inf")
        while True:
            try:
                await self.look()
                if loop.time() - swept_at >= SWEEP_S:
                    await self.sweep()
                    swept_at = loop.time()
            except Exception as error:
                # Whatever it is, there is more to do than what it stopped.
                logger.warning("the janitor was stopped", extra={"error": type(error).__name__})
            # Apart from each other, so that of several one finds the work of another done.
            await asyncio.sleep(LOOK_S * random.uniform(0.5, 1.5))  # noqa: S311 (no secret)

    async def look(self) -> None:
        """Do what is due. Raises `UploadsUnavailable`, and `BlobsUnavailable` later on."""
        due = await self._uploads.due(self._now_ms(), PAGE)
        for upload in due:
            match upload.state:
                case State.CHECKING:
                    if not self._resume(upload):
                        return
                case State.READY:
                    await self._keep_or_expire(upload)
                case State.REJECTED:
                    await self._forget(upload)
                case State.RESERVED | State.UPLOADING:
                    await self._expire(upload)
                case _:
                    assert_never(upload.state)

    async def sweep(self) -> None:
        """Remove every object that no upload needs. Raises `BlobsUnavailable` and
        `UploadsUnavailable`."""
        for shelf in Shelf:
            unknown = 0
            page: list[str] = []
            async for key in self._old(shelf):
                page.append(key)
                if len(page) == PAGE:
                    unknown += await self._sift(shelf, page)
                    page = []
            unknown += await self._sift(shelf, page)
            if shelf is Shelf.CLEAN:
                self.unknown_objects = unknown
        if self.unknown_objects:
            logger.warning("files without a record", extra={"records": self.unknown_objects})

    def _old(self, shelf: Shelf) -> AsyncIterator[str]:
        return self._blobs.older(shelf, self._now_ms() - ORPHAN_MS)

    async def _sift(self, shelf: Shelf, keys: list[str]) -> int:
        """Remove what may go of *keys*; answer how many have no record and stay."""
        uploads, unknown = await self._uploads.find({owner_of(key) for key in keys}), 0
        for key in keys:
            upload = uploads.get(owner_of(key))
            if may_go(key, upload, clean=shelf is Shelf.CLEAN):
                await self._blobs.remove(shelf, key)
                self.removed_objects += 1
            elif upload is None:
                unknown += 1
        return unknown

    def _resume(self, upload: Upload) -> bool:
        try:
            self._checks.start(upload)
        except TooMany:
            return False  # they will be due still
        return True

    async def _keep_or_expire(self, upload: Upload) -> None:
        """A file whose grants have all run out: a message carries it by now, or none ever will."""
        try:
            sent = await self._messages.carries(None, upload.order_id, upload.id)
        except (MessagesUnavailable, TooQuick):
            return
        if sent:
            await self._uploads.replace(upload.note_sent())
        else:
            await self._expire(upload)

    async def _expire(self, upload: Upload) -> None:
        if await self._uploads.replace(upload.expire(self._now_ms())):
            self.expired_uploads += 1
            await self._clear(upload)

    async def _forget(self, upload: Upload) -> None:
        """The record goes last: as long as there is anything, it says whose that was."""
        await self._clear(upload)
        await self._uploads.remove(upload)

    async def _clear(self, upload: Upload) -> None:
        for key in upload.part_keys:
            await self._blobs.remove(Shelf.QUARANTINE, key)
        if upload.check:
            for key in (upload.file_key, upload.thumbnail_key):
                await self._blobs.remove(Shelf.CLEAN, key)
