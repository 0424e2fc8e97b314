"""The demo's pages over HTTP: what they are sent with, and what they refuse."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from deploy.demo.pages import DemoPages
from deploy.demo.story import FILM
from tests.order_service.world import open_log, open_shop

TITLE = "A film <b>in bold</b>"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of pages over an order service that holds one pending order."""
    async with open_log(tmp_path) as log, open_shop(tmp_path, log) as shop:
        await shop.service.put(FILM.order_id, TITLE, FILM.participants)
        pages = DemoPages(shop.service, lambda user_id, role: f"{role} {user_id}")
        transport = httpx.ASGITransport(Starlette(routes=pages.routes()))
        async with httpx.AsyncClient(transport=transport, base_url="http://demo") as client:
            yield client


async def test_pages_allow_no_inline_code(client: httpx.AsyncClient) -> None:
    """Scripts and styles come from the server's files alone, and the pages hold none."""
    orders = ("/orders/film-2041?as=anna", "/orders/none?as=anna")
    for path in (f"/demo{path}" for path in ("", "/messages?as=anna", "/moderation", *orders)):
        answer = await client.get(path)

        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert " style=" not in answer.text
        assert not re.search(r"<script[^>]*>[^<]", answer.text)


async def test_files_come_from_their_own_origin_alone(tmp_path: Path) -> None:
    """Pages may post to and show pictures from the store that is named, and no other."""
    async with open_log(tmp_path) as log, open_shop(tmp_path, log) as shop:
        pages = DemoPages(shop.service, lambda *_: "", files_origin="http://files.test:9000")
        transport = httpx.ASGITransport(Starlette(routes=pages.routes()))
        async with httpx.AsyncClient(transport=transport, base_url="http://demo") as client:
            answer = await client.get("/demo")

    policy = answer.headers["content-security-policy"]
    assert "img-src 'self' http://files.test:9000 blob:;" in policy
    assert "connect-src 'self' http://files.test:9000;" in policy


async def test_titles_are_text(client: httpx.AsyncClient) -> None:
    """A title that looks like markup is shown letter by letter."""
    answer = await client.get("/demo/orders/film-2041?as=anna")

    assert "A film &lt;b&gt;in bold&lt;/b&gt;" in answer.text
    assert TITLE not in answer.text


@pytest.mark.parametrize("path", ["film-2041?as=nobody", "film-2041", "none?as=anna"])
async def test_unknown_order_or_person_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    """There is a page only for orders and people of the demo."""
    answer = await client.get(f"/demo/orders/{path}")

    assert answer.status_code == 404
    assert "This page does not exist" in answer.text


async def test_order_page_carries_the_chat(client: httpx.AsyncClient) -> None:
    """The chat's element names the order, and where its reader's tokens are."""
    answer = await client.get("/demo/orders/film-2041?as=anna")

    assert '<script type="module" src="/widget/order-chat.js">' in answer.text
    assert 'order-id="film-2041" token-url="/demo/token?as=anna"></order-chat>' in answer.text


async def test_messages_page_opens_the_conversation_in_its_address(
    client: httpx.AsyncClient,
) -> None:
    """`order` names the open conversation, and orders link to their own pages."""
    answer = await client.get("/demo/messages?as=anna&order=film-2041")

    assert 'order-url="/demo/orders/{order_id}?as=anna" order-id="film-2041"' in answer.text


async def test_pages_come_in_a_language_and_a_theme(client: httpx.AsyncClient) -> None:
    """An address may name both; the page, the chat and every link on follow."""
    answer = await client.get("/demo/orders/film-2041?as=anna&lang=ar&theme=dark")

    assert '<html lang="ar" dir="rtl" data-theme="dark">' in answer.text
    assert 'token-url="/demo/token?as=anna" theme="dark"' in answer.text
    assert 'href="/demo?lang=ar&amp;theme=dark"' in answer.text
    assert 'href="/demo/messages?as=anna&amp;lang=ar&amp;theme=dark"' in answer.text


@pytest.mark.parametrize("query", ["lang=xx&theme=pink", 'lang=ar"><b>', "theme=dark'&order=<i>"])
async def test_what_an_address_makes_up_is_not_on_the_page(
    client: httpx.AsyncClient, query: str
) -> None:
    """Languages, themes and orders that are not known here count as not said."""
    known = await client.get("/demo/messages?as=anna")

    answer = await client.get(f"/demo/messages?as=anna&{query}")

    assert answer.text == known.text


async def test_token_is_not_kept(client: httpx.AsyncClient) -> None:
    """Each of the demo's people gets a token, which no cache may hold."""
    answer = await client.get("/demo/token?as=ben")

    assert answer.json() == {"token": "user ben"}
    assert answer.headers["cache-control"] == "no-store"


async def test_a_moderator_s_token_is_one_of_a_moderator(client: httpx.AsyncClient) -> None:
    """Only who moderates may do what moderators do."""
    answer = await client.get("/demo/token?as=moira")

    assert answer.json() == {"token": "moderator moira"}


async def test_the_desk_knows_people_and_orders_by_name(client: httpx.AsyncClient) -> None:
    """What the page's script is told is data in an attribute, whatever a title holds."""
    answer = await client.get("/demo/moderation?theme=dark&lang=ar")

    assert '<html lang="en" dir="ltr" data-theme="dark">' in answer.text
    assert 'href="/demo?lang=ar&amp;theme=dark"' in answer.text
    assert "&quot;moira&quot;:&quot;Moira from Trust &amp; Safety&quot;" in answer.text
    assert "{&quot;film-2041&quot;:&quot;A film &lt;b&gt;in bold&lt;/b&gt;&quot;}" in answer.text
    assert 'href="/demo/moderation?theme=dark"' in (await client.get("/demo?theme=dark")).text


@pytest.mark.parametrize("user_id", ["moderation", "nobody", ""])
async def test_stranger_gets_no_token(client: httpx.AsyncClient, user_id: str) -> None:
    """Nobody but the demo's people gets a token."""
    answer = await client.get(f"/demo/token?as={user_id}")

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


async def test_order_is_moved(client: httpx.AsyncClient) -> None:
    """The buttons move the order."""
    answer = await client.post("/demo/orders/film-2041/status", json={"status": "in_progress"})

    assert answer.json() == {"status": "in_progress"}


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ('{"status":"completed"}', "application/json", 409),
        ('{"status":"in_progress"}', "text/plain", 400),  # what another site's form could send
        ('{"status":"lost"}', "application/json", 400),
        ("nonsense", "application/json", 400),
        ('{"status":"' + "x" * 5_000 + '"}', "application/json", 413),
    ],
)
async def test_bad_change_of_status_is_refused(
    client: httpx.AsyncClient, body: str, content_type: str, status: int
) -> None:
    """What is no change the order may go through is refused, and changes nothing."""
    answer = await client.post(
        "/demo/orders/film-2041/status", content=body, headers={"content-type": content_type}
    )

    assert answer.status_code == status
    assert 'data-status="pending"' in (await client.get("/demo/orders/film-2041?as=anna")).text
