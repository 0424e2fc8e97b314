"""`python -m tests.prove.revocation`: who loses access is told nothing more (P16).

Participants are taken out of their orders by `PUT` while everybody writes, each at a random
instant: between messages, with a page of history under way, while somebody types. Nothing of the
order may reach them behind the event that took them out, and nothing they ask is answered but with
a refusal. And tokens: at `exp` frames are refused, five seconds later the connection is closed,
unless `auth` came.
"""

import asyncio
import contextlib
import random
import sys
import time
from pathlib import Path
from typing import Final

import httpx
from websockets.exceptions import ConnectionClosed

from shared.contracts import frames
from shared.contracts.errors import CloseCode, ErrorCode
from shared.contracts.ids import OrderId, Seq, UserId
from tests.prove.ground import Ground, own_process
from tests.prove.history import now
from tests.prove.line import Frame, Line, Refused, open_line
from tests.prove.proof import Proof, main

REVOCATIONS: Final = 100
ORDERS: Final = 10
WRITE_EVERY_S: Final = 0.02
TOLD_S: Final = 5.0
LISTEN_S: Final = 1.0
"""How long a removed user's connection is watched, and asks for more, after it was told."""
TOKENS: Final = 10
GRACE_S: Final = 5.0
PRECISION_S: Final = 0.5


class Removal:
    """What a user who will be removed gets on one connection."""

    def __init__(self, order_id: OrderId) -> None:
        self.order_id = order_id
        self.came: list[Frame] = []
        self.left_at: float | None = None

    async def listen(self, line: Line) -> None:
        """Keep everything that comes, until the connection ends."""
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            while True:
                frame = await line.hear()
                self.came.append(frame)
                if isinstance(frame, frames.Left):
                    self.left_at = now()

    def violations(self, removed_by: Seq | None, asked_at: float) -> list[str]:
        """What is wrong, given the position of the event that took the user out."""
        if self.left_at is None or removed_by is None:
            return [f"{self.order_id}: the removed user was not told"]
        found = []
        if self.left_at - asked_at > TOLD_S:
            found.append(f"{self.order_id}: told after {self.left_at - asked_at:.1f} s")
        left = next(n for n, frame in enumerate(self.came) if isinstance(frame, frames.Left))
        for place, frame in enumerate(self.came):
            late = [seq for seq in _positions(frame, self.order_id) if seq > removed_by]
            if late:
                found.append(f"{self.order_id}: {late} behind the removal at {removed_by}")
            elif place > left and not _is_no(frame):
                found.append(f"{self.order_id}: {type(frame).__name__} after `left`")
        return found


def _positions(frame: Frame, order_id: OrderId) -> list[Seq]:
    """The positions of all events of the order in a frame."""
    if isinstance(frame, frames.EventShown):
        return [frame.seq]
    if isinstance(frame, frames.Joined | frames.Page):
        return [event.seq for event in frame.events]
    if isinstance(frame, frames.Beat):
        return [frame.heads[order_id]] if order_id in frame.heads else []
    return []


def _is_no(frame: Frame) -> bool:
    """Whether a frame after the end says nothing of the order."""
    return isinstance(frame, frames.Refused | frames.Left) or (
        isinstance(frame, frames.Beat) and not frame.heads
    )


class Busy:
    """An order in which its creator writes all the time, and sees everything."""

    def __init__(self, order_id: OrderId, ground: Ground, dice: random.Random) -> None:
        self.order_id = order_id
        self.creator = UserId(f"creator-of-{order_id}")
        self.removals: dict[UserId, Seq] = {}
        """Who was last taken out by which event."""
        self._parties: set[UserId] = set()
        self._ground = ground
        self._dice = dice
        self._count = 0

    async def write(self) -> None:
        """Write until cancelled, and note who is taken out when."""
        async with open_line(self._ground.chat_url, self._ground.token(self.creator)) as line:
            joined = await line.join(self.order_id)
            self._parties = {party.user_id for party in joined.order.participants}
            watching = asyncio.create_task(self._watch(line))
            try:
                while True:
                    self._count += 1
                    await line.post(self.order_id, f"message {self._count}")
                    if self._count % 5 == 0:
                        await line.say(frames.Type(order_id=self.order_id, what="text"))
                    await asyncio.sleep(self._dice.expovariate(1 / WRITE_EVERY_S))
            finally:
                watching.cancel()

    async def _watch(self, line: Line) -> None:
        while True:
            frame = await line.hear()
            if isinstance(frame, frames.OrderShown):
                parties = {party.user_id for party in frame.participants}
                for user_id in self._parties - parties:
                    self.removals[user_id] = frame.seq
                self._parties = parties

    async def put(self, *others: UserId) -> None:
        """Say who takes part beside the creator."""
        roles = ("advertiser", "support")
        parties = {self.creator: "creator", **dict(zip(others, roles, strict=False))}
        await self._ground.put(self.order_id, parties)


async def prove(folder: Path, seed: str, scale: float) -> Proof:
    """See the module."""
    times = max(ORDERS, round(REVOCATIONS * scale))
    tokens = max(2, round(TOKENS * scale))
    async with own_process(folder, seed) as (ground, _):
        orders = [
            Busy(OrderId(f"revoked-{number}"), ground, random.Random(f"{seed} {number}"))
            for number in range(ORDERS)
        ]
        for order in orders:
            await order.put()
        writing = [asyncio.create_task(order.write()) for order in orders]
        try:
            expiring = asyncio.create_task(_expire(ground, orders[0].order_id, tokens))
            rounds = await asyncio.gather(
                *(_revoke_often(order, ground, times // ORDERS, seed) for order in orders)
            )
            violations, lateness = await expiring
        finally:
            for task in writing:
                task.cancel()
            ended = await asyncio.gather(*writing, return_exceptions=True)
    violations += [f"a writer failed: {e}" for e in ended if isinstance(e, Exception)]
    waits = [wait for done in rounds for wait, _ in done]
    violations += [one for done in rounds for _, found in done for one in found]
    return Proof(
        "P16: access withdrawn is the end",
        f"{len(waits)} participants removed while messages flow; {2 * tokens} tokens run out, "
        "half of them renewed in time",
        f"0 events behind the removal; told within {1_000 * max(waits, default=0):.0f} ms; "
        f"closed {lateness:+.2f} s at most from exp + {GRACE_S:.0f} s"
        if not violations
        else f"{len(violations)} times it was not",
        violations,
    )


async def _revoke_often(
    order: Busy, ground: Ground, times: int, seed: str
) -> list[tuple[float, list[str]]]:
    dice = random.Random(f"{seed} {order.order_id}")
    return [await _revoke(order, ground, number, dice) for number in range(times)]


async def _revoke(
    order: Busy, ground: Ground, number: int, dice: random.Random
) -> tuple[float, list[str]]:
    """Remove one user at a random instant; how long until told, and what was wrong."""
    user_id = UserId(f"guest-{number}-of-{order.order_id}")
    await order.put(user_id)
    token = ground.token(user_id)
    removal = Removal(order.order_id)
    async with open_line(ground.chat_url, token) as line:
        joined = await line.join(order.order_id)
        listening = asyncio.create_task(removal.listen(line))
        asking = asyncio.create_task(_ask_on(line, order.order_id, joined.head, dice))
        await asyncio.sleep(dice.uniform(0, 1))
        asked_at = now()
        await order.put()
        await asyncio.sleep(LISTEN_S)
        asking.cancel()
        listening.cancel()
        await asyncio.gather(asking, listening, return_exceptions=True)
    violations = removal.violations(order.removals.get(user_id), asked_at)
    violations += await _knock(ground, order.order_id, token)
    return (removal.left_at or asked_at) - asked_at, violations


async def _ask_on(line: Line, order_id: OrderId, head: Seq, dice: random.Random) -> None:
    """Ask for history, and write, as a user does who does not know yet, and as one who does."""
    while True:
        await line.say(frames.History(ref=7, order_id=order_id, after=head, limit=100))
        if dice.random() < 0.2:
            await line.say(line.message(order_id, f"from a guest {dice.random()}"))
        if dice.random() < 0.2:
            await line.say(frames.Read(order_id=order_id, up_to=head))
        await asyncio.sleep(dice.uniform(0, 0.05))


async def _knock(ground: Ground, order_id: OrderId, token: str) -> list[str]:
    """Try to come in again, on a new connection and by HTTP."""
    found = []
    try:
        async with open_line(ground.chat_url, token) as line:
            await line.join(order_id)
        found.append(f"{order_id}: joined after the removal")
    except Refused as refused:
        if refused.frame.code not in (ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN):
            found.append(f"{order_id}: a join was refused with {refused.frame.code}")
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as http:
        answer = await http.get(f"{ground.url}/v1/orders/{order_id}/messages")
        if answer.status_code not in (403, 404):
            found.append(f"{order_id}: {answer.status_code} over HTTP after the removal")
    return found


async def _expire(ground: Ground, order_id: OrderId, count: int) -> tuple[list[str], float]:
    """Let tokens run out while messages flow; what was wrong, and the largest lateness."""
    outcomes = await asyncio.gather(
        *(
            _run_out(ground, order_id, 2 + n % 5, renew=renew)
            for n in range(count)
            for renew in (False, True)
        )
    )
    lateness = [late for late, _ in outcomes if late is not None]
    found = [one for _, violations in outcomes for one in violations]
    return found, max(lateness, key=abs, default=0.0)


async def _run_out(
    ground: Ground, order_id: OrderId, ttl_s: int, *, renew: bool
) -> tuple[float | None, list[str]]:
    user_id = UserId(f"creator-of-{order_id}")
    expires_at = int(time.time()) + ttl_s
    async with open_line(ground.chat_url, ground.token(user_id, ttl_s=ttl_s)) as line:
        await line.join(order_id)
        if renew:
            await asyncio.sleep(ttl_s / 2)
            await line.say(frames.Auth(token=ground.token(user_id)))
            await line.next(frames.Welcome)
            await asyncio.sleep(max(0.0, expires_at + GRACE_S + 1 - time.time()))
            await line.join(order_id)  # raises if it is not what it was
            return None, []
        await asyncio.sleep(max(0.0, expires_at + 0.2 - time.time()))
        await line.say(frames.History(ref=9, order_id=order_id, limit=1))
        found = []
        try:
            await line.next(frames.Page)
            found.append("a page was answered after exp")
        except Refused as refused:
            if refused.frame.code is not ErrorCode.TOKEN_EXPIRED:
                found.append(f"after exp a page was refused with {refused.frame.code}")
        code = await line.end()
        late = time.time() - expires_at - GRACE_S
        if code != CloseCode.TOKEN:
            found.append(f"a token ran out and the close code is {code}")
        if abs(late) > PRECISION_S:
            found.append(f"closed {late:+.1f} s from exp + {GRACE_S} s")
        return late, found


if __name__ == "__main__":
    sys.exit(main("revocation", prove, sys.argv[1:]))
