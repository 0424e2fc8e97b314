"""An upload and its life: `reserved → uploading → checking → ready | rejected`, without I/O.

Every step makes the next version of a record, which is stored only over the version it was made
from. So of two that take a step at once one does, and a step taken twice is found taken.

    reserved    there is a form for it
    uploading   some of it has come
    checking    somebody inspects it, until `claimed_until`; then anybody else may
    ready       it passed: it lies on the clean shelf, and no form leads there
    rejected    it did not, or it expired: nothing of it is kept

No way leads to `ready` but from the check that has the claim, and none from there but to expire,
for a file that no message carries.
"""

from enum import StrEnum
from typing import Final

import msgspec

from attachment_service.verdicts import Reason
from shared.contracts.events import Attachment
from shared.contracts.ids import OrderId, UserId
from shared.grants import GRANT_S

PART_BYTES: Final = 16 << 20
"""A larger file comes in parts of this size, the last one smaller: so much is sent again after a
cut, at most."""

UNFINISHED_MS: Final = 86_400_000
"""An upload that nobody completes in a day expires, a rejected one is forgotten, and a check that
waits for a scanner or a store that is away is given up."""
CLAIM_MS: Final = 30_000
"""How long a check is left alone by others since it last showed that it lives."""
TRIES_MAX: Final = 5
"""A file whose check was begun so often without an end may be what ends it."""
NEVER: Final = 2**53 - 1
"""Later than any time."""
GRANTED_MS: Final = GRANT_S * 1_000 + 7_200_000
"""How long a file that no message carries is kept after it was granted: two hours beyond the
grant's end, since a send under way may still be settled."""


class State(StrEnum):
    """Where an upload stands."""

    RESERVED = "reserved"
    UPLOADING = "uploading"
    CHECKING = "checking"
    READY = "ready"
    REJECTED = "rejected"


OPEN: Final = frozenset({State.RESERVED, State.UPLOADING, State.CHECKING})
"""An uploader may have so many of these at a time, and no more."""


class IllegalStep(Exception):
    """This step does not lead on from where the upload stands."""


class Passed(msgspec.Struct, frozen=True):
    """What a check that was passed has put on the clean shelf."""

    size: int
    width: int | None
    height: int | None
    thumbnail: bool


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """An upload as stored. Times are in ms."""

    id: str
    """A random UUID: the attachment's id."""
    order_id: OrderId
    by: UserId
    name: str
    content_type: str
    size: int
    """As declared; what comes must have just this size."""
    sha256: str | None
    created_at: int
    state: State = State.RESERVED
    version: int = 1
    due_at: int
    """When the janitor looks at it next; `NEVER` for what stays."""
    # While it is checked, and after.
    check: str = ""
    """Names the check that has the claim, and with it all keys that this check alone writes."""
    tries: int = 0
    check_began_at: int = 0
    # After it.
    passed: Passed | None = None
    reason: Reason | None = None
    sent: bool = False
    """A message is known to carry it, or to have carried it: it is kept."""

    @property
    def part_sizes(self) -> list[int]:
        """The size of each part, in their order; a small file is one part."""
        whole, rest = divmod(self.size, PART_BYTES)
        return [PART_BYTES] * whole + ([rest] if rest else [])

    @property
    def in_parts(self) -> bool:
        """Whether its uploader deals with parts at all."""
        return self.size > PART_BYTES

    @property
    def attachment(self) -> Attachment:
        """What a message says of it. Only of one that is ready."""
        assert self.passed is not None
        return Attachment(
            id=self.id,
            name=self.name,
            content_type=self.content_type,
            size=self.passed.size,
            width=self.passed.width,
            height=self.passed.height,
        )

    # Keys in the object store. A key is written by a form, or by one check, never by both.

    def part_key(self, number: int) -> str:
        """Where part *number*, from 1, is posted to."""
        return f"{self.id}/part.{number}"

    @property
    def part_keys(self) -> list[str]:
        """Those of all parts, in their order."""
        return [self.part_key(number) for number in range(1, len(self.part_sizes) + 1)]

    @property
    def whole_key(self) -> str:
        """In quarantine: what is inspected, unless that lies at `file_key` from the beginning. No
        form was ever made for either, so nobody replaces it after the scan."""
        return f"{self.id}/whole.{self.check}"

    @property
    def file_key(self) -> str:
        """On the clean shelf."""
        return f"{self.id}/file.{self.check}"

    @property
    def thumbnail_key(self) -> str:
        """On the clean shelf."""
        return f"{self.id}/thumbnail.{self.check}"

    # Steps.

    def begin(self) -> "Upload":
        """Some of it has come."""
        if self.state is not State.RESERVED:
            raise IllegalStep
        return self._next(state=State.UPLOADING)

    def claim(self, check: str, now: int) -> "Upload":
        """All of it has come, or whoever checked it is gone: *check* begins."""
        if self.state not in OPEN or (self.state is State.CHECKING and now < self.due_at):
            raise IllegalStep
        return self._next(
            state=State.CHECKING,
            check=check,
            tries=self.tries + 1,
            check_began_at=self.check_began_at or now,
            due_at=now + CLAIM_MS,
        )

    def hold(self, check: str, now: int) -> "Upload":
        """The check that has the claim goes on."""
        self._must_be(check)
        return self._next(due_at=now + CLAIM_MS)

    def put_off(self, check: str, now: int, wait_ms: int) -> "Upload":
        """The check came to nothing, through no fault of the file: somebody begins another one."""
        self._must_be(check)
        return self._next(due_at=now + wait_ms, tries=self.tries - 1)

    def make_ready(self, check: str, passed: Passed, kept_until: int) -> "Upload":
        """It passed; if no message carries it by *kept_until*, it goes."""
        self._must_be(check)
        return self._next(state=State.READY, passed=passed, due_at=kept_until)

    def reject(self, check: str, reason: Reason, now: int) -> "Upload":
        """It did not pass."""
        self._must_be(check)
        return self._next(state=State.REJECTED, reason=reason, due_at=now + UNFINISHED_MS)

    def keep_until(self, when: int) -> "Upload":
        """It was granted once more."""
        if self.state is not State.READY or self.sent:
            raise IllegalStep
        return self._next(due_at=when)

    def note_sent(self) -> "Upload":
        """A message carries it."""
        if self.state is not State.READY:
            raise IllegalStep
        return self._next(sent=True, due_at=NEVER)

    def expire(self, now: int) -> "Upload":
        """Nobody completed it, or sent it: nothing of it is kept."""
        if self.state is State.REJECTED or self.state is State.CHECKING or self.sent:
            raise IllegalStep
        return self._next(
            state=State.REJECTED, reason=Reason.EXPIRED, passed=None, due_at=now + UNFINISHED_MS
        )

    def is_hopeless(self, now: int) -> bool:
        """Whether another check is not worth while."""
        began_at = self.check_began_at or now
        return self.tries >= TRIES_MAX or now - began_at >= UNFINISHED_MS

    def _must_be(self, check: str) -> None:
        if self.state is not State.CHECKING or self.check != check:
            raise IllegalStep

    def _next(self, **changes: object) -> "Upload":
        return msgspec.structs.replace(self, version=self.version + 1, **changes)


def reserve(
    id_: str,
    order_id: OrderId,
    by: UserId,
    *,
    name: str,
    content_type: str,
    size: int,
    sha256: str | None,
    now: int,
) -> Upload:
    """A new upload."""
    return Upload(
        id=id_,
        order_id=order_id,
        by=by,
        name=name,
        content_type=content_type,
        size=size,
        sha256=sha256,
        created_at=now,
        due_at=now + UNFINISHED_MS,
    )


def owner_of(key: str) -> str:
    """The id of the upload that a key of the object store belongs to."""
    return key.partition("/")[0]


def may_go(key: str, upload: Upload | None, *, clean: bool) -> bool:
    """Whether an object that lies on a shelf is needed by nobody any more.

    On the clean shelf every object has a record for as long as it is there. One without may belong
    to a message all the same, where records were lost: it stays.
    """
    if upload is None:
        return not clean
    if clean:
        kept = upload.state is State.READY and key in (upload.file_key, upload.thumbnail_key)
        return not kept and upload.state is not State.CHECKING
    return upload.state not in OPEN
