"""Reading inboxes from the conversations' documents and the timeline."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from shared.contracts.ids import NOTHING, OrderId, UserId
from shared.mongo import Collection as MongoCollection
from shared.mongo import Document, Mongo
from shared.store.mongo_documents import (
    SUMMARY_FIELDS,
    entry_id,
    entry_of,
    standing_fields,
    standing_of,
    summary_of,
)
from shared.store.port import UNREAD_MAX, InboxLine, InboxPlace, StoreUnavailable, Tally

TRIES: Final = 3
"""How often a page is read whose lines change while they are read."""


class MongoInboxes:
    """What `shared.store.port.Reading` says of inboxes, over a store's collections."""

    def __init__(
        self, mongo: Mongo, conversations: MongoCollection, timeline: MongoCollection
    ) -> None:
        self._mongo = mongo
        self._conversations = conversations
        self._timeline = timeline

    async def page(
        self,
        user_id: UserId,
        *,
        before: InboxPlace | None,
        limit: int,
        orders: Collection[OrderId] | None,
    ) -> Sequence[InboxLine]:
        """The conversations of a user, the newest first, at most *limit*.

        Raises `StoreUnavailable`, too, if they change faster than they can be read.
        """
        where = _inbox_of(user_id, orders)
        if before is not None:
            place = {"summary.updated_at": before.updated_at, "_id": {"$lte": before.order_id}}
            where |= {"summary.updated_at": {"$lte": before.updated_at}, "$nor": [place]}
        earlier: dict[OrderId, InboxLine] = {}
        for _ in range(TRIES):
            read = await self._lines(where, limit)
            lines = [as_one_moment_had_it(line, earlier) for line in read]
            together = [line for line in lines if line is not None]
            if len(together) == len(lines):
                return together
            earlier = {line.summary.order_id: line for line in read}
        raise StoreUnavailable("MongoDB: the inbox changes faster than it can be read")

    async def _lines(self, where: Document, limit: int) -> list[InboxLine]:
        """Summaries, then the last message of each, which may have changed in between."""
        documents = await self._mongo.find(
            self._conversations,
            where,
            SUMMARY_FIELDS,
            sort={"summary.updated_at": -1, "_id": 1},
            limit=limit,
        )
        summaries = [summary_of(document) for document in documents]
        ids = [entry_id(each.order_id, each.last) for each in summaries if each.last != NOTHING]
        found = await self._mongo.find(self._timeline, {"_id": {"$in": ids}}, limit=len(ids))
        last = {entry.order_id: entry for entry in map(entry_of, found)}
        return [InboxLine(each, last.get(each.order_id)) for each in summaries]

    async def tally(
        self, user_id: UserId, *, limit: int, orders: Collection[OrderId] | None
    ) -> Tally:
        """The numbers of a user's conversations: the first *limit* one by one, then a sum.

        Each conversation is counted exactly once, as of some moment while this was read.
        """
        # Not in the order of the inbox: there a conversation moves up whenever something is said,
        # past a server that goes down through them, which lets go of its place now and then.
        documents = await self._mongo.find(
            self._conversations,
            _inbox_of(user_id, orders),
            standing_fields(user_id),
            sort={"_id": 1},
        )
        documents.sort(key=lambda document: (-document["summary"]["updated_at"], document["_id"]))
        standings = [standing_of(document) for document in documents]
        others = sum(standing.unread for standing in standings[limit:])
        return Tally(standings[:limit], min(others, UNREAD_MAX))


def _inbox_of(user_id: UserId, orders: Collection[OrderId] | None) -> Document:
    where: Document = {"readers.user_id": user_id}
    if orders is not None:
        where["_id"] = {"$in": list(orders)}
    return where


def as_one_moment_had_it(line: InboxLine, earlier: Mapping[OrderId, InboxLine]) -> InboxLine | None:
    """A line whose summary and last message were in the store together; null if that is not sure.

    The message was read after the summary. As long as no change of it lies above the summary's
    head it is as it was then; else it was so when it was read *earlier*, if the summary still was
    the same afterwards.
    """
    last, head = line.last, line.summary.head
    if last is None or max(last.edited, last.moved) <= head:
        return line
    before = earlier.get(line.summary.order_id)
    return before if before is not None and before.summary.head == head else None
