"""Orders and outbox in MongoDB, for any number of processes; each with a relay of its own.

An order is one document, with its events that are not known to be in the log: one write stores
both or neither, and no transaction is needed. Operators read the documents; what users wrote is in
them as values of strings alone.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec
from pymongo import IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from order_service.model import Order, Status
from order_service.ports import OrdersUnavailable, Outgoing, Stored, VersionTaken
from shared.contracts.events import OrderChanged
from shared.contracts.ids import OrderId
from shared.mongo import Document, Mongo
from shared.risk import Risk
from shared.store.mongo_risks import risks_of

UPKEEP_TIMEOUT_S: Final = 300.0
"""For indexes of a collection that is large already."""
UNPUBLISHED_MAX: Final = 50
"""Events of one order that may wait for the log: each has at most 256 KiB, a document 16 MiB."""

_INDEXES: Final = (
    IndexModel({"participants.user_id": 1, "_id": 1}),
    IndexModel({"status": 1, "_id": 1}),
    IndexModel({"unpublished.number": 1}, sparse=True),  # few have any
)
# Documents that are there once, of `order_service`.
_NUMBERS: Final = {"_id": "numbers"}
_POLICY: Final = {"_id": "policy"}

_WAITING: Final = {"unpublished.number": {"$gt": 0}}
"""Finds the orders with events in the outbox."""

_ENCODER: Final = msgspec.json.Encoder()
_EVENT: Final = msgspec.json.Decoder(OrderChanged)


class MongoOrders:
    """`ports.OrderStore` in the database of a `Mongo`."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._orders = mongo.collection("orders")
        self._own = mongo.collection("order_service")

    @classmethod
    async def open(cls, url: str) -> "MongoOrders":
        """Open the orders in the database at *url*, or make them. Close them.

        Raises `ValueError` if that is no address, `OrdersUnavailable` if nobody answers there.
        """
        orders = cls(await Mongo.open(url, OrdersUnavailable))
        try:
            await orders._prepare()
        except BaseException:
            await orders.close()
            raise
        return orders

    async def close(self) -> None:
        """Let what was begun end, then close all connections."""
        await self._mongo.close()

    async def risks(self) -> Sequence[Risk]:
        """How client and servers are set that could lose what was acknowledged."""
        return await risks_of(self._mongo)

    # Orders.

    async def get(self, order_id: OrderId) -> Stored | None:
        """As `ports.Orders`."""
        document = await self._mongo.run_after(
            lambda session: self._orders.find_one(
                {"_id": order_id}, {"unpublished.event": False}, session=session
            )
        )
        return Stored(_order_of(document), _last_of(document)) if document else None

    async def of_ids(self, order_ids: Collection[OrderId]) -> Mapping[OrderId, Order]:
        """As `ports.Orders`."""
        orders = await self._by_id({"_id": {"$in": sorted(order_ids)}}, len(order_ids))
        return {order.order_id: order for order in orders}

    async def save(self, order: Order, event: OrderChanged) -> int:
        """As `ports.Orders`."""
        # Taken before the write, by a caller who had read the version before: its number was taken
        # earlier still, and so is lower. Of two orders the one written later may have the lower
        # number. A number whose write comes to nothing is never seen.
        number = await self._next_number()
        waiting = {"number": number, "event": _ENCODER.encode(event)}
        if order.version == 1:
            await self._insert({**_document_of(order), "unpublished": [waiting]})
        else:
            await self._update(order, waiting)
        return number

    async def of_participant(self, user_id: str, limit: int) -> Sequence[Order]:
        """As `ports.Orders`."""
        return await self._by_id({"participants.user_id": user_id}, limit)

    async def in_statuses(
        self, statuses: Collection[Status], after: str, limit: int
    ) -> Sequence[Order]:
        """As `ports.Orders`."""
        return await self._by_id(
            {"status": {"$in": sorted(statuses)}, "_id": {"$gt": after}}, limit
        )

    async def announced_policy(self) -> str | None:
        """As `ports.Orders`."""
        document = await self._mongo.run_after(
            lambda session: self._own.find_one(_POLICY, session=session)
        )
        return document["digest"] if document else None

    async def note_policy(self, digest: str) -> None:
        """As `ports.Orders`."""
        await self._put(_POLICY, {"$set": {"digest": digest}})

    async def ping(self) -> None:
        """As `ports.Orders`."""
        await self._mongo.ping()

    # Outbox.

    async def first(self, limit: int) -> Sequence[Outgoing]:
        """As `ports.Outbox`."""
        # The first events are in the first documents by lowest number: each before an event's own
        # has at least one event before it.
        documents = await self._mongo.run_after(
            lambda session: self._orders.find(
                _WAITING,
                {"unpublished": True},
                sort={"unpublished.number": 1},
                limit=limit,
                batch_size=limit,
                session=session,
            ).to_list(limit)
        )
        waiting = [each for document in documents for each in document["unpublished"]]
        waiting.sort(key=lambda each: each["number"])
        return [Outgoing(each["number"], _EVENT.decode(each["event"])) for each in waiting[:limit]]

    async def holds(self, number: int) -> bool:
        """As `ports.Outbox`."""
        found = await self._mongo.run_after(
            lambda session: self._orders.find_one(
                {"unpublished.number": number}, {"_id": True}, session=session
            )
        )
        return found is not None

    async def remove(self, numbers: Collection[int]) -> None:
        """As `ports.Outbox`."""
        these = {"$in": sorted(numbers)}
        await self._mongo.run_after(
            lambda session: self._orders.update_many(
                {"unpublished.number": these},
                {"$pull": {"unpublished": {"number": these}}},
                session=session,
            )
        )

    # Writes.

    async def _next_number(self) -> int:
        document = await self._mongo.run_after(
            lambda session: self._own.find_one_and_update(
                _NUMBERS,
                {"$inc": {"last": 1}},
                return_document=ReturnDocument.AFTER,
                session=session,
            )
        )
        number: int = document["last"]
        return number

    async def _insert(self, document: Document) -> None:
        try:
            await self._mongo.run_after(
                lambda session: self._orders.insert_one(document, session=session)
            )
        except DuplicateKeyError:
            raise VersionTaken from None

    async def _update(self, order: Order, waiting: Document) -> None:
        fields = _document_of(order)
        before = {"_id": fields.pop("_id"), "version": order.version - 1}
        full = f"unpublished.{UNPUBLISHED_MAX - 1}"
        result = await self._mongo.run_after(
            lambda session: self._orders.update_one(
                {**before, full: {"$exists": False}},
                {"$set": fields, "$push": {"unpublished": waiting}},
                session=session,
            )
        )
        if result.matched_count:
            return
        stored = await self._mongo.run_after(
            lambda session: self._orders.find_one(before, {"_id": True}, session=session)
        )
        if stored is None:
            raise VersionTaken
        raise OrdersUnavailable("too many events of the order wait for the log")

    # The rest.

    async def _prepare(self) -> None:
        await self._mongo.ping()  # what comes now may take longer than nobody's answer should
        await self._mongo.run_after(
            lambda session: self._orders.create_indexes(list(_INDEXES), session=session),
            timeout_s=UPKEEP_TIMEOUT_S,
        )
        # A backup is not of one moment: what was restored may hold higher numbers than were taken.
        newest = await self._mongo.run_after(
            lambda session: self._orders.find_one(
                _WAITING, {"unpublished": True}, sort={"unpublished.number": -1}, session=session
            )
        )
        await self._put(_NUMBERS, {"$max": {"last": _last_of(newest) or 0}})

    async def _put(self, which: Document, update: Document) -> None:
        """Update a document that is there once, or add it."""

        async def put() -> None:
            await self._mongo.run_after(
                lambda session: self._own.update_one(which, update, upsert=True, session=session)
            )

        try:
            await put()
        except DuplicateKeyError:
            await put()  # another process added it at the same moment, and nobody removes it

    async def _by_id(self, where: Document, limit: int) -> Sequence[Order]:
        documents = await self._mongo.run_after(
            lambda session: self._orders.find(
                where,
                {"unpublished": False},
                sort={"_id": 1},
                limit=limit,
                batch_size=limit,
                session=session,
            ).to_list(limit)
        )
        return [_order_of(document) for document in documents]


def _document_of(order: Order) -> Document:
    document: Document = msgspec.to_builtins(order)
    return {"_id": document.pop("order_id"), **document}


def _last_of(document: Document | None) -> int | None:
    """The number of an order's last event in the outbox; null if there is none."""
    waiting = document["unpublished"] if document else []
    return max((each["number"] for each in waiting), default=None)


def _order_of(document: Document) -> Order:
    return msgspec.convert({**document, "order_id": document["_id"]}, Order)
