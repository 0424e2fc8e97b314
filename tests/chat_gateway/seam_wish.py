"""What a client asks for, on its way through the seam, one step at a time.

A step reads what the generator needs, or hands over what was read; so anything may happen between
the two, as it may while an answer of the store is on its way.
"""

from collections.abc import Generator
from random import Random
from typing import Any, assert_never

from chat_gateway import seam
from chat_gateway.seam import (
    REPLAY_EVENTS_MAX,
    Access,
    AskAccess,
    AwaitRecord,
    CatchUp,
    FindCarriers,
    FindEntry,
    Need,
    Opened,
    Query,
    ReachEnd,
    ReadConversation,
    ReadPage,
    ReadWatermark,
)
from chat_gateway.tail import Lent, Room
from shared.contracts.ids import NOTHING, MessageId, Seq
from shared.timeline import Entry
from tests.chat_gateway.seam_client import Client
from tests.chat_gateway.seam_truth import Violation
from tests.chat_gateway.seam_world import EPOCH, World

_Steps = Generator[Need, Any, Any]


class Wish:
    """A generator of the seam under way for a client."""

    kind = ""

    def __init__(self, world: World, client: Client, dice: Random, not_before: Seq | None) -> None:
        self.client = client
        self.ended = False
        self.caught_up = 0
        """How often what it waited for was read again from the log."""
        self._world = world
        self._dice = dice
        self._not_before = not_before
        """The position the reader must have passed: the client has it, from whatever gateway."""
        self._steps: _Steps | None = None
        self._need: Need | None = None
        self._answer: Any = None
        self._answered = False
        self._waits_for: Lent | None = None
        self._room: Room | None = None
        self._head = NOTHING
        self._end_seen = 0
        """What the log held when its end was to be reached."""

    def step(self) -> None:
        """Go on by one step. Raises what the generator raises; then it has ended, as it has when
        the client was given its answer."""
        if self._steps is None:
            if self._may_start():
                self._steps = self._start()
                self._go_on(None)
        elif self._answered:
            self._answered = False
            self._go_on(self._answer)
        else:
            self._read()

    def _may_start(self) -> bool:
        tail = self._world.tail
        return tail.end >= self._world.ready_at and (
            self._not_before is None or tail.seq(tail.end) > self._not_before
        )

    def _start(self) -> _Steps:
        raise NotImplementedError

    def _end(self, result: Any) -> None:
        """Give the client its answer."""
        raise NotImplementedError

    def _go_on(self, answer: Any) -> None:
        assert self._steps is not None
        try:
            self._need = self._steps.send(answer)
        except StopIteration as done:
            self.ended = True
            self._end(done.value)
        except BaseException:
            self.ended = True
            raise
        if isinstance(self._need, ReachEnd):
            self._end_seen = len(self._world.records)
        if isinstance(self._need, AwaitRecord):
            self._room = self._world.tail.rooms[self.client.order_id]
            self._head = self._room.conversation.head

    def _read(self) -> None:
        """Read what is needed as it is this moment; waiting may go on."""
        store, order_id = self._world.store, self.client.order_id
        self._answered = True
        match self._need:
            case ReadWatermark():
                self._answer = store.watermark(EPOCH, 0)
            case ReadConversation():
                self._answer = store.conversation(order_id)
            case ReadPage() as need:
                self._answer = store.page(
                    order_id, after=need.after, before=need.before, limit=need.limit,
                    newest=need.newest, types=need.types,
                )  # fmt: skip
            case FindEntry(id=id_):
                self._answer = store.find(order_id, id_)
            case FindCarriers(attachment_id=attachment_id, limit=limit):
                self._answer = store.carriers(order_id, attachment_id, limit)
            case AwaitRecord():
                self._await_record()
            case CatchUp(after=after):
                self._await_lent(after)
            case ReachEnd():
                self._answer = None
                self._answered = self._world.tail.end >= self._end_seen
            case AskAccess():
                service = self._world.services[order_id]
                self._answer = service.access(self.client.user_id, fresh=True)
            case None:
                raise AssertionError("it has ended")
            case _:
                assert_never(self._need)

    def _await_record(self) -> None:
        """Wait for the room to go on, or give up."""
        assert self._room is not None
        self._answer = self._room.conversation.head > self._head
        self._answered = self._answer or self._dice.random() < 0.1

    def _await_lent(self, after: Seq) -> None:
        if self._waits_for is None:
            self._waits_for = self._world.lend(self.client.order_id, after)
        lent = self._waits_for
        gone = self._world.tail.lent.get(self.client.order_id) is not lent
        self._answer = lent.whole
        self._answered = lent.whole or gone or self._dice.random() < 0.05
        if self._answered:
            self._waits_for = None
            self.caught_up += lent.whole


class Join(Wish):
    """Opens the order."""

    kind = "join"

    def __init__(
        self, world: World, client: Client, dice: Random, query: Query, access: Access | None
    ) -> None:
        super().__init__(world, client, dice, _own(world, query.after))
        self._query = query
        self._access = access
        self.reset = False

    def _start(self) -> _Steps:
        return seam.open_order(
            self._world.tail, self.client.order_id, self.client.reader, self._access, self._query
        )

    def _end(self, result: Opened) -> None:
        self.reset = result.answer.reset
        if self._world.tail.rooms.get(self.client.order_id) is not result.room:
            raise Violation("the room that was opened is not the one that folds")
        if self.reset:
            self._check_reset(result.room.conversation.head)
        self.client.opened(self._query, result, self._world.hub)

    def _check_reset(self, head: Seq) -> None:
        """Only what cannot be replayed may be answered by a reset: too much, or a position that
        the log had not given when this was asked."""
        if self._not_before is not None:
            truth = self._world.truths[self.client.order_id]
            missed = truth.visible(self.client.reader, self._not_before, head)
            if len(missed) <= REPLAY_EVENTS_MAX:
                raise Violation(f"a reset from {self._not_before} to {head}")

    @property
    def resumes(self) -> bool:
        return bool(self._query.after) and not self.reset


class Page(Wish):
    """Reads history."""

    kind = "page"

    def __init__(self, world: World, client: Client, dice: Random, query: Query) -> None:
        super().__init__(world, client, dice, None)
        self._query = query

    def _start(self) -> _Steps:
        return seam.read_page(
            self._world.tail, self.client.order_id, self.client.reader, self._query
        )

    def _end(self, result: Any) -> None:
        self.client.paged(self._query, result, self._world.tail.rooms[self.client.order_id])


class LookUp(Wish):
    """Looks for an id; if it is in the log nowhere, what carries it may be written."""

    kind = "look-up"

    def __init__(self, world: World, client: Client, dice: Random, id_: MessageId) -> None:
        super().__init__(world, client, dice, None)
        self.id = id_
        self.missing = False
        self.base = 0

    def _start(self) -> _Steps:
        assert self.client.room is not None
        self.base = self.client.room.conversation.places
        return seam.look_up(self._world.tail, self.client.order_id, self.id)

    def _end(self, result: Entry | None) -> None:
        room: Room = self._world.tail.rooms[self.client.order_id]
        told = self._world.truths[self.client.order_id].first.get(self.id)
        there = told is not None and told.seq <= room.conversation.head
        if result is None and there:
            raise Violation(f"{self.id} was not found, but it is in the log")
        if result is not None and (told is None or told.seq != result.seq):
            raise Violation(f"{self.id} was found at {result.seq}")
        self.missing = result is None


class Carrier(Wish):
    """Looks for a message that carries a file."""

    kind = "carrier"

    def __init__(self, world: World, client: Client, dice: Random, attachment_id: str) -> None:
        super().__init__(world, client, dice, None)
        self._attachment_id = attachment_id

    def _start(self) -> _Steps:
        return seam.find_carrier(
            self._world.tail, self.client.order_id, self.client.reader, self._attachment_id
        )

    def _end(self, result: Entry | None) -> None:
        """What is answered must be so at the room's head, or later where the store is ahead."""
        truth = self._world.truths[self.client.order_id]
        head = self._world.tail.rooms[self.client.order_id].conversation.head
        later = [told.seq for told in truth.between(head, truth.conversation.head)]
        possible = [
            truth.carrier(self._attachment_id, at, moderator=self.client.moderator)
            for at in (head, *later)
        ]
        if (None if result is None else result.seq) not in possible:
            raise Violation(f"{self._attachment_id} is not carried by {result} at {head}")


def _own(world: World, after: Seq | None) -> Seq | None:
    """A position that the log has; null for a foreign one, which nobody waits for."""
    return after if after and after < world.tail.seq(len(world.records)) else None
