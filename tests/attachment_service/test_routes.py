"""The routes over every object store, from announcing a file to seeing it."""

import asyncio
import hashlib
from urllib.parse import quote

import pytest

from attachment_service import service
from attachment_service.model import PART_BYTES
from shared.blobs.port import Shelf
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import UserId
from shared.order_client import Part
from tests.attachment_service.world import (
    ANNA,
    BEN,
    FILE_BYTES_MAX,
    ORDER,
    PDF,
    ZIP,
    Desk,
    assert_refused,
    parts_of,
)


class TestReserve:
    async def test_a_small_file_gets_one_form(self, desk: Desk) -> None:
        """With what is known of it, and when the form ends."""
        answer = await desk.reserve(len(PDF))

        view = answer.json()
        assert answer.status_code == 201
        assert view["upload"]["fields"]["Content-Type"] == "application/pdf"
        assert view["expires_at"] == pytest.approx(desk.clock() + 300_000, abs=5_000)
        assert {k: view[k] for k in ("state", "name", "content_type", "size", "parts")} == {
            "state": "reserved",
            "name": "brief.pdf",
            "content_type": "application/pdf",
            "size": len(PDF),
            "parts": None,
        }

    async def test_a_large_file_gets_a_form_for_each_part(self, desk: Desk) -> None:
        """The parts make up the file, and the last one is the rest."""
        answer = await desk.reserve(2 * PART_BYTES + 5, "video/mp4", filename="cut.mp4")

        view = answer.json()
        assert view["upload"] is None
        assert [(p["number"], p["size"], p["stored"]) for p in view["parts"]] == [
            (1, PART_BYTES, False),
            (2, PART_BYTES, False),
            (3, 5, False),
        ]
        assert len({p["upload"]["fields"]["key"] for p in view["parts"]}) == 3

    @pytest.mark.parametrize(
        ("change", "code", "status", "text"),
        [
            ({"size": 0}, ErrorCode.INVALID, 400, "empty"),
            ({"size": 1 << 40}, ErrorCode.TOO_LARGE, 413, f"{FILE_BYTES_MAX} bytes"),
            ({"size": FILE_BYTES_MAX + 1}, ErrorCode.TOO_LARGE, 413, "at most"),
            ({"size": -1}, ErrorCode.INVALID, 400, "$.size"),
            ({"size": "3"}, ErrorCode.INVALID, 400, "$.size"),
            ({"content_type": "text/html"}, ErrorCode.INVALID, 400, "type"),
            ({"content_type": "image/svg+xml"}, ErrorCode.INVALID, 400, "type"),
            ({"content_type": "text/html; x=image/png"}, ErrorCode.INVALID, 400, "type"),
            ({"content_type": "application/x-msdownload"}, ErrorCode.INVALID, 400, "type"),
            ({"filename": ""}, ErrorCode.INVALID, 400, "$.filename"),
            ({"sha256": "xyz"}, ErrorCode.INVALID, 400, "$.sha256"),
            ({"key": "a"}, ErrorCode.INVALID, 400, "Unknown field"),
            ({"order_id": ["o1"]}, ErrorCode.INVALID, 400, "$.order_id"),
        ],
    )
    async def test_what_is_not_taken_is_said_before_a_byte_is_sent(
        self, desk: Desk, change: dict[str, object], code: ErrorCode, status: int, text: str
    ) -> None:
        """Attack 31: sizes, types and tricks with types."""
        body = {
            "order_id": ORDER,
            "filename": "a.pdf",
            "content_type": "application/pdf",
            "size": 3,
        }

        answer = await desk.ask("POST", "/v1/attachments", json={**body, **change})

        assert_refused(answer, code, status, text)

    async def test_an_image_may_have_less(self, desk: Desk) -> None:
        """It is decoded from memory."""
        answer = await desk.reserve((32 << 20) + 1, "image/png", filename="a.png")

        assert_refused(answer, ErrorCode.TOO_LARGE, 413, "this type")

    async def test_strangers_and_what_is_not_there_look_the_same(self, desk: Desk) -> None:
        """Byte for byte: a foreign order, none, an id that is none, one the token leaves out."""
        answers = [
            await desk.reserve(3, user="cora"),
            await desk.reserve(3, order_id="o2"),
            await desk.reserve(3, order_id="../o1"),
            await desk.ask(
                "POST",
                "/v1/attachments",
                orders=["o7"],
                json={
                    "order_id": ORDER,
                    "filename": "a.pdf",
                    "content_type": "application/pdf",
                    "size": 3,
                },
            ),
        ]

        assert {(a.status_code, a.content) for a in answers} == {(404, answers[0].content)}

    async def test_where_nothing_may_be_attached_no_form_is_given(self, desk: Desk) -> None:
        """Nobody uploads what could not be sent."""
        desk.orders.parts[ORDER, ANNA] = Part("creator", 2, ("read",))

        assert_refused(await desk.reserve(3), ErrorCode.READ_ONLY, 409)

    @pytest.mark.parametrize("role", ["moderator", "service"])
    async def test_only_participants_attach(self, desk: Desk, role: str) -> None:
        """Moderators and services have nothing to upload."""
        answer = await desk.ask(
            "POST",
            "/v1/attachments",
            role=role,  # type: ignore[arg-type]
            json={"order_id": ORDER, "filename": "a", "content_type": "text/plain", "size": 3},
        )

        assert_refused(answer, ErrorCode.FORBIDDEN, 403)

    async def test_one_user_opens_only_so_many(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is settled makes room."""
        monkeypatch.setattr(service, "OPEN_MAX", 2)
        first = await desk.bring(PDF)
        await desk.reserve(3)

        assert_refused(await desk.reserve(3), ErrorCode.BUSY, 503)
        assert (await desk.reserve(3, user=BEN)).status_code == 201
        await desk.complete(first)
        assert (await desk.reserve(3)).status_code == 201

    async def test_one_user_asks_only_so_often(self, desk: Desk) -> None:
        """Who is too quick is told when to come back."""
        answers = [await desk.ask("GET", f"/v1/attachments/{n}") for n in range(250)]

        refused = [a for a in answers if a.status_code == 429]
        assert 10 <= len(refused) <= 50
        assert refused[0].headers["Retry-After"] == "1"

    async def test_without_the_order_service_nobody_gets_in(self, desk: Desk) -> None:
        """Neither a yes nor a no: come again."""
        desk.orders.down = True

        assert_refused(await desk.reserve(3), ErrorCode.UNAVAILABLE, 503)


class TestComplete:
    async def test_a_file_becomes_ready(self, desk: Desk) -> None:
        """With a grant that says all a message says of it."""
        id_ = await desk.bring(PDF)

        answer = await desk.complete(id_)

        ready = answer.json()
        grant = desk.grants.read(ready["grant"])
        assert answer.status_code == 200
        assert (ready["state"], ready["size"], ready["thumbnail"]) == ("ready", len(PDF), False)
        assert ready["grant_expires_at"] == grant.expires_at * 1_000
        assert (grant.genuine, grant.order_id, grant.by) == (True, ORDER, ANNA)
        assert (grant.attachment.id, grant.attachment.name) == (id_, "brief.pdf")

    async def test_again_it_gives_a_new_grant(self, desk: Desk) -> None:
        """The same file, for another day; nothing is inspected twice."""
        id_ = await desk.bring(PDF)
        first = (await desk.complete(id_)).json()
        desk.clock.ahead_ms = 3_600_000

        second = (await desk.complete(id_)).json()

        assert second["grant_expires_at"] - first["grant_expires_at"] >= 3_600_000
        assert desk.checks.passed == 1

    async def test_at_once_it_is_checked_once(self, desk: Desk) -> None:
        """Twenty impatient requests wait for one check."""
        id_ = await desk.bring(PDF)

        answers = await asyncio.gather(*(desk.complete(id_) for _ in range(20)))

        assert {a.status_code for a in answers} == {200}
        assert desk.checks.passed == 1

    async def test_what_has_not_come_is_named(self, desk: Desk) -> None:
        """Nothing of it, or one part."""
        small = (await desk.reserve(3)).json()
        large = (await desk.reserve(PART_BYTES + 3, "application/zip", filename="a.zip")).json()
        _, size, form = parts_of(large)[0]
        await desk.post(form, bytes(size))

        assert_refused(await desk.complete(small["id"]), ErrorCode.CONFLICT, 409, "not come")
        assert_refused(await desk.complete(large["id"]), ErrorCode.CONFLICT, 409, "Part 2")
        looked = (await desk.ask("GET", f"/v1/attachments/{large['id']}")).json()
        assert looked["state"] == "uploading"
        assert [(p["stored"], p["upload"] is None) for p in looked["parts"]] == [
            (True, True),
            (False, False),
        ]

    async def test_parts_in_any_order_make_up_the_file(self, desk: Desk) -> None:
        """What is fetched is what was sent, byte for byte."""
        file = ZIP + bytes(range(256)) * (PART_BYTES // 256) + b"the end"
        answer = await desk.reserve(
            len(file),
            "application/zip",
            filename="a.zip",
            sha256=hashlib.sha256(file).hexdigest().upper(),
        )
        for start, size, form in reversed(parts_of(answer.json())):
            assert await desk.post(form, file[start : start + size]) == 204
        id_ = answer.json()["id"]

        done = await desk.complete(id_)

        assert done.status_code == 200, done.text
        desk.messages.carried[id_] = True
        assert (await desk.fetch(id_)).content == file

    async def test_another_checksum_is_rejected(self, desk: Desk) -> None:
        """What came is not what was announced."""
        id_ = await desk.bring(PDF, sha256="0" * 64)

        answer = await desk.complete(id_)

        rejected = answer.json()
        assert (answer.status_code, rejected["reason"]) == (422, "checksum")
        assert rejected["error"]["code"] == "invalid"

    @pytest.mark.parametrize(
        ("content_type", "filename", "file", "reason"),
        [
            ("image/png", "a.png", b"<html><script>alert(1)</script>", "type"),
            ("image/png", "a.png", b"MZ" + bytes(200), "type"),
            ("application/pdf", "a.pdf", b"GIF89a;" + PDF, "type"),
            ("text/plain", "a.txt", b"<!doctype html><script>", "type"),
            ("image/png", "a.png", b"\x89PNG\r\n\x1a\n" + bytes(100), "image"),
        ],
    )
    async def test_what_is_not_what_it_says_is_rejected_for_good(
        self, desk: Desk, content_type: str, filename: str, file: bytes, reason: str
    ) -> None:
        """Nothing of it stays, it opens for nobody, and asking again changes nothing (31)."""
        id_ = await desk.bring(file, content_type, filename=filename)

        answers = [await desk.complete(id_) for _ in range(2)]

        assert [(a.status_code, a.json()["reason"]) for a in answers] == [(422, reason)] * 2
        assert await desk.objects() == {Shelf.QUARANTINE: [], Shelf.CLEAN: []}
        assert (await desk.open(id_, ANNA)).status_code == 404

    async def test_a_form_used_again_changes_nothing(self, desk: Desk) -> None:
        """Attack 34: what is fetched was inspected; what comes later is swept away (33)."""
        answer = await desk.reserve(len(PDF))
        form, id_ = answer.json()["upload"], answer.json()["id"]
        await desk.post(form, PDF)
        await desk.complete(id_)
        desk.messages.carried[id_] = True

        replayed = await desk.post(form, bytes(len(PDF)))

        assert replayed == 204
        assert (await desk.fetch(id_)).content == PDF
        assert (await desk.complete(id_)).status_code == 200
        assert (await desk.fetch(id_)).content == PDF
        desk.clock.ahead_ms = 3_600_000
        await desk.janitor.sweep()
        assert (await desk.objects())[Shelf.QUARANTINE] == []

    async def test_nobody_completes_the_upload_of_another(self, desk: Desk) -> None:
        """Nor looks at it: to others it is not there."""
        id_ = await desk.bring(PDF)

        answers = [
            await desk.complete(id_, BEN),
            await desk.ask("GET", f"/v1/attachments/{id_}", BEN),
            await desk.ask("GET", f"/v1/attachments/{id_}", "cora"),
            await desk.ask("GET", f"/v1/attachments/{id_}", orders=["o7"]),
            await desk.ask("GET", "/v1/attachments/no-uuid"),
            await desk.ask("GET", f"/v1/attachments/{id_[:-4]}0000"),
        ]

        assert {(a.status_code, a.content) for a in answers} == {(404, answers[0].content)}


class TestOpen:
    async def test_the_other_party_fetches_it(self, desk: Desk) -> None:
        """To be saved under its name, whatever its bytes could mean to a browser (36)."""
        id_ = await desk.send(PDF, filename="“Über” brief.pdf")

        fetched = await desk.fetch(id_)

        assert fetched.content == PDF
        assert fetched.headers["Content-Type"] == "application/octet-stream"
        assert fetched.headers["Cache-Control"] == "private, no-store"
        assert fetched.headers["Content-Disposition"] == (
            f"attachment; filename*=UTF-8''{quote('“Über” brief.pdf', safe='')}"
        )

    async def test_a_browser_is_sent_there(self, desk: Desk) -> None:
        """Without `Accept: application/json` the link is in the header alone; it lives a minute."""
        id_ = await desk.send(PDF)

        told = (await desk.open(id_)).json()
        sent = await desk.ask("GET", f"/v1/attachments/{id_}/content", BEN)

        assert told["expires_at"] == pytest.approx(desk.clock() + 60_000, abs=2_000)
        assert (sent.status_code, sent.content) == (307, b"")
        assert sent.headers["Location"].startswith("http")
        assert sent.headers["Cache-Control"] == "private, no-store"
        assert sent.headers["Referrer-Policy"] == "no-referrer"

    async def test_before_it_is_sent_only_its_uploader_sees_it(self, desk: Desk) -> None:
        """And only while they take part in the order."""
        id_ = await desk.bring(PDF)
        await desk.complete(id_)

        statuses = [(await desk.open(id_, user)).status_code for user in (ANNA, BEN, "cora")]
        del desk.orders.parts[ORDER, ANNA]
        removed = await desk.open(id_, ANNA)

        assert statuses == [200, 404, 404]
        assert removed.status_code == 404

    async def test_a_message_that_is_gone_takes_its_files_along(self, desk: Desk) -> None:
        """For the uploader too; moderators still see them."""
        id_ = await desk.send(PDF)
        desk.messages.carried[id_] = False

        statuses = [(await desk.open(id_, user)).status_code for user in (ANNA, BEN)]
        moderator = await desk.open(id_, "mia", role="moderator")

        assert statuses == [404, 404]
        assert moderator.status_code == 200

    async def test_strangers_find_nothing(self, desk: Desk) -> None:
        """A file of others, one not ready, one without a thumbnail, none: all alike (20)."""
        sent, open_ = await desk.send(PDF), await desk.bring(PDF)

        answers = [
            await desk.open(sent, "cora"),
            await desk.open(sent, BEN, orders=["o7"]),
            await desk.open(open_, ANNA),
            await desk.open(sent, BEN, "thumbnail"),
            await desk.open(f"{sent[:-4]}0000", BEN),
            await desk.open("..%2f..%2fetc", BEN),
        ]

        assert {(a.status_code, a.content) for a in answers} == {(404, answers[0].content)}

    async def test_where_it_cannot_be_asked_nobody_is_let_in(self, desk: Desk) -> None:
        """Without a gateway nobody knows which files messages carry."""
        id_ = await desk.send(PDF)
        desk.messages.down = True

        assert_refused(await desk.open(id_), ErrorCode.UNAVAILABLE, 503)

    async def test_a_token_is_asked_for(self, desk: Desk) -> None:
        """By every route."""
        async with desk.browser() as client:
            answers = [
                await client.post("/v1/attachments"),
                await client.get("/v1/attachments/x"),
                await client.post("/v1/attachments/x/complete"),
                await client.get("/v1/attachments/x/content"),
                await client.get("/v1/attachments/x/thumbnail"),
            ]

        assert [a.status_code for a in answers] == [401] * 5


async def test_a_removed_participant_goes_no_further(desk: Desk) -> None:
    """An upload under way is not theirs any more either (18)."""
    id_ = await desk.bring(PDF)
    del desk.orders.parts[ORDER, UserId("anna")]

    assert (await desk.complete(id_)).status_code == 404
