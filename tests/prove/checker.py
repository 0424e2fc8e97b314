"""What a history must come to, given the truth. Pure: evidence in, violations out."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Final

from shared.contracts import events as log
from shared.contracts.ids import OrderId, UserId
from shared.timeline import Entry, show
from tests.prove.delivery import check_delivery
from tests.prove.evidence import NOTICED_S, Evidence, Violation, events_of
from tests.prove.history import Opened, Record, ShownMessage, glimpse
from tests.prove.outcomes import check_outcomes, check_settled
from tests.prove.truth import Truth, is_durable

TOKEN_GRACE_S: Final = 5.0
"""So long after its token's end a connection may live on."""


def check(history: Iterable[Record], truth: Truth) -> list[Violation]:
    """Everything that is wrong with *history*; nothing is if the list is empty."""
    evidence = Evidence(history, truth)
    return [violation for one in CHECKS for violation in one(evidence)]


def check_lost(evidence: Evidence) -> Iterator[Violation]:
    """`lost-write`: what came back to its writer stands in the log, with the text typed."""
    for id_ in evidence.acknowledged():
        typed = evidence.typed[id_]
        entry = evidence.standing.get(evidence.id_of(typed))
        if entry is None:
            yield Violation("lost-write", typed.client, f"{typed.kind} {id_} is not in the log")
        elif typed.text is not None and getattr(entry.event, "text", None) != typed.text:
            yield Violation("lost-write", typed.client, f"{typed.kind} {id_} has another text")


def check_denied(evidence: Evidence) -> Iterator[Violation]:
    """`aborted-read`: what was refused is in nobody's hands and does not stand."""
    seen = {sight.event.id: sight.client for sight in evidence.sights}
    for id_ in evidence.denied():
        message = evidence.id_of(evidence.typed[id_])
        if message in seen:
            yield Violation("aborted-read", seen[message], f"{id_} was refused, yet shown")
        elif message in evidence.standing:
            yield Violation(
                "aborted-read", evidence.typed[id_].client, f"{id_} was refused, yet it stands"
            )


def check_unseen(evidence: Evidence) -> Iterator[Violation]:
    """`unseen`: every message that stands is on every screen of its order."""
    for view in evidence.views:
        on_screen = {message.id for message in view.messages}
        for entry in _messages(evidence, view.order_id):
            if entry.id not in on_screen:
                yield Violation("unseen", view.client, f"message {entry.n} at {entry.seq}")


def check_duplicates(evidence: Evidence) -> Iterator[Violation]:
    """`duplicate`: nothing stands twice in the log, nor on any screen, by id or by text."""
    for order_id, order in evidence.truth.orders.items():
        standing = [entry for entry in order.entries if entry.stands]
        messages = [e.event for e in standing if isinstance(e.event, log.Message)]
        twice = _repeated(entry.id for entry in standing if entry.id)
        for what in [*twice, *_repeated(message.text for message in messages)]:
            yield Violation("duplicate", order_id, f"{what} stands twice in the log")
    for view in evidence.views:
        texts = (m.text for m in view.messages if m.gone is None)
        for what in [*_repeated(m.id for m in view.messages), *_repeated(texts)]:
            yield Violation("duplicate", view.client, f"{what} is on the screen twice")


def check_offsets(evidence: Evidence) -> Iterator[Violation]:
    """`inconsistent-offset`: one id has one position, one position one event: that of the log."""
    for client, _, order_id, event in evidence.sights:
        entry = evidence.entries.get((order_id, event.seq))
        if entry is not None and (not entry.stands or glimpse(show(entry)) != event):
            yield Violation(
                "inconsistent-offset", client, f"{event.seq} was shown as {event.type} {event.id}"
            )


def check_durable(evidence: Evidence) -> Iterator[Violation]:
    """`ack-before-durable`: what was shown is in the log, and was when the process was killed."""
    kills = sorted((f for f in evidence.faults if f.ends is not None), key=lambda kill: kill.at)
    times = [kill.at for kill in kills]
    for client, at, order_id, event in evidence.sights:
        if (order_id, event.seq) not in evidence.entries:
            yield Violation("ack-before-durable", client, f"{event.seq} is not in the log")
            continue
        # What outlived the first kill after it was shown is on disk; later kills cannot undo it.
        nth = bisect_right(times, at)
        ends = kills[nth].ends if nth < len(kills) else None
        if ends is not None and not is_durable(ends, order_id, event.seq):
            yield Violation(
                "ack-before-durable", client, f"{event.seq} was not in the log after the kill"
            )


def check_fifo(evidence: Evidence) -> Iterator[Violation]:
    """`fifo`: what one client typed stands in the order typed."""
    last: dict[str, Entry] = {}
    for typed in evidence.typed.values():
        entry = evidence.standing.get(evidence.id_of(typed))
        if entry is None:
            continue
        before = last.get(typed.client)
        if before is not None and entry.seq < before.seq:
            yield Violation("fifo", typed.client, f"{entry.seq} was typed after {before.seq}")
        last[typed.client] = entry


def check_foreign(evidence: Evidence) -> Iterator[Violation]:
    """`foreign`: a client is shown the order it opened and no other, and only as a party of it."""
    for client, _, order_id, event in evidence.sights:
        own, user_id = evidence.purposes[client]
        if order_id != own or not evidence.ever_read(order_id, user_id):
            yield Violation("foreign", client, f"{event.seq} of order {order_id}")


def check_revoked(evidence: Evidence) -> Iterator[Violation]:
    """`after-revoke`: no party is shown what came after it was removed, nor after its token."""
    for client, _, order_id, event in evidence.sights:
        _, user_id = evidence.purposes[client]
        was_party = evidence.ever_read(order_id, user_id)
        if was_party and not evidence.may_read(order_id, user_id, event.seq):
            yield Violation("after-revoke", client, f"{event.seq} came after the removal")
    for client, records in evidence.clients.items():
        ends: float | None = None
        for record in records:
            if isinstance(record, Opened):
                ends = record.token_ends
            elif ends is not None and record.at > ends + TOKEN_GRACE_S + NOTICED_S:
                for event in events_of(record):
                    yield Violation("after-revoke", client, f"{event.seq} came after the token")


def check_convergence(evidence: Evidence) -> Iterator[Violation]:
    """`convergence`: every screen shows what folding the log shows, marks too."""
    for view in evidence.views:
        expected = {shown.id: shown for shown in _shown(evidence, view.order_id)}
        for message in view.messages:
            if expected.get(message.id) != message:
                yield Violation(
                    "convergence", view.client, f"message {message.n} at {message.seq} differs"
                )
        if tuple(sorted(view.messages, key=lambda message: message.n)) != view.messages:
            yield Violation("convergence", view.client, "the messages are not in their order")
        if view.marks != _marks(evidence, view.order_id):
            yield Violation("convergence", view.client, "the read marks differ")


def check_unread(evidence: Evidence) -> Iterator[Violation]:
    """`unread`: the count a server gives is the one counted by hand."""
    for view in evidence.views:
        mark = _marks(evidence, view.order_id).get(view.user_id, 0)
        by_hand = sum(1 for entry in _messages(evidence, view.order_id) if entry.n > mark)
        if view.unread not in (None, by_hand):
            yield Violation("unread", view.client, f"{view.unread} served, {by_hand} counted")


def check_archive(evidence: Evidence) -> Iterator[Violation]:
    """`archive`: the store holds every standing event as the log has it, and nothing else."""
    for order_id, order in evidence.truth.orders.items():
        if order.archived is None:
            continue
        expected = {entry.seq: entry for entry in order.entries if entry.stands}
        archived = {entry.seq: entry for entry in order.archived}
        for seq in sorted(expected.keys() | archived.keys()):
            if expected.get(seq) != archived.get(seq):
                yield Violation("archive", order_id, f"{seq} differs from the log, or is missing")


CHECKS: Final[tuple[Callable[[Evidence], Iterator[Violation]], ...]] = (
    check_lost,
    check_denied,
    check_unseen,
    check_duplicates,
    check_offsets,
    check_durable,
    check_fifo,
    check_foreign,
    check_revoked,
    check_convergence,
    check_unread,
    check_archive,
    check_delivery,
    check_outcomes,
    check_settled,
)


def _messages(evidence: Evidence, order_id: OrderId) -> list[Entry]:
    order = evidence.truth.orders.get(order_id)
    entries = order.entries if order else ()
    return [e for e in entries if e.stands and isinstance(e.event, log.Message)]


def _shown(evidence: Evidence, order_id: OrderId) -> Iterator[ShownMessage]:
    for entry in _messages(evidence, order_id):
        event = entry.event
        assert isinstance(event, log.Message)
        gone = entry.gone is not None
        edited = event.text if entry.edited_text is None else entry.edited_text
        yield ShownMessage(
            entry.seq,
            entry.n,
            event.id,
            event.by,
            "" if gone else edited,
            entry.edited_at,
            entry.gone,
        )


def _marks(evidence: Evidence, order_id: OrderId) -> Mapping[UserId, int]:
    """The read marks by hand: the highest number each participant is known to have read."""
    marks: dict[UserId, int] = {}
    order = evidence.truth.orders.get(order_id)
    last = 0
    for entry in order.entries if order else ():
        if not entry.stands:
            continue
        match entry.event:
            case log.Message(by=by):
                last, read = entry.n, entry.seen
            case log.Read(by=by, n=n):
                read = min(n, last)
            case _:
                continue
        if read > marks.get(by, 0):
            marks[by] = read
    return marks


def _repeated(items: Iterable[Hashable]) -> list[Hashable]:
    return [item for item, times in Counter(items).items() if times > 1]
