"""What is asked of the order service by HTTP, how many together, and what counts as an answer."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import httpx
import pytest

from shared import order_client as module
from shared.contracts.ids import OrderId, UserId
from shared.order_client import HttpOrders, OrdersUnavailable, Part
from tests.shared.far_orders import FarOrders, Question, answer_of, over_http, service_token, turns
from tests.shared.story import ANNA, BEN, ORDER, STRANGER

YES = Part("creator", 3, ("read", "send"))
ANSWER = answer_of((ORDER, ANNA), YES)
assert ANSWER is not None


@pytest.fixture
async def far() -> AsyncIterator[FarOrders]:
    """An order service at the far end; when it is gone nobody asks it any more."""
    far = FarOrders()
    async with far.client:
        yield far
        await turns()
        assert asyncio.all_tasks() == {asyncio.current_task()}


def ask(orders: HttpOrders, *users: str) -> list[asyncio.Task[Part | None]]:
    """Each asks for itself, all in one turn of the loop."""
    return [asyncio.create_task(orders.access(ORDER, UserId(user))) for user in users]


def questions(*users: str) -> list[Question]:
    return [(ORDER, UserId(user)) for user in users]


async def occupied(far: FarOrders, orders: HttpOrders) -> list[asyncio.Task[Part | None]]:
    """Two requests are under way, and no more may be."""
    first = ask(orders, "first")
    await turns()
    second = ask(orders, "second")
    await turns()
    assert far.asked == [questions("first"), questions("second")]
    return [*first, *second]


async def outcomes(asking: Sequence[asyncio.Task[Part | None]]) -> list[Part | str | None]:
    """What came of each: a yes, a no, or "open"."""
    ended = await asyncio.gather(*asking, return_exceptions=True)
    assert all(isinstance(one, Part | OrdersUnavailable | None) for one in ended), ended
    return ["open" if isinstance(one, OrdersUnavailable) else one for one in ended]  # type: ignore[misc]


# What is asked.


async def test_a_question_goes_at_once(far: FarOrders) -> None:
    """Nobody waits for others to come, and our own token goes with it."""
    far.parts[ORDER, UserId("anna & co")] = YES
    asking = ask(far.orders(), "anna & co")
    await turns()

    (request,) = far.requests
    request.answer()

    assert await outcomes(asking) == [YES]
    assert request.questions == questions("anna & co")
    assert request.request.headers["authorization"] == "Bearer service-token"
    assert request.request.headers["content-type"] == "application/json"


async def test_questions_of_one_moment_go_together(far: FarOrders) -> None:
    """In the order in which they came."""
    far.parts[ORDER, BEN] = YES
    asking = ask(far.orders(), ANNA, BEN, STRANGER)
    await turns()

    far.requests[0].answer()

    assert await outcomes(asking) == [None, YES, None]
    assert far.asked == [questions(ANNA, BEN, STRANGER)]


async def test_questions_that_come_meanwhile_go_together(far: FarOrders) -> None:
    """While two requests are under way; as soon as one of them ends, whichever."""
    orders = far.orders()
    asking = await occupied(far, orders)
    for user in "abcde":
        asking += ask(orders, user)
        await turns()
    assert len(far.requests) == 2

    far.requests[1].answer()
    await turns()

    assert far.asked[2:] == [questions(*"abcde")]
    for request in far.under_way:
        request.answer()
    assert await outcomes(asking) == [None] * 7


async def test_a_request_has_so_many_questions(far: FarOrders) -> None:
    """The rest goes with the next one."""
    users = [f"u{number}" for number in range(module.QUESTIONS_MAX + 1)]
    asking = ask(far.orders(), *users)
    await turns()

    for request in far.under_way:
        request.answer()

    assert await outcomes(asking) == [None] * len(users)
    assert far.asked == [questions(*users[:200]), questions(users[200])]


async def test_a_question_that_two_ask_is_asked_once(far: FarOrders) -> None:
    """Both get the answer, also where one came while the other waited."""
    orders = far.orders()
    asking = await occupied(far, orders)
    far.parts[ORDER, ANNA] = YES
    asking += ask(orders, ANNA, BEN, ANNA)
    await turns()
    asking += ask(orders, ANNA)
    await turns()

    far.requests[0].answer()
    await turns()

    assert far.asked[2:] == [questions(ANNA, BEN)]
    for request in far.under_way:
        request.answer()
    assert await outcomes(asking) == [None, None, YES, None, YES, YES]


async def test_no_answer_is_older_than_its_question(far: FarOrders) -> None:
    """What is under way may have been answered before somebody was removed: who asks after that
    is told so."""
    far.parts[ORDER, ANNA] = YES
    orders = far.orders()
    asking = ask(orders, ANNA)
    await turns()
    del far.parts[ORDER, ANNA]
    asking += ask(orders, ANNA)
    await turns()

    for request in far.requests:
        request.answer()

    assert await outcomes(asking) == [YES, None]


# Who goes away.


async def test_who_waits_and_goes_takes_the_question_along(far: FarOrders) -> None:
    """It is not asked; those of others are, and in their turn."""
    orders = far.orders()
    asking = await occupied(far, orders)
    gone, *stay = ask(orders, "gone", "a", "b")
    await turns()

    gone.cancel()
    far.requests[0].answer()
    await turns()

    assert far.asked[2:] == [questions("a", "b")]
    for request in far.under_way:
        request.answer()
    assert await outcomes([*asking, *stay]) == [None] * 4
    assert gone.cancelled()


async def test_a_question_stays_while_somebody_asks_it(far: FarOrders) -> None:
    """One of two who ask the same may go."""
    orders = far.orders()
    asking = await occupied(far, orders)
    gone, stays = ask(orders, ANNA, ANNA)
    await turns()

    gone.cancel()
    far.requests[0].answer()
    await turns()

    assert far.asked[2:] == [questions(ANNA)]
    for request in far.under_way:
        request.answer()
    assert await outcomes([*asking, stays]) == [None] * 3


async def test_nothing_is_asked_if_all_who_waited_went(far: FarOrders) -> None:
    """No request without a question, and the next question goes at once."""
    orders = far.orders()
    asking = await occupied(far, orders)
    gone = ask(orders, "a", "b")
    await turns()
    for one in gone:
        one.cancel()
    for request in far.requests:
        request.answer()
    assert await outcomes(asking) == [None, None]
    assert len(far.requests) == 2

    last = ask(orders, "last")
    await turns()
    far.requests[2].answer()

    assert await outcomes(last) == [None]


async def test_who_goes_while_the_request_is_under_way_ends_nothing(far: FarOrders) -> None:
    """The others of the request get their answers."""
    far.parts[ORDER, BEN] = YES
    gone, stays = ask(far.orders(), ANNA, BEN)
    await turns()

    gone.cancel()
    await turns()
    far.requests[0].answer()

    assert await outcomes([stays]) == [YES]


# What is an answer.


async def test_a_null_is_a_no(far: FarOrders) -> None:
    """And nothing else is."""
    asking = ask(far.orders(), ANNA)
    await turns()

    far.requests[0].answer([None])

    assert await outcomes(asking) == [None]


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(500),
        httpx.Response(500, json={"answers": [ANSWER]}),
        httpx.Response(401),
        httpx.Response(400),
        httpx.Response(404),
        httpx.Response(405),
        httpx.Response(204),
        httpx.Response(302, headers={"location": "http://elsewhere.example"}),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, content=b'{"answers":["\xff"]}'),
        httpx.Response(200, content=b'{"more":' + b"[" * 100_000),
        httpx.Response(200, json={}),
        httpx.Response(200, json={"answers": None}),
        httpx.Response(200, json={"answers": []}),
        httpx.Response(200, json={"answers": [None, None]}),
        httpx.Response(200, json={"answers": [ANSWER, ANSWER]}),
        httpx.Response(200, json={"answers": [{**ANSWER, "version": None}]}),
        httpx.Response(200, json={"answers": [{**ANSWER, "version": "3"}]}),
        httpx.Response(200, json={"answers": [{**ANSWER, "order_id": "another"}]}),
        httpx.Response(200, json={"answers": [{**ANSWER, "user_id": "ben"}]}),
        httpx.Response(200, json={"answers": [{"role": "creator", "version": 3}]}),
    ],
)
async def test_every_other_answer_leaves_it_open(response: httpx.Response) -> None:
    """Neither a yes nor a no."""
    with pytest.raises(OrdersUnavailable):
        await over_http(lambda _: response).access(ORDER, ANNA)


async def test_an_answer_to_another_question_is_nobodys(
    far: FarOrders, caplog: pytest.LogCaptureFixture
) -> None:
    """Two that were swapped let neither in; those beside them count."""
    for user in (ANNA, BEN):
        far.parts[ORDER, user] = Part("creator", 3)
    asking = ask(far.orders(), ANNA, STRANGER, BEN, UserId("u-dora"))
    await turns()
    annas, strangers, bens, doras = far.requests[0].answers()

    far.requests[0].answer([annas, bens, strangers, doras])

    assert await outcomes(asking) == [Part("creator", 3), "open", None, None]
    assert caplog.messages == ["the order service answered another question"]


@pytest.mark.parametrize("number", [1, 3])
async def test_with_another_number_of_answers_none_counts(
    far: FarOrders, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Who was meant by which null cannot be told. Another request is none the worse."""
    orders = far.orders()
    asking = ask(orders, ANNA, BEN)
    await turns()
    others = ask(orders, STRANGER)
    await turns()

    far.requests[0].answer([None] * number)
    far.requests[1].answer()

    assert await outcomes(asking) == ["open", "open"]
    assert await outcomes(others) == [None]
    assert caplog.messages == ["the order service answered another number of questions"]


async def test_a_request_fails_for_its_own_questions(far: FarOrders) -> None:
    """What waits meanwhile goes with the next one."""
    orders = far.orders()
    first, second = await occupied(far, orders)
    asking = ask(orders, ANNA)
    await turns()

    far.requests[0].fail()
    await turns()
    far.requests[2].answer()
    far.requests[1].answer()

    assert await outcomes([first, second, *asking]) == ["open", None, None]


async def test_a_question_may_be_asked_again_after_a_failure(far: FarOrders) -> None:
    """Nothing of the failure stays."""
    far.parts[ORDER, ANNA] = YES
    orders = far.orders()
    failed = ask(orders, ANNA)
    await turns()
    far.requests[0].fail()
    assert await outcomes(failed) == ["open"]

    again = ask(orders, ANNA)
    await turns()
    far.requests[1].answer()

    assert await outcomes(again) == [YES]


@pytest.mark.parametrize("status", [404, 405])
async def test_an_older_order_service_says_nothing_of_orders(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """That it has no such route is no no; the log tells the operator once."""
    orders = over_http(lambda _: httpx.Response(status))

    ended = [await outcomes(ask(orders, ANNA)) for _ in range(3)]

    assert ended == [["open"]] * 3
    assert caplog.messages == [
        "the order service is older and has no POST /v1/access: upgrade it first"
    ]


# Time.


async def test_patience_ends_before_the_request_begins(
    far: FarOrders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has waited too long for a request is told so, and the question is not asked any more.
    One who came later waits on, for the same question too."""
    orders = far.orders()
    under_way = await occupied(far, orders)
    monkeypatch.setattr(module, "PATIENCE_S", 0.02)
    impatient = ask(orders, ANNA, BEN)
    await turns()
    monkeypatch.setattr(module, "PATIENCE_S", 60)
    later = ask(orders, ANNA)

    assert await outcomes(impatient) == ["open", "open"]
    far.requests[0].answer()
    await turns()

    assert far.asked[2:] == [questions(ANNA)]
    for request in far.under_way:
        request.answer()
    assert await outcomes([*under_way, *later]) == [None] * 3


async def test_patience_has_no_say_in_what_is_under_way(
    far: FarOrders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request has its own deadline, and its answer counts till then; what waits behind it for
    too long does not change that."""
    monkeypatch.setattr(module, "PATIENCE_S", 0.02)
    far.parts[ORDER, UserId("first")] = YES
    orders = far.orders()
    under_way = await occupied(far, orders)
    assert await outcomes(ask(orders, ANNA)) == ["open"]

    for request in far.requests:
        request.answer()

    assert await outcomes(under_way) == [YES, None]


async def test_a_request_has_a_deadline(far: FarOrders, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its questions stay open, and the next request goes."""
    monkeypatch.setattr(module, "DEADLINE_S", 0.05)
    orders = far.orders()
    hanging = ask(orders, "a")
    await turns()
    hanging += ask(orders, "b")
    await turns()
    waiting = ask(orders, ANNA)

    assert await outcomes(hanging) == ["open", "open"]
    await turns()
    far.requests[2].answer()

    assert await outcomes(waiting) == [None]


async def test_a_token_that_cannot_be_had_leaves_it_open(far: FarOrders) -> None:
    """Nothing is asked without one."""

    async def no_token() -> str:
        raise FileNotFoundError

    asking = ask(HttpOrders(far.client, no_token), ANNA)

    assert await outcomes(asking) == ["open"]
    assert far.requests == []


# The end.


async def test_closing_the_client_ends_every_question(caplog: pytest.LogCaptureFixture) -> None:
    """Those under way and those that wait, at once and without a trace."""
    hanging: list[asyncio.StreamWriter] = []
    both = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        hanging.append(writer)
        if len(hanging) == 2:
            both.set()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}")
        orders = HttpOrders(client, service_token)
        asking = ask(orders, "first")
        await turns()
        asking += ask(orders, "second")
        await asyncio.wait_for(both.wait(), 5)
        asking += ask(orders, *(f"u{number}" for number in range(450)))
        await turns()

        await client.aclose()
        async with asyncio.timeout(5):
            ended = await outcomes(asking)

        assert ended == ["open"] * 452
        assert [each for each in caplog.records if each.name != "asyncio"] == []
        for writer in hanging:
            writer.transport.abort()
    await turns()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_closed_client_asks_nothing(far: FarOrders) -> None:
    """A question that comes late is left open."""
    orders = far.orders()
    await far.client.aclose()

    assert await outcomes(ask(orders, ANNA)) == ["open"]
    assert far.requests == []


async def test_a_bug_of_ours_leaves_nobody_waiting(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever asked is told, and the log has what was raised."""

    async def broken() -> str:
        raise ZeroDivisionError

    async with httpx.AsyncClient(base_url="http://orders.example") as client:
        assert await outcomes(ask(HttpOrders(client, broken), ANNA)) == ["open"]
    await turns()

    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


# The ping.


def unreachable(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


async def test_a_service_out_of_reach_leaves_it_open() -> None:
    """And its ping says so."""
    orders = over_http(unreachable)

    with pytest.raises(OrdersUnavailable):
        await orders.access(OrderId("o1"), ANNA)
    with pytest.raises(OrdersUnavailable):
        await orders.ping()


async def test_a_healthy_service_answers_its_ping() -> None:
    """By its own route."""
    await over_http(
        lambda request: httpx.Response(200 if request.url.path == "/healthz" else 500)
    ).ping()
