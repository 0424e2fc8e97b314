"""Contact details where an order's status has them masked or refused, as people see it."""

import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
import pytest
from playwright.async_api import expect

from order_service.model import Status
from order_service.policy import DEFAULT
from tests.system.browser import People
from tests.system.engines import Environment
from tests.system.host import Host, user
from tests.system.moderation_desk import Desk

STRICT: Final = msgspec.structs.replace(
    DEFAULT, contact={Status.PENDING: "masked", Status.IN_PROGRESS: "refused"}
)
ADDRESS: Final = "bob@carpentry.example"
HIDDEN: Final = "hidden contact details"


@asynccontextmanager
async def strict() -> AsyncIterator[Environment]:
    """The embedded engines, with a policy that keeps contact details out."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "policy.json"
        file.write_bytes(msgspec.json.encode(STRICT))
        yield {"ORDER_CHAT_POLICY_FILE": str(file)}


# One browser serves all tests of the file, so they share its event loop.
pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("engines", [strict], indirect=True, ids=["strict"], scope="module"),
    pytest.mark.asyncio(loop_scope="module"),
]


async def test_what_is_masked_is_named_and_not_shown(host: Host) -> None:
    """To both, in the message and in what quotes it; to who listens, by what it stands for."""
    ann, bob = user("ann"), user("bob")
    order_id = await host.order("A table", ann, bob)
    ann_page, bob_page = await host.chat(order_id, ann), await host.chat(order_id, bob)

    await bob_page.say(f"Write to {ADDRESS}, please")
    await ann_page.choose("Write to ███, please", "Reply")
    await ann_page.say("Better here")

    for side in (ann_page, bob_page):
        bubble = side.log.get_by_label(re.compile(f": Write to {HIDDEN}, please$"))
        await expect(bubble.locator(".text")).to_have_text("Write to ███, please")
        await expect(bubble.get_by_role("img", name=HIDDEN)).to_have_text("███")
        quote = side.message("Better here").get_by_role("button", name=f"Bob Write to {HIDDEN}")
        await expect(quote).to_be_visible()
        await expect(side.log).not_to_contain_text("carpentry")


async def test_a_copy_has_what_is_shown(host: Host) -> None:
    """Neither the name of what is hidden, nor more than that."""
    ann, bob = user("ann"), user("bob")
    order_id = await host.order("A table", ann, bob)
    ann_page = await host.page(permissions=["clipboard-read", "clipboard-write"])
    await host.chat(order_id, ann, page=ann_page)
    await host.tell(order_id, bob, [f"Write to {ADDRESS}, please"])

    await ann_page.choose("Write to ███, please", "Copy text")

    copied = await ann_page.page.evaluate("navigator.clipboard.readText()")
    assert copied == "Write to ███, please"


async def test_what_is_refused_stays_with_its_writer(host: Host) -> None:
    """With the reason, and its text to be taken up again; the other party sees nothing of it."""
    ann, bob = user("ann"), user("bob")
    order_id = await host.order("A table", ann, bob)
    await host.move(order_id, "in_progress")
    ann_page, bob_page = await host.chat(order_id, ann), await host.chat(order_id, bob)

    await bob_page.say(f"Write to {ADDRESS}")

    refused = bob_page.message(ADDRESS)
    await expect(refused.get_by_role("alert")).to_contain_text(
        "Contact details cannot be shared in this order. Remove them and send again."
    )
    await refused.get_by_role("button", name="Remove").click()
    await expect(refused).to_have_count(0)
    await bob_page.say("Write to me here")
    await expect(ann_page.message("Write to me here")).to_be_visible()
    await expect(ann_page.log).not_to_contain_text("carpentry")


async def test_an_original_is_opened_on_record(people: People, host: Host) -> None:
    """A moderator says why, reads what was sent, and is among those who looked."""
    ann, bob = user("ann"), user("bob")
    order_id = await host.order("A table", ann, bob)
    await host.tell(order_id, bob, [f"Write to {ADDRESS}, please"])
    ann_page = await host.chat(order_id, ann)
    await ann_page.choose("Write to ███, please", "Report")
    await ann_page.page.get_by_role("radio", name="Asks to pay or talk elsewhere").check()
    await ann_page.page.get_by_label("What a moderator should know").fill(f"See {order_id}")
    await ann_page.press("Send report")
    await expect(ann_page.message("Write to ███, please")).to_contain_text("Reported")
    desk = await Desk.open(people)
    await desk.cases.filter(has_text=f"See {order_id}").click()

    await desk.message("Write to").get_by_role("button", name="Open original").click()
    await desk.settle("Open", "Was it an address?")

    await expect(desk.message("Write to")).to_contain_text(f"Original: Write to {ADDRESS}, please")
    await expect(desk.looks.first).to_contain_text("opened an original: Was it an address?")
    await expect(ann_page.log).not_to_contain_text("carpentry")
