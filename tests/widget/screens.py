"""An order as one gateway serves it, and readers whose every frame is written down.

Everything a reader gets is made by the gateway's own code: tail, seam, hub and answers. The steps
are played again by `agreement.mjs`, with the widget's own conversation.
"""

from typing import Any, Final

import msgspec

from chat_gateway.answers import encode_joined, encode_page
from chat_gateway.hub import Hub
from chat_gateway.seam import Access, Opened, Query, Reader, Steps, open_order, read_page
from chat_gateway.tail import Tail
from shared.contracts import events as log
from shared.contracts import frames
from shared.contracts.ids import NOTHING, Seq, UserId
from shared.conversation import Conversation
from shared.log.port import Record
from shared.timeline import Entry
from tests.shared import story
from tests.shared.story import ORDER

PAGE_MAX: Final = frames.Limits().page

Step = tuple[Any, ...]
"""`join` after answer, `live` seq, `hole` seq, `replay` answer or `older` answer."""

_WRITING: Final[tuple[log.Action, ...]] = ("send", "attach", "edit", "delete")


class Served:
    """One order, from its first record on."""

    def __init__(self) -> None:
        self._tail = Tail(epoch=1, partition=0, start=0)
        self._room = self._tail.open_room(Conversation(ORDER))
        self.hub = Hub()
        self.live: dict[Seq, msgspec.Raw] = {}
        """The frames that were sent live, by position."""
        self.changed_order = NOTHING
        """Where the last `order` event stands."""
        self.now = 0

    @property
    def conversation(self) -> Conversation:
        """The fold's state."""
        return self._room.conversation

    def append(self, record: story.Record) -> Entry:
        """The log's next record is folded, and delivered to whoever is there."""
        event = record.event
        self.now = record.at
        type_, value = log.TYPES[type(event)], log.encode_event(event)
        raw = Record(0, self._tail.end, record.at, ORDER, type_, log.VERSION, value)
        taken = self._tail.take(raw)
        assert taken is not None
        room, entry = taken
        if entry.stands and isinstance(event, log.OrderChanged):
            self.changed_order = entry.seq
        self.hub.publish(room, entry)
        return entry

    def join(self, reader: UserId, after: Seq | None, limit: int) -> frames.Joined:
        """The answer to a join, decoded."""
        order = self.conversation.order
        assert order is not None
        access = Access(role="", version=order.version, fresh=True)
        query = Query(after=after, before=None, limit=limit)
        who = Reader(reader, moderator=False)
        opened: Opened = _run(open_order(self._tail, ORDER, who, access, query))
        request = frames.Join(ref=1, order_id=ORDER, after=after, limit=limit)
        answer = frames.decode_server_frame(encode_joined(request, opened, reader, online=[]))
        assert isinstance(answer, frames.Joined)
        return answer

    def page(
        self, reader: UserId, after: Seq | None, before: Seq | None, limit: int
    ) -> frames.Page:
        """The answer to a request for history, decoded."""
        query = Query(after=after, before=before, limit=limit)
        answer = _run(read_page(self._tail, ORDER, Reader(reader, moderator=False), query))
        request = frames.History(ref=1, order_id=ORDER, after=after, before=before, limit=limit)
        page = frames.decode_server_frame(encode_page(request, answer))
        assert isinstance(page, frames.Page)
        return page

    def is_muted(self, user_id: UserId) -> bool:
        """Whether a mute would stand in the way of this user now."""
        muted = self.conversation.muted
        until = muted.get(user_id)
        return user_id in muted and (until is None or self.now < until)

    def stands_now(self, reader: UserId) -> tuple[frames.Joined, list[frames.EventShown]]:
        """What a reader is told who joins now, and pages back to the beginning."""
        joined = self.join(reader, None, PAGE_MAX)
        events, complete = joined.events, joined.complete
        while not complete:
            page = self.page(reader, None, events[0].seq, PAGE_MAX)
            events, complete = [*page.events, *events], page.complete
        return joined, events


class Screen:
    """One reader's widget. It writes down what it gets, and what it can know by that."""

    moderator = False
    answered = NOTHING

    def __init__(self, served: Served, user_id: UserId) -> None:
        self._served = served
        self.user_id = user_id
        self.steps: list[Step] = []
        self.present = False
        self.missing = 0
        """So many live frames will be lost on their way."""
        self.complete = False
        self.knows_policy = self.knows_reads = False
        self._head: Seq | None = None
        self._oldest = NOTHING
        self._parties: set[UserId] = set()

    @property
    def is_behind(self) -> bool:
        """Whether something was lost on its way, and nothing came since."""
        return self.present and self._head != self._served.conversation.shown

    def join(self, limit: int, *, fresh: bool = False) -> None:
        """Open the order, with a position if there is one."""
        after = None if fresh else self._head
        answer = self._served.join(self.user_id, after, limit)
        self.steps.append(("join", after, answer))
        if after is None or answer.reset:
            self._oldest = answer.events[0].seq
            self.complete = answer.complete
        for event in answer.events:
            self._learn(event)
        self._learn_rights(answer)
        self.knows_reads = True
        self._parties = {party.user_id for party in answer.order.participants}
        self._head = answer.head
        self.answered = self._served.conversation.head
        self.present = True
        self._served.hub.subscribe(ORDER, self)

    def leave(self) -> None:
        """The connection is lost."""
        self.present = False
        self.missing = 0
        self._served.hub.unsubscribe(ORDER, self)

    def load_older(self, limit: int) -> None:
        """One page back."""
        page = self._served.page(self.user_id, None, self._oldest, limit)
        self.steps.append(("older", page))
        self.complete = page.complete
        if page.events:
            self._oldest = page.events[0].seq

    def deliver(self, frame: bytes) -> None:
        """A live event; if one was lost before it, that shows now, and is fetched."""
        event = frames.decode_server_frame(frame)
        assert isinstance(event, frames.EventShown)
        self._learn(event)
        if self.missing:
            self.missing -= 1
            return
        self._served.live[event.seq] = msgspec.Raw(frame)
        if event.prev == self._head:
            self.steps.append(("live", event.seq))
            self._head = event.seq
        else:
            self.steps.append(("hole", event.seq))
            self.catch_up()

    def catch_up(self) -> None:
        """Fetch everything above the head."""
        complete = False
        while not complete:
            page = self._served.page(self.user_id, self._head, None, PAGE_MAX)
            self.steps.append(("replay", page))
            complete = page.complete
            shown = [
                event.seq for event in page.events if not isinstance(event, frames.ReportShown)
            ]
            self._head = shown[-1] if shown else self._head

    def pass_on(self, frame: bytes) -> None:
        """Something that is no event."""

    def recognise(self, entry: Entry) -> None:
        """An own event is about to be delivered."""

    def withdraw(self) -> None:
        """The order is closed to this reader."""
        self.leave()

    def _learn(self, event: frames.EventShown) -> None:
        match event:
            case frames.OrderShown(participants=participants):
                self.knows_policy = True
                parties = {party.user_id for party in participants}
                if parties - self._parties:
                    self.knows_reads = False  # who comes back has a mark that no event tells
                self._parties = parties
            case _:
                pass

    def _learn_rights(self, answer: frames.Joined) -> None:
        """A closed conversation grants nothing: what the policy would, the order event tells."""
        granted = any(getattr(answer.you, f"can_{action}") for action in _WRITING)
        self.knows_policy = granted or self._oldest <= self._served.changed_order


def _run(steps: Steps) -> Any:
    """The outcome of a generator of the seam that has everything at hand."""
    try:
        need = next(steps)
    except StopIteration as done:
        return done.value
    raise AssertionError(f"memory was not enough: {need}")
