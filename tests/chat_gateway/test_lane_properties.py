"""Whatever the log, the network and the look-ups do: one outcome each, once, and in order."""

import asyncio
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chat_gateway import publisher
from chat_gateway.lane import Uncertain
from chat_gateway.publisher import SETTLE_DEADLINE_S
from chat_gateway.session import Session
from chat_gateway.tail import Room
from shared import conversation
from shared.contracts import events as log
from shared.contracts.ids import UserId, make_seq
from shared.conversation import Conversation
from shared.log.port import NotAppended, OutcomeUnknown
from shared.timeline import Entry
from tests.chat_gateway.devices import Device
from tests.chat_gateway.world import NOW_MS, House, LookUp, turns
from tests.shared.story import ALL, ANNA, BEN, ORDER, order

LATE_AFTER: Final = 6
"""Instead of 1,000, so that lateness is met in short histories."""
ROUNDS_MAX: Final = 60

FROZEN: Final[dict[str, tuple[log.Action, ...]]] = {"creator": ("read",), "advertiser": ("read",)}
THAWED: Final[dict[str, tuple[log.Action, ...]]] = {"creator": ALL, "advertiser": ALL}

gateways = st.integers(0, 1)
any_of = st.integers(0, 1_000)
"""Which of the things at hand, counted round."""


class Sends(RuleBasedStateMachine):
    """Three devices of two users, two gateways, one log that does its worst."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(conversation, "LATE_AFTER", LATE_AFTER)
        self.patch.setattr(publisher, "LATE_AFTER", LATE_AFTER)
        self.records: list[log.Event] = [order()]
        self.versions = 1
        self.delayed: list[list[log.Event]] = []
        self.half_open: list[Session] = []
        self.houses = self.loop.run_until_complete(self._open_houses())
        self.devices = [Device(ANNA, 1_000), Device(ANNA, 2_000), Device(BEN, 3_000)]
        self.devices[0].connect(self.houses[0])

    async def _open_houses(self) -> list[House]:
        houses = [House(room=Room(Conversation(ORDER))) for _ in range(2)]
        for house in houses:
            self._read_on(house)
        return houses

    # People.

    @rule(which=any_of, knows_seen=st.booleans())
    def type(self, which: int, knows_seen: bool) -> None:
        """Somebody says something; a connected device with nothing to catch up sends it."""
        device = self.devices[which % 3]
        item = device.type()
        if device.session is not None and not device.burst:
            self._act(lambda: device.send(item, knows_seen=knows_seen))

    @rule(which=any_of, item=any_of)
    def send_again(self, which: int, item: int) -> None:
        """A device sends something it was told to send again."""
        device = self.devices[which % 3]
        due = device.due()
        if device.session is not None and due:
            self._act(lambda: device.send(due[item % len(due)]))

    @rule(which=any_of, item=any_of)
    def lose_patience(self, which: int, item: int) -> None:
        """A device asks again though it has no outcome yet."""
        device = self.devices[which % 3]
        waiting = [item for item in device.items if item.refs]
        if device.session is not None and waiting and not device.burst:
            asked = waiting[item % len(waiting)]
            asked.maybe_there = True
            self._act(lambda: device.send(asked))

    # The network.

    @rule(which=any_of, gateway=gateways)
    def connect(self, which: int, gateway: int) -> None:
        """A device connects; the gateway may hear of the old connection's end much later."""
        before = self._connect(self.devices[which % 3], gateway)
        if before is not None:
            self.half_open.append(before)

    @rule(which=any_of)
    def cut(self, which: int) -> None:
        """A connection is lost."""
        device = self.devices[which % 3]
        if device.session is not None:
            self._act(device.cut)

    @precondition(lambda self: self.half_open)
    @rule()
    def notice(self) -> None:
        """A gateway hears that a connection is long gone."""
        self._act(self.half_open.pop(0).lost)

    # The log.

    @rule(gateway=gateways, how=st.sampled_from(["ack", "refuse", "lose answer", "delay"]))
    def end_batch(self, gateway: int, how: str) -> None:
        """A batch ends in one of the ways the port allows."""
        batches = self.houses[gateway].log.batches
        if not batches:
            return
        batch = batches.pop(0)
        failure = {"ack": None, "refuse": NotAppended()}.get(how, OutcomeUnknown())
        if how in ("ack", "lose answer"):
            self.records += batch.events
        elif how == "delay":
            self.delayed.append(batch.events)
        self._act(lambda: batch.end(failure))

    @precondition(lambda self: self.delayed)
    @rule(which=any_of)
    def land(self, which: int) -> None:
        """What nobody waits for any more reaches the log after all."""
        self.records += self.delayed.pop(which % len(self.delayed))

    @rule(gateway=gateways, count=st.integers(1, 8))
    def read(self, gateway: int, count: int) -> None:
        """A gateway's reader meets the next records."""
        self._act(lambda: self._read_on(self.houses[gateway], count))

    @rule(gateway=gateways)
    def give_up(self, gateway: int) -> None:
        """What a gateway offered so far is overdue."""
        house = self.houses[gateway]
        self._act(lambda: house.publisher.sweep(self.loop.time() + SETTLE_DEADLINE_S))

    @rule(frozen=st.booleans())
    def change_order(self, frozen: bool) -> None:
        """The order is frozen, or opened again."""
        self.versions += 1
        self.records.append(order(self.versions, may=FROZEN if frozen else THAWED))

    @rule(gateway=gateways, which=any_of, store=any_of, certain=st.booleans())
    def answer_look_up(self, gateway: int, which: int, store: int, certain: bool) -> None:
        """A look-up ends; the store may be ahead of the reader or behind it."""
        house = self.houses[gateway]
        if house.desk.look_ups:
            look_up = house.desk.look_ups.pop(which % len(house.desk.look_ups))
            self._answer(house, look_up, store % (len(self.records) + 1), certain=certain)

    # What must hold.

    @invariant()
    def nothing_is_told_twice(self) -> None:
        """Each attempt has one outcome on the connection it was made on."""
        for device in self.devices:
            device.hear()

    @invariant()
    def what_stands_stands_once_and_in_order(self) -> None:
        """Per device, messages stand in the order they were typed."""
        standing = [entry for entry in self._all() if entry.stands]
        ids = [entry.id for entry in standing if entry.id is not None]
        assert len(ids) == len(set(ids))
        for first_key, by in ((1_000, ANNA), (2_000, ANNA), (3_000, BEN)):
            keys = [key for key in _keys(standing, by) if first_key <= key < first_key + 1_000]
            assert keys == sorted(keys)

    def teardown(self) -> None:
        """When the faults stop, everything settles."""
        try:
            self._settle_everything()
        finally:
            self.loop.run_until_complete(self._close())
            self.loop.close()
            self.patch.undo()

    def _settle_everything(self) -> None:
        for device in self.devices:
            if device.session is None:
                self._connect(device, 0)
        for _ in range(ROUNDS_MAX):
            if all(item.over for device in self.devices for item in device.items):
                return
            for house in self.houses:
                self._calm(house)
            for device in self.devices:
                device.hear()
                for item in device.due():
                    self._act(lambda device=device, item=item: device.send(item))  # type: ignore[misc]
        raise AssertionError("something waits for ever")

    # Inside.

    def _calm(self, house: House) -> None:
        while house.log.batches:
            batch = house.log.batches.pop(0)
            self.records += batch.events
            self._act(batch.end)
        self._act(lambda: self._read_on(house))
        while house.desk.look_ups:
            look_up = house.desk.look_ups.pop(0)
            self._answer(house, look_up, len(self.records), certain=True)

    def _connect(self, device: Device, gateway: int) -> Session | None:
        before: list[Session | None] = []
        self._act(lambda: before.append(device.connect(self.houses[gateway])))
        return before[0]

    def _answer(self, house: House, look_up: LookUp, store: int, *, certain: bool) -> None:
        found: Entry | Uncertain | None = Uncertain()
        if certain:
            stored = _fold(self.records[:store]).entry(look_up.id)
            found = house.room.entry(look_up.id) or stored
        self._act(lambda: look_up.lane.looked_up(found, look_up.base, NOW_MS))

    def _read_on(self, house: House, count: int | None = None) -> None:
        position = len(house.room.entries)
        until = None if count is None else position + count
        for event in self.records[position:until]:
            house.meet(event)

    def _all(self) -> list[Entry]:
        return list(_fold(self.records).entries)

    def _act(self, act: Callable[[], None]) -> None:
        """Do it on the loop, and let everything that follows happen."""

        async def acting() -> None:
            act()
            await turns()

        self.loop.run_until_complete(acting())

    async def _close(self) -> None:
        for house in self.houses:
            await house.publisher.close()


def _fold(records: list[log.Event]) -> Room:
    room = Room(Conversation(ORDER))
    for offset, event in enumerate(records):
        room.fold(make_seq(1, offset), NOW_MS, event)
    return room


def _keys(standing: list[Entry], by: UserId) -> list[int]:
    """The numbers of a user's messages, as the devices count."""
    return [
        int(entry.event.client_id.replace("-", ""), 16)
        for entry in standing
        if isinstance(entry.event, log.Message) and entry.event.by == by
    ]


Sends.TestCase.settings = settings(
    max_examples=300,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestSends = Sends.TestCase
