"""The object store's contract, over every engine."""

import asyncio
import time

import msgspec
import pytest

from shared.blobs.port import (
    FORM_BYTES_MAX,
    PART_BYTES_MIN,
    PUT_BYTES_MAX,
    READ_BYTES_MAX,
    Blob,
    Blobs,
    BlobsUnavailable,
    Changed,
    NotFound,
    Shelf,
)
from tests.ports.blob_engines import KEY, TYPE, Engine, upload


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class TestForm:
    async def test_what_is_posted_lies_in_quarantine(
        self, blob_engine: Engine, blobs: Blobs
    ) -> None:
        """A browser with a form writes its file, of this size, under this key."""
        form = blobs.form(KEY, TYPE, size_min=1, size_max=5)

        status = await blob_engine.post(form, b"hello")

        found = await blobs.stat(Shelf.QUARANTINE, KEY)
        assert (status, found.size) == (204, 5)

    @pytest.mark.parametrize(
        ("fields", "file"),
        [
            ({"key": "other"}, b"hello"),
            ({"Content-Type": "text/html"}, b"hello"),
            ({"x-amz-acl": "public-read"}, b"hello"),
            ({"x-amz-meta-a": "b"}, b"hello"),
            ({"success_action_redirect": "https://evil.example"}, b"hello"),
            ({}, b"hello!"),
            ({}, b""),
        ],
        ids=["key", "type", "acl", "metadata", "redirect", "too large", "too small"],
    )
    async def test_an_edited_form_is_refused(
        self, blob_engine: Engine, blobs: Blobs, fields: dict[str, str], file: bytes
    ) -> None:
        """Who changes anything of a form writes nothing with it (attack 33)."""
        form = blobs.form(KEY, TYPE, size_min=1, size_max=5)
        edited = msgspec.structs.replace(form, fields={**form.fields, **fields})

        status = await blob_engine.post(edited, file)

        assert 400 <= status < 500
        assert [key async for key in blobs.older(Shelf.QUARANTINE, now_ms() + 60_000)] == []

    async def test_a_form_works_for_five_minutes(self, blobs: Blobs) -> None:
        """Its end is told with it, in ms."""
        form = blobs.form(KEY, TYPE, size_min=1, size_max=5)

        assert form.expires_at == pytest.approx(now_ms() + 300_000, abs=5_000)

    @pytest.mark.parametrize("sizes", [(0, FORM_BYTES_MAX + 1), (2, 1), (-1, 1)])
    async def test_sizes_that_no_form_has_are_refused(
        self, blobs: Blobs, sizes: tuple[int, int]
    ) -> None:
        """What is larger comes in parts, on any engine."""
        with pytest.raises(ValueError, match="a form takes"):
            blobs.form(KEY, TYPE, size_min=sizes[0], size_max=sizes[1])


class TestRead:
    async def test_pieces_make_up_the_file(self, blob_engine: Engine, blobs: Blobs) -> None:
        """Pieces are as long as asked for, the last one shorter, and none comes after it."""
        found = await upload(blob_engine, blobs, KEY, b"0123456789")

        pieces = [
            await blobs.read(Shelf.QUARANTINE, KEY, found.etag, start, 4) for start in (0, 4, 8, 12)
        ]

        assert pieces == [b"0123", b"4567", b"89", b""]

    async def test_a_file_written_again_is_not_read_on(
        self, blob_engine: Engine, blobs: Blobs
    ) -> None:
        """A form used again while its file is looked at does not go unseen (attack 34)."""
        found = await upload(blob_engine, blobs, KEY, b"harmless")
        await upload(blob_engine, blobs, KEY, b"harmful!")

        with pytest.raises(Changed):
            await blobs.read(Shelf.QUARANTINE, KEY, found.etag, 0, 4)

    async def test_more_than_a_piece_is_not_read(self, blobs: Blobs) -> None:
        """Nobody takes a whole file into memory by mistake."""
        with pytest.raises(ValueError, match="a piece has"):
            await blobs.read(Shelf.QUARANTINE, KEY, "etag", 0, READ_BYTES_MAX + 1)


@pytest.mark.parametrize("shelf", list(Shelf))
class TestJoin:
    async def test_parts_become_one_file_in_their_order(
        self, blob_engine: Engine, blobs: Blobs, shelf: Shelf
    ) -> None:
        """What was posted in parts is one object then."""
        first, second = b"a" * PART_BYTES_MIN, b"b" * 10
        await upload(blob_engine, blobs, "part.2", second)
        await upload(blob_engine, blobs, "part.1", first)

        await blobs.join(["part.1", "part.2"], shelf, KEY)

        found = await blobs.stat(shelf, KEY)
        assert found.size == len(first + second)
        seam = await blobs.read(shelf, KEY, found.etag, PART_BYTES_MIN - 1, 3)
        assert seam == b"abb"

    async def test_a_single_part_is_the_file(
        self, blob_engine: Engine, blobs: Blobs, shelf: Shelf
    ) -> None:
        """It stays what it is when its part is removed."""
        await upload(blob_engine, blobs, "part.1", b"hello")

        await blobs.join(["part.1"], shelf, KEY)
        await blobs.remove(Shelf.QUARANTINE, "part.1")

        found = await blobs.stat(shelf, KEY)
        assert await blobs.read(shelf, KEY, found.etag, 0, 9) == b"hello"

    async def test_without_one_part_there_is_nothing(
        self, blob_engine: Engine, blobs: Blobs, shelf: Shelf
    ) -> None:
        """A part that never came leaves no file that looks whole."""
        await upload(blob_engine, blobs, "part.1", b"a" * PART_BYTES_MIN)

        with pytest.raises(NotFound):
            await blobs.join(["part.1", "part.2"], shelf, KEY)

        with pytest.raises(NotFound):
            await blobs.stat(shelf, KEY)


class TestPublish:
    async def test_what_was_looked_at_comes_to_the_clean_shelf(
        self, blob_engine: Engine, blobs: Blobs
    ) -> None:
        """The bytes are those of quarantine, however often it is done."""
        found = await upload(blob_engine, blobs, KEY, b"hello")

        for _ in range(2):
            await blobs.publish(KEY, found.etag, "clean/1")

        clean = await blobs.stat(Shelf.CLEAN, "clean/1")
        assert clean.size == 5
        assert await blobs.read(Shelf.CLEAN, "clean/1", clean.etag, 0, 5) == b"hello"

    async def test_a_file_written_again_is_not_published(
        self, blob_engine: Engine, blobs: Blobs
    ) -> None:
        """What was not looked at never comes to the clean shelf (attack 34)."""
        found = await upload(blob_engine, blobs, KEY, b"harmless")
        await upload(blob_engine, blobs, KEY, b"harmful!")

        with pytest.raises(Changed):
            await blobs.publish(KEY, found.etag, "clean/1")

        with pytest.raises(NotFound):
            await blobs.stat(Shelf.CLEAN, "clean/1")

    async def test_what_is_published_stays_as_it_was(
        self, blob_engine: Engine, blobs: Blobs
    ) -> None:
        """A form used again, after the copy, changes nothing that anybody sees (attack 34)."""
        found = await upload(blob_engine, blobs, KEY, b"harmless")
        await blobs.publish(KEY, found.etag, "clean/1")

        await upload(blob_engine, blobs, KEY, b"harmful!")
        await blobs.remove(Shelf.QUARANTINE, KEY)

        clean = await blobs.stat(Shelf.CLEAN, "clean/1")
        assert await blobs.read(Shelf.CLEAN, "clean/1", clean.etag, 0, 9) == b"harmless"

    async def test_what_is_not_there_is_not_published(self, blobs: Blobs) -> None:
        """A key that nobody wrote is said to be missing."""
        with pytest.raises(NotFound):
            await blobs.publish(KEY, "0" * 32, "clean/1")


class TestLink:
    async def test_a_link_is_answered_as_it_was_asked_for(
        self, blob_engine: Engine, blobs: Blobs
    ) -> None:
        """The browser does with the file what the link says, and no proxy keeps it."""
        disposition = "attachment; filename*=UTF-8''%E2%82%AC%20rates.html"
        await blobs.put(KEY, b"<script>")

        answer = await blob_engine.get(
            blobs.link(KEY, content_type="application/octet-stream", disposition=disposition)
        )

        headers = ("content-type", "content-disposition", "cache-control")
        assert answer.content == b"<script>"
        assert [answer.headers[name] for name in headers] == [
            "application/octet-stream",
            disposition,
            "private, no-store",
        ]

    @pytest.mark.parametrize(
        ("was", "becomes"),
        [("photo", "other"), ("attachment", "inline"), ("octet-stream", "html")],
    )
    async def test_an_edited_link_shows_nothing(
        self, blob_engine: Engine, blobs: Blobs, was: str, becomes: str
    ) -> None:
        """Nobody gets another file by it, or the same one in another guise (attack 36)."""
        await blobs.put(KEY, b"mine")
        await blobs.put(KEY.replace("photo", "other"), b"theirs")
        link = blobs.link(KEY, content_type="application/octet-stream", disposition="attachment")

        answer = await blob_engine.get(link.replace(was, becomes))

        assert answer.status_code == 403

    async def test_a_link_to_nothing_is_not_found(self, blob_engine: Engine, blobs: Blobs) -> None:
        """A link may be made of what was removed meanwhile; the browser is told."""
        answer = await blob_engine.get(blobs.link(KEY, content_type=TYPE, disposition="inline"))

        assert answer.status_code == 404

    @pytest.mark.parametrize(
        ("content_type", "disposition"),
        [
            ("text/plain\r\nX: a", "inline"),
            (TYPE, "inline\n"),
            (TYPE, "inline; filename=ä"),
            ("", ""),
        ],
    )
    async def test_what_no_header_can_say_is_refused(
        self, blobs: Blobs, content_type: str, disposition: str
    ) -> None:
        """No name of a file becomes a header of its own (attack 40)."""
        with pytest.raises(ValueError, match="a header's value"):
            blobs.link(KEY, content_type=content_type, disposition=disposition)


class TestShelves:
    async def test_what_was_put_stands_on_the_clean_shelf(self, blobs: Blobs) -> None:
        """A thumbnail lies where it was put, and quarantine knows nothing of it."""
        await blobs.put(KEY, b"thumbnail")

        found = await blobs.stat(Shelf.CLEAN, KEY)
        assert found == Blob(size=9, etag=found.etag)
        with pytest.raises(NotFound):
            await blobs.stat(Shelf.QUARANTINE, KEY)

    async def test_too_much_is_not_put(self, blobs: Blobs) -> None:
        """What is put is small by what it is; more is a mistake of ours."""
        with pytest.raises(ValueError, match="more than"):
            await blobs.put(KEY, bytes(PUT_BYTES_MAX + 1))

    async def test_what_is_removed_is_gone(self, blobs: Blobs) -> None:
        """Removing it once more changes nothing."""
        await blobs.put(KEY, b"thumbnail")

        await blobs.remove(Shelf.CLEAN, KEY)
        await blobs.remove(Shelf.CLEAN, KEY)

        with pytest.raises(NotFound):
            await blobs.stat(Shelf.CLEAN, KEY)

    async def test_only_what_is_old_is_listed(self, blobs: Blobs) -> None:
        """The janitor sees what was written before a moment, and nothing newer."""
        await blobs.put(KEY, b"a")
        moments = [now_ms() - 60_000, now_ms() + 60_000]

        listed = [[key async for key in blobs.older(Shelf.CLEAN, moment)] for moment in moments]

        assert listed == [[], [KEY]]

    async def test_all_that_is_old_is_listed(self, blobs: Blobs) -> None:
        """More than fits one answer of the store is listed whole, each key once."""
        keys = [f"k{number:04}" for number in range(1_001)]
        for at in range(0, len(keys), 100):
            await asyncio.gather(*(blobs.put(key, b"") for key in keys[at : at + 100]))

        assert [key async for key in blobs.older(Shelf.CLEAN, now_ms() + 60_000)] == keys

    @pytest.mark.parametrize(
        "key", ["", "../a", "a/../b", "/a", "a//b", "a/", "a\n", "é", "a" * 201]
    )
    async def test_a_key_that_means_something_else_is_refused(self, blobs: Blobs, key: str) -> None:
        """No key leaves its shelf, on any engine (attack 40)."""
        with pytest.raises(ValueError, match="a key is"):
            await blobs.put(key, b"")


class TestHealth:
    async def test_a_closed_store_is_unavailable(self, blobs: Blobs) -> None:
        """It answers while it is open, and refuses at once afterwards."""
        await blobs.ping()
        await blobs.close()

        with pytest.raises(BlobsUnavailable):
            await blobs.ping()
