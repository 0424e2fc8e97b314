"""An order's messages, read by HTTP as a join would answer them."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import OrderId, make_seq
from tests.chat_gateway.counter import MESSAGES, ORIGIN, Counter, counter, problem
from tests.chat_gateway.gatehouse import JOIN, Here, until
from tests.chat_gateway.world import identity, say
from tests.shared.story import ANNA, HI, ORDER, delete, message

CANARY = "0198a3c2-canary"


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


def texts(answer: httpx.Response) -> list[str]:
    return [event["text"] for event in answer.json()["events"] if event["type"] == "message"]


async def test_the_newest_page_is_what_a_join_answers(here: Here, desk: Counter) -> None:
    """The same events, byte for byte, and the same position."""
    await here.append(message(ANNA, 1, text="Hi!"), message(ANNA, 2, text="There?", base=1))
    page = await desk.read()

    session, socket = await here.greet()
    say(session, JOIN)
    await until(lambda: socket.sent)

    joined = b'"events":' + page.content.partition(b'"events":')[2].partition(b',"complete"')[0]
    assert page.status_code == 200
    assert page.json() | {"events": None} == {
        "events": None,
        "complete": True,
        "head": page.json()["events"][-1]["seq"],
        "reset": False,
    }
    assert joined in socket.sent[-1]


async def test_pages_go_back_and_replays_go_on(here: Here, desk: Counter) -> None:
    """`before` gives the page below, `after` everything above, both the open range between."""
    await here.append(*(message(ANNA, key, text=str(key), base=key - 1) for key in range(1, 7)))
    seqs = [event["seq"] for event in (await desk.read()).json()["events"]]

    below = await desk.read(before=seqs[4], limit=2)
    above = await desk.read(after=seqs[4])
    between = await desk.read(after=seqs[1], before=seqs[4])

    assert (texts(below), below.json()["complete"]) == (["2", "3"], False)
    assert (texts(above), above.json()["complete"]) == (["5", "6"], True)
    assert (texts(between), between.json()["complete"]) == (["2", "3"], True)
    assert below.json()["head"] == above.json()["head"] == seqs[-1]


async def test_a_position_of_another_log_starts_over(desk: Counter) -> None:
    """Who holds what this log never had gets the newest page, and is told."""
    answer = await desk.read(after=make_seq(2, 5))

    assert (answer.status_code, answer.json()["reset"]) == (200, True)


async def test_a_service_sees_what_participants_see(here: Here, desk: Counter) -> None:
    """What was taken back is gone for it too, while a moderator may read on."""
    await here.append(message(ANNA, 1, text="My number is"), delete(ANNA, 2, HI, base=1))

    seen = {who: texts(await desk.read(who=who)) for who in ("ben", "shop", "moira")}

    assert seen == {"ben": [""], "shop": [""], "moira": ["My number is"]}


WRONG_QUERIES: list[Any] = [
    {"before": "x"},
    {"before": "1.5"},
    {"after": -1},
    {"after": 2**53},
    {"limit": 0},
    {"limit": ""},
    {"of": CANARY},
    [("limit", 1), ("limit", 2)],
]


@pytest.mark.parametrize("query", WRONG_QUERIES, ids=str)
async def test_a_bad_query_is_refused_by_its_name(desk: Counter, query: Any) -> None:
    """Of another type, out of bounds, not known, or named twice; never with what was sent."""
    answer = await desk.ask("GET", MESSAGES, params=query)

    assert problem(answer) == (400, ErrorCode.INVALID)
    assert CANARY not in answer.text


async def test_a_page_has_a_largest_size(tmp_path: Path) -> None:
    """More than that is taken as that."""
    async with counter(tmp_path, frames.Limits(page=2)) as (here, desk):
        await here.append(*(message(ANNA, key, text=str(key), base=key - 1) for key in range(1, 5)))

        answer = await desk.read(limit=10**9)

    assert texts(answer) == ["3", "4"]


NOT_THERE = [
    "o-9999",
    "%2E%2E",
    "..%2F..%2Fv1%2Forders%2Fo-1042",
    "o" * 65,
    "о-1042",  # begins with a Cyrillic letter
    "o-1042%0A",
    "%00",
    "[%22o-1042%22]",
    "o-1042;",
]


@pytest.mark.parametrize("order_id", NOT_THERE)
@pytest.mark.parametrize("method", ["read", "say"])
async def test_what_is_not_there_looks_like_what_is_not_yours(
    desk: Counter, order_id: str, method: str
) -> None:
    """A foreign order, a random one and an id that can be none are answered byte for byte alike."""
    foreign = await _ask(desk, method, MESSAGES, "eve")
    answer = await _ask(desk, method, f"/v1/orders/{order_id}/messages", "anna")

    assert (answer.status_code, answer.content) == (404, foreign.content)
    assert answer.headers.items() == foreign.headers.items()


async def test_a_narrow_token_sees_nothing_else(here: Here, desk: Counter) -> None:
    """An own order that the token does not name is not found either, to read and to write."""
    here.tokens.good["narrow"] = identity(
        ANNA, orders={OrderId("o-1")}, expires_at=time.time() + 600
    )

    read = await desk.read(who="narrow")
    said = await desk.say(1, who="narrow")

    foreign = await desk.read(who="eve")
    assert read.content == said.content == foreign.content
    assert {read.status_code, said.status_code} == {404}


async def test_bad_tokens_are_refused_alike_everywhere(desk: Counter) -> None:
    """Before anything of the order is looked at; and no token comes back in an answer."""
    answers = [
        await desk.read(who=CANARY),
        await desk.say(1, who=CANARY),
        await desk.redact(HI, who=CANARY),
    ]

    assert {problem(answer) for answer in answers} == {(401, ErrorCode.UNAUTHENTICATED)}
    assert all(CANARY not in answer.text for answer in answers)


async def test_a_silent_order_service_is_no_stranger(here: Here, desk: Counter) -> None:
    """What cannot be told now is 503, with a time to come back."""
    here.orders.down = True

    answer = await desk.read()

    assert problem(answer) == (503, ErrorCode.UNAVAILABLE)
    assert int(answer.headers["Retry-After"]) >= 1


async def test_who_asks_too_much_is_paced(tmp_path: Path) -> None:
    """Reads count as joins do; a service is not paced."""
    slow = frames.Limits(frames_per_s=1, frames_burst=10)
    async with counter(tmp_path, slow) as (_, desk):
        answers = [await desk.read() for _ in range(3)]
        services = [await desk.read(who="shop") for _ in range(20)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1].headers["Retry-After"]) >= 4
    assert {answer.status_code for answer in services} == {200}


async def test_pages_of_allowed_origins_alone_may_ask(desk: Counter) -> None:
    """A browser lets the shop's pages read the answer, and no other's; no cookies for anybody."""
    mine = await desk.ask("GET", MESSAGES, headers={"Origin": ORIGIN})
    other = await desk.ask("GET", MESSAGES, headers={"Origin": "https://evil.example"})
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    preflight = await desk.ask("OPTIONS", MESSAGES, headers=asked)

    assert mine.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Access-Control-Allow-Origin" not in other.headers
    assert "Access-Control-Allow-Credentials" not in mine.headers
    assert preflight.headers["Access-Control-Allow-Origin"] == ORIGIN


async def test_the_inbox_pages_on(here: Here, desk: Counter) -> None:
    """A line for each conversation with its last message and what is unread; `next` goes on."""
    await here.append(message(ANNA, 1, text="Hi!"))
    await here.join("ben")

    page = (await desk.ask("GET", "/v1/inbox?limit=1", who="ben")).json()

    (line,) = page["conversations"]
    assert (line["order_id"], line["last"]["text"], line["unread"]) == (ORDER, "Hi!", 1)
    assert (page["unread_total"], page["next"]) == (1, None)


async def test_a_room_that_was_read_by_http_is_in_the_inbox(here: Here, desk: Counter) -> None:
    """As one that is joined: what the store does not have yet is in it."""
    await here.append(message(ANNA, 1, text="Hi!"))
    await desk.read()

    page = (await desk.ask("GET", "/v1/inbox", who="ben")).json()

    (line,) = page["conversations"]
    assert (line["last"]["text"], line["unread"], page["unread_total"]) == ("Hi!", 1, 1)


async def test_an_inbox_is_ones_own(here: Here, desk: Counter) -> None:
    """Who takes part in nothing has an empty one."""
    await here.join("ben")

    assert (await desk.ask("GET", "/v1/inbox", who="eve")).json()["conversations"] == []


@pytest.mark.parametrize("query", ["before=x", "before=", "limit=0", "before=a&before=b", "of=me"])
async def test_a_bad_question_for_the_inbox_is_refused(desk: Counter, query: str) -> None:
    """Cursors that were not given out, and all that other queries are refused for."""
    answer = await desk.ask("GET", f"/v1/inbox?{query}")

    assert problem(answer) == (400, ErrorCode.INVALID)


async def _ask(desk: Counter, method: str, path: str, who: str) -> httpx.Response:
    if method == "say":
        return await desk.say(1, who=who, path=path)
    return await desk.read(who=who, path=path)
