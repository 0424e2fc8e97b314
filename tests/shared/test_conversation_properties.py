"""What holds for the fold in every history, believable or hostile."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.contracts import events as log
from shared.contracts.events import decode_event, encode_event
from shared.contracts.ids import NOTHING, Seq
from shared.conversation import (
    REMEMBERED,
    Conversation,
    Outcome,
    Verdict,
    from_snapshot,
    to_snapshot,
)
from tests.shared.histories import History, histories
from tests.shared.naive import Told
from tests.shared.story import ANNA, BEN, CARA, ORDER, SERVICE, STRANGER, Record

PEOPLE = (ANNA, BEN, CARA, STRANGER, SERVICE)

quickly = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,  # the same histories everywhere: a failure is seen by everybody
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def fold(records: list[Record], start: Conversation | None = None) -> Conversation:
    conversation = start or Conversation(order_id=ORDER)
    for record in records:
        conversation.fold(record.seq, record.at, record.event)
    return conversation


def outcomes(records: list[Record], start: Conversation | None = None) -> list[Outcome]:
    conversation = start or Conversation(order_id=ORDER)
    return [conversation.fold(record.seq, record.at, record.event) for record in records]


def essence(outcome: Outcome | Told) -> tuple[Verdict, Seq | None, bool, int]:
    """What readers of the log must agree on."""
    return outcome.verdict, outcome.prev, outcome.shown, outcome.n


@quickly
@given(histories())
def test_the_fold_agrees_with_the_naive_rules(history: History) -> None:
    """Verdict, `prev`, visibility and number are those of the rules, asked of the whole past."""
    folded = [essence(outcome) for outcome in outcomes(history.records)]

    assert folded == [essence(told) for told in history.naive.past]


@quickly
@given(histories())
def test_unread_is_what_one_would_count_by_hand(history: History) -> None:
    """Two numbers say the same as a tick on every single message."""
    conversation = fold(history.records)

    assert {who: conversation.unread(who) for who in PEOPLE} == {
        who: history.naive.unread(who) for who in PEOPLE
    }


@quickly
@given(histories())
def test_a_conversation_knows_when_it_was_last_alive(history: History) -> None:
    """The place of the newest message, and the time of it or of the last change of status."""
    conversation = fold(history.records)
    last = history.naive.last_message()

    assert conversation.last == (last.record.seq if last is not None else NOTHING)
    assert conversation.updated_at == history.naive.updated_at()


@quickly
@given(histories())
def test_a_snapshot_and_what_follows_is_a_fresh_snapshot(history: History) -> None:
    """From the snapshot at any cut, the rest of the log leads to the same bytes."""
    fresh = to_snapshot(fold(history.records))
    conversation = Conversation(order_id=ORDER)
    done = 0
    for cut in history.cuts[-20:]:
        fold(history.records[done:cut], conversation)
        done = cut
        resumed = from_snapshot(to_snapshot(conversation))

        assert to_snapshot(fold(history.records[cut:], resumed)) == fresh


@quickly
@given(histories())
def test_outcomes_do_not_depend_on_where_a_reader_began(history: History) -> None:
    """Verdicts, `n` and `prev` told after any cut are those told to who read from the start."""
    told = [essence(outcome) for outcome in outcomes(history.records)]
    conversation = Conversation(order_id=ORDER)
    done = 0
    for cut in history.cuts[-20:]:
        fold(history.records[done:cut], conversation)
        done = cut
        resumed = from_snapshot(to_snapshot(conversation))

        assert [essence(o) for o in outcomes(history.records[cut:], resumed)] == told[cut:]


@quickly
@given(histories())
def test_the_wire_does_not_change_a_history(history: History) -> None:
    """Folding what was written and read back is folding what was meant."""
    read_back = [
        Record(
            record.seq,
            record.at,
            decode_event(ORDER, log.TYPES[type(record.event)], 1, encode_event(record.event)),
        )
        for record in history.records
    ]

    assert to_snapshot(fold(read_back)) == to_snapshot(fold(history.records))


@quickly
@given(histories(), st.integers(0, 2**16), st.integers(0, 2**16))
def test_a_copy_anywhere_later_changes_nothing(history: History, which: int, where: int) -> None:
    """Whatever comes a second time is void, and all that follows is as if it had not come."""
    honest = [
        index
        for index, told in enumerate(history.naive.past)
        if told.record.seq not in history.dishonest
        and not (isinstance(told.record.event, log.Read) and told.verdict == "forbidden")
    ]
    if not honest:
        return
    original = honest[which % len(honest)]
    place = original + 1 + where % (len(history.records) - original)
    before = history.records[place - 1]
    copy = Record(Seq(before.seq + 1), before.at, history.records[original].event)
    plain = outcomes(history.records)

    told = outcomes([*history.records[:place], copy, *history.records[place:]])

    assert told.pop(place).verdict in (Verdict.COPY, Verdict.LATE, Verdict.STALE, "forbidden")
    assert [essence(outcome) for outcome in told] == [essence(outcome) for outcome in plain]


@quickly
@given(histories(), st.integers(0, 2**16), st.integers(0, 2**16))
def test_a_copy_leaves_the_state_as_it_was(history: History, which: int, where: int) -> None:
    """A record with an id, told again, is remembered or late; only the head knows of it."""
    honest = [
        record
        for record in history.records
        if isinstance(record.event, log.Identified) and record.seq not in history.dishonest
    ]
    if not honest:
        return
    original = honest[which % len(honest)]
    place = history.records.index(original) + 1
    place += where % (len(history.records) - place + 1)
    conversation = fold(history.records[:place])
    expected = from_snapshot(to_snapshot(conversation))

    outcome = conversation.fold(
        Seq(history.records[place - 1].seq + 1), history.records[place - 1].at, original.event
    )

    assert outcome.verdict in (Verdict.COPY, Verdict.LATE)
    expected.head = conversation.head
    assert to_snapshot(conversation) == to_snapshot(expected)


@quickly
@given(histories())
def test_numbers_are_dense_over_standing_messages(history: History) -> None:
    """Message numbers are 1 to N without a gap; nothing else but a read mark carries one."""
    told = list(zip(history.records, outcomes(history.records), strict=True))
    messages = [o.n for r, o in told if o.stands and isinstance(r.event, log.Message)]

    assert messages == list(range(1, len(messages) + 1))
    others = [o for r, o in told if not (o.stands and isinstance(r.event, log.Message | log.Read))]
    assert {o.n for o in others} <= {0}


@quickly
@given(histories())
def test_the_chain_links_exactly_what_is_shown(history: History) -> None:
    """Following `prev` from the head visits every shown event once, and no other record."""
    told = {r.seq: o for r, o in zip(history.records, outcomes(history.records), strict=True)}
    at: Seq | None = fold(history.records).shown or None

    chain: list[Seq] = []
    while at is not None:
        chain.append(at)
        at = told[at].prev

    assert chain[::-1] == [seq for seq, outcome in told.items() if outcome.shown]


@quickly
@given(histories())
def test_ids_are_claimed_by_all_but_late_records_and_copies(history: History) -> None:
    """Standing or void, a record claims its id; a late one and a copy leave it as it was."""
    conversation = Conversation(order_id=ORDER)
    for record in history.records[-200:]:
        event = record.event
        before = conversation.places
        outcome = conversation.fold(record.seq, record.at, event)
        claims = isinstance(event, log.Identified) and outcome.verdict not in ("copy", "late")

        assert conversation.places == before + claims
        if isinstance(event, log.Identified) and outcome.verdict is not Verdict.LATE:
            assert event.id in conversation.remembered
        if outcome.verdict is Verdict.COPY and isinstance(event, log.Identified):
            assert outcome.original == conversation.remembered[event.id]


@quickly
@given(histories())
def test_a_gateway_is_told_beforehand_what_the_fold_will_say(history: History) -> None:
    """`judge` and `may_write`, asked just before, agree with the verdict."""
    conversation = Conversation(order_id=ORDER)
    for record in history.records[-200:]:
        event = record.event
        expected = conversation.judge(event, record.at) if isinstance(event, log.Identified) else ""
        may_write = conversation.may_write(event.by, record.at)

        verdict = conversation.fold(record.seq, record.at, event).verdict

        if isinstance(event, log.Identified) and verdict not in ("copy", "late"):
            assert verdict is expected
            if type(event) is log.Message and event.as_ == "participant" and not event.attachments:
                assert (verdict == "stands") is may_write


@quickly
@given(histories())
def test_the_base_of_a_first_try_is_below_its_every_copy(history: History) -> None:
    """A base given after a message or for a target counts what was there, and is never late."""
    conversation = Conversation(order_id=ORDER)
    for record in history.records[-200:]:
        conversation.fold(record.seq, record.at, record.event)
    for id_, claim in conversation.remembered.items():
        base = conversation.place_of(id_)
        assert base in (claim.place, None)
        assert (base is None) is (conversation.places - claim.place > 1_000)
        if claim.n:
            assert conversation.place_after(claim.n) == base


@quickly
@given(histories())
def test_the_state_stays_small(history: History) -> None:
    """However long and hostile the log is, no more is remembered than was promised."""
    conversation = fold(history.records)

    assert len(conversation.remembered) == min(conversation.places, REMEMBERED)
    assert all(0 <= mark.n <= conversation.n for mark in conversation.marks.values())
    assert set(conversation.marks) <= {r.event.by for r in history.records}
