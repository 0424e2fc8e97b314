"""Ids and positions: pinned, since whatever was derived once must be derived for ever."""

from uuid import NAMESPACE_DNS, uuid5

import pytest

from shared.contracts import ids
from shared.contracts.ids import (
    EPOCH_MAX,
    NOTHING,
    SAFE_INTEGER,
    ClientId,
    OrderId,
    UserId,
    epoch_of,
    is_order_id,
    make_seq,
    message_id,
    offset_of,
)
from shared.contracts.topics import murmur2, partition_of

ORDER = OrderId("o-1042")
ANNA = UserId("u-anna")
CLIENT_ID = ClientId("019c2f5e-8a02-7c3d-9e4f-5a6b7c8d9e02")


def test_an_id_is_what_it_always_was() -> None:
    """The derivation is pinned: a changed one would let every old message be sent again."""
    assert message_id(ORDER, ANNA, CLIENT_ID) == "a388ffd1-f3b1-532b-91af-d88a2b27d1d1"


def test_letter_case_of_a_client_id_does_not_matter() -> None:
    """A UUID written in capitals is the same UUID, so it is the same message."""
    capitals = ClientId(CLIENT_ID.upper())

    assert message_id(ORDER, ANNA, capitals) == message_id(ORDER, ANNA, CLIENT_ID)


@pytest.mark.parametrize(
    ("order", "by"),
    [("o-1043", "u-anna"), ("o-1042", "u-ben"), ("o-1042u-", "anna"), ("u-anna", "o-1042")],
)
def test_ids_of_others_are_other_ids(order: str, by: str) -> None:
    """One client id used in another order, or by another writer, collides with nothing."""
    assert message_id(OrderId(order), UserId(by), CLIENT_ID) != message_id(ORDER, ANNA, CLIENT_ID)


def test_ids_live_in_our_own_namespace() -> None:
    """A program that knows the parts but derives under a usual namespace hits none of our ids."""
    usual = uuid5(uuid5(uuid5(NAMESPACE_DNS, ORDER), ANNA), CLIENT_ID)

    assert message_id(ORDER, ANNA, CLIENT_ID) != str(usual)


@pytest.mark.parametrize(
    ("key", "digest"),
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
    ],
)
def test_murmur2_is_that_of_kafka(key: str, digest: int) -> None:
    """The vectors of Kafka's own tests come out."""
    assert murmur2(key.encode()) == digest & 0xFFFFFFFF


def test_the_partition_ignores_the_sign() -> None:
    """As Kafka's partitioner does: the sign bit is masked off, not negated."""
    assert partition_of("21", 16) == (-973932308 & 0x7FFFFFFF) % 16


@pytest.mark.parametrize("partitions", [1, 8, 16, 64])
def test_every_key_has_a_partition(partitions: int) -> None:
    """All partitions are used and no key falls outside of them."""
    used = {partition_of(f"o-{number}", partitions) for number in range(2_000)}

    assert used == set(range(partitions))


@pytest.mark.parametrize("epoch", [1, 2, EPOCH_MAX])
@pytest.mark.parametrize("offset", [0, 1, 2**44 - 1])
def test_a_position_gives_back_its_parts(epoch: int, offset: int) -> None:
    """Epoch and offset are both in a seq, which every JSON reader keeps exact."""
    seq = make_seq(epoch, offset)

    assert (epoch_of(seq), offset_of(seq)) == (epoch, offset)
    assert NOTHING < seq <= SAFE_INTEGER


def test_a_later_epoch_is_above_every_offset_of_an_earlier_one() -> None:
    """Positions rise when the topic is made anew, though its offsets begin again."""
    assert make_seq(1, 2**44 - 1) < make_seq(2, 0)


@pytest.mark.parametrize("text", ["o-1042", "a", "A.b_c:d~e-f", "0" * 64])
def test_order_ids(text: str) -> None:
    """What a marketplace usually calls an order may name one."""
    assert is_order_id(text)


@pytest.mark.parametrize("text", ["", "-a", ".a", "a b", "a/b", "o-1042\n", "ö", "0" * 65, "a\0"])
def test_no_order_ids(text: str) -> None:
    """What could be mistaken for a path, a query or two orders may not."""
    assert not is_order_id(text)


def test_what_is_too_long_is_not_remembered() -> None:
    """Anybody may ask for anything: only what is short enough is kept, to be known again."""
    before = ids._names_an_order.cache_info().currsize

    assert not is_order_id("0" * 60_000)

    assert ids._names_an_order.cache_info().currsize == before
