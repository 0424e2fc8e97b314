"""Whoever asks, goes, fails or answers when: each asker gets the answer to its own question."""

import asyncio
from collections.abc import Iterator
from typing import Final, NamedTuple

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared import order_client as module
from shared.contracts.ids import OrderId, UserId
from shared.order_client import OrdersUnavailable, Part
from tests.shared.far_orders import FarOrders, Question, Request, answer_of, turns

QUESTIONS: Final[list[Question]] = [
    (OrderId(order_id), UserId(user_id)) for order_id in ("o1", "o2") for user_id in "ab"
]
"""Few, so that several ask the same, and more than a request has."""
BATCH: Final = 3

Outcome = Part | str | None
"""Of a question: a yes, a no, or "open"."""


class Ask(NamedTuple):
    """Somebody asks; *soon*: in the same turn of the loop as what comes next."""

    question: Question
    soon: bool


class Go(NamedTuple):
    """One of those who wait goes."""

    which: int


class Change(NamedTuple):
    """A part in an order is given, another, or taken."""

    question: Question


class Answer(NamedTuple):
    """A request under way is answered, in one of these ways."""

    which: int
    how: str


which = st.integers(0, 20)
question = st.sampled_from(QUESTIONS)
how = st.sampled_from(
    ["true", "true", "true", "turned", "short", "long", "error", "older", "garbage", "broken"]
)
steps = st.lists(
    st.one_of(
        st.builds(Ask, question, st.booleans()),
        st.builds(Ask, question, st.booleans()),
        st.builds(Go, which),
        st.builds(Change, question),
        st.builds(Answer, which, how),
    ),
    min_size=10,
    max_size=60,
)


@pytest.fixture(autouse=True)
def _few_fill_a_request() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "QUESTIONS_MAX", BATCH)
        patch.setattr(module, "PATIENCE_S", 600)
        patch.setattr(module, "DEADLINE_S", 600)
        yield


class Asker:
    """Somebody who asked after so many requests had come."""

    def __init__(self, question: Question, after: int, asking: asyncio.Task[Part | None]) -> None:
        self.question = question
        self.after = after
        self.asking = asking

    def request(self, far: FarOrders) -> Request | None:
        """The request that asks for it: the first with its question that came after it."""
        asked = (each for each in far.requests[self.after :] if self.question in each.questions)
        return next(asked, None)


class Story:
    """An order service at the far end, those who ask it, and what must come of it."""

    def __init__(self) -> None:
        self.far = FarOrders()
        for version, question in enumerate(QUESTIONS[1:], start=1):
            self.far.parts[question] = Part("creator", version)
        self.orders = self.far.orders()
        self.askers: list[Asker] = []
        self.said: dict[int, dict[Question, Outcome]] = {}
        """By request: what it was told of each question."""
        self.versions = len(QUESTIONS)

    @property
    def waiting(self) -> list[Asker]:
        """Who asked, is still there, and is in no request."""
        return [
            asker
            for asker in self.askers
            if not asker.asking.done() and asker.request(self.far) is None
        ]

    async def step(self, step: Ask | Go | Change | Answer) -> None:
        match step:
            case Ask(question, soon):
                asking = asyncio.create_task(self.orders.access(*question))
                self.askers.append(Asker(question, len(self.far.requests), asking))
                if soon:
                    return
            case Go(which):
                if here := [asker for asker in self.askers if not asker.asking.done()]:
                    gone = here[which % len(here)]
                    gone.asking.cancel()
                    if gone.request(self.far) is None:
                        self.askers.remove(gone)
            case Change(question):
                self.versions += 1
                if self.versions % 3:
                    self.far.parts[question] = Part("creator", self.versions)
                else:
                    self.far.parts.pop(question, None)
            case Answer(which, how):
                if under_way := self.far.under_way:
                    self.answer(under_way[which % len(under_way)], how)
        await turns()
        self.check()

    def answer(self, request: Request, how: str) -> None:
        number = self.far.requests.index(request)
        self.said[number] = dict.fromkeys(request.questions, "open")
        match how:
            case "true":
                request.answer()
                self.said[number] = dict(request.parts)
            case "turned":
                turned = request.answers()[::-1]
                request.answer(turned)
                self.said[number] = {
                    question: request.parts[question]
                    if answer == answer_of(question, request.parts[question])
                    else None
                    if answer is None
                    else "open"
                    for question, answer in zip(request.questions, turned, strict=True)
                }
            case "short":
                request.answer(request.answers()[1:])
            case "long":
                request.answer([*request.answers(), None])
            case "error":
                request.respond(httpx.Response(503))
            case "older":
                request.respond(httpx.Response(404))
            case "garbage":
                request.respond(httpx.Response(200, content=b'{"answers":[nul'))
            case _:
                request.fail()

    def check(self) -> None:
        """What holds at every moment in which nothing can go on by itself."""
        assert len(self.far.under_way) <= module.REQUESTS_MAX
        if self.waiting:
            assert len(self.far.under_way) == module.REQUESTS_MAX
        for request in self.far.requests:
            assert 1 <= len(set(request.questions)) == len(request.questions) <= BATCH

    async def end(self) -> None:
        """All is answered at last; then everyone was told what the request said, or is gone."""
        await turns()
        while self.far.under_way:
            self.answer(self.far.under_way[0], "true")
            await turns()
            self.check()
        for asker in self.askers:
            if asker.asking.cancelled():
                continue
            assert asker.asking.done(), f"nobody answers {asker.question}"
            request = asker.request(self.far)
            assert request is not None
            said = self.said[self.far.requests.index(request)]
            error = asker.asking.exception()
            if said[asker.question] == "open":
                assert isinstance(error, OrdersUnavailable)
            else:
                assert error is None
                assert asker.asking.result() == said[asker.question]
        # Whoever went before the request came is none of those who asked.
        wanted = {(asker.question, asker.request(self.far)) for asker in self.askers}
        asked = {(each, request) for request in self.far.requests for each in request.questions}
        assert asked <= wanted, "somebody's question was asked for nobody"
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await self.far.client.aclose()


async def _tell(told: list[Ask | Go | Change | Answer]) -> None:
    story = Story()
    for step in told:
        await story.step(step)
    await story.end()


@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(steps)
def test_each_asker_gets_the_answer_to_its_question(told: list[Ask | Go | Change | Answer]) -> None:
    """Of the first request with the question that goes after it was asked: never of an older one,
    of another's, or none. Requests are few, full, and of what somebody asks."""
    # Debug mode would make the loop several times as slow, and find nothing here.
    with asyncio.Runner(debug=False) as runner:
        runner.run(_tell(told))
