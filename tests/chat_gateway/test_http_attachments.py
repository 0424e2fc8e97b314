"""Attachments by HTTP: sent by their grants, and who carries one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import msgspec
import pytest

from chat_gateway import app
from chat_gateway.archiver.archiver import Archiver
from chat_gateway.settings import Settings
from shared.contracts import events as log
from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.grants import Grants
from shared.signals.memory import MemorySignals
from tests.chat_gateway.counter import Counter, counter, problem
from tests.chat_gateway.gatehouse import Here
from tests.chat_gateway.world import GRANT_SECRET, GRANTS, picture
from tests.shared.story import ANNA, BEN, MODERATOR, ORDER, delete, id_of, message, order

FILE = picture()
SENT = message(ANNA, 1, attachments=(FILE,))


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[Here, Counter]]:
    async with counter(tmp_path) as both:
        yield both


@pytest.fixture
def desk(both: tuple[Here, Counter]) -> Counter:
    return both[1]


@pytest.fixture
def here(both: tuple[Here, Counter]) -> Here:
    return both[0]


def granted(grants: Grants = GRANTS) -> list[str]:
    return [grants.issue(ORDER, ANNA, FILE)[0]]


def carried(answer: httpx.Response) -> str | None:
    """The message that carries the file, null if none does."""
    if answer.status_code == 404:
        return None
    assert (answer.status_code, answer.json()["attachment_id"]) == (200, FILE.id)
    message_id: str = answer.json()["message_id"]
    return message_id


async def has_read(desk: Counter, event: log.Identified) -> None:
    """Wait until the gateway knows of an event."""
    async with asyncio.timeout(5):
        while event.id not in (await desk.read(who="moira", after=0)).text:  # noqa: ASYNC110 (HTTP)
            await asyncio.sleep(0.001)


# Sending.


async def test_a_message_is_sent_with_a_file(desk: Counter) -> None:
    """Once, and by a renewed grant it is the same message."""
    first = await desk.say(1, "", attachments=granted())
    again = await desk.say(1, "", attachments=granted(Grants(GRANT_SECRET, clock=lambda: 5e9)))

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["event"]["attachments"] == [msgspec.to_builtins(FILE)]


async def test_what_was_sent_needs_no_grant_any_more(desk: Counter) -> None:
    """A server before us may send again what it has no answer for, whenever it likes."""
    first = await desk.say(1, attachments=granted())
    old = Grants(GRANT_SECRET, clock=lambda: 1e9)
    forged = Grants(b"the secret before this one was changed")

    for grants in (old, forged):
        again = await desk.say(1, attachments=granted(grants))
        assert (again.status_code, again.json()) == (200, first.json())


@pytest.mark.parametrize(
    ("grants", "words"),
    [
        (Grants(GRANT_SECRET, clock=lambda: 1e9), "has expired"),
        (Grants(b"another secret, as long as the one that counts"), "is not good"),
    ],
)
async def test_a_message_without_a_good_grant_is_refused(
    desk: Counter, grants: Grants, words: str
) -> None:
    """400, and nothing is said."""
    answer = await desk.say(1, attachments=granted(grants))

    assert problem(answer) == (400, ErrorCode.INVALID)
    assert words in answer.json()["error"]["message"]
    assert carried(await desk.carrier(FILE.id)) is None


async def test_a_service_sends_only_what_it_uploaded(desk: Counter) -> None:
    """A grant names its uploader, and services are no exception."""
    answer = await desk.say(1, attachments=granted(), who="shop")

    assert problem(answer) == (400, ErrorCode.INVALID)


async def test_without_a_secret_there_are_no_attachments(tmp_path: Path) -> None:
    """The welcome says so, and who sends one all the same is told."""
    async with counter(tmp_path, grants=None) as (here, desk):
        session, socket = here.connect()
        session.receive(frames.encode_frame(frames.Hello(token="anna")))
        welcome = await here.next(socket, frames.Welcome)
        answer = await desk.say(1, attachments=granted())

    assert (welcome.limits.attachments, welcome.limits.attachment_bytes) == (0, 104_857_600)
    assert problem(answer) == (400, ErrorCode.INVALID)


# Who carries a file.


async def test_the_message_that_carries_a_file_is_found(here: Here, desk: Counter) -> None:
    """For all who may read the order; of several the newest."""
    await here.append(SENT, message(BEN, 2, base=1), message(ANNA, 3, attachments=(FILE,), base=2))

    found = {who: carried(await desk.carrier(FILE.id, who=who)) for who in ("ben", "shop", "moira")}

    assert found == {"ben": id_of(ANNA, 3), "shop": id_of(ANNA, 3), "moira": id_of(ANNA, 3)}


REDACT = log.Redact(
    order_id=ORDER,
    by=MODERATOR,
    as_="moderator",
    id=id_of(MODERATOR, 7),
    base=1,
    target=SENT.id,
    reason="spam",
)
RESTORE = log.Restore(
    order_id=ORDER,
    by=MODERATOR,
    as_="moderator",
    id=id_of(MODERATOR, 8),
    base=3,  # the message, a look at it, and what took it
    target=SENT.id,
    reason="fine",
    text="Hi!",
    attachments=(FILE,),
)
ALL = ("anna", "ben", "shop", "moira")


@pytest.mark.parametrize("taken", [delete(ANNA, 2, SENT.id, base=1), REDACT], ids=["own", "mod"])
@pytest.mark.parametrize("from_store", [False, True], ids=["from memory", "from the store"])
async def test_a_message_that_is_taken_takes_its_file_along(
    here: Here, desk: Counter, taken: log.Identified, from_store: bool
) -> None:
    """At once, for the parties; given back it is there again at once. Moderators still find it, and
    services, who ask whether it was ever sent."""
    await here.append(SENT)
    async with AsyncExitStack() as resources:
        if from_store:
            desk = await resources.enter_async_context(second_gateway(here))
        found = []
        for event in (None, taken, RESTORE):
            if event is not None:
                await here.append(event)
                await has_read(desk, event)
            found.append([carried(await desk.carrier(FILE.id, who=who)) for who in ALL])

    id_ = SENT.id
    assert found == [[id_] * 4, [None, None, id_, id_], [id_] * 4]


async def test_an_older_message_carries_it_when_the_newer_is_gone(
    here: Here, desk: Counter
) -> None:
    """Each message counts for itself."""
    newer = message(ANNA, 2, attachments=(FILE,), base=1)
    await here.append(SENT, newer, delete(ANNA, 3, newer.id, base=2))

    assert carried(await desk.carrier(FILE.id)) == SENT.id
    assert carried(await desk.carrier(FILE.id, who="moira")) == newer.id


async def test_what_was_never_said_carries_nothing(here: Here, desk: Counter) -> None:
    """A void message is no message, for moderators neither."""
    frozen = order(2, may={"creator": ("read",), "advertiser": ("read",)})
    await here.append(frozen, SENT)

    assert [carried(await desk.carrier(FILE.id, who=who)) for who in ALL] == [None] * 4


@pytest.mark.parametrize("attachment_id", ["file-2", "FILE-1", "%00", "..", "%", "file-1%0A"])
async def test_a_file_that_nobody_sent_is_not_found(
    here: Here, desk: Counter, attachment_id: str
) -> None:
    """In the words that a foreign order is not found in."""
    await here.append(SENT)

    foreign = await desk.carrier(FILE.id, who="eve")
    answer = await desk.carrier(attachment_id)

    assert (answer.status_code, answer.content) == (404, foreign.content)


@pytest.mark.parametrize("order_id", ["o-9999", "..", "%2E%2E", "%00", "o" * 65])
async def test_a_file_of_no_order_of_ones_own_is_not_found(
    here: Here, desk: Counter, order_id: str
) -> None:
    """Byte for byte what a stranger is told of an order that is there."""
    await here.append(SENT)

    foreign = await desk.carrier(FILE.id, who="eve")
    answer = await desk.carrier(FILE.id, order_id=order_id)

    assert problem(foreign) == (404, ErrorCode.NOT_FOUND)
    assert (answer.status_code, answer.content) == (404, foreign.content)
    assert answer.headers.items() == foreign.headers.items()


async def test_a_store_that_is_down_is_no_answer(here: Here) -> None:
    """Whoever may read it is told to ask again, not that it is not there."""
    await here.append(SENT)
    async with second_gateway(here) as desk:
        await desk.read()
        here.store.down = True
        answer = await desk.carrier(FILE.id)

    assert problem(answer) == (503, ErrorCode.UNAVAILABLE)


async def test_a_page_of_thumbnails_may_ask_for_many(tmp_path: Path) -> None:
    """Each costs as much as a frame, not as a join."""
    slow = frames.Limits(frames_per_s=1, frames_burst=20)
    async with counter(tmp_path, slow) as (here, desk):
        await here.append(SENT)
        answers = [await desk.carrier(FILE.id) for _ in range(21)]

    assert [answer.status_code for answer in answers] == [200] * 20 + [429]


@asynccontextmanager
async def second_gateway(here: Here) -> AsyncIterator[Counter]:
    """One that was started when all there was had been archived: it has nothing in memory."""
    await Archiver(here.engine, here.store, epoch=1).run_to(await here.engine.ends())
    async with app.running(
        Settings(),
        here.engine,
        here.store,
        MemorySignals(),
        here.orders,
        here.tokens,
        frames.Limits(),
        grants=GRANTS,
    ) as running:
        yield Counter(running)
