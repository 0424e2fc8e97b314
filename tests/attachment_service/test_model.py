"""An upload's life, step by step, without anything that stores it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attachment_service.model import (
    CLAIM_MS,
    NEVER,
    OPEN,
    PART_BYTES,
    TRIES_MAX,
    UNFINISHED_MS,
    IllegalStep,
    Passed,
    State,
    Upload,
    may_go,
    owner_of,
    reserve,
)
from attachment_service.verdicts import Reason
from shared.contracts.ids import OrderId, UserId

NOW = 1_795_000_000_000
PASSED = Passed(size=3, width=None, height=None, thumbnail=False)


def fresh(size: int = 3) -> Upload:
    return reserve(
        "4d9a1f52-0000-4000-8000-000000000001",
        OrderId("o1"),
        UserId("anna"),
        name="brief.pdf",
        content_type="application/pdf",
        size=size,
        sha256=None,
        now=NOW,
    )


@pytest.mark.parametrize(
    ("size", "parts"),
    [
        (1, [1]),
        (PART_BYTES, [PART_BYTES]),
        (PART_BYTES + 1, [PART_BYTES, 1]),
        (2 * PART_BYTES, [PART_BYTES, PART_BYTES]),
        (100 << 20, [PART_BYTES] * 6 + [4 << 20]),
    ],
)
def test_a_large_file_has_parts_of_one_size_and_a_rest(size: int, parts: list[int]) -> None:
    """Their sizes add up, and none is empty."""
    upload = fresh(size)

    assert upload.part_sizes == parts
    assert upload.in_parts is (len(parts) > 1)


def test_the_way_to_ready() -> None:
    """Each step makes the next version, and what is ready is due when its grant is over."""
    upload = fresh()

    begun = upload.begin()
    claimed = begun.claim("c1", NOW)
    ready = claimed.make_ready("c1", PASSED, NOW + 5)

    assert [u.state for u in (upload, begun, claimed, ready)] == [
        State.RESERVED,
        State.UPLOADING,
        State.CHECKING,
        State.READY,
    ]
    assert [u.version for u in (upload, begun, claimed, ready)] == [1, 2, 3, 4]
    assert ready.due_at == NOW + 5
    assert ready.note_sent().due_at == NEVER


def test_a_claim_is_respected_until_it_runs_out() -> None:
    """While somebody checks it nobody else begins; when they have died, anybody may."""
    claimed = fresh().claim("c1", NOW)

    with pytest.raises(IllegalStep):
        claimed.claim("c2", NOW + CLAIM_MS - 1)

    assert claimed.claim("c2", NOW + CLAIM_MS).check == "c2"


def test_who_lost_the_claim_settles_nothing() -> None:
    """A check that was given up for dead comes back too late."""
    taken = fresh().claim("c1", NOW).claim("c2", NOW + CLAIM_MS)

    with pytest.raises(IllegalStep):
        taken.make_ready("c1", PASSED, NOW)
    with pytest.raises(IllegalStep):
        taken.reject("c1", Reason.TYPE, NOW)
    with pytest.raises(IllegalStep):
        taken.put_off("c1", NOW, 1)
    with pytest.raises(IllegalStep):
        taken.hold("c1", NOW)


def test_two_checks_write_different_keys() -> None:
    """What one leaves behind is never taken for the other's."""
    first = fresh().claim("c1", NOW)
    second = first.claim("c2", NOW + CLAIM_MS)

    def own(upload: Upload) -> set[str]:
        return {upload.whole_key, upload.file_key, upload.thumbnail_key}

    assert own(first) & own(second) == set()
    assert own(first) & set(first.part_keys) == set()


def test_a_check_that_never_ends_is_given_up() -> None:
    """A file that kills whoever looks at it does so a bounded number of times."""
    upload, now = fresh(), NOW
    for _ in range(TRIES_MAX):
        assert not upload.is_hopeless(now)
        upload = upload.claim("c", now)
        now += CLAIM_MS

    assert upload.is_hopeless(now)


def test_waiting_for_a_scanner_costs_no_try_and_ends_after_a_day() -> None:
    """An engine that is away says nothing of the file; but nobody waits for ever."""
    upload = fresh().claim("c1", NOW).put_off("c1", NOW, 15_000)

    assert upload.tries == 0
    assert not upload.is_hopeless(NOW + UNFINISHED_MS - 1)
    assert upload.is_hopeless(NOW + UNFINISHED_MS)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "begin",
                "claim",
                "hold",
                "put_off",
                "make_ready",
                "reject",
                "keep",
                "sent",
                "expire",
            ]
        ),
        st.sampled_from(["c1", "c2"]),
        st.integers(0, 2 * CLAIM_MS),
    ),
    max_size=30,
)


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_no_way_leads_around_the_check(steps: list[tuple[str, str, int]]) -> None:
    """Only from `checking`, by the check that has the claim, does an upload become ready; what is
    settled stays as it is, but for a ready one that nobody sent, which may expire (M5)."""
    upload, now = fresh(), NOW
    for name, check, later in steps:
        now += later
        before = upload
        try:
            match name:
                case "begin":
                    upload = upload.begin()
                case "claim":
                    upload = upload.claim(check, now)
                case "hold":
                    upload = upload.hold(check, now)
                case "put_off":
                    upload = upload.put_off(check, now, 1)
                case "make_ready":
                    upload = upload.make_ready(check, PASSED, now)
                case "reject":
                    upload = upload.reject(check, Reason.TYPE, now)
                case "keep":
                    upload = upload.keep_until(now)
                case "expire":
                    upload = upload.expire(now)
                case _:
                    upload = upload.note_sent()
        except IllegalStep:
            continue
        assert upload.version == before.version + 1
        if upload.state is State.READY and before.state is not State.READY:
            assert (before.state, before.check) == (State.CHECKING, check)
        if before.state not in OPEN:
            expired = before.state is State.READY and not before.sent and name == "expire"
            assert upload.state is (State.REJECTED if expired else before.state)
            assert upload.check == before.check


def test_what_an_object_is_kept_for() -> None:
    """Parts and the whole while it is open; the clean file of the check that won, once it is
    ready. In quarantine nothing else; on the clean shelf also what has no record."""
    claimed = fresh().claim("c1", NOW)
    ready = claimed.make_ready("c1", PASSED, NOW)
    rejected, expired = claimed.reject("c1", Reason.TYPE, NOW), ready.expire(NOW)
    part, file, other = claimed.part_key(1), claimed.file_key, f"{claimed.id}/file.c9"
    uploads = (claimed, ready, rejected, expired, None)

    assert owner_of(part) == claimed.id
    assert [may_go(part, u, clean=False) for u in uploads] == [False, True, True, True, True]
    assert [may_go(file, u, clean=True) for u in uploads] == [False, False, True, True, False]
    assert may_go(other, ready, clean=True)
