"""Who looks at a page that the documentation leads to."""

from playwright.async_api import Browser, Page, Route


async def new_page(browser: Browser, complaints: list[str]) -> Page:
    """A page in a profile of its own; *complaints* collects what the browser has against it."""
    page = await (await browser.new_context()).new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    await page.route("**/favicon.ico", _no_icon)
    return page


async def say(page: Page, text: str) -> None:
    """Type a message and send it."""
    box = page.get_by_label("Message", exact=True)
    await box.fill(text)
    await box.press("Enter")


async def _no_icon(route: Route) -> None:
    await route.fulfill(status=204)
