"""A client with one order open, as a browser would keep it; it checks all that it is told."""

from typing import Final

from msgspec import UNSET

from chat_gateway.hub import Hub
from chat_gateway.seam import REPLAY_EVENTS_MAX, Answer, Opened, Query, Reader
from chat_gateway.tail import Room
from shared.contracts import frames
from shared.contracts.ids import EPOCH_MAX, NOTHING, MessageId, OrderId, Seq, UserId, make_seq
from shared.timeline import Entry, may_see, show
from tests.chat_gateway.seam_truth import Told, Truth, Violation

_END: Final = make_seq(EPOCH_MAX + 1, 0)


class View:
    """What is on the screen: messages as they stand, from `oldest` on."""

    def __init__(self) -> None:
        self.messages: dict[MessageId, frames.MessageShown] = {}
        self.oldest: Seq = _END
        """Everything at or above this is here."""

    def apply(self, event: frames.EventShown, *, moderator: bool) -> None:
        """Show an event."""
        match event:
            case frames.MessageShown():
                self.messages[event.id] = event
            case frames.EditShown(target=target, text=text) if target in self.messages:
                message = self.messages[target]
                if moderator and message.first_text is UNSET:
                    message.first_text = message.text
                message.edited_at = event.at
                message.text = message.text if text is None else text
            case frames.DeleteShown(target=target) if target in self.messages:
                self._take_away(target, "deleted", moderator=moderator)
            case frames.RedactShown(target=target) if target in self.messages:
                self._take_away(target, "redacted", moderator=moderator)
            case frames.RestoreShown(target=target, text=text) if target in self.messages:
                message = self.messages[target]
                message.gone = None
                message.attachments = event.attachments
                message.text = message.text if text is None else text
            case _:
                pass

    def _take_away(self, target: MessageId, how: frames.Gone, *, moderator: bool) -> None:
        message = self.messages[target]
        message.gone = how
        if not moderator:
            message.text = ""
            message.attachments = ()


class Client:
    """A subscription of the hub, and the view, head and order that outlive a connection."""

    def __init__(self, truth: Truth, user_id: UserId, *, moderator: bool) -> None:
        self.order_id: OrderId = truth.conversation.order_id
        self.user_id = user_id
        self.moderator = moderator
        self.reader = Reader(user_id, moderator)
        self.answered: Seq = NOTHING
        self._hub: Hub | None = None
        self.room: Room | None = None
        """The room it was subscribed to; null while it has the order not open."""
        self.head: Seq | None = None
        """Position of the last visible event; null if it never had the order open."""
        self.view = View()
        self.events = 0
        self._truth = truth
        self._last: Seq = NOTHING

    # From the hub.

    def deliver(self, frame: bytes) -> None:
        """Check a live event, and show it."""
        event = frames.decode_server_frame(frame)
        assert isinstance(event, frames.EventShown)
        told = self._truth.get(event.seq)
        if self.room is None:
            raise Violation(f"{event.seq} came after the order was left")
        if event.seq <= self._last:
            raise Violation(f"{event.seq} came after {self._last}: twice, or out of order")
        if (event.prev or NOTHING) != self.head:
            raise Violation(
                f"{event.seq} follows {event.prev}, but the head is {self.head}: a hole"
            )
        if self.room.conversation.head != event.seq:
            raise Violation(f"{event.seq} was not folded in the room that was joined")
        if not may_see(told.entry, self.user_id, moderator=self.moderator):
            raise Violation(f"{event.seq} is not for {self.user_id}")
        if frame != told.live(moderator=self.moderator):
            raise Violation(f"{frame!r} is not what happened at {event.seq}")
        self._show(event)

    def recognise(self, entry: Entry) -> None:
        """Nothing is owed in the model."""

    def withdraw(self) -> None:
        """This user takes no part any more."""
        self.leave()

    # Answers.

    def opened(self, query: Query, opened: Opened, hub: Hub) -> None:
        """Check a join's answer, show it, and be subscribed."""
        if self.room is None:
            hub.subscribe(self.order_id, self)
            self._hub = hub
        room, answer = opened.room, opened.answer
        head, shown = room.conversation.head, room.conversation.shown
        if query.after is None or answer.reset:
            self._check_newest(query, answer, head)
            self._begin(_oldest(answer))
        else:
            expected = self._truth.visible(self.reader, query.after, head)
            self._check(answer, expected, head, complete=True)
            if query.after == NOTHING:
                self._begin(NOTHING)
        self._show_answer(answer)
        self.room, self.head, self.answered = room, shown, head
        self._last = max(self._last, head)

    def paged(self, query: Query, answer: Answer, room: Room) -> None:
        """Check a page of history; show it if it goes on where the view begins."""
        head = room.conversation.head
        before = query.before if query.before is not None else _END
        if query.after is not None:
            self._check_replay(query.after, min(head, Seq(before - 1)), answer, head)
            return
        self._check_newest(query, answer, head)
        if before == self.view.oldest:
            for shown in answer.events:
                self.view.apply(_decoded(shown.frame), moderator=self.moderator)
            self.view.oldest = _oldest(answer)

    def leave(self) -> None:
        """Close the order; what was on the screen stays."""
        if self._hub is not None:
            self._hub.unsubscribe(self.order_id, self)
        self._hub = self.room = None

    # At rest.

    def check_view(self) -> None:
        """Raise `Violation` unless the screen shows all that the whole log comes to."""
        head, shown = self._truth.conversation.head, self._truth.conversation.shown
        if self.head != shown:
            raise Violation(f"the head is {self.head}, but the last event is {shown}")
        expected = [
            show(told.at(head), moderator=self.moderator)
            for told in self._truth.between(Seq(self.view.oldest - 1), head)
            if told.entry.type == "message" and told.entry.shown
        ]
        seen = sorted(self.view.messages.values(), key=lambda message: message.seq)
        if seen != expected:
            wrong = [message for message in seen if message not in expected]
            lacking = [message for message in expected if message not in seen]
            raise Violation(f"the screen shows {wrong} and lacks {lacking}")

    # Inside.

    def _check_replay(self, after: Seq, upto: Seq, answer: Answer, head: Seq) -> None:
        visible = self._truth.visible(self.reader, after, upto)
        complete = len(visible) <= REPLAY_EVENTS_MAX
        if not complete:
            visible = visible[: min(len(answer.events), REPLAY_EVENTS_MAX)]
        self._check(answer, visible, head, complete=complete)

    def _check_newest(self, query: Query, answer: Answer, head: Seq) -> None:
        below = query.before if query.before is not None else _END
        paged = [told for told in self._truth.paged(head) if told.seq < below]
        self._check(answer, paged[-query.limit :], head, complete=len(paged) <= query.limit)

    def _check(self, answer: Answer, expected: list[Told], head: Seq, *, complete: bool) -> None:
        self._truth.check(answer.events, expected, head, moderator=self.moderator)
        if answer.complete is not complete:
            raise Violation(f"complete is {answer.complete} at {head}")

    def _begin(self, oldest: Seq) -> None:
        """Clear the screen."""
        self.view = View()
        self.view.oldest = oldest
        self.head = NOTHING

    def _show_answer(self, answer: Answer) -> None:
        assert self.head is not None
        for shown in answer.events:
            if shown.seq > self.head:  # else it came live while this was under way
                self.view.apply(_decoded(shown.frame), moderator=self.moderator)

    def _show(self, event: frames.EventShown) -> None:
        self.events += 1
        self._last = event.seq
        if not isinstance(event, frames.ReportShown | frames.FlagShown):
            self.head = event.seq
        self.view.apply(event, moderator=self.moderator)


def _oldest(answer: Answer) -> Seq:
    """From where on the screen is whole with this page."""
    return answer.events[0].seq if answer.events and not answer.complete else NOTHING


def _decoded(frame: bytes) -> frames.EventShown:
    event = frames.decode_server_frame(frame)
    assert isinstance(event, frames.EventShown)
    return event
