"""`python -m tests.prove.isolation`: who takes no part learns nothing, not even that there is
something (P17).

Every operation of the protocol and of HTTP, by everybody who might try it, on an order that is
theirs, on somebody else's and on one that does not exist. The answers for the last two must be the
same byte for byte, the order's id aside; so must those for the first, for who is no party of it or
whose token names other orders, moderators and services among them. Meanwhile people talk in the
orders of others, and nothing of that may reach anybody here. At last, in silence, the answers are
timed.
"""

import asyncio
import contextlib
import random
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, NamedTuple

import httpx
import msgspec

from shared.contracts import frames
from shared.contracts.ids import OrderId, UserId
from tests.prove.ground import Ground, own_process
from tests.prove.line import Line, open_line
from tests.prove.operations import CLIENT_ID, REF, Operation, operations
from tests.prove.proof import Proof, main
from tests.prove.timing import Comparison, compare

RANDOM_IDS: Final = 1_000
FOREIGN: Final = 10
ID_CHARS: Final = 12

OWN: Final = OrderId("own-order-01")
MASK: Final = b"<order>"
SENTINEL: Final = 2
SILENCE_S: Final = 1.0
PARTIES: Final = ("creator", "advertiser")
WRITE_EVERY_S: Final = 0.05
TIMED: Final = 1_000
"""Foreign orders, and as many that do not exist."""


class Actor(NamedTuple):
    """Somebody who tries."""

    name: str
    line: Line | None
    """Null: HTTP alone."""
    http: httpx.AsyncClient


async def prove(folder: Path, seed: str, scale: float) -> Proof:
    """See the module."""
    dice = random.Random(seed)
    count = round(RANDOM_IDS * scale)
    async with own_process(folder, seed) as (ground, _), AsyncExitStack() as resources:
        foreign = [_random_id(dice) for _ in range(FOREIGN)]
        await _make_orders(ground, foreign)
        actors = await _make_actors(ground, resources)
        talking = [asyncio.create_task(_talk(ground, order_id)) for order_id in foreign]
        try:
            trial = Trial(dice)
            for actor in actors:
                await trial.try_matrix(actor, foreign[0])
            await trial.try_random(actors, foreign, count)
            for actor in actors:
                await trial.expect_silence(actor, foreign)
        finally:
            for task in talking:
                task.cancel()
            ended = await asyncio.gather(*talking, return_exceptions=True)
        timed = await _time(ground, max(100, round(TIMED * scale)), dice)
    violations = [f"a talker failed: {one}" for one in ended if isinstance(one, Exception)]
    violations += trial.violations
    violations += [f"the time tells: {one.line()}" for one in timed if one.tells]
    return Proof(
        "P17: orders of others might as well not exist",
        f"{len(actors)} actors × {len(operations(OWN))} operations × 3 orders, "
        f"and {count} random ids; answers timed",
        f"{trial.compared:,} pairs of answers compared, {trial.differing} differ; "
        f"{trial.leaked} frames of other orders; {'; '.join(one.line() for one in timed)}",
        violations,
    )


class Trial:
    """What was tried, and what came of it."""

    def __init__(self, dice: random.Random) -> None:
        self.violations: list[str] = []
        self.compared = 0
        self.differing = 0
        self.leaked = 0
        self._dice = dice
        self._noes: dict[tuple[str, str], bytes] = {}
        """By actor and operation, the answer for what does not exist."""

    async def try_matrix(self, actor: Actor, foreign: OrderId) -> None:
        """Everything, on an own order, on a foreign one, and on none."""
        nowhere = _random_id(self._dice)
        own = {op.name: await _ask(actor, op, OWN) for op in operations(OWN)}
        for operation in operations(nowhere):
            answer = await _ask(actor, operation, nowhere)
            self._noes[actor.name, operation.name] = answer
        for operation in operations(foreign):
            answer = await _ask(actor, operation, foreign)
            self._compare(actor, operation, answer)
        if actor.name not in PARTIES:
            for operation in operations(OWN):
                self._compare(actor, operation, own[operation.name])
            return
        for name, sign in (("join", b'"joined"'), ("history", b'"page"'), ("send", b'"event"')):
            if sign not in own[name]:
                self.violations.append(f"{actor.name}: {name} failed: {own[name]!r}")
        if not own["GET messages"].startswith(b"200"):
            self.violations.append(f"{actor.name}: GET failed: {own['GET messages']!r}")

    async def try_random(
        self, actors: Sequence[Actor], foreign: Sequence[OrderId], count: int
    ) -> None:
        """Random operations on random ids, half of them of orders that exist."""
        for _ in range(count):
            actor = self._dice.choice(actors)
            order_id = (
                self._dice.choice(foreign) if self._dice.random() < 0.5 else _random_id(self._dice)
            )
            operation = self._dice.choice(operations(order_id))
            self._compare(actor, operation, await _ask(actor, operation, order_id))

    async def expect_silence(self, actor: Actor, foreign: Sequence[OrderId]) -> None:
        """Nothing of the orders of others has come by itself, nor comes; nor is it in the inbox."""
        inbox = await actor.http.get("/v1/inbox")
        self._look(actor, inbox.content, foreign)
        if actor.line is None:
            return
        await actor.line.say(frames.Inbox(ref=SENTINEL))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SILENCE_S):
                while True:
                    self._look(actor, await actor.line.websocket.recv(decode=False), foreign)

    def _look(self, actor: Actor, told: bytes, foreign: Sequence[OrderId]) -> None:
        if any(order_id.encode() in told for order_id in foreign):
            self.leaked += 1
            self.violations.append(f"{actor.name} was told {told[:200]!r}")

    def _compare(self, actor: Actor, operation: Operation, answer: bytes) -> None:
        self.compared += 1
        expected = self._noes[actor.name, operation.name]
        if answer != expected:
            self.differing += 1
            self.violations.append(
                f"{actor.name}: {operation.name}: {answer[:200]!r} where there is something, "
                f"{expected[:200]!r} where there is nothing"
            )


async def _ask(actor: Actor, operation: Operation, order_id: OrderId) -> bytes:
    """All that comes back, with the order's id taken out."""
    if operation.frame is None:
        answer = await actor.http.request(
            operation.method, operation.path, json=operation.body if operation.body else None
        )
        told = {name: value for name, value in answer.headers.items() if name != "date"}
        data = f"{answer.status_code} {sorted(told.items())} ".encode() + answer.content
        return data.replace(order_id.encode(), MASK)
    if actor.line is None:
        return b""
    await actor.line.say(operation.frame)
    if not hasattr(operation.frame, "ref"):
        # It has no answer, or one without a mark; of what follows it we know when that is answered.
        await actor.line.say(frames.Leave(ref=SENTINEL, order_id=order_id))
    came: list[bytes] = []
    while True:
        frame = await actor.line.raw()
        match msgspec.json.decode(frame, type=_Answer):
            case _Answer(ref=ref) if ref == SENTINEL:
                break
            case _Answer(ref=ref, client_id=id_) if ref == REF or id_ == CLIENT_ID:
                came.append(frame)
                break
            case _Answer(op="refused"):
                came.append(frame)
            case _:
                pass  # what comes by itself
    return b"\n".join(came).replace(order_id.encode(), MASK)


class _Answer(msgspec.Struct):
    op: str
    ref: int | None = None
    client_id: str | None = None


async def _make_orders(ground: Ground, foreign: Sequence[OrderId]) -> None:
    await ground.put(OWN, {UserId(role): role for role in PARTIES})
    for order_id in foreign:
        await ground.put(order_id, {_owner(order_id): "creator"})


async def _make_actors(ground: Ground, resources: AsyncExitStack) -> list[Actor]:
    """The parties of the own order, and those who are no party of any."""
    elsewhere = ["elsewhere"]
    tokens = {
        **{role: ground.token(role) for role in PARTIES},
        "stranger": ground.token("stranger"),
        "narrowed creator": ground.token("creator", orders=elsewhere),
        "narrowed moderator": ground.token("moira", role="moderator", orders=elsewhere),
        "narrowed service": ground.token("shop", role="service", orders=elsewhere),
        "nobody": "none",
    }
    actors = []
    for name, token in tokens.items():
        line = None
        if name not in ("narrowed service", "nobody"):
            line = await resources.enter_async_context(open_line(ground.chat_url, token))
        http = httpx.AsyncClient(
            base_url=ground.url, headers={"Authorization": f"Bearer {token}"}, timeout=30
        )
        actors.append(Actor(name, line, await resources.enter_async_context(http)))
    return actors


async def _talk(ground: Ground, order_id: OrderId) -> None:
    """Say something in a foreign order every now and then, until cancelled."""
    async with open_line(ground.chat_url, ground.token(_owner(order_id))) as line:
        await line.join(order_id)
        while True:
            await line.tell(order_id, "not for others")
            await line.say(frames.Type(order_id=order_id, what="text"))
            await asyncio.sleep(WRITE_EVERY_S)


async def _time(ground: Ground, count: int, dice: random.Random) -> list[Comparison]:
    """Time strangers' answers by each way in: to a first question, and while that is remembered."""
    foreign, nowhere = ([_random_id(dice) for _ in range(count)] for _ in range(2))
    await _make_orders(ground, foreign)
    reader = {"Authorization": f"Bearer {ground.token('reader')}"}
    async with (
        open_line(ground.chat_url, ground.token("joiner")) as line,
        httpx.AsyncClient(base_url=ground.url, headers=reader) as http,
    ):

        async def join(order_id: OrderId) -> None:
            await line.say(frames.Join(ref=REF, order_id=order_id))
            await line.raw()

        async def read(order_id: OrderId) -> None:
            await http.get(f"/v1/orders/{order_id}/messages")

        return [
            await compare(name, ask, foreign[:orders], nowhere[:orders], rounds, dice)
            for way, ask in (("join", join), ("GET", read))
            for name, orders, rounds in ((way, count, 1), (f"{way} again", 10, count // 10))
        ]


def _owner(order_id: OrderId) -> UserId:
    return UserId(f"owner-of-{order_id}")


def _random_id(dice: random.Random) -> OrderId:
    return OrderId("".join(dice.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=ID_CHARS)))


if __name__ == "__main__":
    sys.exit(main("isolation", prove, sys.argv[1:]))
