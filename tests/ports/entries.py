"""Entries to put into a store, each one line in a test."""

from collections.abc import Sequence

import msgspec

from shared.contracts import events as log
from shared.contracts.ids import ClientId, MessageId, OrderId, Seq, UserId
from shared.conversation import Outcome, Verdict
from shared.timeline import Change, Entry, change_of, make_entry

ORDER = OrderId("o1")
ANNA = UserId("anna")
MOIRA = UserId("moira")


def id_of(name: str, order_id: OrderId = ORDER) -> MessageId:
    """An id as the log has them: no two orders share one."""
    return MessageId(f"{order_id}/{name}")


def entry(event: log.Event, seq: int, verdict: Verdict = Verdict.STANDS) -> Entry:
    shown = verdict is Verdict.STANDS and not isinstance(event, (log.Report, log.Flag, log.Review))
    outcome = Outcome(verdict, Seq(seq - 1) if seq > 1 else None, n=seq, shown=shown)
    return make_entry(Seq(seq), seq * 1_000, event, outcome)


def message(
    seq: int,
    name: str | None = None,
    *,
    order_id: OrderId = ORDER,
    verdict: Verdict = Verdict.STANDS,
    text: str = "hi",
) -> Entry:
    event = log.Message(
        order_id=order_id,
        by=ANNA,
        as_="participant",
        id=id_of(name or f"m{seq}", order_id),
        base=0,
        client_id=ClientId("c"),
        seen=0,
        text=text,
        attachments=(log.Attachment(id="a1", name="ä.png", content_type="image/png", size=3),),
    )
    return entry(event, seq, verdict)


def edit(seq: int, target: str, text: str, *, order_id: OrderId = ORDER) -> Entry:
    event = log.Edit(
        order_id=order_id,
        by=ANNA,
        as_="participant",
        id=id_of(f"e{seq}", order_id),
        base=0,
        client_id=ClientId("c"),
        target=id_of(target, order_id),
        text=text,
    )
    return entry(event, seq)


def redact(seq: int, target: str, *, order_id: OrderId = ORDER) -> Entry:
    event = log.Redact(
        order_id=order_id,
        by=ANNA,
        as_="moderator",
        id=id_of(f"r{seq}", order_id),
        base=0,
        target=id_of(target, order_id),
        reason="spam",
    )
    return entry(event, seq)


def restore(seq: int, target: str, *, order_id: OrderId = ORDER) -> Entry:
    event = log.Restore(
        order_id=order_id,
        by=ANNA,
        as_="moderator",
        id=id_of(f"b{seq}", order_id),
        base=0,
        target=id_of(target, order_id),
        reason="mistake",
        text="hi",
    )
    return entry(event, seq)


def read_mark(seq: int, *, order_id: OrderId = ORDER) -> Entry:
    event = log.Read(order_id=order_id, by=ANNA, as_="participant", up_to=Seq(seq), n=1)
    return entry(event, seq)


def report(
    seq: int,
    name: str | None = None,
    *,
    order_id: OrderId = ORDER,
    verdict: Verdict = Verdict.STANDS,
) -> Entry:
    event = log.Report(
        order_id=order_id,
        by=ANNA,
        as_="participant",
        id=id_of(name or f"p{seq}", order_id),
        base=0,
        client_id=ClientId("c"),
        target=id_of("m", order_id),
        reason="spam",
    )
    return entry(event, seq, verdict)


def flag(seq: int, name: str | None = None, *, order_id: OrderId = ORDER) -> Entry:
    event = log.Flag(
        order_id=order_id,
        by=MOIRA,
        as_="moderator",
        id=id_of(name or f"f{seq}", order_id),
        base=0,
        target=id_of("m", order_id),
        reason="contact.phone@1",
    )
    return entry(event, seq)


def review(
    seq: int,
    target: str,
    state: log.ReviewState = "resolved",
    assignee: UserId | None = None,
    *,
    order_id: OrderId = ORDER,
) -> Entry:
    event = log.Review(
        order_id=order_id,
        by=MOIRA,
        as_="moderator",
        id=id_of(f"v{seq}", order_id),
        base=0,
        target=id_of(target, order_id),
        state=state,
        assignee=assignee,
    )
    return entry(event, seq)


def copy_of(entries: Sequence[Entry]) -> list[Entry]:
    """Entries of one's own, to change without changing these."""
    return [msgspec.structs.replace(each) for each in entries]


def changes_of(*entries: Entry) -> list[Change]:
    return [change for each in entries if (change := change_of(each)) is not None]
