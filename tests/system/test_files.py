"""Files from one party to the other, through every service and each engine."""

from collections.abc import AsyncIterator, Mapping
from io import BytesIO
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from deploy.demo.story import FILM
from shared.contracts import frames
from shared.contracts.ids import ClientId, MessageId
from tests.prove.line import open_line
from tests.prove.uploader import Uploader
from tests.system.conftest import Demo

ORDER = FILM.order_id
CREATOR, ADVERTISER = (party.user_id for party in FILM.participants[:2])
MODERATOR = "moira"


class Parties:
    """Both parties, a stranger and a moderator, each with what they can do."""

    def __init__(self, demo: Demo, tokens: Mapping[str, str], http: httpx.AsyncClient) -> None:
        self._demo = demo
        self._tokens = tokens
        self._http = http
        self.creator, self.advertiser, self.stranger, self.moderator = (
            Uploader(http, demo.url, token) for token in tokens.values()
        )

    async def share(self, file: bytes, **more: object) -> tuple[str, str]:
        """A file of the creator's in a message; the ids of both."""
        ready = await self.upload(file, **more)
        answer = await self.say(ready["grant"])
        assert answer.status_code == 201, answer.text
        return str(ready["id"]), str(answer.json()["event"]["id"])

    async def upload(self, file: bytes, **more: object) -> dict[str, str]:
        view = await self.creator.reserve(ORDER, len(file), **more)
        await self.creator.post_missing(view, file)
        ready = await self.creator.complete(view["id"])
        assert ready["status"] == 200, ready
        return ready

    async def say(self, grant: str, user_id: str = CREATOR, **more: object) -> httpx.Response:
        body = {"id": str(uuid4()), "text": "", "attachments": [grant], **more}
        return await self.call("POST", f"/v1/orders/{ORDER}/messages", user_id, body)

    async def delete(self, message_id: str) -> None:
        """As its writer does, by the websocket."""
        delete = frames.Delete(
            ref=3, order_id=ORDER, id=ClientId(str(uuid4())), target=MessageId(message_id)
        )
        async with open_line(self._demo.chat_url, self._tokens[CREATOR]) as line:
            await line.join(ORDER)
            await line.say(delete)
            await line.next(frames.DeleteShown)

    async def call(
        self, method: str, path: str, user_id: str, body: object = None
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._tokens[user_id]}"}
        return await self._http.request(
            method, f"{self._demo.url}{path}", json=body, headers=headers
        )

    async def statuses(self, id_: str) -> dict[str, int]:
        """What each is answered who wants a file now."""
        who = ("creator", "advertiser", "stranger", "moderator")
        return {name: (await getattr(self, name).fetch(id_))[0] for name in who}


@pytest.fixture
def tokens(demo: Demo) -> Mapping[str, str]:
    """By user; made before there is an event loop, since the secret is in a file."""
    tokens = {user_id: demo.token(user_id) for user_id in (CREATOR, ADVERTISER, "eve")}
    return {**tokens, MODERATOR: demo.token(MODERATOR, role="moderator")}


@pytest.fixture
async def parties(demo: Demo, tokens: Mapping[str, str]) -> AsyncIterator[Parties]:
    async with httpx.AsyncClient(timeout=30) as http:
        yield Parties(demo, tokens, http)


def picture() -> bytes:
    file = BytesIO()
    Image.new("RGB", (640, 480), "teal").save(file, "PNG")
    return file.getvalue()


PDF = b"%PDF-1.7\nnothing that could be drawn\n%%EOF\n"
SEEN = {"creator": 200, "advertiser": 200, "stranger": 404, "moderator": 200}
GONE = {"creator": 404, "advertiser": 404, "stranger": 404, "moderator": 200}


async def test_a_picture_reaches_the_other_party(parties: Parties) -> None:
    """The message says what it is and how large; the picture and its thumbnail can be fetched by
    both parties, and by nobody else."""
    id_, message_id = await parties.share(picture(), filename="Photo.png", content_type="image/png")

    page = await parties.call("GET", f"/v1/orders/{ORDER}/messages", ADVERTISER)
    shown = next(e for e in page.json()["events"] if e.get("id") == message_id)
    (attachment,) = shown["attachments"]
    assert {k: attachment[k] for k in ("id", "name", "content_type", "width", "height")} == {
        "id": id_,
        "name": "Photo.png",
        "content_type": "image/png",
        "width": 640,
        "height": 480,
    }
    assert await parties.statuses(id_) == SEEN
    small = await parties.advertiser.ask("GET", f"/v1/attachments/{id_}/thumbnail")
    async with httpx.AsyncClient() as http:
        thumbnail = Image.open(BytesIO((await http.get(small.json()["url"])).content))
    assert (thumbnail.format, thumbnail.size) == ("WEBP", (320, 240))


async def test_a_deleted_message_takes_its_file_along(parties: Parties) -> None:
    """At once, for both parties; moderators still see it."""
    id_, message_id = await parties.share(PDF, filename="a.pdf", content_type="application/pdf")
    before = await parties.statuses(id_)

    await parties.delete(message_id)

    assert before == SEEN
    assert await parties.statuses(id_) == GONE


async def test_a_redacted_message_takes_its_file_along(parties: Parties) -> None:
    """What moderators take is gone for the parties, its uploader too."""
    id_, message_id = await parties.share(PDF, filename="a.pdf", content_type="application/pdf")

    redacted = await parties.call(
        "POST",
        f"/v1/orders/{ORDER}/messages/{message_id}/redact",
        MODERATOR,
        {"id": str(uuid4()), "reason": "Somebody's address"},
    )

    assert redacted.status_code == 201
    assert await parties.statuses(id_) == GONE


async def test_before_it_is_sent_a_file_is_its_uploaders_alone(parties: Parties) -> None:
    """Nobody sees what nobody has shown."""
    ready = await parties.upload(PDF, filename="a.pdf", content_type="application/pdf")

    assert await parties.statuses(ready["id"]) == {
        "creator": 200,
        "advertiser": 404,
        "stranger": 404,
        "moderator": 404,
    }


async def test_nobody_sends_the_file_of_another(parties: Parties) -> None:
    """A grant is its uploader's, whoever got hold of it."""
    ready = await parties.upload(PDF, filename="a.pdf", content_type="application/pdf")

    answer = await parties.say(ready["grant"], ADVERTISER)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid"


async def test_a_message_sent_again_shows_its_file_once(parties: Parties) -> None:
    """The same id with a newer grant of the same file is the same message."""
    ready = await parties.upload(PDF, filename="a.pdf", content_type="application/pdf")
    again = await parties.creator.complete(ready["id"])
    client_id = str(uuid4())

    answers = [await parties.say(grant, id=client_id) for grant in (ready["grant"], again["grant"])]

    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json() == answers[1].json()
