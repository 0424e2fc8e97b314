"""The use cases: put, move, show and list orders, and tell who has access to them."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from order_service import model
from order_service.model import Order, Status
from order_service.policy import Policy, contact_in, digest, evaluate
from order_service.ports import Orders, Stored, VersionTaken
from order_service.relay import Relay
from shared.contracts.events import Action, OrderChanged, Participant
from shared.contracts.ids import SERVICE_PREFIX, OrderId, UserId

WRITER: Final = UserId(SERVICE_PREFIX + "orders")
"""The `by` of every event written here."""
ANSWER_S_MAX: Final = 2.0
"""How long a caller waits for the event of its change to be in the log."""
LIST_MAX: Final = 1_000
_TRIES: Final = 10
"""Changes of one order that may come between reading and writing it; more is a fault of ours."""
PAGE: Final = 500


class NoSuchOrder(Exception):
    """There is no order of this id."""


class Unpublished(Exception):
    """The change is stored, but its event is not in the log yet; the relay goes on trying."""


class Busy(Exception):
    """The order changes faster than a change can be made; nothing was stored."""


class Access(msgspec.Struct, frozen=True):
    """What a participant is to an order and may do in its status, and the order's version this was
    taken from.

    It says of whom and of what: an answer that came to the wrong question grants nothing.
    """

    order_id: OrderId
    user_id: str
    role: str
    status: Status
    version: int
    may: tuple[Action, ...]


class AccessList(msgspec.Struct, frozen=True):
    """An answer for each question, in their order."""

    answers: tuple[Access | None, ...]


class OrderList(msgspec.Struct, frozen=True):
    """Somebody's orders, by order id. `complete`: nothing was left off for the list's length."""

    orders: tuple[Order, ...]
    complete: bool


class OrderService:
    """The use cases over a store and a running relay."""

    def __init__(
        self, orders: Orders, relay: Relay, policy: Policy, *, answer_s_max: float = ANSWER_S_MAX
    ) -> None:
        self._orders = orders
        self._relay = relay
        self._policy = policy
        self._answer_s_max = answer_s_max

    @property
    def roles(self) -> frozenset[str]:
        """The roles a participant may have."""
        return self._policy.roles

    async def put(
        self, order_id: OrderId, title: str, participants: tuple[Participant, ...]
    ) -> tuple[Order, bool]:
        """Make an order, or give it this title and these parties; the status stays as it is.

        Tells whether it is new. The same again writes no event. Raises `Unpublished` and `Busy`.
        """

        def put(stored: Order | None) -> Order:
            if stored is None:
                return model.start(order_id, title, participants)
            return model.describe(stored, title, participants)

        before, order = await self._change(order_id, put)
        return order, before is None

    async def move(self, order_id: OrderId, target: Status) -> Order:
        """Bring an order into a status; if it is there already, no event is written.

        Raises `NoSuchOrder`, `model.IllegalTransition`, `Unpublished` and `Busy`.
        """

        def move(stored: Order | None) -> Order:
            if stored is None:
                raise NoSuchOrder
            return model.move(stored, target)

        _, order = await self._change(order_id, move)
        return order

    async def get(self, order_id: OrderId) -> Order | None:
        """An order; null if there is none. Its last event may still be on its way to the log."""
        stored = await self._orders.get(order_id)
        return stored.order if stored else None

    async def of_participant(self, user_id: str) -> OrderList:
        """The orders somebody takes part in, at most `LIST_MAX`."""
        found = await self._orders.of_participant(user_id, LIST_MAX + 1)
        return OrderList(tuple(found[:LIST_MAX]), complete=len(found) <= LIST_MAX)

    async def access(self, order_id: OrderId, user_id: str) -> Access | None:
        """What somebody is to an order; null alike for strangers and for orders not there."""
        return self._access(await self.get(order_id), user_id)

    async def accesses(self, questions: Sequence[tuple[OrderId, str]]) -> Sequence[Access | None]:
        """What `access` answers to each of these orders and users, by one question to the store."""
        orders = await self._orders.of_ids({order_id for order_id, _ in questions})
        return [self._access(orders.get(order_id), user_id) for order_id, user_id in questions]

    def _access(self, order: Order | None, user_id: str) -> Access | None:
        role = order.role_of(user_id) if order else None
        if order is None or role is None:
            return None
        may = evaluate(self._policy, order.status, [role])[role]
        return Access(order.order_id, user_id, role, order.status, order.version, may)

    async def announce_policy(self) -> None:
        """Announce all open orders again if the policy differs from the one last announced.

        Call it once, before anything else. A crash halfway costs some orders one more version.
        """
        current = digest(self._policy)
        announced = await self._orders.announced_policy()
        if announced == current:
            return
        after = ""
        while announced is not None:
            page = await self._orders.in_statuses(model.OPEN, after, PAGE)
            if not page:
                break
            for order in page:
                await self._renew(order)
            after = page[-1].order_id
        await self._orders.note_policy(current)

    async def _renew(self, order: Order) -> None:
        """Announce an order again, as it is by now."""
        for _ in range(_TRIES):
            try:
                await self._save(order, model.renew(order))
                return
            except VersionTaken:
                # By another process, which may start as well, or still go by the policy before.
                stored = await self._orders.get(order.order_id)
                assert stored is not None, "orders are never removed"
                order = stored.order
        raise Busy

    async def _change(
        self, order_id: OrderId, change: Callable[[Order | None], Order]
    ) -> tuple[Order | None, Order]:
        """Apply *change* to the order stored, and wait for its last event to be in the log.

        Answers the order before and after.
        """
        for _ in range(_TRIES):
            stored = await self._orders.get(order_id)
            before = stored.order if stored else None
            try:
                after, number = await self._apply(stored, change(before))
            except VersionTaken:
                continue
            # Also for a change that was made before: its event may still be on its way.
            if number is not None:
                await self._wait(number)
            return before, after
        raise Busy

    async def _apply(self, stored: Stored | None, after: Order) -> tuple[Order, int | None]:
        if stored is not None and stored.order is after:
            return after, stored.unpublished
        number = await self._save(stored.order if stored else None, after)
        self._relay.wake()
        return after, number

    async def _save(self, before: Order | None, after: Order) -> int:
        roles = (party.role for party in after.participants)
        event = OrderChanged(
            order_id=after.order_id,
            by=WRITER,
            as_="service",
            version=after.version,
            status=after.status,
            previous_status=before.status if before else None,
            title=after.title,
            participants=after.participants,
            may=evaluate(self._policy, after.status, roles),
            edit_window_ms=self._policy.edit_window_ms,
            contact=contact_in(self._policy, after.status),
        )
        return await self._orders.save(after, event)

    async def _wait(self, number: int) -> None:
        try:
            async with asyncio.timeout(self._answer_s_max):
                await self._relay.published(number)
        except TimeoutError:
            raise Unpublished from None
