"""The page on attachments says what the service does, and its example works in a browser."""

from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from attachment_service.kinds import KINDS, Check
from attachment_service.verdicts import SENTENCES
from deploy.demo.story import FILM
from tests.docs.pages import DOCS, table
from tests.system.browser import CHROMIUM
from tests.system.conftest import serving

DONE = {
    Check.RASTER: "encoded anew, thumbnail",
    Check.PDF: "type checked, thumbnail of the first page",
    Check.SNIFFED: "type checked",
    Check.TEXT: "checked to be text",
}


def test_every_type_that_is_taken_is_listed() -> None:
    """With its extensions, and what is done with it."""
    assert table("attachments.md", "content type", "extensions", "what is done") == [
        (content_type, " ".join(kind.extensions), DONE[kind.check])
        for content_type, kind in KINDS.items()
    ]


def test_every_reason_is_listed() -> None:
    """In the words that the sender reads."""
    assert table("attachments.md", "reason", "what the sender is told") == [
        (reason.value, sentence) for reason, sentence in SENTENCES.items()
    ]


USE = """async ([size, text]) => {
    const { attach } = await import("/example/attach.js");
    const token = async () =>
        (await (await fetch("/demo/token?as=USER")).json()).token;
    const file = new File([text, new Uint8Array(size)], "cut.zip", { type: "application/zip" });
    const progress = [];
    const { grant, id } = await attach(file, {
        server: location.origin, orderId: "ORDER", token, onProgress: (sent) => progress.push(sent),
    });
    const again = await attach(file, { server: location.origin, orderId: "ORDER", token, id });
    return { grant, progress, again: again.id === id };
}"""
ARCHIVE = "PK\x05\x06" + "\x00" * 18


@pytest.mark.browser
@pytest.mark.parametrize("size", [1_000, (16 << 20) + 1_000])
async def test_the_example_brings_a_file_to_a_grant(tmp_path: Path, size: int) -> None:
    """In one form or in parts; gone on with, it is done already."""
    user_id, source = FILM.participants[0].user_id, (DOCS / "examples/attach.js").read_text()
    script = USE.replace("USER", user_id).replace("ORDER", FILM.order_id)
    async with serving(tmp_path) as demo, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page()
        await page.route(
            "**/example/attach.js",
            lambda route: route.fulfill(body=source, content_type="text/javascript"),
        )
        await page.goto(f"{demo.url}/demo")
        outcome = await page.evaluate(script, [size, ARCHIVE])
        await browser.close()

    assert outcome["grant"].count(".") == 2
    assert outcome["progress"][-1] == size + len(ARCHIVE)
    assert outcome["again"]
