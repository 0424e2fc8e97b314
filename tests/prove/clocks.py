"""`python -m tests.prove.clocks`: order is the log's offsets, whatever any clock says (P26).

Two gateways on one log, one of them an hour ahead, or behind; the log's own clock jumps by an hour
either way at every write; clients whose clocks are ten years off make ids that begin with that
time. Their histories go through the whole checker.
"""

import asyncio
import random
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Final

from shared.contracts.ids import OrderId, UserId
from shared.store.sqlite import SqliteStore
from shared.tokens import mint
from tests.prove import history
from tests.prove.checker import check
from tests.prove.client import Client, Habits, Pace
from tests.prove.device import Device
from tests.prove.evidence import Violation
from tests.prove.ground import secret_from
from tests.prove.history import History, now
from tests.prove.proof import Proof, main
from tests.prove.stage import STORE_FILE, Clocks, Stage, stage
from tests.prove.truth import Truth, read_log, read_store

SECONDS: Final = 15.0
"""In each of two rounds, one for either sign of the gateway's error."""
ORDERS: Final = 3
ROLES: Final = ("creator", "advertiser")
HOUR_S: Final = 3_600
YEARS_S: Final = 10 * 365.25 * 86_400
CALM_S: Final = 30.0
QUIET_S: Final = 1.5
HABITS: Final = Habits(marks=2, typing=2)
"""No edits: an hour's jump of the log's clock ends their fifteen minutes, as it must."""


async def prove(folder: Path, seed: str, scale: float) -> Proof:
    """See the module."""
    seconds = max(3.0, SECONDS * scale)
    found: list[Violation] = []
    messages = 0
    backwards = 0
    for sign in (1, -1):
        name = "ahead" if sign > 0 else "behind"
        records, truth = await _round(folder / name, f"{seed} {name}", sign, seconds)
        found += check(records, truth)
        messages += sum(isinstance(record, history.Typed) for record in records)
        backwards += _backwards(truth)
    inversions = [one for one in found if one.check in ("nonmonotonic-deliver", "fifo")]
    violations = [f"{one.check}: {one.who}: {one.what}" for one in found]
    if backwards:
        violations.append(f"{backwards} events bear a time before that of an earlier one")
    return Proof(
        "P26: clocks do not decide the order",
        "one of two gateways an hour ahead, then behind; clients 10 years off; the log's clock "
        "jumping by an hour",
        f"{messages:,} messages, {len(inversions)} inversions, "
        f"{len(found) - len(inversions)} other violations",
        violations,
    )


def _backwards(truth: Truth) -> int:
    """How often an order's shown times fall."""
    count = 0
    for order in truth.orders.values():
        times = [entry.at for entry in order.entries]
        count += sum(later < earlier for earlier, later in pairwise(times))
    return count


async def _round(folder: Path, seed: str, sign: int, seconds: float) -> tuple[History, Truth]:
    dice = random.Random(seed)
    records = History()
    secret = secret_from(seed).encode()
    clocks = Clocks(log=_jumping(dice), gateways=(time.time, _off(sign * HOUR_S)))
    async with stage(folder, secret, clocks=clocks) as system:
        system.start_archiver()
        clients = [
            await _make_client(system, order_id, role, place, records, seed)
            for order_id in [OrderId(f"clocks-{number}") for number in range(ORDERS)]
            for role in ROLES
            for place in range(len(system.gateways))
        ]
        await _talk(clients, records, seconds)
        await system.archived()
    truth = await asyncio.to_thread(read_log, folder)
    store = await SqliteStore.open(folder / STORE_FILE)
    try:
        await read_store(store, truth)
    finally:
        await store.close()
    await asyncio.to_thread(records.save, folder / "history.jsonl")
    return records, truth


async def _make_client(
    system: Stage, order_id: OrderId, role: str, place: int, records: History, seed: str
) -> Client:
    """A party's device at one of the gateways, its clock ten years off either way."""
    ground = system.grounds[place]
    parties = {UserId(f"{one}-of-{order_id}"): one for one in ROLES}
    await ground.put(order_id, parties)
    user_id = UserId(f"{role}-of-{order_id}")
    name = f"{user_id}-{place + 1}"
    # Good by all clocks here: a gateway that is behind would find one signed now to be of tomorrow.
    token = mint(ground.secret, user_id, ttl_s=4 * HOUR_S, now=time.time() - 2 * HOUR_S)
    device = Device(
        name=name,
        user_id=user_id,
        order_id=order_id,
        token=token,
        history=records,
        random=random.Random(f"{seed} {name}"),
        clock=_off(YEARS_S if role == "creator" else -YEARS_S),
    )
    return Client(device, ground.chat_url, HABITS, Pace())


async def _talk(clients: list[Client], records: History, seconds: float) -> None:
    async with asyncio.TaskGroup() as running:
        for client in clients:
            running.create_task(client.run())
        await asyncio.sleep(seconds)
        for client in clients:
            client.hush()
            client.want_all()
        await _calm(clients, records)
        for client in clients:
            client.leave()
    for client in clients:
        device = client.device
        records.write(
            history.Viewed(
                at=now(),
                client=device.name,
                connection=0,
                order_id=device.order_id,
                user_id=device.user_id,
                messages=device.view.shown(),
                marks=dict(device.view.marks),
                unread=None,
            )
        )


async def _calm(clients: list[Client], records: History) -> None:
    """Wait until everything typed has its outcome and nothing happens any more."""
    give_up_at = now() + CALM_S
    happened, changed_at = -1, now()
    while now() < give_up_at and now() - changed_at < QUIET_S:
        if len(records) != happened or not all(client.settled for client in clients):
            happened, changed_at = len(records), now()
        await asyncio.sleep(0.05)


def _jumping(dice: random.Random) -> Callable[[], int]:
    return lambda: int((time.time() + dice.choice((-HOUR_S, 0, HOUR_S))) * 1_000)


def _off(seconds: float) -> Callable[[], float]:
    return lambda: time.time() + seconds


if __name__ == "__main__":
    sys.exit(main("clocks", prove, sys.argv[1:]))
