"""What happens in one world of the seam's model, picked at random, until it comes to rest."""

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Final

import msgspec

from chat_gateway.seam import Forbidden, NotFound, Query, Unavailable
from shared.contracts.ids import NOTHING, Seq
from tests.chat_gateway.seam_author import MODERATOR, PARTIES, draft_of, foreign_position
from tests.chat_gateway.seam_client import Client
from tests.chat_gateway.seam_truth import Violation
from tests.chat_gateway.seam_wish import Carrier, Join, LookUp, Page, Wish
from tests.chat_gateway.seam_world import ORDERS, World

JOINS_PER_WORLD: Final = 60
STEPS_MAX: Final = 6_000
"""A world in which hardly any join succeeds ends after so many steps."""
WISHES_MAX: Final = 12
LIMITS: Final = (1, 2, 3, 5, 50)
PAST: Final = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 5, 40, 40, 600, 1_300)
"""How many records an order may have at the start: some more than a replay, or the fold's memory,
holds."""


class Trial:
    """One world, its clients, and what happens to them."""

    def __init__(self, seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self._dice = dice = Random(seed)
        self._world = World(dice)
        self._clients = [
            Client(truth, user_id, moderator=user_id == MODERATOR)
            for truth in self._world.truths.values()
            for user_id in (*(party.user_id for party in PARTIES), MODERATOR)
        ]
        self._wishes: list[Wish] = []
        # Each world has its own pace of everything, so that many kinds of lag come up.
        self._actions = list(_WEIGHTS)
        self._weights = [
            weight * dice.choice((0.1, 0.5, 1.0, 1.0, 3.0)) for weight in _WEIGHTS.values()
        ]

    def run(self) -> None:
        """Let it all happen, then come to rest. Raises `Violation`."""
        self._write_past()
        for _ in range(STEPS_MAX):
            if self.counts["joins"] >= JOINS_PER_WORLD:
                break
            self._dice.choices(self._actions, self._weights)[0](self)
        self._rest()
        self.counts["events"] = sum(client.events for client in self._clients)
        self._world.close()

    # What may happen.

    def append(self) -> None:
        order_id = self._dice.choice(ORDERS)
        self._world.append(self._world.authors[order_id].next())

    def publish_order(self) -> None:
        self._world.publish_order(self._dice.choice(ORDERS))

    def archive(self) -> None:
        for _ in range(self._dice.randint(1, 4)):
            self._world.archive()

    def crash_archiver(self) -> None:
        self.counts["crashes"] += 1
        self._world.crash_archiver()

    def zombie(self) -> None:
        if not self._world.has_zombie:
            self._world.wake_zombie()
        elif self._dice.random() < 0.8:
            self._world.archive(1)
        else:
            self._world.end_zombies()

    def read(self) -> None:
        self._world.read(self._dice.randint(1, 5))

    def read_all(self) -> None:
        self._world.read(self._world.behind)

    def trim(self) -> None:
        self.counts["trims"] += self._world.trim(self._dice.choice((1, 2, 5, 20, 1_000)))

    def evict(self) -> None:
        self._world.evict()

    def catch_up(self) -> None:
        self._world.catch_up()

    def forget_lent(self) -> None:
        self._world.forget_lent()

    def join(self) -> None:
        if len(self._wishes) >= WISHES_MAX:
            return
        client = self._dice.choice(self._clients)
        service = self._world.services[client.order_id]
        access = None
        if not client.moderator:
            access = service.access(client.user_id, fresh=self._dice.random() < 0.5)
            if access is None:
                return
        query = Query(self._after(client), None, self._dice.choice(LIMITS))
        self._wishes.append(Join(self._world, client, self._dice, query, access))

    def page(self) -> None:
        client = self._some_member()
        if client is None or client.head is None:
            return
        limit = self._dice.choice(LIMITS)
        position = self._some_position(client)
        query = self._dice.choice(
            (
                Query(None, client.view.oldest, limit),
                Query(None, client.view.oldest, limit),
                Query(None, position, limit),
                Query(None, None, limit),
                Query(position, None, limit),
                Query(NOTHING, position, limit),
            )
        )
        self._wishes.append(Page(self._world, client, self._dice, query))

    def look_up(self) -> None:
        client = self._some_member()
        if client is not None:
            id_ = self._world.authors[client.order_id].sought_id()
            self._wishes.append(LookUp(self._world, client, self._dice, id_))

    def look_for_carrier(self) -> None:
        client = self._some_member()
        if client is not None:
            file = self._world.authors[client.order_id].some_file()
            self._wishes.append(Carrier(self._world, client, self._dice, file))

    def go_on(self) -> None:
        if not self._wishes:
            return
        wish = self._dice.choice(self._wishes)
        for _ in range(self._dice.choice((1, 1, 2, 4))):
            if wish in self._wishes:
                self._step(wish)

    def leave(self) -> None:
        """By its own wish, or since the connection was cut; to the order both are the same."""
        client = self._some_member()
        if client is not None:
            self._drop(client)
            self.counts["cuts"] += 1

    def restart_gateway(self) -> None:
        for client in self._clients:
            self._drop(client)
        self._world.follow()
        self.counts["restarts"] += 1

    # Inside.

    def _write_past(self) -> None:
        for order_id in ORDERS:
            if self._dice.random() < 0.9:
                self._world.publish_order(order_id)
        order_id = self._dice.choice(ORDERS)
        for _ in range(self._dice.choice(PAST)):
            self._world.append(self._world.authors[order_id].next())

    def _step(self, wish: Wish) -> None:
        if wish.client.room is None and not isinstance(wish, Join):
            self._wishes.remove(wish)  # the order withdrew its reader meanwhile
            return
        try:
            wish.step()
        except Unavailable:
            self.counts["unavailable"] += 1
        except (NotFound, Forbidden):
            self.counts["refused"] += 1
        else:
            if wish.ended:
                self._count(wish)
        if wish.ended and wish in self._wishes:
            self.counts["catch-ups"] += wish.caught_up
            self._wishes.remove(wish)

    def _count(self, wish: Wish) -> None:
        self.counts[f"{wish.kind}s"] += 1
        if isinstance(wish, Join):
            self.counts["resumes"] += wish.resumes
            self.counts["resets"] += wish.reset
        elif isinstance(wish, LookUp) and wish.missing:
            self._send_again(wish)

    def _send_again(self, wish: LookUp) -> None:
        """What was looked up in vain is written, with the base taken before the look-up."""
        for event in self._world.authors[wish.client.order_id].limbo:
            if event.id == wish.id and self._dice.random() < 0.7:
                self._world.append(draft_of(msgspec.structs.replace(event, base=wish.base)))

    def _drop(self, client: Client) -> None:
        client.leave()
        self._wishes = [wish for wish in self._wishes if wish.client is not client]

    def _some_member(self) -> Client | None:
        members = [client for client in self._clients if client.room is not None]
        return self._dice.choice(members) if members and len(self._wishes) < WISHES_MAX else None

    def _after(self, client: Client) -> Seq | None:
        chance = self._dice.random()
        if chance < 0.03:
            return foreign_position(self._dice, len(self._world.records))
        if chance < 0.1:
            return NOTHING
        return client.head if client.head is not None and chance < 0.8 else None

    def _some_position(self, client: Client) -> Seq:
        told = self._world.truths[client.order_id].told
        return self._dice.choice(told).seq if told else NOTHING

    # At rest.

    def _rest(self) -> None:
        """Everybody comes to the end of the log; then views and store must show all of it."""
        world = self._world
        while self._wishes:
            world.read(world.behind)
            world.catch_up()
            self._step(self._wishes[0])
        world.archive_all()
        world.check_store()
        world.read(world.behind)
        for client in self._clients:
            if client.moderator and world.truths[client.order_id].conversation.order is not None:
                self._join_now(client)
        for client in self._clients:
            if client.room is not None:
                client.check_view()

    def _join_now(self, client: Client) -> None:
        join = Join(self._world, client, self._dice, Query(client.head, None, 5), None)
        while not join.ended:
            self._world.catch_up()
            try:
                join.step()
            except Unavailable:
                raise Violation("unavailable, though the archiver has everything") from None


_WEIGHTS: Final[dict[Callable[[Trial], None], float]] = {
    Trial.append: 14,
    Trial.publish_order: 1,
    Trial.archive: 6,
    Trial.crash_archiver: 0.4,
    Trial.zombie: 1.5,
    Trial.read: 8,
    Trial.read_all: 1,
    Trial.trim: 2,
    Trial.evict: 2,
    Trial.catch_up: 4,
    Trial.forget_lent: 0.2,
    Trial.join: 8,
    Trial.page: 5,
    Trial.look_up: 6,
    Trial.look_for_carrier: 5,
    Trial.go_on: 40,
    Trial.leave: 5,
    Trial.restart_gateway: 0.1,
}
