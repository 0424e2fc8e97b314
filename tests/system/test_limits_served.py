"""Rates on the running system (attack 29)."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from shared.contracts import frames
from shared.contracts.errors import CloseCode, ErrorCode
from shared.contracts.ids import NOTHING, ClientId, OrderId, Seq
from tests.system.conftest import Demo, Serve
from tests.system.test_connections_served import SILENT_PER_ADDRESS, connected
from tests.system.wire import Wire, wire

FILM: Final = OrderId("film-2041")
MESSAGES: Final = 1_000
QUICK: Final = frames.Limits(messages_per_s=1_000, messages_burst=100)
"""The burst is small and the rest soon over, so that a test need not wait for it."""
CHUNK: Final = 20

NotYet = frames.Refused | frames.Unknown
"""Refused for now, or late: this order may hold more than 1,000 records since what was seen."""


class Writer:
    """A device in an order; it numbers what it saw, so that nothing has to be looked up."""

    def __init__(self, client: Wire, n: int) -> None:
        self.wire = client
        self._seen = n

    async def send(
        self, text: str, id_: ClientId | None = None, *, retry: bool = False
    ) -> ClientId:
        """Say something, perhaps again; *retry* when it may be in the log already."""
        frame = frames.Send(
            ref=9,
            order_id=FILM,
            id=id_ or ClientId(str(uuid4())),
            text=text,
            seen=self._seen,
            retry=retry,
        )
        await self.wire.say(frame)
        return frame.id

    async def outcomes(self, *waiting: ClientId) -> dict[ClientId, NotYet]:
        """Wait until each of these has its outcome; give what has to be sent again."""
        left = set(waiting)
        again: dict[ClientId, NotYet] = {}
        while left:
            frame = frames.decode_server_frame(await self.wire.raw())
            match frame:
                case frames.MessageShown(client_id=id_, n=n):
                    self._seen = n
                    left.discard(ClientId(id_))
                case frames.Refused(id=str(id_)) | frames.Unknown(id=id_):
                    again[ClientId(id_)] = frame
                    left.discard(ClientId(id_))
                case _:
                    pass
        return again

    async def write(self, texts: list[str]) -> list[frames.Refused]:
        """Say all at once, as an outbox does after a reconnect; heed what is refused, and send
        again what is unknown, until all stand. Gives what was refused."""
        waiting = {await self.send(text): text for text in texts}
        again = await self.outcomes(*waiting)
        maybe_there: set[ClientId] = set()
        refused: list[frames.Refused] = []
        waiting = {id_: text for id_, text in waiting.items() if id_ in again}
        while waiting:
            maybe_there |= {id_ for id_, of in again.items() if isinstance(of, frames.Unknown)}
            refused += [of for of in again.values() if isinstance(of, frames.Refused)]
            await asyncio.sleep(sum(map(wait_s, again.values())))
            chunk = list(waiting)[:CHUNK]
            for id_ in chunk:
                await self.send(waiting[id_], id_, retry=id_ in maybe_there)
            again = await self.outcomes(*chunk)
            for id_ in chunk:
                if id_ not in again:
                    del waiting[id_]
        return refused


def wait_s(answer: NotYet) -> float:
    """How long to wait for the rate; what is busy or unknown waits for an earlier one."""
    if not isinstance(answer, frames.Refused) or answer.code is not ErrorCode.RATE_LIMITED:
        return 0.0
    return (answer.retry_after_ms or 0) / 1000


@asynccontextmanager
async def joined(demo: Demo, user_id: str) -> AsyncIterator[Writer]:
    async with wire(demo, user_id) as client:
        await client.say(frames.Join(ref=1, order_id=FILM))
        yield Writer(client, (await client.next(frames.Joined)).n)


async def heard(writer: Writer, count: int) -> list[str]:
    """The texts of so many messages, in the order they came."""
    return [(await writer.wire.next(frames.MessageShown)).text for _ in range(count)]


# Floods (attack 29).


async def test_a_flood_on_one_connection_loses_nothing(serve: Serve, tmp_path: Path) -> None:
    """What is beyond the rate is refused with the time to wait; heeded, all stand in order."""
    texts = [f"flood {number}" for number in range(MESSAGES)]
    async with (
        serve(tmp_path, limits=QUICK) as demo,
        joined(demo, "anna") as anna,
        joined(demo, "ben") as ben,
    ):
        hearing = asyncio.create_task(heard(ben, MESSAGES))
        refused = await anna.write(texts)

        assert await hearing == texts
        assert len(refused) > MESSAGES / 10
        assert {answer.code for answer in refused} <= {ErrorCode.RATE_LIMITED, ErrorCode.BUSY}
        assert all(answer.retry and answer.retry_after_ms for answer in refused)


async def test_a_flood_on_many_connections_loses_nothing(serve: Serve, tmp_path: Path) -> None:
    """They count together; each keeps its own order."""
    async with (
        serve(tmp_path, limits=QUICK) as demo,
        joined(demo, "ben") as ben,
        AsyncExitStack() as open_,
    ):
        annas = [await open_.enter_async_context(joined(demo, "anna")) for _ in range(20)]
        hearing = asyncio.create_task(heard(ben, MESSAGES))
        refused = await asyncio.gather(
            *(
                anna.write([f"{who} {number}" for number in range(MESSAGES // 20)])
                for who, anna in enumerate(annas)
            )
        )
        came = [tuple(map(int, text.split())) for text in await hearing]

    assert sorted(came) == sorted(set(came))
    for who in range(20):
        assert [number for by, number in came if by == who] == list(range(MESSAGES // 20))
    assert sum(map(len, refused)) > MESSAGES / 10


async def test_who_does_not_heed_is_closed(serve: Serve, tmp_path: Path) -> None:
    """Each refusal says how long to wait; a thousand later the connection is closed with 4029."""
    async with serve(tmp_path) as demo, joined(demo, "anna") as anna:
        for number in range(1_600):
            await anna.send(f"flood {number}")
        code, came = await anna.wire.end()

    answers = [frames.decode_server_frame(frame) for frame in came]
    refused = [answer for answer in answers if isinstance(answer, frames.Refused)]
    assert code == CloseCode.FLOODING
    assert len(refused) > 900
    assert all(answer.retry and answer.retry_after_ms for answer in refused)


@pytest.mark.no_cover
async def test_others_go_on_while_one_floods(serve: Serve, tmp_path: Path) -> None:
    """Not refused, and not kept waiting."""
    async with (
        serve(tmp_path) as demo,
        joined(demo, "anna") as anna,
        joined(demo, "ben") as ben,
    ):

        async def flood() -> None:
            for number in range(900):
                await anna.send(f"flood {number}")

        flooding = asyncio.create_task(flood())
        slowest = 0.0
        for number in range(20):
            began = time.monotonic()
            assert not await ben.outcomes(await ben.send(f"calm {number}"))
            slowest = max(slowest, time.monotonic() - began)
        await flooding

    assert slowest < 5


async def test_a_flood_of_joins_is_slowed_down(serve: Serve, tmp_path: Path) -> None:
    """Some eighty are looked at, the rest is told when to come."""
    async with serve(tmp_path) as demo, wire(demo, "anna") as anna:
        for ref in range(900):
            await anna.say(frames.Join(ref=ref, order_id=FILM, after=NOTHING))
        refused = []
        for _ in range(900):
            answer = frames.decode_server_frame(await anna.raw())
            if isinstance(answer, frames.Refused):
                refused.append(answer)

    assert len(refused) > 700
    assert {answer.code for answer in refused} <= {ErrorCode.RATE_LIMITED, ErrorCode.BUSY}
    assert all(answer.retry_after_ms for answer in refused)


async def test_a_flood_of_typing_is_slowed_down(serve: Serve, tmp_path: Path) -> None:
    """Though nothing of it is written."""
    async with serve(tmp_path) as demo, joined(demo, "anna") as anna:
        for _ in range(1_000):
            await anna.wire.say(frames.Type(order_id=FILM, what="text"))

        assert (await anna.wire.next(frames.Refused)).code is ErrorCode.RATE_LIMITED


async def test_a_flood_of_pages_is_slowed_down(serve: Serve, tmp_path: Path) -> None:
    """However deep: each costs as much as a join, since it is read from the store."""
    async with serve(tmp_path) as demo, joined(demo, "anna") as anna:
        for ref in range(900):
            before = Seq((1 << 44) + 1 + ref % 20)
            await anna.wire.say(frames.History(ref=ref, order_id=FILM, before=before, limit=10**9))
        answers = [frames.decode_server_frame(await anna.wire.raw()) for _ in range(900)]

    refused = [answer for answer in answers if isinstance(answer, frames.Refused)]
    assert len(refused) > 700
    assert {answer.code for answer in refused} <= {ErrorCode.RATE_LIMITED, ErrorCode.BUSY}
    assert all(answer.retry_after_ms for answer in refused)


async def test_a_flood_of_coming_and_going_is_slowed_down(serve: Serve, tmp_path: Path) -> None:
    """To leave is counted too."""
    async with serve(tmp_path) as demo, joined(demo, "anna") as anna:
        for ref in range(900):
            await anna.wire.say(frames.Join(ref=ref, order_id=FILM))
            await anna.wire.say(frames.Leave(ref=ref, order_id=FILM))
        code, came = await anna.wire.end()

    answers = [frames.decode_server_frame(frame) for frame in came]
    refused = [answer for answer in answers if isinstance(answer, frames.Refused)]
    assert code == CloseCode.FLOODING
    assert len([answer for answer in answers if isinstance(answer, frames.Joined)]) < 100
    assert len(refused) > 900


@pytest.mark.parametrize("limit", [10**9, 2**53 - 1])
async def test_a_page_is_never_larger_than_a_page(serve: Serve, tmp_path: Path, limit: int) -> None:
    """Whatever was asked for."""
    limits = frames.Limits(page=3)
    async with serve(tmp_path, limits=limits) as demo, wire(demo, "anna") as anna:
        await anna.say(frames.Join(ref=1, order_id=FILM, limit=limit))
        answered = await anna.next(frames.Joined)
        await anna.say(frames.History(ref=2, order_id=FILM, limit=limit))

        assert len(answered.events) == 3
        assert len((await anna.next(frames.Page)).events) == 3


async def test_rates_and_caps_can_be_lifted(serve: Serve, tmp_path: Path) -> None:
    """For load tests."""
    async with (
        serve(tmp_path, {"ORDER_CHAT_RATE_LIMITS": "off"}) as demo,
        AsyncExitStack() as open_,
    ):
        for _ in range(SILENT_PER_ADDRESS + 1):
            await open_.enter_async_context(connected(demo))
        for _ in range(frames.Limits().sockets_per_user):
            await open_.enter_async_context(wire(demo, "anna"))
        anna = await open_.enter_async_context(joined(demo, "anna"))
        texts = [f"load {number}" for number in range(MESSAGES)]

        assert await anna.write(texts) == []
