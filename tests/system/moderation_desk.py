"""The moderators' desk in a real browser: what comes to it, and what a moderator does and sees."""

from uuid import uuid4

from playwright.async_api import Locator, Page, expect

from shared.contracts import frames
from shared.contracts.ids import ClientId, MessageId, OrderId
from tests.system.browser import OrderPage, People
from tests.system.demo import Demo
from tests.system.host import Host
from tests.system.wire import wire


class Desk:
    """Moira's view of the desk."""

    def __init__(self, order_page: OrderPage) -> None:
        self.forgive = order_page.forgive
        self.page: Page = order_page.page

    @classmethod
    async def open(cls, people: People, **options: object) -> "Desk":
        """A desk that has loaded its queue; *options*: of the browser."""
        desk = cls(await people.page(**options))
        await desk.page.goto(f"{people.url}/demo/moderation")
        await expect(desk.cases.first).to_be_visible()
        return desk

    @property
    def cases(self) -> Locator:
        """The lines of the queue."""
        return self.page.get_by_label("Reports and flags").get_by_role("button")

    @property
    def conversation(self) -> Locator:
        """The conversation that is open."""
        return self.page.get_by_role("region", name="Conversation", exact=True)

    @property
    def looks(self) -> Locator:
        """Who looked into it."""
        return self.page.get_by_role("region", name="Who looked").get_by_role("listitem")

    def message(self, text: str) -> Locator:
        """The message that holds *text*."""
        return self.conversation.get_by_role("article").filter(has_text=text)

    async def choose(self, text: str) -> None:
        """Open the case whose line holds *text*."""
        await self.cases.filter(has_text=text).first.click()
        await expect(self.conversation.get_by_role("article").first).to_be_visible()

    async def press(self, name: str) -> None:
        """Press a button of the desk or of its dialog."""
        await self.page.get_by_role("button", name=name, exact=True).last.click()

    async def settle(self, does: str, why: str) -> None:
        """Answer the dialog: say why, and have it done."""
        dialog = self.page.get_by_role("dialog")
        await dialog.get_by_role("textbox").fill(why)
        await dialog.get_by_role("button", name=does, exact=True).click()
        await expect(dialog).to_be_hidden()


class Case:
    """An order with two parties, of whom Ann reported what Bob said."""

    def __init__(self, demo: Demo, host: Host, order_id: OrderId, ann: str, bob: str) -> None:
        self.order_id = order_id
        self.ann = ann
        self.bob = bob
        self._demo = demo
        self._host = host

    async def bobs_page(self) -> OrderPage:
        """Bob's view of the conversation."""
        return await self._host.chat(self.order_id, self.bob)

    async def anns_page(self) -> OrderPage:
        """Ann's view of the conversation."""
        return await self._host.chat(self.order_id, self.ann)

    async def report(self, message_id: MessageId, note: str) -> None:
        """Have Ann report a message."""
        async with wire(self._demo, self.ann) as client:
            await client.say(frames.Join(ref=1, order_id=self.order_id))
            await client.next(frames.Joined)
            report = frames.Report(
                ref=2,
                order_id=self.order_id,
                id=ClientId(str(uuid4())),
                target=message_id,
                reason="abuse",
                note=note,
            )
            await client.say(report)
            await client.next(frames.Done)

    async def edit(self, message_id: MessageId, text: str) -> None:
        """Have Bob write his message anew."""
        async with wire(self._demo, self.bob) as client:
            await client.say(frames.Join(ref=1, order_id=self.order_id))
            await client.next(frames.Joined)
            edit = frames.Edit(
                ref=2,
                order_id=self.order_id,
                id=ClientId(str(uuid4())),
                target=message_id,
                text=text,
            )
            await client.say(edit)
            await client.next(frames.EditShown)
