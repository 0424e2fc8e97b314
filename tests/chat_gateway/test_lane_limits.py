"""What a lane does with an attempt that comes too early for the rate: nothing overtakes it."""

from chat_gateway.lane import RETRY_AFTER_MS
from shared.contracts import events as log
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import ClientId
from shared.log.port import NotAppended
from tests.chat_gateway.recorders import NOW_MS, RecordingOutlet
from tests.chat_gateway.test_lane import refused, unknown
from tests.chat_gateway.world import House, send
from tests.shared.story import ANNA, id_of, message


def limited(ref: int) -> tuple[str, int, str]:
    return refused(ref, ErrorCode.RATE_LIMITED)


class PatientOutlet(RecordingOutlet):
    """Records as well how long each answer said to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[int] = []

    def refuse(
        self,
        ref: int,
        code: ErrorCode,
        message: str | None = None,
        *,
        id_: ClientId | None = None,
        retry_after_ms: int = RETRY_AFTER_MS,
    ) -> None:
        super().refuse(ref, code, message, id_=id_)
        self.waits.append(retry_after_ms)

    def unknown(self, ref: int, id_: ClientId, retry_after_ms: int = RETRY_AFTER_MS) -> None:
        super().unknown(ref, id_)
        self.waits.append(retry_after_ms)


async def test_a_first_try_is_refused_for_now() -> None:
    """It was not written, and may be sent again."""
    house = House()
    lane, outlet = house.lane()

    lane.limit(send(1), 20)

    assert outlet.take() == [limited(1)]
    assert house.publisher.flight(id_of(ANNA, 1)) is None


async def test_a_try_that_may_be_in_the_log_stays_unknown() -> None:
    """Only the log refuses it."""
    house = House()
    lane, outlet = house.lane()

    lane.limit(send(1, retry=True), 20)

    assert outlet.take() == [unknown(1, 1)]


async def test_what_became_unknown_stays_so_without_being_marked_as_a_retry() -> None:
    """The lane remembers, whatever the client says."""
    house = House()
    lane, outlet = house.lane()
    lane.limit(send(1, retry=True), 20)
    outlet.take()

    lane.limit(send(1), 20)

    assert outlet.take() == [unknown(1, 1)]


async def test_the_wait_is_told() -> None:
    """Refused or unknown."""
    house = House()
    lane, _ = house.lane()
    outlet = lane._outlet = PatientOutlet()

    lane.limit(send(1), 20)
    lane.limit(send(2, retry=True), 40)

    assert outlet.waits == [20, 40]


async def test_what_was_typed_later_does_not_overtake() -> None:
    """It gets busy until the limited one was sent again."""
    house = House()
    lane, outlet = house.lane()
    lane.limit(send(1, ref=1), 20)
    lane.submit(send(2, ref=2), NOW_MS)
    assert outlet.take() == [limited(1), refused(2, ErrorCode.BUSY)]

    lane.submit(send(1, ref=3), NOW_MS)
    lane.submit(send(2, ref=4), NOW_MS)

    events = await house.handed_over()
    assert [event.id for event in events if isinstance(event, log.Message)] == [
        id_of(ANNA, 1),
        id_of(ANNA, 2),
    ]


async def test_limited_again_it_keeps_its_place() -> None:
    """However often; what came after it still waits."""
    house = House()
    lane, outlet = house.lane()
    lane.limit(send(1, ref=1), 20)
    lane.limit(send(2, ref=2), 20)
    lane.limit(send(1, ref=3), 20)
    outlet.take()

    lane.submit(send(2, ref=4), NOW_MS)

    assert outlet.take() == [refused(4, ErrorCode.BUSY)]


async def test_what_is_in_flight_goes_on() -> None:
    """The copy is unknown; the flight settles the first try."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1, ref=1), NOW_MS)

    lane.limit(send(1, ref=2), 20)
    house.meet((await house.end_batch())[0])

    assert outlet.take() == [unknown(2, 1)]
    assert not lane.owes


async def test_a_flight_that_fails_after_that_is_unknown_too() -> None:
    """The client heard that it may be there, so it must not hear that it certainly is not."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1, ref=1), NOW_MS)
    lane.limit(send(1, ref=2), 20)

    await house.end_batch(NotAppended())

    assert outlet.take() == [unknown(2, 1), unknown(1, 1)]


async def test_what_is_looked_up_goes_on() -> None:
    """The copy is unknown; the look-up's answer is the first try's."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(1, retry=True, ref=1), NOW_MS)

    lane.limit(send(1, retry=True, ref=2), 20)
    assert outlet.take() == [unknown(2, 1)]
    lane.looked_up(None, 0, NOW_MS)

    assert len(await house.handed_over()) == 1


async def test_what_another_connection_has_in_flight_is_unknown_and_owed() -> None:
    """It may fail there: nothing that was typed later here may be faster."""
    house = House()
    older, _ = house.lane()
    newer, outlet = house.lane()
    older.submit(send(1, ref=1), NOW_MS)

    newer.limit(send(1, ref=2), 20)
    newer.submit(send(2, ref=3), NOW_MS)

    assert outlet.take() == [unknown(2, 1), refused(3, ErrorCode.BUSY)]


async def test_what_stands_already_is_shown() -> None:
    """To answer it costs less than to hear it again."""
    house = House(message(ANNA, 1))
    lane, outlet = house.lane()

    lane.limit(send(1), 20)

    assert outlet.take() == [("event", 1, id_of(ANNA, 1))]
    assert not lane.owes
