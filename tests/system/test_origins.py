"""Which pages may ask the standalone system by HTTP."""

from pathlib import Path

import httpx
import pytest

from deploy.standalone import running

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
