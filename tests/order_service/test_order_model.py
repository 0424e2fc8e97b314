"""The ways an order may go, and what the policy grants on them."""

import itertools
import json
from pathlib import Path

import msgspec
import pytest

from order_service import model, policy
from order_service.model import IllegalTransition, Status
from tests.order_service.world import ANNA, BEN, ORDER, PARTIES

WAYS = {
    ("pending", "in_progress"),
    ("pending", "declined"),
    ("pending", "cancelled"),
    ("in_progress", "delivered"),
    ("in_progress", "cancelled"),
    ("in_progress", "disputed"),
    ("delivered", "in_progress"),
    ("delivered", "completed"),
    ("delivered", "disputed"),
    ("disputed", "in_progress"),
    ("disputed", "completed"),
    ("disputed", "cancelled"),
}
"""As the design has them, written down a second time on purpose."""


@pytest.mark.parametrize(("origin", "target"), list(itertools.product(Status, Status)))
def test_only_the_drawn_ways_can_be_gone(origin: Status, target: Status) -> None:
    """From every status to every other: a new version, the same order, or a refusal."""
    order = msgspec.structs.replace(model.start(ORDER, "A logo", PARTIES), status=origin)

    if origin is target:
        assert model.move(order, target) is order
    elif (origin, target) in WAYS:
        moved = model.move(order, target)
        assert (moved.status, moved.version) == (target, 2)
    else:
        with pytest.raises(IllegalTransition, match=f"from {origin} to {target}"):
            model.move(order, target)


def test_an_order_starts_pending() -> None:
    """A new order is version 1, and pending."""
    order = model.start(ORDER, "A logo", PARTIES)

    assert (order.version, order.status) == (1, Status.PENDING)


def test_what_cannot_be_left_is_not_open() -> None:
    """Completed, declined and cancelled orders are over."""
    assert {"pending", "in_progress", "delivered", "disputed"} == model.OPEN


def test_describing_an_order_keeps_its_status() -> None:
    """Title and parties change under a new version; the status is not theirs to change."""
    order = model.move(model.start(ORDER, "A logo", PARTIES), Status.IN_PROGRESS)

    described = model.describe(order, "Two logos", (ANNA,))

    assert (described.version, described.status) == (3, Status.IN_PROGRESS)
    assert (described.title, described.participants) == ("Two logos", (ANNA,))


def test_the_same_description_is_no_change() -> None:
    """Describing an order as it is makes no version."""
    order = model.start(ORDER, "A logo", PARTIES)

    assert model.describe(order, "A logo", PARTIES) is order


def test_roles_are_the_participants_alone() -> None:
    """Whoever is not named has no role."""
    order = model.start(ORDER, "A logo", PARTIES)

    assert [order.role_of(user) for user in ("anna", "ben", "eve")] == ["creator", BEN.role, None]


TALK = ("read", "send", "attach", "edit", "delete")
GRANTED: dict[str, tuple[str, ...]] = {
    "pending": TALK,
    "in_progress": TALK,
    "delivered": TALK,
    "disputed": ("read", "send", "attach"),
    "completed": ("read",),
    "declined": ("read",),
    "cancelled": ("read",),
}


@pytest.mark.parametrize("status", Status)
def test_the_default_policy(status: Status) -> None:
    """Parties write while the order is open, change nothing in a dispute, and always read."""
    may = policy.evaluate(policy.DEFAULT, status, ["support", "creator", "advertiser", "creator"])

    assert may == {
        "advertiser": GRANTED[status],
        "creator": GRANTED[status],
        "support": ("read", "send"),
    }


def test_a_role_the_table_does_not_name_may_do_nothing() -> None:
    """Nothing is granted by default."""
    assert policy.evaluate(policy.DEFAULT, Status.PENDING, ["guest"]) == {"guest": ()}


def table(**changes: object) -> dict[str, object]:
    return {status: {"buyer": ["send", "read"]} for status in Status} | changes


def test_a_marketplace_loads_its_own_policy(tmp_path: Path) -> None:
    """A JSON file replaces the table; actions come out in one order, whatever the file's."""
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"edit_window_ms": 0, "table": table()}))

    loaded = policy.load(file)

    assert loaded.roles == {"buyer"}
    assert loaded.edit_window_ms == 0
    assert policy.evaluate(loaded, Status.DISPUTED, ["buyer"]) == {"buyer": ("read", "send")}


def test_contact_details_are_flagged_unless_a_status_says_otherwise(tmp_path: Path) -> None:
    """A marketplace says by status what becomes of them; nothing is taken by default."""
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"contact": {"pending": "masked"}, "table": table()}))

    loaded = policy.load(file)

    assert policy.contact_in(loaded, Status.PENDING) == "masked"
    assert policy.contact_in(loaded, Status.DELIVERED) == "flagged"
    assert {policy.contact_in(policy.DEFAULT, status) for status in Status} == {"flagged"}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "truncated"),
        ("[" * 100_000, "policy.json"),
        ('{"table": {}}', "lacks the status pending"),
        (json.dumps({"table": {status: {} for status in Status}}), "names no role"),
        (json.dumps({"table": table(pending={"buyer": ["fly"]})}), "fly"),
        (json.dumps({"table": table(sold={"buyer": ["read"]})}), "sold"),
        (json.dumps({"table": table(pending={"": ["read"]})}), "length >= 1"),
        (json.dumps({"table": table(), "edit_window_ms": -1}), "edit_window_ms"),
        (json.dumps({"table": table(), "window": 1}), "window"),
        (json.dumps({"table": table(), "contact": {"pending": "hidden"}}), "hidden"),
        (json.dumps({"table": table(), "contact": {"sold": "masked"}}), "sold"),
    ],
)
def test_a_bad_policy_file_is_named_with_its_fault(
    tmp_path: Path, content: str, complaint: str
) -> None:
    """An operator reads which file is wrong, and what in it."""
    file = tmp_path / "policy.json"
    file.write_text(content)

    with pytest.raises(policy.BadPolicy, match=complaint) as raised:
        policy.load(file)

    assert str(file) in str(raised.value)


def test_a_missing_policy_file_is_named(tmp_path: Path) -> None:
    """A path mistyped is heard of at start."""
    with pytest.raises(policy.BadPolicy, match=r"nowhere\.json: No such file"):
        policy.load(tmp_path / "nowhere.json")


def test_the_digest_is_of_what_is_granted() -> None:
    """Writing the same grants in another order is no change; another grant is."""
    same = policy.Policy(
        {
            status: {role: actions[::-1] for role, actions in sorted(roles.items(), reverse=True)}
            for status, roles in policy.DEFAULT.table.items()
        }
    )
    window = policy.Policy(policy.DEFAULT.table, edit_window_ms=1)
    contact = policy.Policy(policy.DEFAULT.table, contact={Status.PENDING: "refused"})

    assert policy.digest(same) == policy.digest(policy.DEFAULT)
    assert len({policy.digest(each) for each in (policy.DEFAULT, window, contact)}) == 3
