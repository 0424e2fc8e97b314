"""Two gateways, three devices, one log: a history of sends in which everything may go wrong.

Rooms, hubs, publishers, lanes and sessions are the real ones; engine, sockets and look-ups are the
outside, and a random generator plays their part.
"""

import asyncio
from random import Random
from typing import Final

from chat_gateway.attachments import RETRY_GRACE_S, UNSURE_S
from chat_gateway.lane import Uncertain
from chat_gateway.publisher import SETTLE_DEADLINE_S
from chat_gateway.session import Session
from chat_gateway.tail import Room
from shared.contracts import events as log
from shared.contracts.ids import UserId, make_seq
from shared.conversation import Conversation
from shared.log.port import NotAppended, OutcomeUnknown
from shared.timeline import Entry
from tests.chat_gateway.devices import Device, File
from tests.chat_gateway.recorders import NOW_MS, LookUp
from tests.chat_gateway.world import House, turns
from tests.shared.story import ALL, ANNA, BEN, ORDER, order

ROUNDS_MAX: Final = 60
"""Calm rounds within which everything must be settled."""

FROZEN: Final[dict[str, tuple[log.Action, ...]]] = {"creator": ("read",), "advertiser": ("read",)}
THAWED: Final[dict[str, tuple[log.Action, ...]]] = {"creator": ALL, "advertiser": ALL}

WEIGHTS: Final = {
    "type": 12, "send": 16, "lose_patience": 2, "connect": 4, "cut": 2, "notice": 2,
    "end_batch": 10, "land": 2, "read": 10, "give_up": 1, "change_order": 1, "look_up": 10,
    "pass_time": 4,
}  # fmt: skip
FILES: Final[tuple[File | None, ...]] = (None, None, None, "kept", "renewed", "forged")
PASSING_S: Final = (1, 5, 20)
AGES_S: Final = (-2, 0, RETRY_GRACE_S - 2, RETRY_GRACE_S, RETRY_GRACE_S + UNSURE_S - 2)
"""Of grants, about when something becomes of them."""
ENDS: Final = ("ack", "ack", "ack", "refuse", "lose answer", "delay")


class Sends:
    """See the module. Made on a running loop; any step may happen at any moment."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._records: list[log.Event] = [order()]
        self._delayed: list[list[log.Event]] = []
        self._half_open: list[Session] = []
        self._now_ms = NOW_MS
        self._under_way_s = 0
        """How long something may have been on its way into the log by now."""
        self._houses = [House(room=Room(Conversation(ORDER))) for _ in range(2)]
        for house in self._houses:
            self._read_on(house)
        self.devices = [Device(ANNA, 1_000), Device(ANNA, 2_000), Device(BEN, 3_000)]
        self.devices[0].connect(self._houses[0])

    async def step(self) -> None:
        """One thing happens, and what follows from it; then everything must hold."""
        (name,) = self._random.choices(list(WEIGHTS), list(WEIGHTS.values()))
        getattr(self, f"_{name}")()
        await turns()
        self.check()

    def check(self) -> None:
        """Each attempt has one outcome; what stands stands once, in the order it was typed."""
        for device in self.devices:
            device.hear()
        standing = [entry for entry in _fold(self._records).entries if entry.stands]
        ids = [entry.id for entry in standing if entry.id is not None]
        assert len(ids) == len(set(ids))
        for device in self.devices:
            typed = {item.key: item for item in device.items}
            keys = [key for key in _keys(standing, device.user_id) if key in typed]
            # Of a grant that ends, a first try may be refused and nobody hear of it, and a retry
            # still be in time when what was typed later has gone.
            in_order = [key for key in keys if typed[key].file != "kept"]
            assert in_order == sorted(in_order)
            assert not any(typed[key].refused for key in keys)

    async def settle(self) -> None:
        """The faults stop: before long, every attempt must have its outcome."""
        for device in self.devices:
            if device.session is None:
                device.connect(self._houses[0])
        for _ in range(ROUNDS_MAX):
            if all(item.over for device in self.devices for item in device.items):
                break
            for house in self._houses:
                await self._calm(house)
            self._let_pass(UNSURE_S)
            for device in self.devices:
                device.hear()
                for item in device.due():
                    device.send(item)
        else:
            raise AssertionError("something waits for ever")
        self.check()

    async def close(self) -> None:
        """Stop the publishers."""
        for house in self._houses:
            await house.publisher.close()

    # People.

    def _type(self) -> None:
        device = self._random.choice(self.devices)
        ends_s = (self._now_ms - NOW_MS) // 1000 + self._random.choice((1, 30, 300))
        item = device.type(self._random.choice(FILES), ends_s)
        if device.session is not None and not device.burst:
            device.send(item, knows_seen=self._random.random() < 0.7)

    def _send(self) -> None:
        device = self._random.choice(self.devices)
        if device.session is not None and (due := device.due()):
            device.send(self._random.choice(due))

    def _lose_patience(self) -> None:
        """A device asks again though it has no outcome yet."""
        device = self._random.choice(self.devices)
        waiting = [item for item in device.items if item.refs]
        if device.session is not None and waiting and not device.burst:
            item = self._random.choice(waiting)
            item.maybe_there = True
            device.send(item)

    # The network.

    def _connect(self) -> None:
        """The gateway may hear of the end of the connection before much later, or never."""
        device = self._random.choice(self.devices)
        before = device.connect(self._random.choice(self._houses))
        if before is not None:
            self._half_open.append(before)

    def _cut(self) -> None:
        device = self._random.choice(self.devices)
        if device.session is not None:
            device.cut()

    def _notice(self) -> None:
        if self._half_open:
            self._half_open.pop(0).lost()

    # The log.

    def _end_batch(self) -> None:
        batches = self._random.choice(self._houses).log.batches
        if not batches:
            return
        batch, how = batches.pop(0), self._random.choice(ENDS)
        if how in ("ack", "lose answer"):
            self._records += batch.events
        elif how == "delay":
            self._delayed.append(batch.events)
        failure = {"ack": None, "refuse": NotAppended()}.get(how, OutcomeUnknown())
        batch.end(failure)

    def _land(self) -> None:
        """What nobody waits for any more reaches the log after all."""
        if self._delayed:
            self._records += self._delayed.pop(self._random.randrange(len(self._delayed)))

    def _read(self) -> None:
        self._read_on(self._random.choice(self._houses), self._random.randint(1, 8))

    def _give_up(self) -> None:
        """What a gateway offered so far is overdue."""
        now = asyncio.get_running_loop().time()
        self._random.choice(self._houses).publisher.sweep(now + SETTLE_DEADLINE_S)

    def _pass_time(self) -> None:
        """Some moments, or until something becomes of a grant."""
        kept = [item for device in self.devices for item in device.items if item.file == "kept"]
        seconds = self._random.choice(PASSING_S)
        if kept and self._random.random() < 0.7:
            moment = self._random.choice(kept).ends_s + self._random.choice(AGES_S)
            seconds = max(seconds, moment - (self._now_ms - NOW_MS) // 1000)
        self._let_pass(seconds)

    def _let_pass(self, seconds: int) -> None:
        """Nothing is on its way to a reader for as long as nobody is sure of a grant."""
        self._under_way_s += seconds
        if self._under_way_s >= UNSURE_S:
            self._under_way_s = 0
            self._arrive_or_never()
        self._now_ms += seconds * 1000
        for house in self._houses:
            house.desk.ms = self._now_ms

    def _change_order(self) -> None:
        may = FROZEN if self._random.random() < 0.4 else THAWED
        self._records.append(order(len(self._records) + 1, may=may))

    def _look_up(self) -> None:
        """A look-up ends; the store may be ahead of the reader or behind it, or silent."""
        house = self._random.choice(self._houses)
        if house.desk.look_ups:
            look_up = house.desk.look_ups.pop(self._random.randrange(len(house.desk.look_ups)))
            stored = self._random.randint(0, len(self._records))
            self._answer(house, look_up, stored, certain=self._random.random() < 0.8)

    # Inside.

    def _arrive_or_never(self) -> None:
        """Whatever is on its way into the log has been read by now, or never will be."""
        for house in self._houses:
            house.publisher.sweep(asyncio.get_running_loop().time() + SETTLE_DEADLINE_S)
            while house.log.batches:
                batch = house.log.batches.pop()
                self._delayed.append(batch.events)
                batch.end(OutcomeUnknown())
        while self._delayed:
            if self._random.random() < 0.5:
                self._land()
            else:
                self._delayed.pop()
        for house in self._houses:
            self._read_on(house)

    async def _calm(self, house: House) -> None:
        await turns()
        while house.log.batches:
            batch = house.log.batches.pop(0)
            self._records += batch.events
            batch.end()
            await turns()
        self._read_on(house)
        while house.desk.look_ups:
            self._answer(house, house.desk.look_ups.pop(0), len(self._records), certain=True)
        await turns()

    def _answer(self, house: House, look_up: LookUp, stored: int, *, certain: bool) -> None:
        found: Entry | Uncertain | None = Uncertain()
        if certain:
            store = _fold(self._records[:stored])
            found = house.room.entry(look_up.id) or store.entry(look_up.id)
        look_up.lane.looked_up(found, look_up.base, self._now_ms)

    def _read_on(self, house: House, count: int | None = None) -> None:
        position = len(house.room.entries)
        until = None if count is None else position + count
        for event in self._records[position:until]:
            house.meet(event)


def _fold(records: list[log.Event]) -> Room:
    room = Room(Conversation(ORDER))
    for offset, event in enumerate(records):
        room.fold(make_seq(1, offset), NOW_MS, event)
    return room


def _keys(standing: list[Entry], by: UserId) -> list[int]:
    """The numbers of a user's messages, as devices count them."""
    return [
        int(entry.event.client_id.replace("-", ""), 16)
        for entry in standing
        if isinstance(entry.event, log.Message) and entry.event.by == by
    ]
