"""How tests read a store."""

from collections.abc import Collection, Sequence

from shared.contracts.ids import OrderId, Seq
from shared.store.port import Store
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


def seqs(entries: Sequence[Entry]) -> list[int]:
    return [each.seq for each in entries]
