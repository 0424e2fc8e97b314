"""Which files a message may carry: those that its grants speak of, if they are good for it.

What a grant says and whether it is good are two questions. The first is answered when a message
comes; the second only when it is about to be appended, since a message that stands needs no grant.
"""

from enum import Enum
from typing import Final

from chat_gateway.text import TextRefused
from shared.contracts import events as log
from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.grants import Grant, Grants, NotAGrant

RETRY_GRACE_S: Final = 600
"""So long after its end a grant is good for a retry: an earlier try, made in time, may be on its
way into the log, and of what may be in the log nobody else may say that it never will be."""
UNSURE_S: Final = 60
"""So long after that a retry is neither appended nor refused: the clocks of all gateways come to
agree that the grace is over, and what was appended by the grant is read everywhere, or never will
be. A gateway that lags behind the log by more than this might refuse what it is about to read."""


class Word(Enum):
    """What grants say to appending a message now; what is refused is told in these words."""

    GOOD = "good"
    UNSURE = "unsure"
    EXPIRED = "An attachment's grant has expired; complete the upload again."
    BAD = "An attachment's grant is not good for this message."
    """Not ours, or for another order or another writer: nobody learns which."""


def read_grants(
    frame: frames.Attempt, limits: frames.Limits, grants: Grants | None
) -> tuple[Grant, ...]:
    """What the grants of a frame say, good or not. Raises `TextRefused`."""
    if not isinstance(frame, frames.Send) or not frame.attachments:
        return ()
    if grants is None:
        raise TextRefused(ErrorCode.INVALID, "This server takes no attachments.")
    if len(frame.attachments) > limits.attachments:
        raise TextRefused(
            ErrorCode.TOO_LARGE, f"A message has at most {limits.attachments} attachments."
        )
    try:
        said = tuple(grants.read(text) for text in frame.attachments)
    except NotAGrant:
        raise TextRefused(ErrorCode.INVALID, Word.BAD.value) from None
    if len({grant.attachment.id for grant in said}) < len(said):
        raise TextRefused(ErrorCode.INVALID, "A message carries each attachment once.")
    return said


def word_on(grants: tuple[Grant, ...], event: log.Identified, *, retry: bool, now_ms: int) -> Word:
    """Whether *event*, which was not found in the log, may be appended by these, its grants.

    What is bad now was bad at every earlier try, so even a retry can be refused for it.
    """
    if any(
        not grant.genuine or (grant.order_id, grant.by) != (event.order_id, event.by)
        for grant in grants
    ):
        return Word.BAD
    age_s = now_ms / 1000 - min(grant.expires_at for grant in grants)
    if age_s < (RETRY_GRACE_S if retry else 0):
        return Word.GOOD
    return Word.UNSURE if retry and age_s < RETRY_GRACE_S + UNSURE_S else Word.EXPIRED
