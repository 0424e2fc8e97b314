"""The use cases: reserve, look at, complete and open an attachment, each after asking who may."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from attachment_service.checks import Checks, TooMany
from attachment_service.kinds import KINDS, Check
from attachment_service.model import GRANTED_MS, OPEN, State, Upload, reserve
from attachment_service.names import disposition
from attachment_service.ports import Caller, Messages, Uploads
from shared.blobs.port import LINK_S, Blobs, NotFound, Shelf, UploadForm
from shared.contracts.ids import OrderId
from shared.grants import Grants
from shared.order_client import Orders

OPEN_MAX: Final = 40
"""Uploads one user may have open at a time, rejected and finished ones not counted."""
FORMS_MAX: Final = 16
"""Forms of parts in one answer. A form lives five minutes; whoever needs more asks for more."""
ANSWER_S_MAX: Final = 8.0
"""How long `complete` waits for a check; then its caller asks again."""
LOOK_S: Final = 0.25
"""How often is looked whether a check in another process has ended."""
SLACK_MS: Final = 3_600_000
"""Grants given out so soon after another are covered by what was stored for that one."""
TRIES: Final = 5
"""Changes of one upload that may come between reading and writing it."""


class NoSuchAttachment(Exception):
    """There is none, or it is not the caller's to know of."""


class MayNotAttach(Exception):
    """The order takes no files from the caller now."""


class OnlyParticipants(Exception):
    """Moderators and services send no files."""


class Busy(Exception):
    """Too much is under way, or changes at a time."""


class Incomplete(Exception):
    """Not all of the file has come: the text says which parts are missing."""


class Standing(msgspec.Struct, frozen=True):
    """An upload, and which of its parts have come."""

    upload: Upload
    stored: frozenset[int] = frozenset()


class Wanted(msgspec.Struct, frozen=True):
    """A file that somebody wants to send, its fields in order."""

    order_id: OrderId
    name: str
    content_type: str
    size: int
    sha256: str | None


class Link(msgspec.Struct, frozen=True):
    """Where a file can be fetched until `expires_at`, in ms."""

    url: str
    expires_at: int


class Attachments:
    """The use cases over what the service relies on. Whatever is asked raises `NoSuchAttachment`
    alike for what is not there and for what is not the caller's, and the errors of the ports."""

    def __init__(
        self,
        uploads: Uploads,
        blobs: Blobs,
        orders: Orders,
        messages: Messages,
        checks: Checks,
        grants: Grants,
        now_ms: Callable[[], int],
    ) -> None:
        self._uploads = uploads
        self._blobs = blobs
        self._orders = orders
        self._messages = messages
        self._checks = checks
        self._grants = grants
        self._now_ms = now_ms
        self.reserved = 0
        self.opened = 0

    async def reserve(self, caller: Caller, wanted: Wanted) -> Standing:
        """A new upload. Raises `OnlyParticipants`, `MayNotAttach` and `Busy`."""
        if "user" not in caller.identity.roles or "moderator" in caller.identity.roles:
            raise OnlyParticipants
        part = None
        if caller.identity.covers(wanted.order_id):
            part = await self._orders.access(wanted.order_id, caller.identity.user_id)
        if part is None:
            raise NoSuchAttachment
        if not {"send", "attach"} <= set(part.may):
            raise MayNotAttach
        if await self._uploads.open_of(caller.identity.user_id) >= OPEN_MAX:
            raise Busy
        upload = reserve(
            str(uuid.uuid4()),
            wanted.order_id,
            caller.identity.user_id,
            name=wanted.name,
            content_type=wanted.content_type,
            size=wanted.size,
            sha256=wanted.sha256,
            now=self._now_ms(),
        )
        await self._uploads.add(upload)
        self.reserved += 1
        return Standing(upload)

    async def look(self, caller: Caller, id_: str) -> Standing:
        """How an own upload stands, and of an open one which parts have come."""
        upload = await self._own(caller, id_)
        if upload.state not in (State.RESERVED, State.UPLOADING):
            return Standing(upload)
        stored = await self._stored(upload)
        if stored and upload.state is State.RESERVED:
            upload = await self._begin(upload)
        return Standing(upload, stored)

    def forms(self, standing: Standing) -> dict[int, UploadForm]:
        """Forms for the first parts that have not come, by number. A part is posted again, and
        replaced, as often as somebody likes while its form lives."""
        upload = standing.upload
        if upload.state not in (State.RESERVED, State.UPLOADING):
            return {}
        missing = [number for number, _ in _parts(upload) if number not in standing.stored]
        return {
            number: self._blobs.form(
                upload.part_key(number),
                upload.content_type,
                size_min=upload.part_sizes[number - 1],
                size_max=upload.part_sizes[number - 1],
            )
            for number in missing[:FORMS_MAX]
        }

    async def complete(self, caller: Caller, id_: str) -> Upload:
        """Have an own upload checked, and wait a while for what comes of it.

        What is asked again while it is checked joins the wait. Raises `Incomplete` and `Busy`.
        """
        upload = await self._own(caller, id_)
        if upload.state in (State.RESERVED, State.UPLOADING):
            stored = await self._stored(upload)
            if missing := [n for n, _ in _parts(upload) if n not in stored]:
                if stored and upload.state is State.RESERVED:
                    await self._begin(upload)
                raise Incomplete(_missing(upload, missing))
        if upload.state in OPEN:
            upload = await self._checked(upload)
        return upload

    async def grant(self, upload: Upload) -> tuple[str, int]:
        """What a message carries a ready upload by, and until when it may, in ms; the file is kept
        for longer than that."""
        for _ in range(TRIES):
            if upload.sent or upload.due_at >= self._now_ms() + GRANTED_MS - SLACK_MS:
                break  # granted a moment ago
            kept = upload.keep_until(self._now_ms() + GRANTED_MS)
            if await self._uploads.replace(kept):
                break
            stored = await self._uploads.get(upload.id)
            if stored is None or stored.state is not State.READY:
                raise NoSuchAttachment
            upload = stored
        else:
            raise Busy
        text, expires_at = self._grants.issue(upload.order_id, upload.by, upload.attachment)
        return text, expires_at * 1_000

    async def open(self, caller: Caller, id_: str, *, thumbnail: bool) -> Link:
        """A link to a file, or to its thumbnail, for whoever may see it at this moment: somebody
        who may read a standing message that carries it, or its uploader before it is sent."""
        upload = await self._uploads.get(id_)
        if upload is None or upload.passed is None:
            raise NoSuchAttachment
        if thumbnail and not upload.passed.thumbnail:
            raise NoSuchAttachment
        if not await self._may_see(caller, upload):
            raise NoSuchAttachment
        self.opened += 1
        raster = KINDS[upload.content_type].check is Check.RASTER
        if thumbnail:
            key, content_type, how = upload.thumbnail_key, "image/webp", "inline"
        else:
            key = upload.file_key
            # Nothing but these images is ever taken for what it says it is.
            content_type = upload.content_type if raster else "application/octet-stream"
            how = disposition(upload.name, inline=raster)
        expires_at = self._now_ms() + LINK_S * 1_000
        return Link(self._blobs.link(key, content_type=content_type, disposition=how), expires_at)

    async def _may_see(self, caller: Caller, upload: Upload) -> bool:
        identity, order_id = caller.identity, upload.order_id
        if not identity.covers(order_id):
            return False
        if await self._messages.carries(caller, order_id, upload.id):
            return True
        # Its uploader, as long as it was not sent: what was deleted is gone for everybody.
        return (
            upload.by == identity.user_id
            and not upload.sent
            and await self._orders.access(order_id, upload.by) is not None
            and not await self._messages.carries(None, order_id, upload.id)
        )

    async def _own(self, caller: Caller, id_: str) -> Upload:
        """An upload of the caller's, who still takes part in its order."""
        upload = await self._uploads.get(id_)
        if (
            upload is None
            or upload.by != caller.identity.user_id
            or not caller.identity.covers(upload.order_id)
            or await self._orders.access(upload.order_id, upload.by) is None
        ):
            raise NoSuchAttachment
        return upload

    async def _stored(self, upload: Upload) -> frozenset[int]:
        """The parts that lie in quarantine; a form lets nothing of another size there."""

        async def is_there(number: int) -> bool:
            try:
                found = await self._blobs.stat(Shelf.QUARANTINE, upload.part_key(number))
            except NotFound:
                return False
            return found.size == upload.part_sizes[number - 1]

        parts = _parts(upload)
        there: list[bool] = []
        for start in range(0, len(parts), FORMS_MAX):
            some = parts[start : start + FORMS_MAX]
            there += await asyncio.gather(*(is_there(number) for number, _ in some))
        return frozenset(number for (number, _), is_ in zip(parts, there, strict=True) if is_)

    async def _begin(self, upload: Upload) -> Upload:
        begun = upload.begin()
        return begun if await self._uploads.replace(begun) else upload

    async def _checked(self, upload: Upload) -> Upload:
        """The upload once its check has ended, or as it is after `ANSWER_S_MAX`."""
        loop = asyncio.get_running_loop()
        until = loop.time() + ANSWER_S_MAX
        while upload.state in OPEN and (left := until - loop.time()) > 0:
            try:
                self._checks.start(upload)
            except TooMany:
                raise Busy from None
            if not await self._checks.wait(upload.id, left):
                await asyncio.sleep(min(LOOK_S, left))  # it is checked in another process
            stored = await self._uploads.get(upload.id)
            if stored is None:
                raise NoSuchAttachment
            upload = stored
        return upload


def _parts(upload: Upload) -> Sequence[tuple[int, int]]:
    """Number and size of each part."""
    return list(enumerate(upload.part_sizes, 1))


def _missing(upload: Upload, numbers: Sequence[int]) -> str:
    if not upload.in_parts:
        return "The file has not come yet."
    if len(numbers) == 1:
        return f"Part {numbers[0]} has not come yet."
    return f"{len(numbers)} parts have not come yet, the first is {numbers[0]}."
