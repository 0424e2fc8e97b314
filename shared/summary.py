"""A conversation as a line of the Messages area: what the state comes to for who lists it.

Made by one pure function, by the archiver for the store and by gateways from the rooms they have
open, so that the two can be told apart by nothing but how far they have read.
"""

from collections.abc import Collection

import msgspec

from shared.contracts import events as log
from shared.contracts.events import Participant
from shared.contracts.ids import OrderId, Seq, UserId
from shared.conversation import Conversation


class Summary(msgspec.Struct, frozen=True):
    """What the lines of all readers of one conversation are made of."""

    order_id: OrderId
    head: Seq
    """The last record folded: of two summaries of a conversation the higher one is the newer."""
    title: str
    status: str
    participants: tuple[Participant, ...]
    n: int
    last: Seq
    """Where the last message stands; `NOTHING` if nothing was said."""
    updated_at: int
    unread: dict[UserId, int]
    """Of everybody who may read it, and of nobody else: who is not named here has no line."""


def summarize(conversation: Conversation) -> Summary | None:
    """The conversation's summary; null as long as there is no order."""
    order = conversation.order
    if order is None:
        return None
    return Summary(
        order_id=conversation.order_id,
        head=conversation.head,
        title=order.title,
        status=order.status,
        participants=order.participants,
        n=conversation.n,
        last=conversation.last,
        updated_at=conversation.updated_at,
        unread={
            party.user_id: conversation.unread(party.user_id)
            for party in order.participants
            if conversation.may(party.user_id, "read")
        },
    )


def parties_of(conversation: Conversation) -> frozenset[UserId]:
    """Who takes part now."""
    order = conversation.order
    return frozenset(party.user_id for party in order.participants) if order else frozenset()


def concerned(event: log.Event, parties: Collection[UserId]) -> Collection[UserId]:
    """Whose line an event changes that stands; *parties* took part before it or do so after it.

    Who is told by this that something happened is told no more than the line shows: a report, or a
    moderator's flag, is nobody's.
    """
    match event:
        case log.Read(by=by):
            return (by,)
        case log.Report() | log.Flag() | log.Mute() | log.Unmute() | log.Close() | log.Reopen():
            return ()
        case log.Review() | log.Look():
            return ()
        case _:
            return parties
