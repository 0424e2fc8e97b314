"""Entries and changes at random, of few messages in few orders, so that they meet."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from hypothesis import strategies as st

from shared.contracts.ids import OrderId, Seq
from shared.conversation import Verdict
from shared.timeline import Change, Entry, Moved, TextChanged
from tests.ports.entries import ORDER, edit, id_of, message, read_mark, redact, restore

ORDERS = (ORDER, OrderId("o2"))
NAMES = ("a", "b", "c")

_orders = st.sampled_from(ORDERS)
_names = st.sampled_from(NAMES)
_verdicts = st.sampled_from([Verdict.STANDS, Verdict.STANDS, Verdict.FORBIDDEN, Verdict.COPY])

T = TypeVar("T")
Placed = Callable[[int], Entry]
"""A record that does not know yet where it stands."""

RECORDS: st.SearchStrategy[Placed] = st.one_of(
    st.builds(
        lambda order_id, name, verdict: (
            lambda seq: message(seq, name, order_id=order_id, verdict=verdict)
        ),
        _orders,
        _names,
        _verdicts,
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
        for make in (redact, restore)
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
    )
)


def place(records: Sequence[Placed]) -> list[Entry]:
    """Entries that stand one after the other."""
    return [make(seq) for seq, make in enumerate(records, 1)]


def some_of(items: Sequence[T]) -> st.SearchStrategy[list[T]]:
    """Any selection, in any order, some perhaps twice."""
    return st.lists(st.sampled_from(items), max_size=15) if items else st.just([])
