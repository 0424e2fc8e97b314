"""Who writes the log of the model: parties, moderators, the order service, and bad programs.

Bases are honest, as gateways keep them; all else may be wrong.
"""

from collections import deque
from random import Random
from typing import Final

from chat_gateway.seam import Access
from shared.contracts import events as log
from shared.contracts.ids import ClientId, MessageId, OrderId, Seq, UserId, make_seq
from shared.log.port import Draft
from tests.chat_gateway.seam_truth import Truth

PARTIES: Final = (
    log.Participant(UserId("anna"), "creator", "Anna"),
    log.Participant(UserId("ben"), "advertiser", "Ben"),
    log.Participant(UserId("cara"), "support", "Cara"),
)
MODERATOR: Final = UserId("moira")
_SERVICE: Final = UserId("service:orders")
_CROWD: Final = tuple(log.Participant(UserId(f"u{n}"), "support", "Somebody") for n in range(19))
FILES: Final = 12
"""Of each order."""
_ALL: Final[tuple[log.Action, ...]] = ("read", "send", "attach", "edit", "delete")
_OPEN: Final = {"creator": _ALL, "advertiser": _ALL, "support": _ALL}
_SHUT: Final = {"creator": _ALL, "advertiser": ("send",), "support": _ALL}
"""Advertisers take part, but may not read."""


def draft_of(event: log.Event) -> Draft:
    return Draft(event.order_id, log.TYPES[type(event)], log.VERSION, log.encode_event(event))


class OrderService:
    """Knows an order's parties at once; its events come into the log when they come."""

    def __init__(self, order_id: OrderId, dice: Random) -> None:
        self._dice = dice
        self._order_id = order_id
        self._outbox: deque[log.OrderChanged] = deque()
        self._order = self._make(1, PARTIES, _OPEN)
        self._before = self._order
        self._outbox.append(self._order)

    def change(self) -> None:
        """Somebody is removed, or comes back; or the order is now read otherwise, or by many."""
        parties = tuple(party for party in PARTIES if self._dice.random() < 0.8)
        if self._dice.random() < 0.1:
            parties += _CROWD
        may = _SHUT if self._dice.random() < 0.1 else _OPEN
        self._before, self._order = self._order, self._make(self._order.version + 1, parties, may)
        self._outbox.append(self._order)

    def publish(self) -> log.OrderChanged | None:
        """The next event for the log."""
        return self._outbox.popleft() if self._outbox else None

    def access(self, user_id: UserId, *, fresh: bool) -> Access | None:
        """What it answers; or, not *fresh*, what somebody remembers of what it answered before."""
        order = self._order if fresh else self._before
        for party in order.participants:
            if party.user_id == user_id:
                return Access(party.role, order.version, fresh)
        return None

    def _make(
        self,
        version: int,
        parties: tuple[log.Participant, ...],
        may: dict[str, tuple[log.Action, ...]],
    ) -> log.OrderChanged:
        return log.OrderChanged(
            order_id=self._order_id, by=_SERVICE, as_="service", version=version, status="pending",
            previous_status=None, title="Reel", participants=parties, may=may,
            edit_window_ms=1_000_000,
        )  # fmt: skip


class Author:
    """Writes drafts of one order."""

    def __init__(self, truth: Truth, service: OrderService, dice: Random) -> None:
        self._truth = truth
        self._service = service
        self._dice = dice
        self._order_id = truth.conversation.order_id
        self._ids: list[MessageId] = []
        self._written: list[Draft] = []
        self.limbo: list[log.Message] = []
        """Sent, and nobody knows whether it will be in the log, or how often."""

    def next(self) -> Draft:
        """Something for the log."""
        kind = self._dice.choices(
            ("say", "change", "mark", "judge", "report", "order", "copy", "limbo", "waste"),
            (36, 14, 10, 10, 3, 6, 5, 14, 3),
        )[0]
        draft = self._waste() if kind == "waste" else self._draft(kind)
        self._written.append(draft)
        return draft

    def say(self) -> log.Message:
        """A message with an id that was never used before."""
        truth, dice = self._truth.conversation, self._dice
        party = dice.choice(PARTIES)
        service = dice.random() < 0.05
        id_ = MessageId(f"{self._order_id}-m{len(self._ids)}")
        self._ids.append(id_)
        return log.Message(
            order_id=self._order_id, by=_SERVICE if service else party.user_id,
            as_="service" if service else "participant", id=id_, base=self._base(),
            client_id=ClientId("c"), seen=max(0, truth.n - dice.randrange(3)),
            text=f"text {len(self._ids)}", attachments=self._some_files(),
        )  # fmt: skip

    def some_file(self) -> str:
        """The id of a file that may have been sent; so few that some are sent again."""
        return f"file-{self._dice.randrange(FILES)}"

    def _some_files(self) -> tuple[log.Attachment, ...]:
        if self._dice.random() < 0.7:
            return ()
        return (log.Attachment(self.some_file(), "a.png", "image/png", 1),)

    def some_id(self) -> MessageId:
        """An id that was used, or given out and not used yet; seldom one nobody knows."""
        if not self._ids or self._dice.random() < 0.1:
            return MessageId(f"{self._order_id}-nobody")
        recent = self._ids[-8:] if self._dice.random() < 0.7 else self._ids
        return self._dice.choice(recent)

    def sought_id(self) -> MessageId:
        """An id worth looking up: used a moment ago, or perhaps this moment."""
        chance = self._dice.random()
        if chance < 0.4 and self._truth.told:
            return self._dice.choice(self._truth.told[-10:]).entry.id or self.some_id()
        if chance < 0.8 and self.limbo:
            return self._dice.choice(self.limbo[-5:]).id
        return self.some_id()

    def _draft(self, kind: str) -> Draft:
        if kind == "copy" and self._written:
            return self._dice.choice(self._written)
        if kind == "limbo" and self.limbo and self._dice.random() < 0.6:
            return draft_of(self._dice.choice(self.limbo[-5:]))
        event: log.Event | None = None
        match kind:
            case "change":
                event = self._change()
            case "mark":
                event = self._mark()
            case "judge":
                event = self._judge()
            case "report":
                event = self._report()
            case "order":
                self._service.change()
                event = self._service.publish() if self._dice.random() < 0.6 else None
            case "limbo":
                self.limbo.append(self.say())
        return draft_of(event if event is not None else self.say())

    def _change(self) -> log.Edit | log.Delete:
        target = self.some_id()
        claim = self._truth.conversation.remembered.get(target)
        by = claim.by if claim is not None else PARTIES[0].user_id
        id_, base = self._key("c"), self._base()
        if self._dice.random() < 0.2:
            return log.Delete(
                order_id=self._order_id, by=by, as_="participant", id=id_, base=base,
                client_id=ClientId("c"), target=target,
            )  # fmt: skip
        return log.Edit(
            order_id=self._order_id, by=by, as_="participant", id=id_, base=base,
            client_id=ClientId("c"), target=target, text=f"edit {id_}",
        )  # fmt: skip

    def _mark(self) -> log.Read:
        truth = self._truth.conversation
        return log.Read(
            order_id=self._order_id, by=self._dice.choice(PARTIES).user_id, as_="participant",
            up_to=truth.head, n=max(0, truth.n - self._dice.randrange(4)),
        )  # fmt: skip

    def _judge(self) -> log.Redact | log.Restore | log.Flag:
        id_, base, target = self._key("v"), self._base(), self.some_id()
        kind = self._dice.random()
        text, told = self._truth.text_now(target), self._truth.first.get(target)
        if kind < 0.4 and text is not None:
            return log.Restore(
                order_id=self._order_id, by=MODERATOR, as_="moderator", id=id_, target=target,
                base=self._truth.conversation.places, reason="fine", text=text,
                attachments=told.entry.attachments if told is not None else (),
            )  # fmt: skip
        struct = log.Flag if kind > 0.9 else log.Redact
        return struct(
            order_id=self._order_id, by=MODERATOR, as_="moderator", id=id_, base=base,
            target=target, reason="spam",
        )  # fmt: skip

    def _report(self) -> log.Report:
        return log.Report(
            order_id=self._order_id, by=self._dice.choice(PARTIES).user_id, as_="participant",
            id=self._key("r"), base=self._base(), client_id=ClientId("c"), target=self.some_id(),
            reason="spam",
        )  # fmt: skip

    def _waste(self) -> Draft:
        """What no reader can decode."""
        return Draft(self._order_id, "message", log.VERSION, b"{")

    def _key(self, kind: str) -> MessageId:
        return MessageId(f"{self._order_id}-{kind}{len(self._written)}")

    def _base(self) -> int:
        return max(0, self._truth.conversation.places - self._dice.randrange(4))


def foreign_position(dice: Random, end: int) -> Seq:
    """A position this log will never give: far beyond its end, or of another epoch."""
    return make_seq(*dice.choice(((1, end + 1_000_000), (2, 0), (3, end))))
