"""What the service may rely on from the store of its uploads, on every engine."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest

from attachment_service.adapters import open_uploads
from attachment_service.model import NEVER, Passed, Upload, reserve
from attachment_service.ports import Uploads, UploadsUnavailable
from attachment_service.verdicts import Reason
from shared.contracts.ids import OrderId, UserId

NOW = 1_795_000_000_000
ANNA, BEN = UserId("anna"), UserId("ben")
PASSED = Passed(size=3, width=4, height=5, thumbnail=True)

OpenUploads = Callable[[], Awaitable[Uploads]]


@pytest.fixture
async def open_store(tmp_path: Path, store_url: str) -> AsyncIterator[OpenUploads]:
    """Opens the test's store, once more each time."""
    async with AsyncExitStack() as opened:

        async def open_store() -> Uploads:
            uploads = await open_uploads(store_url, tmp_path)
            opened.push_async_callback(uploads.close)
            return uploads

        yield open_store


@pytest.fixture
async def uploads(open_store: OpenUploads) -> Uploads:
    return await open_store()


def upload(number: int, by: UserId = ANNA, due_at: int = NOW) -> Upload:
    made = reserve(
        f"00000000-0000-4000-8000-{number:012}",
        OrderId("o1"),
        by,
        name="“$.photo”.png",
        content_type="image/png",
        size=3,
        sha256="a" * 64,
        now=NOW,
    )
    return msgspec.structs.replace(made, due_at=due_at)


async def test_an_upload_is_read_as_it_was_stored(uploads: Uploads) -> None:
    """Every field of every state, and null for what is not there."""
    first = upload(1)
    claimed = first.claim("c1", NOW)
    await uploads.add(first)
    await uploads.replace(claimed)
    ready = claimed.make_ready("c1", PASSED, NOW + 1).note_sent()
    rejected = upload(2).claim("c2", NOW).reject("c2", Reason.TYPE, NOW)
    await uploads.add(rejected)

    assert await uploads.get(first.id) == claimed
    assert await uploads.replace(claimed.make_ready("c1", PASSED, NOW + 1))
    assert await uploads.replace(ready)
    assert await uploads.find([first.id, rejected.id, "none"]) == {
        first.id: ready,
        rejected.id: rejected,
    }
    assert await uploads.get("none") is None
    assert await uploads.find([]) == {}


async def test_a_step_from_an_old_version_changes_nothing(uploads: Uploads) -> None:
    """Of two steps at once one is taken."""
    await uploads.add(upload(1))
    await uploads.replace(upload(1).claim("c1", NOW))

    taken = await uploads.replace(upload(1).claim("c2", NOW))

    stored = await uploads.get(upload(1).id)
    assert not taken
    assert stored is not None
    assert stored.check == "c1"


async def test_only_the_version_looked_at_is_removed(uploads: Uploads) -> None:
    """Somebody went on with it: it stays."""
    await uploads.add(upload(1))
    claimed = upload(1).claim("c1", NOW)
    await uploads.replace(claimed)

    assert not await uploads.remove(upload(1))
    assert await uploads.remove(claimed)
    assert not await uploads.remove(claimed)
    assert await uploads.get(claimed.id) is None


async def test_open_uploads_are_counted_by_uploader(uploads: Uploads) -> None:
    """What is settled does not count, and neither does another's."""
    for each in (upload(1), upload(2).begin(), upload(3).claim("c", NOW), upload(4, BEN)):
        await uploads.add(each)
    claimed = upload(5).claim("c", NOW)
    await uploads.add(claimed.make_ready("c", PASSED, NOW))
    await uploads.add(upload(6).claim("c", NOW).reject("c", Reason.TYPE, NOW))

    assert [await uploads.open_of(by) for by in (ANNA, BEN, UserId("cora"))] == [3, 1, 0]


async def test_what_is_due_comes_in_order(uploads: Uploads) -> None:
    """Earliest first, at most as many as asked for; what is never due stays out."""
    for number, due_at in ((1, NOW + 3), (2, NOW + 1), (3, NOW + 2), (4, NOW + 9), (5, NEVER)):
        await uploads.add(upload(number, due_at=due_at))

    due = await uploads.due(NOW + 3, 2)

    assert [each.id[-1] for each in due] == ["2", "3"]
    assert [each.id[-1] for each in await uploads.due(NOW + 3, 10)] == ["2", "3", "1"]
    assert await uploads.due(NOW, 10) == []


async def test_uploads_outlive_the_process(open_store: OpenUploads) -> None:
    """What was acknowledged is there when the store is opened again."""
    first = await open_store()
    await first.add(upload(1))
    await first.close()

    assert await (await open_store()).get(upload(1).id) == upload(1)


async def test_a_closed_store_is_unavailable(uploads: Uploads) -> None:
    """It answers while it is open, and refuses at once afterwards."""
    await uploads.ping()
    await uploads.close()

    with pytest.raises(UploadsUnavailable):
        await uploads.ping()
    with pytest.raises(UploadsUnavailable):
        await uploads.get("any")
