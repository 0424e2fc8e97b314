"""The store on MongoDB: three collections, whose documents `mongo_documents` describes.

No write spans two documents, so no transaction is needed: what has to change at once stands in one
document, and what is written in several is in the order that lets readers see it at any time.
"""

from collections.abc import Collection, Sequence
from typing import Final

from pymongo import IndexModel, InsertOne, UpdateMany, UpdateOne

from shared.contracts.events import ReviewState
from shared.contracts.ids import MessageId, OrderId, Seq, UserId
from shared.mongo import Collection as MongoCollection
from shared.mongo import Document, Mongo, Sort
from shared.risk import Risk
from shared.store.mongo_documents import (
    conversation_fields,
    conversation_of,
    entry_document,
    entry_id,
    entry_of,
    watermark_fields,
    watermark_of,
)
from shared.store.mongo_inbox import MongoInboxes
from shared.store.mongo_risks import risks_of
from shared.store.port import (
    CasePlace,
    InboxLine,
    InboxPlace,
    StoredConversation,
    StoreUnavailable,
    Tally,
    Watermark,
)
from shared.timeline import Change, Entry, Reviewed, TextChanged

UPKEEP_TIMEOUT_S: Final = 300.0
"""For indexes of collections that are large already, and for dropping them."""

TIMELINE_INDEXES: Final = (
    IndexModel({"order_id": 1, "stands": 1, "seq": 1}),
    IndexModel({"order_id": 1, "id": 1, "seq": 1}),
    IndexModel({"order_id": 1, "text_of": 1, "seq": 1}),
    # Few messages carry a file; the others cost it nothing.
    IndexModel(
        {"order_id": 1, "carries": 1, "seq": 1},
        partialFilterExpression={"carries": {"$exists": True}},
    ),
    # Still fewer are cases.
    IndexModel(
        {"case.state": 1, "at": 1, "order_id": 1, "seq": 1},
        partialFilterExpression={"case.state": {"$exists": True}},
    ),
    IndexModel(
        {"case.assignee": 1, "case.state": 1, "at": 1, "order_id": 1, "seq": 1},
        partialFilterExpression={"case.assignee": {"$exists": True}},
    ),
)
BY_CASE_PLACE: Final[Sort] = {"at": 1, "order_id": 1, "seq": 1}
CONVERSATION_INDEXES: Final = (
    IndexModel({"readers.user_id": 1, "summary.updated_at": -1, "_id": 1}),
    # Through this one a reader goes whom nothing must escape: no conversation moves in it.
    IndexModel({"readers.user_id": 1, "_id": 1}),
)


class MongoStore:
    """`shared.store.port.Store` in the database of a `Mongo`."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._timeline = mongo.collection("timeline")
        self._conversations = mongo.collection("conversations")
        self._watermarks = mongo.collection("watermarks")
        self._inboxes = MongoInboxes(mongo, self._conversations, self._timeline)

    @classmethod
    async def open(cls, url: str) -> "MongoStore":
        """Open the store at *url*, or make it.

        Raises `ValueError` if that is no address, `StoreUnavailable` if nobody answers there.
        """
        store = cls(await Mongo.open(url, StoreUnavailable))
        try:
            await store._make_indexes()
        except BaseException:
            await store.close()
            raise
        return store

    async def watermark(self, epoch: int, partition: int) -> Watermark | None:
        """How far the archiver has come; null if it never began."""
        where = {"_id": _watermark_id(epoch, partition)}
        document = await self._first(self._watermarks, where)
        return None if document is None else watermark_of(document)

    async def epochs(self) -> Sequence[int]:
        """The epochs of which anything was archived, rising."""
        found = await self._mongo.run_after(
            lambda session: self._watermarks.distinct("epoch", session=session)
        )
        return sorted(map(int, found))

    async def conversation(self, order_id: OrderId) -> StoredConversation | None:
        """The state of an order; null if no record of it was archived."""
        document = await self._first(self._conversations, {"_id": order_id})
        return None if document is None else conversation_of(document)

    async def page(
        self,
        order_id: OrderId,
        *,
        after: Seq,
        before: Seq | None,
        limit: int,
        newest: bool,
        types: Collection[str] | None = None,
    ) -> Sequence[Entry]:
        """Standing entries of the open range (after, before), rising by seq, at most *limit*."""
        where = standing(order_id, after, before)
        if types is not None:
            where["type"] = {"$in": list(types)}
        documents = await self._mongo.find(
            self._timeline, where, sort={"seq": -1 if newest else 1}, limit=limit
        )
        entries = [entry_of(document) for document in documents]
        return entries[::-1] if newest else entries

    async def find(self, order_id: OrderId, id_: MessageId) -> Entry | None:
        """The first entry that claimed an id, standing or void; null if none did."""
        where = {"order_id": order_id, "id": id_}
        document = await self._first(self._timeline, where, sort={"seq": 1})
        return None if document is None else entry_of(document)

    async def carriers(
        self, order_id: OrderId, attachment_id: str, *, limit: int
    ) -> Sequence[Entry]:
        """Messages that carry a file, the newest first, at most *limit*."""
        where = {"order_id": order_id, "carries": attachment_id}
        documents = await self._mongo.find(self._timeline, where, sort={"seq": -1}, limit=limit)
        return [entry_of(document) for document in documents]

    async def inbox(
        self,
        user_id: UserId,
        *,
        before: InboxPlace | None = None,
        limit: int,
        orders: Collection[OrderId] | None = None,
    ) -> Sequence[InboxLine]:
        """The conversations of a user, the newest first, at most *limit*."""
        return await self._inboxes.page(user_id, before=before, limit=limit, orders=orders)

    async def tally(
        self, user_id: UserId, *, limit: int, orders: Collection[OrderId] | None = None
    ) -> Tally:
        """The numbers of a user's conversations: the first *limit* one by one, then a sum."""
        return await self._inboxes.tally(user_id, limit=limit, orders=orders)

    async def cases(
        self,
        *,
        state: ReviewState,
        assignee: UserId | None = None,
        after: CasePlace | None = None,
        limit: int,
    ) -> Sequence[Entry]:
        """The reports and flags in a state, the oldest first, at most *limit*."""
        documents = await self._mongo.find(
            self._timeline, among_cases(state, assignee, after), sort=BY_CASE_PLACE, limit=limit
        )
        return [entry_of(document) for document in documents]

    async def write_entries(self, entries: Sequence[Entry], changes: Sequence[Change]) -> None:
        """Add *entries* that are new, then apply *changes* to every entry they concern."""
        additions = [InsertOne(entry_document(entry)) for entry in entries]
        there = await self._mongo.write_all(self._timeline, additions)
        if there:
            await self._expect([entries[index] for index in there])
        await self._mongo.write_all(self._timeline, [_update_of(change) for change in changes])

    async def _expect(self, entries: Sequence[Entry]) -> None:
        """Raise `StoreUnavailable` unless a majority has all of *entries*: who finds one in the way
        of another may have found what is about to be taken back."""
        ids = {entry_id(entry.order_id, entry.seq) for entry in entries}
        where: Document = {"_id": {"$in": list(ids)}}
        if len(await self._mongo.find(self._timeline, where, {"_id": True})) < len(ids):
            raise StoreUnavailable("MongoDB: entries could be neither added nor found")

    async def write_conversations(self, conversations: Sequence[StoredConversation]) -> None:
        """Store each conversation unless the one stored has the same or a higher head."""
        raises = [
            ({"_id": each.order_id, "head": {"$lt": each.head}}, conversation_fields(each))
            for each in conversations
        ]
        await self._raise(self._conversations, raises)

    async def raise_watermarks(self, watermarks: Sequence[Watermark]) -> None:
        """Store each watermark unless the one stored is the same or higher."""
        raises = [
            (
                {"_id": _watermark_id(one.epoch, one.partition), "offset": {"$lt": one.offset}},
                watermark_fields(one),
            )
            for one in watermarks
        ]
        await self._raise(self._watermarks, raises)

    async def _raise(
        self, collection: MongoCollection, raises: Sequence[tuple[Document, Document]]
    ) -> None:
        """Set fields where what is stored is lower, as each one's condition says, or nothing is."""
        refused = await self._mongo.write_all(
            collection, [UpdateOne(where, {"$set": to}, upsert=True) for where, to in raises]
        )
        # Something is stored there, since this very moment perhaps. Whether it is lower is asked
        # once more, now that nothing has to be added.
        again = [UpdateOne(where, {"$set": to}) for where, to in (raises[i] for i in refused)]
        await self._mongo.write_all(collection, again)

    async def drop(self) -> None:
        """Remove all entries, conversations and watermarks, and nothing else."""
        # First what says that the others are whole, should this end half way.
        for collection in (self._watermarks, self._conversations, self._timeline):
            await self._drop(collection)
        await self._make_indexes()

    async def _drop(self, collection: MongoCollection) -> None:
        await self._mongo.run_after(
            lambda session: collection.drop(session=session), timeout_s=UPKEEP_TIMEOUT_S
        )

    async def risks(self) -> Sequence[Risk]:
        """How client and servers are set that could lose what was acknowledged."""
        return await risks_of(self._mongo)

    async def ping(self) -> None:
        """Raise `StoreUnavailable` if the primary cannot be reached now."""
        await self._mongo.ping()

    async def close(self) -> None:
        """Let what was begun end, then close all connections."""
        await self._mongo.close()

    async def _make_indexes(self) -> None:
        await self._mongo.ping()  # what comes now may take longer than nobody's answer should
        await self._index(self._timeline, TIMELINE_INDEXES)
        await self._index(self._conversations, CONVERSATION_INDEXES)

    async def _index(self, collection: MongoCollection, indexes: Sequence[IndexModel]) -> None:
        await self._mongo.run_after(
            lambda session: collection.create_indexes(list(indexes), session=session),
            timeout_s=UPKEEP_TIMEOUT_S,
        )

    async def _first(
        self, collection: MongoCollection, where: Document, *, sort: Sort | None = None
    ) -> Document | None:
        found = await self._mongo.find(collection, where, sort=sort, limit=1)
        return found[0] if found else None


def _watermark_id(epoch: int, partition: int) -> str:
    return f"{epoch}/{partition}"


def standing(order_id: OrderId, after: Seq, before: Seq | None) -> Document:
    """What standing entries of an open range are found by; null *before* is no upper bound."""
    between = {"$gt": after} if before is None else {"$gt": after, "$lt": before}
    return {"order_id": order_id, "stands": True, "seq": between}


def among_cases(
    state: ReviewState, assignee: UserId | None = None, after: CasePlace | None = None
) -> Document:
    """What cases are found by."""
    where: Document = {"case.state": state}
    if assignee is not None:
        where["case.assignee"] = assignee
    if after is not None:
        at, order_id, seq = after
        earlier = {"at": at, "order_id": {"$lt": order_id}}
        itself = {"at": at, "order_id": order_id, "seq": {"$lte": seq}}
        where |= {"at": {"$gte": at}, "$nor": [earlier, itself]}
    return where


def _update_of(change: Change) -> UpdateMany:
    """What `shared.timeline.apply` does, for all entries at once."""
    where: Document = {
        "order_id": change.order_id,
        "text_of": change.target,
        "seq": {"$gte": change.since, "$lt": change.by},
    }
    to: Document
    if isinstance(change, Reviewed):
        where["case.by"] = {"$lt": change.by}
        to = {"case": {"by": change.by, "state": change.state, "assignee": change.assignee}}
    elif isinstance(change, TextChanged):
        where["edited"] = {"$lt": change.by}
        to = {"edited": change.by, "edited_at": change.at, "edited_text": change.text}
    else:
        where["moved"] = {"$lt": change.by}
        to = {"moved": change.by, "gone": change.gone}
    return UpdateMany(where, {"$set": to})
