"""Messages with attachments: their grants count when something is appended, never before."""

import pytest

from chat_gateway.attachments import RETRY_GRACE_S, UNSURE_S
from chat_gateway.lane import Lane, Uncertain
from shared.contracts import events as log
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import OrderId
from shared.grants import Grants
from shared.log.port import NotAppended, OutcomeUnknown
from tests.chat_gateway.recorders import NOW_MS
from tests.chat_gateway.test_lane import READ_ONLY, refused, unknown
from tests.chat_gateway.world import GRANTS, House, grant, picture, send
from tests.shared.story import ANNA, BEN, id_of, message, order

OLD_SECRET = b"the secret there was before this one"
SENT = message(ANNA, 1, attachments=(picture(),))


def submit(
    lane: Lane, text: str, *, key: int = 1, retry: bool = False, ref: int = 1, after_s: float = 0
) -> None:
    """Send a message with one attachment, so long after now."""
    frame = send(key, attachments=(text,), retry=retry, ref=ref)
    lane.submit(frame, NOW_MS + int(after_s * 1000), (GRANTS.read(text),))


async def test_the_event_carries_what_the_grant_says() -> None:
    """The file's name, type and size, and no link."""
    house = House()
    lane, _ = house.lane()

    submit(lane, grant())

    (event,) = await house.handed_over()
    assert isinstance(event, log.Message)
    assert event.attachments == (picture(),)


FOREIGN = {
    "another order": grant(order_id=OrderId("o-1043")),
    "another uploader": grant(by=BEN),
    "another secret": grant(secret=OLD_SECRET),
    "another secret, and expired": grant(secret=OLD_SECRET, good_for_s=-1),
}


@pytest.mark.parametrize("retry", [False, True])
@pytest.mark.parametrize("why", FOREIGN)
async def test_a_grant_that_was_never_good_is_refused(why: str, retry: bool) -> None:
    """Even a retry that is not found: nothing can ever have been accepted by it."""
    house = House()
    lane, outlet = house.lane()

    submit(lane, FOREIGN[why], retry=retry)
    if retry:
        lane.looked_up(None, 0, NOW_MS)

    assert outlet.take() == [refused(1, ErrorCode.INVALID)]
    assert (lane.idle, lane.owes) == (True, False)
    assert house.publisher.flight(id_of(ANNA, 1)) is None


async def test_one_bad_grant_is_enough() -> None:
    """A message goes whole or not at all."""
    house = House()
    lane, outlet = house.lane()
    texts = (grant(1), grant(2, by=BEN), grant(3))

    lane.submit(send(1, attachments=texts), NOW_MS, tuple(GRANTS.read(text) for text in texts))

    assert outlet.take() == [refused(1, ErrorCode.INVALID)]


@pytest.mark.parametrize(("age_s", "goes"), [(-1, True), (0, False), (1, False)])
async def test_a_first_try_needs_a_grant_that_has_not_expired(age_s: int, goes: bool) -> None:
    """To the second."""
    house = House()
    lane, outlet = house.lane()

    submit(lane, grant(good_for_s=-age_s))

    assert (house.publisher.flight(id_of(ANNA, 1)) is not None) is goes
    assert outlet.take() == ([] if goes else [refused(1, ErrorCode.INVALID)])


END_S = RETRY_GRACE_S + UNSURE_S


@pytest.mark.parametrize(
    ("age_s", "said"),
    [
        (0, []),
        (RETRY_GRACE_S - 1, []),
        (RETRY_GRACE_S, [unknown(1, 1)]),
        (END_S - 1, [unknown(1, 1)]),
        (END_S, [refused(1, ErrorCode.INVALID)]),
    ],
)
async def test_a_retry_has_longer(age_s: int, said: list[tuple[str, int, str]]) -> None:
    """It is appended for a while, then neither that nor refused, and only then refused."""
    house = House()
    lane, outlet = house.lane()
    submit(lane, grant(good_for_s=-age_s), retry=True)

    lane.looked_up(None, 0, NOW_MS)

    assert outlet.take() == said
    assert lane.owes is (said == [unknown(1, 1)])


@pytest.mark.parametrize("text", [grant(good_for_s=-10 * END_S), *FOREIGN.values()])
@pytest.mark.parametrize("how", ["in the room", "in the store"])
async def test_a_retry_of_what_stands_needs_no_grant(text: str, how: str) -> None:
    """However old its grant is, and even if the secret was changed since."""
    house = House(*([SENT] if how == "in the room" else []))
    lane, outlet = house.lane()

    submit(lane, text, retry=True)
    if how == "in the store":
        lane.looked_up(House(SENT).room.entry(SENT.id), 0, NOW_MS)
        house.meet(SENT)

    assert outlet.take() == ([("event", 1, SENT.id)] if how == "in the room" else [])
    assert (lane.idle, lane.owes) == (True, False)


async def test_a_renewed_grant_is_the_same_request() -> None:
    """Completing the upload again gives another text that says the same of the file."""
    house = House(SENT)
    lane, outlet = house.lane()

    submit(lane, grant(good_for_s=77), retry=True)

    assert outlet.take() == [("event", 1, SENT.id)]


async def test_another_file_under_the_same_id_is_a_conflict() -> None:
    """As another text is."""
    house = House(SENT)
    lane, outlet = house.lane()

    submit(lane, grant(2), retry=True)

    assert outlet.take() == [refused(1, ErrorCode.CONFLICT)]


async def test_the_verdict_of_the_order_comes_first() -> None:
    """Where nothing can be said, nobody is sent to upload again."""
    house = House(order(2, may=READ_ONLY))
    lane, outlet = house.lane()

    submit(lane, grant(good_for_s=-1))

    assert outlet.take() == [refused(1, ErrorCode.READ_ONLY)]


async def test_what_is_sent_again_in_the_queue_goes_by_the_newest_grant() -> None:
    """It was renewed while the first waited to be looked up."""
    house = House()
    lane, outlet = house.lane()
    submit(lane, grant(good_for_s=-END_S), retry=True, ref=1)

    submit(lane, grant(), retry=True, ref=2)
    lane.looked_up(None, 0, NOW_MS)

    (event,) = await house.handed_over()
    assert event.id == SENT.id  # type: ignore[union-attr]
    assert outlet.take() == [unknown(1, 1)]


async def test_a_grant_that_expires_in_the_queue_counts_as_expired() -> None:
    """What matters is the moment it is appended."""
    house = House()
    lane, outlet = house.lane()
    lane.submit(send(7, retry=True, ref=7), NOW_MS)
    submit(lane, grant(good_for_s=1), ref=1)

    lane.looked_up(None, 0, NOW_MS + 1_000)

    assert outlet.take() == [refused(1, ErrorCode.INVALID)]
    assert len(await house.handed_over()) == 1


async def test_what_comes_after_a_refusal_goes_on() -> None:
    """What is refused for good is not owed, and holds nobody back."""
    house = House()
    lane, outlet = house.lane()
    submit(lane, grant(by=BEN), retry=True, ref=1)
    lane.submit(send(2, ref=2), NOW_MS)

    lane.looked_up(None, 0, NOW_MS)

    (event,) = await house.handed_over()
    assert event.id == id_of(ANNA, 2)  # type: ignore[union-attr]
    assert outlet.take() == [refused(1, ErrorCode.INVALID)]


async def test_what_comes_after_something_unsure_waits() -> None:
    """It may be appended yet, by a grant that is renewed."""
    house = House()
    lane, outlet = house.lane()
    submit(lane, grant(good_for_s=-RETRY_GRACE_S), retry=True, ref=1)
    lane.looked_up(None, 0, NOW_MS)

    lane.submit(send(2, ref=2), NOW_MS)
    submit(lane, grant(), retry=True, ref=3)
    lane.looked_up(None, 0, NOW_MS)
    lane.submit(send(2, ref=4), NOW_MS)

    assert outlet.take() == [unknown(1, 1), refused(2, ErrorCode.BUSY)]
    assert [event.id for event in await house.handed_over()] == [  # type: ignore[union-attr]
        id_of(ANNA, 1),
        id_of(ANNA, 2),
    ]


async def test_a_flight_is_joined_whatever_the_grant() -> None:
    """It is the same request, and on its way by a good one."""
    house = House()
    older, _ = house.lane()
    newer, outlet = house.lane()
    submit(older, grant())
    await house.handed_over()

    submit(newer, grant(good_for_s=-10 * END_S), retry=True, ref=2)
    house.meet((await house.end_batch())[0])

    assert outlet.take() == []
    assert newer.idle


async def test_what_the_log_did_not_take_needs_a_good_grant_again() -> None:
    """It is certainly not there: the next try is judged like the first."""
    house = House()
    lane, outlet = house.lane()
    submit(lane, grant(good_for_s=5), ref=1)
    await house.end_batch(NotAppended())

    submit(lane, grant(good_for_s=5), ref=2, after_s=5)

    assert outlet.take() == [refused(1, ErrorCode.BUSY), refused(2, ErrorCode.INVALID)]


async def test_what_may_be_there_is_a_retry_though_its_client_does_not_say_so() -> None:
    """The lane knows it better."""
    house = House()
    lane, outlet = house.lane()
    submit(lane, grant(good_for_s=5), ref=1)
    await house.end_batch(OutcomeUnknown())
    house.publisher.sweep(house.now() + 60)

    submit(lane, grant(good_for_s=5), ref=2, after_s=5)
    lane.looked_up(None, 0, NOW_MS + 5_000)

    assert outlet.take() == [unknown(1, 1)]
    assert house.publisher.flight(id_of(ANNA, 1)) is not None


async def test_a_retry_that_cannot_be_looked_up_is_unknown_whatever_its_grant() -> None:
    """It may stand, and nobody can say now."""
    house = House()
    lane, outlet = house.lane()
    submit(lane, grant(by=BEN), retry=True)

    lane.looked_up(Uncertain(), 0, NOW_MS)

    assert outlet.take() == [unknown(1, 1)]


async def test_too_many_at_a_time_are_put_off_with_their_grants() -> None:
    """The id is not used up, and keeps its place."""
    house = House()
    lane, outlet = house.lane()
    bad = grant(by=BEN)

    lane.limit(send(1, attachments=(bad,)), 20, (GRANTS.read(bad),))
    submit(lane, grant(), ref=2)

    assert outlet.take() == [refused(1, ErrorCode.RATE_LIMITED)]
    assert house.publisher.flight(id_of(ANNA, 1)) is not None


def test_grants_are_signed_with_the_secret_of_the_tests() -> None:
    """Else every refusal above would prove nothing."""
    assert GRANTS.read(grant()).genuine
    assert not Grants(OLD_SECRET).read(grant()).genuine
