"""`python -m tests.prove.gaps`: no event goes missing unnoticed (P5).

A proxy that understands frames takes one event from a connection, or swaps two. A client that is
honest must ask for what is missing: on the very next event, by its `prev`; where none follows, on a
beat that carries the order's head.
"""

import asyncio
import random
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, Literal

import msgspec

from shared.contracts.ids import OrderId, Seq, UserId
from tests.faults.proxy import Link
from tests.prove.client import Client, Habits, Pace
from tests.prove.device import Device
from tests.prove.ground import Ground, own_process
from tests.prove.history import Glimpse, History, Joined, Live, Paged, Record, now
from tests.prove.line import open_line
from tests.prove.proof import Proof, main
from tests.prove.tamper import Tamper, Trick

TRIES: Final = 200
READERS: Final = 10
"""Of one order, as many devices."""
HEARTBEAT_S: Final = 25
NOTICE_S: Final = HEARTBEAT_S + 2.0
"""The next beat carries the head. Then what is missing is asked for, and a busy gateway beats a
little later."""
FOLLOWED_NOTICE_S: Final = 5.0

Kind = Literal["drop, followed", "drop, the last", "swap"]
KINDS: Final[tuple[Kind, ...]] = ("drop, followed", "drop, the last", "swap")


class Try(msgspec.Struct):
    """One reader whose stream is tampered with."""

    kind: Kind
    client: Client
    tamper: Tamper | None = None
    done_at: float | None = None
    missing: Seq | None = None

    def tampered(self, _: Trick, seq: Seq) -> None:
        """The proxy has done it."""
        self.done_at, self.missing = now(), seq

    def make_tamper(self) -> Tamper:
        """For a new connection."""
        self.tamper = Tamper(self.tampered)
        return self.tamper


async def prove(folder: Path, seed: str, scale: float) -> Proof:
    """See the module."""
    count = max(len(KINDS), round(TRIES * scale))
    dice = random.Random(seed)
    async with own_process(folder, seed) as (ground, server), AsyncExitStack() as links:
        history = History()
        tries: list[Try] = []
        orders = [OrderId(f"gaps-{number}") for number in range(-(-count // READERS))]
        for order_id in orders:
            await ground.put(
                order_id, {_writer(order_id): "creator", _reader(order_id): "advertiser"}
            )
        for number in range(count):
            tries.append(
                await _make_try(
                    ground, server.port, links, history, orders[number // READERS], number, seed
                )
            )
        async with asyncio.TaskGroup() as running:
            for one in tries:
                running.create_task(one.client.run())
            await _settle(tries)
            by_order = {o: [t for t in tries if t.client.device.order_id == o] for o in orders}
            async with asyncio.TaskGroup() as writing:
                for order_id, group in by_order.items():
                    writing.create_task(
                        _write(ground, order_id, group, random.Random(dice.random()))
                    )
            await _wait_for_repairs(tries)
            for one in tries:
                one.client.leave()
    return _judge(tries, history)


async def _make_try(
    ground: Ground,
    port: int,
    links: AsyncExitStack,
    history: History,
    order_id: OrderId,
    number: int,
    seed: str,
) -> Try:
    reader = _reader(order_id)
    device = Device(
        name=f"reader-{number}",
        user_id=reader,
        order_id=order_id,
        token=ground.token(reader),
        history=history,
        random=random.Random(f"{seed} {number}"),
    )
    # Whether an event follows is the order's, so all its readers are tried alike or almost.
    kind: Kind = "drop, the last" if (number // READERS) % 2 else KINDS[2 * (number % 2)]
    holder: list[Try] = []
    link = await links.enter_async_context(Link(port, lambda: holder[0].make_tamper()))
    client = Client(device, f"ws://127.0.0.1:{link.port}/v1/chat", Habits(), Pace())
    client.hush()
    holder.append(Try(kind, client))
    return holder[0]


async def _settle(tries: list[Try]) -> None:
    async with asyncio.timeout(30):
        while not all(one.client.settled for one in tries):  # noqa: ASYNC110 (clients tell nobody)
            await asyncio.sleep(0.05)


async def _write(ground: Ground, order_id: OrderId, group: list[Try], dice: random.Random) -> None:
    """Say things in one order at random times, and have one of them tampered with."""
    async with open_line(ground.chat_url, ground.token(_writer(order_id))) as line:
        await line.join(order_id)
        for number in range(dice.randint(1, 4)):
            await line.tell(order_id, f"before {number}")
            await asyncio.sleep(dice.uniform(0, 0.3))
        await asyncio.sleep(1)
        for one in group:
            assert one.tamper is not None
            one.tamper.arm("swap" if one.kind == "swap" else "drop")
        await line.tell(order_id, "the one")
        if group[0].kind != "drop, the last":
            await asyncio.sleep(dice.uniform(0, 1))
            await line.tell(order_id, "the next")
        await _all_done(group)


async def _all_done(group: list[Try]) -> None:
    async with asyncio.timeout(10):
        while any(one.done_at is None for one in group):  # noqa: ASYNC110 (as above)
            await asyncio.sleep(0.02)


async def _wait_for_repairs(tries: list[Try]) -> None:
    give_up_at = now() + NOTICE_S
    while now() < give_up_at:
        heads: dict[OrderId, Seq] = {}
        for one in tries:
            device = one.client.device
            heads[device.order_id] = max(
                heads.get(device.order_id, Seq(0)), device.view.head, one.missing or Seq(0)
            )
        if all(one.client.device.view.head == heads[one.client.device.order_id] for one in tries):
            return
        await asyncio.sleep(0.1)


def _judge(tries: list[Try], history: History) -> Proof:
    violations: list[str] = []
    waits: dict[Kind, list[float]] = {kind: [] for kind in KINDS}
    records = list(history)
    for one in tries:
        name, missing, done_at = one.client.device.name, one.missing, one.done_at
        if missing is None or done_at is None:
            violations.append(f"{name}: nothing was taken out ({one.kind})")
            continue
        repairs = [
            record.at
            for record in records
            if isinstance(record, Joined | Paged)
            and record.client == name
            and record.at > done_at
            and missing in {event.seq for event in record.events}
        ]
        if not repairs:
            violations.append(f"{name}: {missing} was never asked for ({one.kind})")
            continue
        wait = repairs[0] - done_at
        waits[one.kind].append(wait)
        if wait > (NOTICE_S if one.kind == "drop, the last" else FOLLOWED_NOTICE_S):
            violations.append(f"{name}: {missing} came {wait:.1f} s late ({one.kind})")
        violations += _unlike(one, records)
    found = sum(len(times) for times in waits.values())
    longest = {
        kind: f"{len(times)} × {kind}: repaired within {max(times):.1f} s"
        for kind, times in waits.items()
        if times
    }
    return Proof(
        "P5: no silent gap",
        f"{len(tries)} events dropped or swapped between server and client",
        f"{found} noticed and repaired; {', '.join(longest.values())}",
        violations,
    )


def _unlike(one: Try, records: Sequence[Record]) -> list[str]:
    """Compare the screen with all that anybody was shown of the order."""
    shown: dict[str, Glimpse] = {
        event.id: event
        for record in records
        if isinstance(record, Joined | Paged | Live)
        and record.order_id == one.client.device.order_id
        for event in ([record.event] if isinstance(record, Live) else record.events)
        if event.type == "message" and event.id is not None
    }
    on_screen = {str(message.id) for message in one.client.device.view.messages.values()}
    if on_screen == {str(id_) for id_ in shown}:
        return []
    return [f"{one.client.device.name}: {len(on_screen)} messages on screen, {len(shown)} written"]


def _writer(order_id: OrderId) -> UserId:
    return UserId(f"writer-of-{order_id}")


def _reader(order_id: OrderId) -> UserId:
    return UserId(f"reader-of-{order_id}")


if __name__ == "__main__":
    sys.exit(main("gaps", prove, sys.argv[1:]))
