"""What nobody finished is finished, or goes."""

from attachment_service.model import CLAIM_MS, GRANTED_MS, NEVER, UNFINISHED_MS, State
from shared.blobs.port import Shelf
from shared.grants import GRANT_S
from tests.attachment_service.world import PDF, Desk


async def test_a_check_whose_process_died_is_taken_over(desk: Desk) -> None:
    """Once its claim has run out, and not before."""
    id_ = await desk.bring(PDF)
    upload = await desk.uploads.get(id_)
    assert upload is not None
    await desk.uploads.replace(upload.claim("dead", desk.clock()))

    await desk.janitor.look()
    untouched = await desk.uploads.get(id_)
    desk.clock.ahead_ms = CLAIM_MS
    await desk.janitor.look()
    await desk.checks.wait(id_, 30)

    taken_over = await desk.uploads.get(id_)
    assert untouched is not None
    assert taken_over is not None
    assert untouched.check == "dead"
    assert taken_over.state is State.READY


async def test_what_nobody_completes_expires_after_a_day(desk: Desk) -> None:
    """What had come goes, and a day later the record; a day less a moment all is kept."""
    id_ = await desk.bring(PDF)
    desk.clock.ahead_ms = UNFINISHED_MS - 60_000
    await desk.janitor.look()
    kept = (await desk.objects())[Shelf.QUARANTINE]
    desk.clock.ahead_ms = UNFINISHED_MS + 60_000
    await desk.janitor.look()
    late = await desk.complete(id_)
    left = await desk.objects()
    desk.clock.ahead_ms = 2 * UNFINISHED_MS + 120_000
    await desk.janitor.look()

    assert kept == [f"{id_}/part.1"]
    assert (late.status_code, late.json()["reason"]) == (422, "expired")
    assert left == {Shelf.QUARANTINE: [], Shelf.CLEAN: []}
    assert await desk.uploads.get(id_) is None


async def test_what_nobody_sends_expires_when_its_grants_are_over(desk: Desk) -> None:
    """Not before a send under way is settled for certain."""
    id_ = await desk.bring(PDF)
    await desk.complete(id_)
    desk.clock.ahead_ms = GRANTED_MS - 60_000
    await desk.janitor.look()
    kept = await desk.complete(id_)
    desk.clock.ahead_ms += GRANTED_MS + 60_000
    await desk.janitor.look()

    assert kept.status_code == 200
    assert (await desk.complete(id_)).json()["reason"] == "expired"
    assert await desk.objects() == {Shelf.QUARANTINE: [], Shelf.CLEAN: []}


async def test_what_was_sent_stays(desk: Desk) -> None:
    """Also what is deleted: moderators may have to see it. It is never looked at again."""
    sent, deleted = await desk.send(PDF), await desk.send(PDF)
    desk.messages.carried[deleted] = False
    desk.clock.ahead_ms = GRANTED_MS + 60_000

    await desk.janitor.look()
    await desk.janitor.sweep()

    kept = await desk.uploads.find([sent, deleted])
    assert [(u.sent, u.due_at) for u in kept.values()] == [(True, NEVER)] * 2
    assert len((await desk.objects())[Shelf.CLEAN]) == 2


async def test_while_it_cannot_be_asked_nothing_goes(desk: Desk) -> None:
    """Without a gateway nobody knows whether a file was sent."""
    id_ = await desk.bring(PDF)
    await desk.complete(id_)
    desk.messages.down = True
    desk.clock.ahead_ms = GRANTED_MS + 60_000

    await desk.janitor.look()

    assert len((await desk.objects())[Shelf.CLEAN]) == 1


async def test_a_new_grant_keeps_a_file_for_another_day(desk: Desk) -> None:
    """Whoever has a grant that is good finds the file."""
    id_ = await desk.bring(PDF)
    await desk.complete(id_)
    desk.clock.ahead_ms = GRANT_S * 1_000
    await desk.complete(id_)
    desk.clock.ahead_ms = GRANTED_MS + 60_000

    await desk.janitor.look()

    assert (await desk.complete(id_)).status_code == 200


async def test_only_what_no_upload_needs_is_swept(desk: Desk) -> None:
    """Of what lies long enough: leftovers of lost checks, and parts of uploads that are gone."""
    waiting, sent = await desk.bring(PDF), await desk.send(PDF)
    await desk.blobs.put(f"{sent}/file.lost", b"left by another check")
    gone = f"{waiting[:-4]}0000"
    await desk.engine.post(desk.blobs.form(f"{gone}/part.1", "a/b", size_min=1, size_max=1), b"1")
    before = await desk.objects()

    await desk.janitor.sweep()
    untouched = await desk.objects()
    desk.clock.ahead_ms = 3_600_000
    await desk.janitor.sweep()

    after = await desk.objects()
    upload = await desk.uploads.get(sent)
    assert upload is not None
    assert untouched == before
    assert after == {Shelf.QUARANTINE: [f"{waiting}/part.1"], Shelf.CLEAN: [upload.file_key]}
    assert desk.janitor.removed_objects == 2


async def test_a_file_whose_record_is_lost_is_never_swept(desk: Desk) -> None:
    """Uploads were restored from an older backup than the store, or not at all: what messages may
    speak of stays, and the operator sees how much it is."""
    id_ = await desk.send(PDF)
    upload = await desk.uploads.get(id_)
    assert upload is not None
    await desk.uploads.remove(upload)
    desk.clock.ahead_ms = 365 * 86_400_000

    await desk.janitor.sweep()

    assert (await desk.objects())[Shelf.CLEAN] == [upload.file_key]
    assert desk.janitor.unknown_objects == 1
