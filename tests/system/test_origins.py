"""Which pages may ask the standalone system by HTTP, and by what origin it knows itself."""

from pathlib import Path

import httpx
import pytest

from deploy.standalone import running
from tests.system.conftest import Serve

SHOP = "https://shop.example"


@pytest.mark.parametrize(("origin", "allowed"), [(SHOP, SHOP), ("https://evil.example", None)])
async def test_the_settings_say_which_pages_may_ask(
    tmp_path: Path, origin: str, allowed: str | None
) -> None:
    """Those of ORDER_CHAT_ORIGINS read every answer, an error too; others read none."""
    async with running(tmp_path, {"ORDER_CHAT_ORIGINS": SHOP}) as system:
        transport = httpx.ASGITransport(system.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://chat") as client:
            answer = await client.get("/v1/inbox", headers={"Origin": origin})

    assert answer.status_code == 401
    assert answer.headers.get("Access-Control-Allow-Origin") == allowed


@pytest.mark.parametrize(("trusted", "scheme"), [("127.0.0.1", "https"), ("192.0.2.1", "http")])
async def test_a_trusted_proxy_says_that_browsers_use_tls(
    serve: Serve, tmp_path: Path, trusted: str, scheme: str
) -> None:
    """What pages load from is named as they reach it; nobody else is believed."""
    async with (
        serve(tmp_path, {"ORDER_CHAT_TRUSTED_PROXIES": trusted}) as demo,
        httpx.AsyncClient(base_url=demo.url) as client,
    ):
        headers = {"Host": "chat.example", "X-Forwarded-Proto": "https"}
        told = (await client.get("/widget/importmap.json", headers=headers)).json()

    assert told["imports"]["order-chat"].startswith(f"{scheme}://chat.example/widget/")
