"""How tests read a store."""

from collections.abc import Collection, Sequence

from shared.contracts.events import ReviewState
from shared.contracts.ids import OrderId, Seq, UserId
from shared.store.port import CasePlace, Store
from shared.timeline import Entry
from tests.ports.entries import ORDER

EVERYTHING = 1_000


async def page(
    store: Store,
    *,
    after: int = 0,
    before: int | None = None,
    limit: int = EVERYTHING,
    newest: bool = False,
    types: Collection[str] | None = None,
    order_id: OrderId = ORDER,
) -> list[Entry]:
    answer = await store.page(
        order_id,
        after=Seq(after),
        before=None if before is None else Seq(before),
        limit=limit,
        newest=newest,
        types=types,
    )
    return list(answer)


async def cases(
    store: Store,
    state: ReviewState = "open",
    assignee: UserId | None = None,
    *,
    at_once: int = EVERYTHING,
) -> list[Entry]:
    """All of them, read *at_once* by *at_once*."""
    found: list[Entry] = []
    after = None
    while more := await store.cases(state=state, assignee=assignee, after=after, limit=at_once):
        assert len(more) <= at_once
        last = CasePlace(more[-1].at, more[-1].order_id, more[-1].seq)
        assert after is None or after < last  # or it would go on for ever
        found += more
        after = last
    return found


def seqs(entries: Sequence[Entry]) -> list[int]:
    return [each.seq for each in entries]
