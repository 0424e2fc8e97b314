"""What the two halves of an inspection tell each other: one JSON line each, then bytes.

`inspection` writes a `Job` and the file's bytes; `inspector` writes `Ready` before it reads one of
them, then a `Result` and the bytes that it announces.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from attachment_service.kinds import SIDE_MAX
from attachment_service.verdicts import Reason
from shared.blobs.port import PUT_BYTES_MAX

LINE_BYTES_MAX: Final = 4096
THUMBNAIL_BYTES_MAX: Final = 1 << 20
"""Four times what 320 × 320 pixels have before they are compressed is not needed."""

ImageBytes = Annotated[int, Meta(ge=1, le=PUT_BYTES_MAX)]
ThumbnailBytes = Annotated[int, Meta(ge=1, le=THUMBNAIL_BYTES_MAX)]
Side = Annotated[int, Meta(ge=1, le=SIDE_MAX)]


class Job(msgspec.Struct, frozen=True):
    """A file to look at."""

    content_type: str
    size: int
    length: int
    """How many bytes of the file follow, from its beginning."""
    draw: bool = True
    """Whether a picture is wanted of a PDF."""


class Ready(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The inspector has given up what it does not need."""

    network: bool
    """Whether it can still reach the network."""


class Result(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of the file."""

    reason: Reason | None = None
    """Why it is refused; then nothing else is told."""
    image: ImageBytes | None = None
    """How many bytes of an image follow."""
    thumbnail: ThumbnailBytes | None = None
    """How many bytes of a thumbnail follow after them."""
    width: Side | None = None
    height: Side | None = None
