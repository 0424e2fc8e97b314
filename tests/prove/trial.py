"""One trial: a system, parties who talk, something that breaks; then calm, and the check."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Final, Generic, Protocol, TypeVar

import httpx
import msgspec

from shared.contracts.ids import OrderId, UserId
from shared.tokens import Role, mint
from tests.faults.proxy import Link
from tests.prove import history
from tests.prove.checker import check
from tests.prove.client import Client, Habits, Pace
from tests.prove.device import Device
from tests.prove.evidence import Violation
from tests.prove.history import History, now
from tests.prove.reader import Reader
from tests.prove.truth import Truth

ROLES: Final = ("creator", "advertiser")
QUIET_S: Final = 1.5
"""So long nothing may happen before all is said: a mark may wait a second to be written."""
CALM_S: Final = 60.0
"""After so long whatever has not settled never will."""

TALKER: Final = Habits()
PACE: Final = Pace()
EDITOR: Final = Habits(edits=5, deletes=1.5, marks=4, typing=4)


class System(Protocol):
    """What is tried, as its clients and its judge see it."""

    secret: str
    """What tokens are signed with."""

    @property
    def orders_url(self) -> str:
        """Where orders are made."""
        ...

    def chat_ports(self) -> Sequence[int]:
        """Where a new client may connect to, the best first."""
        ...

    async def start(self) -> None:
        """Return when it is ready. Raises `ServerFailed`."""
        ...

    async def stop(self) -> None:
        """End it in good order, with everything archived. Raises `ServerFailed`."""
        ...

    async def kill(self) -> None:
        """End it at once; nothing if it has ended."""
        ...

    async def truth(self) -> Truth:
        """What log and store hold, once it has stopped."""
        ...


S = TypeVar("S", bound=System)
Break = Callable[[S, Mapping[str, Link], History], Awaitable[None]]
"""Breaks things for a while; all is whole again when it returns."""


class Result(msgspec.Struct, frozen=True):
    """What came of a trial."""

    history: History
    violations: Sequence[Violation]
    converged_s: float
    """How long after the last fault every screen showed the same."""
    copies: int
    """Records in the log that are copies of others: tries that were really made twice."""


class Trial(Generic[S]):
    """Orders with two parties each, and two clients of each party."""

    def __init__(
        self,
        system: S,
        orders: int,
        seed: str,
        habits: Sequence[Habits] = (TALKER, EDITOR),
        pace: Pace = PACE,
    ) -> None:
        """*habits*: of the clients of each party, one each; *pace*: of all."""
        self.history = History()
        self._system = system
        self._habits = habits
        self._pace = pace
        self._seed = seed
        self._orders = [OrderId(f"order-{number}") for number in range(1, orders + 1)]
        self._links: dict[str, Link] = {}
        self._clients: list[Client] = []

    async def run(self, break_: Break[S]) -> Result:
        """Run it. What is wrong with the system is in the result; what is wrong here raises."""
        system = self._system
        try:
            await system.start()
            await self._make_orders()
            async with AsyncExitStack() as links:
                await self._make_clients(links)
                converged_s = await self._talk(break_)
            await self._read_afresh()
            await system.stop()
        finally:
            await system.kill()
        truth = await system.truth()
        violations = await asyncio.to_thread(check, self.history, truth)
        return Result(self.history, violations, converged_s, truth.copies)

    async def _make_orders(self) -> None:
        token = self._mint("prove", "service")
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as http:
            for order_id in self._orders:
                parties = [
                    {"user_id": _party(order_id, role), "role": role, "name": role.title()}
                    for role in ROLES
                ]
                body = {"title": f"Order {order_id}", "participants": parties}
                answer = await http.put(
                    f"{self._system.orders_url}/v1/orders/{order_id}", json=body
                )
                answer.raise_for_status()

    async def _make_clients(self, links: AsyncExitStack) -> None:
        for order_id in self._orders:
            for role in ROLES:
                for number, habits in enumerate(self._habits, start=1):
                    user_id = _party(order_id, role)
                    name = f"{user_id}-{number}"
                    link = await links.enter_async_context(Link(self._system.chat_ports))
                    device = Device(
                        name=name,
                        user_id=user_id,
                        order_id=order_id,
                        token=self._mint(user_id, "user"),
                        history=self.history,
                        random=random.Random(f"{self._seed} {name}"),
                    )
                    url = f"ws://127.0.0.1:{link.port}/v1/chat"
                    self._links[name] = link
                    self._clients.append(Client(device, url, habits, self._pace))

    async def _talk(self, break_: Break[S]) -> float:
        async with asyncio.TaskGroup() as running:
            for client in self._clients:
                running.create_task(client.run())
            await break_(self._system, self._links, self.history)
            whole_at = now()
            for client in self._clients:
                client.hush()
            converged_at = await self._calm()
            for client in self._clients:
                client.leave()
        for client in self._clients:
            self.history.write(_view_of(client))
        return max(0.0, converged_at - whole_at)

    async def _calm(self) -> float:
        """Wait until everybody shows all and nothing happens any more; tell since when.

        After `CALM_S` it is for the checker to say what is missing.
        """
        give_up_at = now() + CALM_S
        for client in self._clients:
            client.want_all()
        happened, changed_at = -1, now()
        while now() < give_up_at:
            if len(self.history) != happened or not self._converged():
                happened, changed_at = len(self.history), now()
            elif now() - changed_at > QUIET_S:
                break
            await asyncio.sleep(0.05)
        return changed_at

    def _converged(self) -> bool:
        heads = {(c.device.order_id, c.device.view.head) for c in self._clients}
        return len(heads) == len(self._orders) and all(
            client.settled and client.device.view.complete for client in self._clients
        )

    async def _read_afresh(self) -> None:
        url = f"ws://127.0.0.1:{self._system.chat_ports()[0]}/v1/chat"
        for order_id in self._orders:
            for role in ROLES:
                user_id = _party(order_id, role)
                token = self._mint(user_id, "user")
                await Reader(f"{user_id}-fresh", user_id, token, order_id, self.history).read(url)

    def _mint(self, user_id: str, role: Role) -> str:
        return mint(
            self._system.secret.encode(), user_id, roles=[role], ttl_s=7_200, now=time.time()
        )


def _party(order_id: OrderId, role: str) -> UserId:
    return UserId(f"{role}-of-{order_id}")


def _view_of(client: Client) -> history.Viewed:
    device = client.device
    return history.Viewed(
        at=now(),
        client=device.name,
        connection=0,
        order_id=device.order_id,
        user_id=device.user_id,
        messages=device.view.shown(),
        marks=dict(device.view.marks),
        unread=None,
    )
