"""Every route, asked by a machine that read its OpenAPI: no 5xx, and nothing that is not in it."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any, Final, NamedTuple

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import attachment_service.http
import chat_gateway.http
import chat_gateway.widget_http
import order_service.http
from deploy.demo.story import FILM
from deploy.documents import make_documents
from deploy.standalone import running
from shared.http import HEALTHZ, READYZ
from shared.operations import Operation
from shared.secret_file import load_or_make_secret
from shared.tokens import mint
from tests.prove.uploader import Uploader

EXAMPLES: Final = 50
"""For each route, of what its document allows, and again of what it does not."""
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
ROUTES: Final = (
    *chat_gateway.http.OPERATIONS,
    *attachment_service.http.OPERATIONS,
    *order_service.http.OPERATIONS,  # last, since they bring the order to its end
)
ANNA: Final = FILM.participants[0].user_id
CLIENT_ID: Final = "0198a3c2-7d1e-7abc-8def-000000000001"
CALLERS: Final = ("nobody", "stranger", "participant", "service", "moderator")
GOOD: Final[Mapping[str, Any]] = {
    "put_order": {
        "body": {
            "title": "A logo",
            "participants": [{"user_id": ANNA, "role": "creator", "name": "Anna"}],
        }
    },
    "access": {"query": {"user_id": ANNA}},
    "accesses": {"body": {"questions": [{"order_id": FILM.order_id, "user_id": ANNA}]}},
    "send": {"body": {"id": CLIENT_ID, "text": "Hi!"}},
    "redact": {"body": {"id": CLIENT_ID, "reason": "Somebody's address"}},
    "reserve": {
        "body": {
            "order_id": FILM.order_id,
            "filename": "brief.pdf",
            "content_type": "application/pdf",
            "size": 3,
        }
    },
    "content": {"headers": {"Accept": "application/json"}},
    "thumbnail": {"headers": {"Accept": "application/json"}},
}
"""What no machine finds out: the roles of the policy, who there is, and what texts may hold."""
Asked = Case[Any]


class System(NamedTuple):
    """The standalone system; it runs while somebody asks."""

    runner: asyncio.Runner
    client: httpx.AsyncClient
    tokens: Mapping[str, str]
    there: Mapping[str, str] = {}
    """What paths may name that is there."""

    def ask(self, case: Asked, who: str) -> httpx.Response:
        """The answer to a case; a fault of the application is raised here."""
        request = case.as_transport_kwargs(base_url="http://chat")
        request["cookies"] = None
        request["content"] = request.pop("data", None)
        if who in self.tokens:
            request["headers"]["Authorization"] = f"Bearer {self.tokens[who]}"
        return self.runner.run(self.client.request(**request))


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    data = tmp_path_factory.mktemp("data")
    with asyncio.Runner() as runner:
        context = running(data, {"ORDER_CHAT_RATE_LIMITS": "off"})
        app = runner.run(context.__aenter__()).app
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), timeout=30)
        secret = load_or_make_secret(data)
        tokens = {
            "participant": mint(secret, ANNA, now=time.time()),
            "stranger": mint(secret, "eve", now=time.time()),
            "moderator": mint(secret, "moira", roles=["moderator"], now=time.time()),
            "service": mint(secret, "shop", roles=["service"], now=time.time()),
        }
        here = System(runner, client, tokens)
        try:
            there = {
                "order_id": FILM.order_id,
                "message_id": runner.run(some_message(here)),
                "attachment_id": runner.run(some_file(here)),
            }
            yield here._replace(there=there)
        finally:
            runner.run(client.aclose())
            runner.run(context.__aexit__(None, None, None))


async def some_message(system: System) -> str:
    """The id of a message of the demo."""
    answer = await system.client.get(
        f"http://chat/v1/orders/{FILM.order_id}/messages",
        headers={"Authorization": f"Bearer {system.tokens['participant']}"},
    )
    ids = [event["id"] for event in answer.json()["events"] if event["type"] == "message"]
    return str(ids[0])


async def some_file(system: System) -> str:
    """The id of a picture that a message carries."""
    uploader = Uploader(system.client, "http://chat", system.tokens["participant"])
    picture = BytesIO()
    Image.new("RGB", (20, 10)).save(picture, "PNG")
    file = picture.getvalue()
    view = await uploader.reserve(
        FILM.order_id, len(file), filename="a.png", content_type="image/png"
    )
    await uploader.post_missing(view, file)
    ready = await uploader.complete(view["id"])
    await uploader.send("http://chat", FILM.order_id, ready["grant"])
    return str(view["id"])


def document_of(operation: Operation) -> dict[str, Any]:
    """The document that has it; health is in both."""
    return next(
        document
        for document in make_documents().values()
        if operation.path in document.get("paths", {})
    )


def kinds(
    operation: Operation, mode: GenerationMode, there: Mapping[str, str]
) -> Iterator[st.SearchStrategy[Asked]]:
    """Anything at all; about an order that is there; and what would be done if it may be."""
    content = document_of(operation)
    # Tokens are ours to choose.
    content["paths"][operation.path][operation.method.lower()]["security"] = []
    asked = schemathesis.openapi.from_dict(content)[operation.path][operation.method]
    yield asked.as_strategy(mode)
    known = {name: value for name, value in there.items() if f"{{{name}}}" in operation.path}
    if known:
        yield asked.as_strategy(mode, path_parameters=known)
    if operation.name in GOOD and mode is GenerationMode.POSITIVE:
        yield asked.as_strategy(mode, path_parameters=known, **GOOD[operation.name])
        yield asked.as_strategy(mode, **GOOD[operation.name])


def check(
    system: System, operation: Operation, mode: GenerationMode, examples: int
) -> Counter[int]:
    """Ask everything twice as everybody, judge each answer, and count them by status."""
    statuses: Counter[int] = Counter()

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=st.one_of(*kinds(operation, mode, system.there)),
    )
    def ask(case: Asked) -> None:
        for who in CALLERS * 2:
            answer = system.ask(case, who)
            statuses[answer.status_code] += 1
            case.validate_response(answer, checks=CHECKS)

    ask()
    return statuses


@pytest.mark.parametrize("operation", ROUTES, ids=lambda operation: operation.name)
def test_what_the_document_allows_is_answered_by_it(system: System, operation: Operation) -> None:
    """By whomever, about orders that are there and orders that are not: no 5xx, nothing that is
    not in the document, and what should be done is done."""
    statuses = check(system, operation, GenerationMode.POSITIVE, EXAMPLES)

    assert statuses.total() >= len(CALLERS) * EXAMPLES
    # Nothing here is checked for long enough to be found at it.
    assert {status for status in operation.answers if status < 300} - {202} <= statuses.keys()


@pytest.mark.parametrize("operation", ROUTES, ids=lambda operation: operation.name)
def test_what_the_document_forbids_is_refused(system: System, operation: Operation) -> None:
    """Fields too many, too few, of another type or out of bounds (`negative_data_rejection`)."""
    statuses = check(system, operation, GenerationMode.NEGATIVE, EXAMPLES)

    assert statuses.total() >= len(CALLERS) * EXAMPLES


@pytest.mark.parametrize(
    "operation",
    [HEALTHZ, READYZ, *chat_gateway.widget_http.OPERATIONS],
    ids=lambda operation: operation.name,
)
def test_what_takes_nothing_is_answered_by_the_document(
    system: System, operation: Operation
) -> None:
    """There is nothing that could be varied."""
    assert check(system, operation, GenerationMode.POSITIVE, 1) == {200: 2 * len(CALLERS)}
