"""The order service by HTTP: who takes part in an order, and may do what."""

import asyncio
import logging
from collections.abc import Sequence
from itertools import islice
from typing import Final, Protocol

import httpx
import msgspec

from shared.contracts.events import Action
from shared.contracts.ids import OrderId, UserId
from shared.service_token import ServiceToken

logger = logging.getLogger("order_chat.orders")

DEADLINE_S: Final = 2.0
"""How long a request may take, the token for it included."""
PATIENCE_S: Final = 5.0
"""How long a question may wait for the request that asks it."""
QUESTIONS_MAX: Final = 200
"""In a request: no more than any order service takes that has the route."""
REQUESTS_MAX: Final = 2
"""Under way at a time: while one is answered the next is made ready, and one may go on while the
other hangs. With more of them fewer questions would share each, and a request is what costs."""


class OrdersUnavailable(Exception):
    """The order service gave no usable answer in time: neither a yes nor a no."""


class Part(msgspec.Struct, frozen=True):
    """The order service's yes: what a user is to an order in its version `version`."""

    role: str
    version: int
    may: tuple[Action, ...] = ()
    """What the policy grants to the role in the order's status."""


class _Question(msgspec.Struct, frozen=True):
    """Whose part in what."""

    order_id: OrderId
    user_id: UserId


class _Questions(msgspec.Struct):
    questions: Sequence[_Question]


class _Yes(Part, frozen=True, kw_only=True):
    """A yes as it comes by HTTP."""

    order_id: OrderId
    user_id: UserId


class _Answers(msgspec.Struct):
    answers: Sequence[_Yes | None]


_ENCODER: Final = msgspec.json.Encoder()
_ANSWERS: Final = msgspec.json.Decoder(_Answers)

_Outcome = Part | None | Exception
"""Of a question; an exception is why it stays open. It is handed over as a value, since an asker
may be gone before it looks, and asyncio complains of exceptions that nobody took."""
_FAILURES: Final = (
    *(OrdersUnavailable, httpx.HTTPError, OSError),
    *(msgspec.DecodeError, UnicodeDecodeError, RecursionError),
)
"""What leaves the questions of a request open: no answer, or none that can be read."""


class Orders(Protocol):
    """The order service, as far as other services need it."""

    async def access(self, order_id: OrderId, user_id: UserId) -> Part | None:
        """The part a user has in an order; null alike for strangers and for orders that do not
        exist. Raises `OrdersUnavailable`."""
        ...

    async def ping(self) -> None:
        """Raise `OrdersUnavailable` if it cannot be reached now."""
        ...


class HttpOrders:
    """The order service by HTTP: `POST /v1/access`.

    A request costs a gateway more than all else of a join, and thousands may come back at once. So
    a question goes at once if a request may be sent, and those that come meanwhile go together.
    """

    def __init__(self, client: httpx.AsyncClient, service_token: ServiceToken) -> None:
        """*client* has the service's address as its base and follows no redirects."""
        self._client = client
        self._service_token = service_token
        self._waiting: dict[_Question, set[asyncio.Future[_Outcome]]] = {}
        """By question, in the order in which they came: who asked it and waits for a request."""
        self._requests: set[asyncio.Task[None]] = set()
        self._told_of_age = False

    async def access(self, order_id: OrderId, user_id: UserId) -> Part | None:
        """See `Orders`. Only a null in an answer is a no: every failure leaves it open.

        Who asks what somebody else waits to ask shares the request. A question that is under way
        already is asked again: its answer may be older than who asks now.
        """
        question = _Question(order_id, user_id)
        loop = asyncio.get_running_loop()
        asker: asyncio.Future[_Outcome] = loop.create_future()
        self._waiting.setdefault(question, set()).add(asker)
        self._go_on()
        patience = loop.call_later(PATIENCE_S, self._give_up, question, asker)
        try:
            outcome = await asker
        finally:
            patience.cancel()
            self._withdraw(question, asker)
        if isinstance(outcome, Exception):
            raise OrdersUnavailable from outcome
        return outcome

    async def ping(self) -> None:
        """See `Orders`."""
        try:
            response = await self._client.get("/healthz", timeout=DEADLINE_S)
            response.raise_for_status()
        except httpx.HTTPError as error:
            raise OrdersUnavailable from error

    # Who waits.

    def _give_up(self, question: _Question, asker: asyncio.Future[_Outcome]) -> None:
        """An asker's patience is at its end. It has no say in what is under way already."""
        if self._withdraw(question, asker):
            _tell(asker, TimeoutError())

    def _withdraw(self, question: _Question, asker: asyncio.Future[_Outcome]) -> bool:
        """Wait no longer for a request; tells whether the asker did. A question that nobody waits
        to ask is not asked."""
        askers = self._waiting.get(question, set())
        if asker not in askers:
            return False
        askers.remove(asker)
        if not askers:
            del self._waiting[question]
        return True

    # Requests.

    def _go_on(self) -> None:
        """Ask what waits, if a request may go."""
        if self._waiting and len(self._requests) < REQUESTS_MAX:
            request = asyncio.create_task(self._request(), name="access")
            self._requests.add(request)
            request.add_done_callback(self._ended)

    def _ended(self, request: asyncio.Task[None]) -> None:
        self._requests.remove(request)
        self._go_on()

    async def _request(self) -> None:
        """Ask what waits by now, all that came in one turn of the loop, and tell the askers."""
        asked = dict(islice(self._waiting.items(), QUESTIONS_MAX))
        for question in asked:
            del self._waiting[question]
        outcomes: Sequence[_Outcome] = [OrdersUnavailable()] * len(asked)
        try:
            if asked:
                outcomes = await self._ask(list(asked))
        except _FAILURES as error:
            outcomes = [error] * len(asked)
        finally:
            for askers, outcome in zip(asked.values(), outcomes, strict=True):
                for asker in askers:
                    _tell(asker, outcome)

    async def _ask(self, questions: Sequence[_Question]) -> Sequence[_Outcome]:
        """The outcome of each question, in their order. Raises if none has an answer."""
        async with asyncio.timeout(DEADLINE_S):
            token = await self._service_token()
            if self._client.is_closed:  # httpx would raise what it raises for its own bugs
                raise OrdersUnavailable
            response = await self._client.post(
                "/v1/access",
                content=_ENCODER.encode(_Questions(questions)),
                headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            )
        if response.status_code in (404, 405):
            self._tell_of_age()  # what is not there is the route: that says nothing of orders
        response.raise_for_status()
        answers = _ANSWERS.decode(response.content).answers
        if len(answers) != len(questions):
            logger.error("the order service answered another number of questions")
            raise OrdersUnavailable
        outcomes = [_outcome(*pair) for pair in zip(questions, answers, strict=True)]
        if any(isinstance(outcome, Exception) for outcome in outcomes):
            logger.error("the order service answered another question")
        return outcomes

    def _tell_of_age(self) -> None:
        """Once, since it is so until somebody does what the line says."""
        if not self._told_of_age:
            self._told_of_age = True
            logger.error("the order service is older and has no POST /v1/access: upgrade it first")


def _outcome(question: _Question, answer: _Yes | None) -> _Outcome:
    """A yes counts only if it names what was asked. Somewhere on the way answers may have come out
    of step with their questions, and a swapped one would let a stranger in for a minute."""
    if answer is None:
        return None
    if (answer.order_id, answer.user_id) != (question.order_id, question.user_id):
        return OrdersUnavailable()
    return Part(answer.role, answer.version, answer.may)


def _tell(asker: asyncio.Future[_Outcome], outcome: _Outcome) -> None:
    if not asker.done():  # it may be gone
        asker.set_result(outcome)
