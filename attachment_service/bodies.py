"""What callers send and are answered."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from attachment_service.kinds import KINDS
from attachment_service.model import State, Upload
from attachment_service.names import clean_name
from attachment_service.service import Link, NoSuchAttachment, Standing, Wanted
from attachment_service.verdicts import SENTENCES, Reason
from shared.blobs.port import UploadForm
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import SAFE_INTEGER, OrderId, is_order_id
from shared.http import HttpError, Problem, decode_body

BODY_BYTES_MAX: Final = 8_192
RETRY_AFTER_MS: Final = 1_000
"""When to ask for the outcome of a check again."""


class ReserveBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A file somebody wants to send. `content_type` is one of the types that are taken, without
    parameters; `sha256`, in hex, is compared with what comes."""

    order_id: Annotated[str, Meta(max_length=256)]
    filename: Annotated[str, Meta(min_length=1, max_length=1_024)]
    content_type: Annotated[str, Meta(max_length=128)]
    size: Annotated[int, Meta(ge=0, le=SAFE_INTEGER)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{64}$(?!\n)")] | None = None


class Form(msgspec.Struct, frozen=True):
    """What to post as `multipart/form-data`: these fields, then the file, named `file`."""

    url: str
    fields: dict[str, str]


class Part(msgspec.Struct, frozen=True):
    """A stretch of the file, in their order. `upload` is null if the part is stored, or if there
    are many: ask again for the forms of more."""

    number: int
    size: int
    stored: bool
    upload: Form | None


class AttachmentView(msgspec.Struct, frozen=True, kw_only=True):
    """An upload as its uploader sees it.

    While it is `reserved` or `uploading`: a form in `upload` for the whole file, or `parts` for one
    of more than 16 MiB, each to be posted with a form of its own; all forms end at `expires_at`, in
    ms. `reason` says why it is `rejected`.
    """

    id: str
    state: State
    name: str
    content_type: str
    size: int
    upload: Form | None = None
    parts: list[Part] | None = None
    expires_at: int | None = None
    reason: Reason | None = None


class ReadyAttachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file that passed. `grant` is what `send` carries it by, until `grant_expires_at` (ms);
    completing it again gives a new one. The size of an image is that of what is kept of it."""

    id: str
    state: Literal["ready"] = "ready"
    grant: str
    grant_expires_at: int
    name: str
    content_type: str
    size: int
    width: int | None
    height: int | None
    thumbnail: bool


class CheckingAttachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is still looked at: complete it again after `retry_after_ms`."""

    id: str
    state: Literal["checking"] = "checking"
    retry_after_ms: int = RETRY_AFTER_MS


class RejectedAttachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file that did not pass, and never will."""

    id: str
    state: Literal["rejected"] = "rejected"
    reason: Reason
    error: Problem


_RESERVE: Final = msgspec.json.Decoder(ReserveBody)


def read_wanted(body: bytes, file_bytes_max: int) -> Wanted:
    """What a body asks for. Raises `HttpError`, and `NoSuchAttachment` for an order that cannot
    be one."""
    sent = decode_body(_RESERVE, body)
    content_type = sent.content_type.lower()
    kind = KINDS.get(content_type)
    if kind is None:
        raise HttpError(ErrorCode.INVALID, "Files of this type are not taken.")
    if sent.size == 0:
        raise HttpError(ErrorCode.INVALID, "The file is empty.")
    bytes_max = kind.bytes_max(file_bytes_max)
    if sent.size > bytes_max:
        what = "A file" if bytes_max == file_bytes_max else "A file of this type"
        raise HttpError(ErrorCode.TOO_LARGE, f"{what} has at most {bytes_max} bytes.")
    if not is_order_id(sent.order_id):
        raise NoSuchAttachment
    return Wanted(
        order_id=OrderId(sent.order_id),
        name=clean_name(sent.filename, kind.extensions),
        content_type=content_type,
        size=sent.size,
        sha256=None if sent.sha256 is None else sent.sha256.lower(),
    )


def view_of(standing: Standing, forms: Mapping[int, UploadForm], base: str) -> AttachmentView:
    """An upload with its forms; *base* is where a form begins that names no server."""
    upload = standing.upload

    def form(number: int) -> Form | None:
        found = forms.get(number)
        return None if found is None else Form(absolute(found.url, base), found.fields)

    parts = None
    if upload.in_parts and upload.state in (State.RESERVED, State.UPLOADING):
        parts = [
            Part(number, size, number in standing.stored, form(number))
            for number, size in enumerate(upload.part_sizes, 1)
        ]
    return AttachmentView(
        id=upload.id,
        state=upload.state,
        name=upload.name,
        content_type=upload.content_type,
        size=upload.size,
        upload=None if upload.in_parts else form(1),
        parts=parts,
        expires_at=min((each.expires_at for each in forms.values()), default=None),
        reason=upload.reason,
    )


def outcome_of(
    upload: Upload, grant: tuple[str, int] | None
) -> ReadyAttachment | CheckingAttachment | RejectedAttachment:
    """What came of completing an upload; a ready one has a *grant*."""
    if grant is not None:
        attachment = upload.attachment
        assert upload.passed is not None
        return ReadyAttachment(
            id=upload.id,
            grant=grant[0],
            grant_expires_at=grant[1],
            name=attachment.name,
            content_type=attachment.content_type,
            size=attachment.size,
            width=attachment.width,
            height=attachment.height,
            thumbnail=upload.passed.thumbnail,
        )
    if upload.reason is not None:
        problem = Problem(ErrorCode.INVALID, SENTENCES[upload.reason])
        return RejectedAttachment(id=upload.id, reason=upload.reason, error=problem)
    return CheckingAttachment(id=upload.id)


def absolute(url: str, base: str) -> str:
    """An address a browser can use from any page. *base* has no slash at its end."""
    return f"{base}{url}" if url.startswith("/") else url


def absolute_link(link: Link, base: str) -> Link:
    """The same link for any page."""
    return Link(absolute(link.url, base), link.expires_at)
