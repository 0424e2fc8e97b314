"""An order service at the far end of HTTP that answers when and how the test says."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import httpx
import msgspec

from shared.contracts.ids import OrderId, UserId
from shared.order_client import HttpOrders, Part

Question = tuple[OrderId, UserId]
Answer = Mapping[str, object] | None


class _Asked(msgspec.Struct, forbid_unknown_fields=True):
    order_id: OrderId
    user_id: UserId


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    questions: list[_Asked]


class Request:
    """A request that came. It is under way until it is answered, or nobody waits for that."""

    def __init__(self, request: httpx.Request, parts: Mapping[Question, Part]) -> None:
        self.request = request
        body = msgspec.json.decode(request.content, type=_Body)
        self.questions: Final[Sequence[Question]] = [
            (asked.order_id, asked.user_id) for asked in body.questions
        ]
        self.parts: Final = {question: parts.get(question) for question in self.questions}
        """What its questions' answers are: as of when it came."""
        self.reply: Final[asyncio.Future[httpx.Response]] = (
            asyncio.get_running_loop().create_future()
        )

    @property
    def under_way(self) -> bool:
        return not self.reply.done()

    def answers(self) -> list[Answer]:
        """What is true, as it is said."""
        return [answer_of(question, part) for question, part in self.parts.items()]

    def answer(self, answers: Sequence[Answer] | None = None) -> None:
        """Answer it: what is true, or *answers*."""
        said = self.answers() if answers is None else answers
        self.reply.set_result(httpx.Response(200, json={"answers": said}))

    def respond(self, response: httpx.Response) -> None:
        """Answer something else."""
        self.reply.set_result(response)

    def fail(self) -> None:
        """The connection breaks."""
        self.reply.set_exception(httpx.ReadError("reset", request=self.request))


class FarOrders:
    """The order service: who has which part in what, and which requests came."""

    def __init__(self) -> None:
        self.parts: dict[Question, Part] = {}
        self.requests: list[Request] = []
        self.client = httpx.AsyncClient(
            transport=httpx.MockTransport(self._take), base_url="http://orders.example"
        )

    @property
    def under_way(self) -> list[Request]:
        return [request for request in self.requests if request.under_way]

    @property
    def asked(self) -> list[Sequence[Question]]:
        """The questions of each request so far."""
        return [request.questions for request in self.requests]

    def orders(self) -> HttpOrders:
        """What asks it."""
        return HttpOrders(self.client, service_token)

    async def _take(self, request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == ("POST", "/v1/access")
        came = Request(request, self.parts)
        self.requests.append(came)
        return await came.reply


def over_http(handle: Callable[[httpx.Request], httpx.Response]) -> HttpOrders:
    """What asks an order service that answers each request so, at once."""
    client = httpx.AsyncClient(
        transport=httpx.MockTransport(handle), base_url="http://orders.example"
    )
    return HttpOrders(client, service_token)


def answer_of(question: Question, part: Part | None) -> Answer:
    """The order service's answer to a question."""
    if part is None:
        return None
    order_id, user_id = question
    return {
        "order_id": order_id,
        "user_id": user_id,
        "role": part.role,
        "status": "pending",
        "version": part.version,
        "may": list(part.may),
    }


async def service_token() -> str:
    return "service-token"


async def turns(count: int = 30) -> None:
    """Let every task that can go on do so: httpx takes some turns with each request."""
    for _ in range(count):
        await asyncio.sleep(0)
