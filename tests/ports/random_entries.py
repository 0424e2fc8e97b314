"""Entries and changes at random, of few messages in few orders, so that they meet."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from hypothesis import strategies as st

from shared.contracts.events import ReviewState
from shared.contracts.ids import OrderId, Seq, UserId
from shared.conversation import Verdict
from shared.timeline import Change, Entry, Moved, Reviewed, TextChanged
from tests.ports.entries import (
    MOIRA,
    ORDER,
    edit,
    flag,
    id_of,
    message,
    read_mark,
    redact,
    report,
    restore,
    review,
)

ORDERS = (ORDER, OrderId("o2"))
NAMES = ("a", "b", "c")
STATES: tuple[ReviewState, ...] = ("open", "resolved", "dismissed")
MODERATORS = (MOIRA, UserId("mark"))

_orders = st.sampled_from(ORDERS)
_names = st.sampled_from(NAMES)
_states = st.sampled_from(STATES)
_assignees = st.sampled_from([None, *MODERATORS])
_verdicts = st.sampled_from([Verdict.STANDS, Verdict.STANDS, Verdict.FORBIDDEN, Verdict.COPY])

T = TypeVar("T")
Placed = Callable[[int], Entry]
"""A record that does not know yet where it stands."""

RECORDS: st.SearchStrategy[Placed] = st.one_of(
    *(
        st.builds(
            lambda order_id, name, verdict, make=make: (
                lambda seq: make(seq, name, order_id=order_id, verdict=verdict)
            ),
            _orders,
            _names,
            _verdicts,
        )
        for make in (message, report)
    ),
    st.builds(
        lambda order_id, name: lambda seq: edit(seq, name, f"edit {seq}", order_id=order_id),
        _orders,
        _names,
    ),
    *(
        st.builds(
            lambda order_id, name, make=make: lambda seq: make(seq, name, order_id=order_id),
            _orders,
            _names,
        )
        for make in (redact, restore, flag)
    ),
    st.builds(
        lambda order_id, name, state, assignee: (
            lambda seq: review(seq, name, state, assignee, order_id=order_id)
        ),
        _orders,
        _names,
        _states,
        _assignees,
    ),
    st.builds(lambda order_id: lambda seq: read_mark(seq, order_id=order_id), _orders),
)

CHANGES: st.SearchStrategy[Change] = _orders.flatmap(
    lambda order_id: st.one_of(
        st.builds(
            lambda name, by: TextChanged(order_id, id_of(name, order_id), Seq(by), by, f"{by}"),
            _names,
            st.integers(0, 14),
        ),
        st.builds(
            lambda name, by, gone: Moved(order_id, id_of(name, order_id), Seq(by), gone),
            _names,
            st.integers(0, 14),
            st.sampled_from([None, "deleted", "redacted"]),
        ),
        st.builds(
            lambda name, by, state, assignee: Reviewed(
                order_id, id_of(name, order_id), Seq(by), state, assignee
            ),
            _names,
            st.integers(0, 14),
            _states,
            _assignees,
        ),
    )
)


def place(records: Sequence[Placed]) -> list[Entry]:
    """Entries that stand one after the other, two at each moment."""
    placed = [make(seq) for seq, make in enumerate(records, 1)]
    return [msgspec.structs.replace(each, at=each.seq // 2 * 1_000) for each in placed]


def some_of(items: Sequence[T]) -> st.SearchStrategy[list[T]]:
    """Any selection, in any order, some perhaps twice."""
    return st.lists(st.sampled_from(items), max_size=15) if items else st.just([])
