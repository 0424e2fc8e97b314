"""`python -m tests.system.screenshots`: what docs/screenshots shows, anew.

Starts the system as `make run` does, lets Ben and Anna say a little more, and takes pictures of the
demo's order page and Messages page: on a phone and on a desktop, light and dark, and once from
right to left. Only the times of day differ from run to run.
"""

import asyncio
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any, Final, NamedTuple

from PIL import Image, ImageDraw, ImageFilter
from playwright.async_api import Browser, FilePayload, async_playwright, expect

from tests.bench.two_windows import serving
from tests.system.browser import CHROMIUM, FILM, OrderPage

FOLDER: Final = Path(__file__).parents[2] / "docs" / "screenshots"
BYTES_MAX: Final = 60_000
QUALITIES: Final = (85, 75, 65, 55)
"""The first that makes a file small enough is taken."""

DESKTOP: Final[dict[str, Any]] = {"viewport": {"width": 1280, "height": 800}}
PHONE: Final[dict[str, Any]] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}

CLOTH: Final = (24, 48, 38)

ORDER: Final = f"/demo/orders/{FILM}?as=anna"
MESSAGES: Final = "/demo/messages?as=ben"


class Shot(NamedTuple):
    """A picture: of what, on what."""

    name: str
    path: str
    device: dict[str, Any]


SHOTS: Final = (
    Shot("order-desktop-light", f"{ORDER}&theme=light", DESKTOP),
    Shot("order-desktop-dark", f"{ORDER}&theme=dark", DESKTOP),
    Shot("order-desktop-rtl", f"{ORDER}&theme=light&lang=ar", DESKTOP),
    Shot("order-phone-light", f"{ORDER}&theme=light", PHONE),
    Shot("order-phone-dark", f"{ORDER}&theme=dark", PHONE),
    Shot("messages-desktop-light", f"{MESSAGES}&theme=light&order={FILM}", DESKTOP),
    Shot("messages-desktop-dark", f"{MESSAGES}&theme=dark&order={FILM}", DESKTOP),
    Shot("messages-phone-light", f"{MESSAGES}&theme=light", PHONE),
    Shot("messages-phone-dark", f"{MESSAGES}&theme=dark", PHONE),
)


async def main() -> None:
    """Take all of them."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async with serving(Path(folder)) as url, async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox"]
            )
            anna, ben = [await open_order(browser, url, user) for user in ("anna", "ben")]
            await talk(anna, ben)
            for shot in SHOTS:
                # Whoever is not on the picture types.
                other, line = (ben, "And the") if "as=anna" in shot.path else (anna, "I will")
                picture = await take(browser, url, shot, other, line)
                size = write(FOLDER / f"{shot.name}.webp", picture)
                print(f"{shot.name}: {size / 1_000:.0f} kB")
            await browser.close()


async def open_order(browser: Browser, url: str, user: str) -> OrderPage:
    """The film order as *user*, live."""
    context = await browser.new_context(**DESKTOP)
    page = OrderPage(await context.new_page())
    await page.page.goto(f"{url}/demo/orders/{FILM}?as={user}")
    await page.opened()
    return page


async def talk(anna: OrderPage, ben: OrderPage) -> None:
    """What is said after the demo's story."""
    await ben.say("With the grade, please. The cut I trust you with.")
    await anna.attach([still()])
    await anna.all_ready("still-07.jpg")
    await anna.say("Here is a still from it.")
    await ben.shows("Open still-07.jpg")
    await ben.say("😍 Exactly this.")
    await expect(anna.message("Exactly this")).to_be_visible()


async def take(browser: Browser, url: str, shot: Shot, other: OrderPage, line: str) -> bytes:
    """A picture of a page just opened, while the *other* one types a *line*."""
    context = await browser.new_context(**shot.device, reduced_motion="reduce")
    page = await context.new_page()
    await page.goto(f"{url}{shot.path}")
    await expect(page.locator('[data-phase="live"]').first).to_be_visible()
    if "/orders/" in shot.path and shot.device is PHONE:
        await page.get_by_role("link", name="Go to the chat").click()
    if FILM in shot.path:
        await expect(page.locator('[data-state="there"] img')).to_be_visible()
        await other.type("")
        await asyncio.sleep(3)  # a sign of typing is repeated no sooner
        await other.type(line)
        await expect(page.locator(".typing")).not_to_be_empty()
    picture = await page.screenshot()
    await context.close()
    return picture


def write(path: Path, picture: bytes) -> int:
    """Keep it small; how many bytes it has."""
    image = Image.open(BytesIO(picture)).convert("RGB")
    for quality in QUALITIES:
        out = BytesIO()
        image.save(out, "WEBP", quality=quality, method=6)
        if out.tell() <= BYTES_MAX:
            path.write_bytes(out.getvalue())
            return out.tell()
    raise ValueError(f"{path.name} is not to be had in {BYTES_MAX} bytes")


def still() -> FilePayload:
    """A steaming cup on a table, in front of a dark green cloth."""
    shade = Image.linear_gradient("L").resize((1_200, 800))
    image = Image.merge("RGB", [shade.point([base + v // 6 for v in range(256)]) for base in CLOTH])
    ImageDraw.Draw(image).rectangle((0, 560, 1_200, 800), fill=(142, 118, 92))
    steam = Image.new("L", image.size)
    for x, y in ((585, 350), (620, 270), (590, 190), (630, 110)):
        ImageDraw.Draw(steam).ellipse((x - 45, y - 70, x + 45, y + 70), fill=110)
    image.paste((236, 240, 238), mask=steam.filter(ImageFilter.GaussianBlur(32)))
    image = image.filter(ImageFilter.GaussianBlur(14))
    draw = ImageDraw.Draw(image)
    draw.ellipse((420, 600, 800, 680), fill=(104, 84, 64))
    draw.rounded_rectangle((455, 420, 755, 645), radius=90, fill=(139, 143, 146))
    draw.ellipse((455, 390, 755, 460), fill=(168, 172, 175))
    draw.ellipse((475, 402, 735, 452), fill=(72, 46, 30))
    out = BytesIO()
    image.filter(ImageFilter.GaussianBlur(2)).save(out, "JPEG", quality=85)
    return {"name": "still-07.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


if __name__ == "__main__":
    asyncio.run(main())
