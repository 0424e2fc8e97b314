"""Messages and verdicts written by HTTP: each once, however often and wherever it is sent."""

import asyncio
from collections import Counter as Count
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chat_gateway import app, writer
from chat_gateway.settings import Settings
from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import MessageId, OrderId
from shared.signals.memory import MemorySignals
from shared.timeline import Entry
from tests.chat_gateway.counter import MESSAGES, Counter, counter, problem
from tests.chat_gateway.gatehouse import Here
from tests.chat_gateway.world import say, send
from tests.shared.story import ANNA, BEN, client_id, id_of, order


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[Here, Counter]]:
    async with counter(tmp_path) as both:
        yield both


@pytest.fixture
def desk(both: tuple[Here, Counter]) -> Counter:
    return both[1]


@pytest.fixture
def here(both: tuple[Here, Counter]) -> Here:
    return both[0]


async def said(desk: Counter) -> list[str]:
    """The texts that stand, as a moderator reads them."""
    events = (await desk.read(who="moira", limit=100)).json()["events"]
    return [event["text"] for event in events if event["type"] == "message"]


async def test_a_message_is_made_once(desk: Counter) -> None:
    """201 with its event, then 200 with the same."""
    first = await desk.say(1, "Hi!")
    again = await desk.say(1, "Hi!")

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["event"]["id"] == id_of(ANNA, 1)
    assert await said(desk) == ["Hi!"]


async def test_who_has_the_order_open_sees_it(here: Here, desk: Counter) -> None:
    """What comes by HTTP reaches websockets as everything does."""
    _, socket = await here.join("ben")

    answer = await desk.say(1, "Hi!")

    shown = await here.next(socket, frames.MessageShown)
    assert shown.seq == answer.json()["event"]["seq"]


async def test_the_same_id_with_another_text_is_a_conflict(desk: Counter) -> None:
    """An id is used up by what was said under it first."""
    await desk.say(1, "Hi!")

    answer = await desk.say(1, "Ho!")

    assert problem(answer) == (409, ErrorCode.CONFLICT)
    assert await said(desk) == ["Hi!"]


async def test_a_hundred_at_once_make_one_message(desk: Counter) -> None:
    """One is told it is new, all are told the same."""
    answers = await asyncio.gather(*(desk.say(1, "Hi!") for _ in range(100)))

    assert Count(answer.status_code for answer in answers) == {201: 1, 200: 99}
    assert len({answer.content for answer in answers}) == 1
    assert await said(desk) == ["Hi!"]


async def test_different_ones_at_once_conflict_but_one(desk: Counter) -> None:
    """Of two texts under one id, one stands."""
    answers = await asyncio.gather(desk.say(1, "Hi!"), desk.say(1, "Ho!"))

    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert len(await said(desk)) == 1


async def test_two_gateways_make_one_message(here: Here, desk: Counter) -> None:
    """Whichever is asked, and by how many at once."""
    second = app.running(
        Settings(),
        here.engine,
        here.store,
        MemorySignals(),
        here.orders,
        here.tokens,
        frames.Limits(),
    )
    async with second as running:
        other = Counter(running)

        answers = await asyncio.gather(
            *(
                one.say(key, "Hi!")
                for key in range(1, 11)
                for one in (desk, other)
                for _ in range(5)
            )
        )

    assert {answer.status_code for answer in answers} <= {200, 201}
    assert len({answer.json()["event"]["seq"] for answer in answers}) == 10
    assert await said(desk) == ["Hi!"] * 10


async def test_a_websocket_and_http_make_one_message(here: Here, desk: Counter) -> None:
    """A page that sent a message and fell back to HTTP has not sent two."""
    session, socket = await here.join()
    say(session, send(1, text="Hi!"))
    shown = await here.next(socket, frames.MessageShown)

    answer = await desk.say(1, "Hi!")

    assert (answer.status_code, answer.json()["event"]["seq"]) == (200, shown.seq)


async def test_it_goes_on_when_its_caller_has_gone(
    here: Here, desk: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that hung up while it was looked up finds it done."""
    asked, go_on = asyncio.Event(), asyncio.Event()
    find = here.store.find

    async def find_slowly(order_id: OrderId, id_: MessageId) -> Entry | None:
        asked.set()
        await go_on.wait()
        return await find(order_id, id_)

    monkeypatch.setattr(here.store, "find", find_slowly)
    asking = asyncio.create_task(desk.say(1, "Hi!"))
    await asked.wait()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    _, socket = await here.join("ben")

    go_on.set()

    assert (await here.next(socket, frames.MessageShown)).text == "Hi!"


async def test_a_service_may_write(desk: Counter) -> None:
    """Under its own name, whoever takes part."""
    answer = await desk.say(1, "Your film was shipped.", who="shop")

    assert answer.status_code == 201
    assert answer.json()["event"]["by"] == "service:shop"


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"text": "Hi!"}, "id"),
        ({"id": "1", "text": "Hi!"}, "$.id"),
        ({"id": client_id(1), "text": 5}, "$.text"),
        ({"id": client_id(1), "text": "Hi!", "seen": -1}, "$.seen"),
        ({"id": client_id(1), "text": "Hi!", "retry": True}, "Unknown field"),
        ({"id": client_id(1), "text": ""}, "needs a text"),
        ({"id": client_id(1), "text": "a\x00b"}, "control characters"),
        ({"id": client_id(1), "text": "Hi!", "attachments": ["x"]}, "attachment's grant"),
        ({"id": client_id(1), "text": "Hi!", "attachments": [1]}, "$.attachments[0]"),
        ({"id": client_id(1), "text": "Hi!", "attachments": ["x" * 4_097]}, "$.attachments[0]"),
    ],
)
async def test_a_bad_body_is_refused_by_its_field(
    desk: Counter, body: object, complaint: str
) -> None:
    """With the place of what is wrong, and nothing is said."""
    answer = await desk.ask("POST", MESSAGES, json=body)

    assert problem(answer) == (400, ErrorCode.INVALID)
    assert complaint in answer.json()["error"]["message"]
    assert await said(desk) == []


@pytest.mark.parametrize("text", ["x" * 8_001, "x" * 70_000])
async def test_too_much_is_refused(desk: Counter, text: str) -> None:
    """A text over its bound, a body over its bound."""
    assert problem(await desk.say(1, text)) == (413, ErrorCode.TOO_LARGE)


async def test_a_closed_order_takes_nothing(here: Here, desk: Counter) -> None:
    """The log refuses, as for every attempt that may have been made before."""
    await here.append(order(2, may={"creator": ("read",), "advertiser": ("read",)}))

    answer = await desk.say(1, "Hi!")

    assert problem(answer) == (409, ErrorCode.READ_ONLY)
    assert await said(desk) == []


async def test_what_cannot_be_looked_up_is_unknown(here: Here, desk: Counter) -> None:
    """Nobody says it was not sent; the same id later is sent once."""
    await desk.read()
    here.store.down = True
    answer = await desk.say(1, "Hi!")
    here.store.down = False

    again = await desk.say(1, "Hi!")

    assert problem(answer) == (504, ErrorCode.UNKNOWN)
    assert int(answer.headers["Retry-After"]) >= 1
    assert again.status_code == 201


async def test_too_many_at_once_are_put_off(desk: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is under way is bounded."""
    monkeypatch.setattr(writer, "WRITING_MAX", 0)

    answer = await desk.say(1)

    assert problem(answer) == (503, ErrorCode.BUSY)


async def test_who_writes_too_much_is_paced(tmp_path: Path) -> None:
    """As on a websocket, and together with it."""
    slow = frames.Limits(messages_per_s=1, messages_burst=2)
    async with counter(tmp_path, slow) as (_, desk):
        answers = [await desk.say(key) for key in (1, 2, 3)]

    assert [answer.status_code for answer in answers] == [201, 201, 429]


async def test_a_moderator_does_not_write(desk: Counter) -> None:
    """He reads everywhere, and gives verdicts."""
    assert problem(await desk.say(1, who="moira")) == (403, ErrorCode.FORBIDDEN)


# Verdicts.


async def test_a_redacted_message_is_gone_for_the_parties(desk: Counter) -> None:
    """Its text leaves every page but the moderators'; the parties learn neither who nor why."""
    target = (await desk.say(1, "Call me: 555-0199")).json()["event"]["id"]

    first = await desk.redact(target, reason="off platform")
    again = await desk.redact(target, reason="off platform")

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["event"]["reason"] == "off platform"
    assert first.json() == again.json()
    for who in ("anna", "ben", "shop"):
        page = await desk.read(who=who, after=0)
        assert "555-0199" not in page.text
        assert "off platform" not in page.text
    assert "555-0199" in (await desk.read(who="moira")).text


@pytest.mark.parametrize("target", [id_of(BEN, 7), "..", "1", "%00", id_of(ANNA, 1) + "x"])
async def test_a_verdict_needs_a_message(desk: Counter, target: str) -> None:
    """No message, or nothing that can be one."""
    await desk.say(1)

    assert (await desk.redact(target)).status_code == 404


@pytest.mark.parametrize("who", ["anna", "ben", "eve", "shop"])
async def test_only_moderators_give_verdicts(desk: Counter, who: str) -> None:
    """Whoever else asks is told so before anything is looked at."""
    target = (await desk.say(1)).json()["event"]["id"]

    assert problem(await desk.redact(target, who=who)) == (403, ErrorCode.FORBIDDEN)
    assert await said(desk) == ["Hi!"]


async def test_another_reason_under_one_id_is_a_conflict(desk: Counter) -> None:
    """A verdict says one thing."""
    target = (await desk.say(1)).json()["event"]["id"]
    await desk.redact(target, reason="abuse")

    assert problem(await desk.redact(target, reason="spam")) == (409, ErrorCode.CONFLICT)
