"""`python -m tests.prove.churn URL SECONDS`: clients that come, do a little of everything, and go.

A process of its own, so that nothing of them is counted as the server's. The secret that signs
their tokens is read from the standard input. Prints how many connections it opened.
"""

import asyncio
import contextlib
import random
import sys
import time
from typing import Final

import httpx
import msgspec
from websockets.exceptions import ConnectionClosed

from shared.contracts import frames
from shared.contracts.ids import OrderId, UserId
from tests.prove.ground import Ground, ground_at
from tests.prove.line import Line, Refused, open_line

AT_ONCE: Final = 40
ORDERS: Final = 20
STAY_S: Final = 1.0
"""On average."""
ROLES: Final = ("creator", "advertiser")


def order(number: int) -> OrderId:
    """One of the orders they come to."""
    return OrderId(f"churn-{number}")


async def churn(ground: Ground, seconds: float) -> int:
    """Come and go for so long; how many connections that were."""
    until = time.monotonic() + seconds
    counts = await asyncio.gather(
        *(_come_and_go(ground, until, random.Random(number)) for number in range(AT_ONCE))
    )
    return sum(counts)


async def _come_and_go(ground: Ground, until: float, dice: random.Random) -> int:
    opened = 0
    while time.monotonic() < until:
        role = dice.choice(ROLES)
        user_id = UserId(f"{role}-{dice.randrange(5)}")
        opened += 1
        # A visit may end in every way.
        with contextlib.suppress(ConnectionClosed, Refused, TimeoutError, OSError):
            await _visit(ground, ground.token(user_id), dice)
    return opened


async def _visit(ground: Ground, token: str, dice: random.Random) -> None:
    stay_until = time.monotonic() + dice.expovariate(1 / STAY_S)
    async with open_line(ground.chat_url, token) as line:
        mine = dice.sample(range(ORDERS), dice.randint(1, 4))
        for number in mine:
            await line.join(order(number))
        while time.monotonic() < stay_until:
            await _act(ground, line, token, order(dice.choice(mine)), dice)
            await asyncio.sleep(dice.uniform(0, 0.2))
        match dice.randrange(4):
            case 0:
                line.websocket.transport.abort()
            case 1:  # with something under way
                await line.say(line.message(order(mine[0]), "the last word"))
                await line.say(frames.Join(ref=9, order_id=order(mine[0])))
                line.websocket.transport.abort()
            case 2:
                await line.say(frames.Leave(ref=9, order_id=order(mine[0])))
            case _:
                pass


async def _act(
    ground: Ground, line: Line, token: str, order_id: OrderId, dice: random.Random
) -> None:
    match dice.randrange(12):
        case 0:
            await line.tell(order_id, f"{dice.random()}")
        case 1:
            said = line.message(order_id, f"{dice.random()}")
            await line.say(msgspec.structs.replace(said, retry=True))
        case 2 | 3:
            await line.say(frames.Type(order_id=order_id, what="text"))
        case 4 | 5:
            await line.say(frames.History(ref=4, order_id=order_id, limit=10))
        case 6:
            await line.say(frames.Join(ref=5, order_id=OrderId("not-there")))
        case 7:
            await line.say(frames.Auth(token=token))
        case 8:
            await line.say(frames.Inbox(ref=6))
        case 9:
            await line.say(frames.Join(ref=7, order_id=order_id))
        case 10:
            async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as http:
                await http.get(f"{ground.url}/v1/orders/{order_id}/messages")
        case _:
            pass


async def main(url: str, seconds: float, secret: bytes) -> None:
    """Make the orders, then come and go."""
    async with ground_at(url, secret) as ground:
        for number in range(ORDERS):
            parties = {UserId(f"{role}-{n}"): role for role in ROLES for n in range(5)}
            await ground.put(order(number), parties)
        print(await churn(ground, seconds))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2]), sys.stdin.read().strip().encode()))
