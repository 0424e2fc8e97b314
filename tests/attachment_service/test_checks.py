"""A check that is lost, held up, or told something bad; the scanner is a fake that says so."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from attachment_service import checks, service
from attachment_service.checks import RETRY_MS
from attachment_service.model import CLAIM_MS, UNFINISHED_MS, State
from attachment_service.ports import ScannerUnavailable
from attachment_service.verdicts import Reason, Rejected
from shared.blobs.port import Shelf
from shared.contracts.errors import ErrorCode
from shared.risk import Risk
from tests.attachment_service.world import PDF, Desk, assert_refused, open_desk
from tests.ports.blob_engines import Engine


class TellingScanner:
    """A fake scanner that reads the file and says what it was told to say, once it may."""

    def __init__(self, *says: Exception | None) -> None:
        self.says = list(says)
        self.seen: list[bytes] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def scan(self, size: int, pieces: AsyncIterator[bytes]) -> None:
        self.seen.append(b"".join([piece async for piece in pieces]))
        await self.may_answer.wait()
        if self.says and (error := self.says.pop(0)) is not None:
            raise error

    async def risks(self) -> Sequence[Risk]:
        return ()

    async def ping(self) -> None:
        pass


@contextlib.asynccontextmanager
async def scanned(
    data: Path, engine: Engine, *says: Exception | None
) -> AsyncIterator[tuple[Desk, TellingScanner]]:
    scanner = TellingScanner(*says)
    async with open_desk(data, engine, scanner) as desk:
        yield desk, scanner


async def test_every_byte_is_scanned(tmp_path: Path, blob_engine: Engine) -> None:
    """A file larger than one piece of reading, in its order."""
    file = b"PK\x05\x06" + bytes(18) + bytes(range(256)) * 20_000
    async with scanned(tmp_path, blob_engine) as (desk, scanner):
        id_ = await desk.bring(file, "application/zip", filename="a.zip")

        answer = await desk.complete(id_)

        assert answer.status_code == 200, answer.text
        assert scanner.seen == [file]


@pytest.mark.parametrize("reason", [Reason.INFECTED, Reason.UNSCANNABLE])
async def test_what_the_scanner_does_not_clear_is_rejected(
    tmp_path: Path, blob_engine: Engine, reason: Reason
) -> None:
    """Never clean, whatever the inspection would say; nothing of it stays."""
    async with scanned(tmp_path, blob_engine, Rejected(reason)) as (desk, _):
        answer = await desk.complete(await desk.bring(PDF))

        assert (answer.status_code, answer.json()["reason"]) == (422, reason)
        assert await desk.objects() == {Shelf.QUARANTINE: [], Shelf.CLEAN: []}


async def test_while_the_scanner_is_away_a_file_waits(
    tmp_path: Path, blob_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is neither clean nor rejected: 202, tried again in time, and ready when all is well."""
    monkeypatch.setattr(service, "ANSWER_S_MAX", 0.5)
    away = ScannerUnavailable()
    async with scanned(tmp_path, blob_engine, away, away) as (desk, scanner):
        id_ = await desk.bring(PDF)
        waiting = await desk.complete(id_)
        unseen = await desk.open(id_, "anna")
        for tries in (2, 3):
            desk.clock.ahead_ms += RETRY_MS
            await desk.janitor.look()
            await desk.checks.wait(id_, 30)
            assert len(scanner.seen) == tries

        assert (waiting.status_code, waiting.json()["state"]) == (202, "checking")
        assert unseen.status_code == 404
        assert (await desk.complete(id_)).status_code == 200
        assert desk.checks.put_off == 2


async def test_nobody_waits_for_a_scanner_for_ever(
    tmp_path: Path, blob_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a day the file is rejected, and its sender told."""
    monkeypatch.setattr(service, "ANSWER_S_MAX", 0.5)
    async with scanned(tmp_path, blob_engine, *[ScannerUnavailable()] * 9) as (desk, _):
        id_ = await desk.bring(PDF)
        await desk.complete(id_)
        desk.clock.ahead_ms = UNFINISHED_MS
        await desk.janitor.look()
        await desk.checks.wait(id_, 30)

        answer = await desk.complete(id_)
        assert (answer.status_code, answer.json()["reason"]) == (422, "uninspectable")


async def test_a_check_given_up_for_dead_harms_nothing(
    tmp_path: Path, blob_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It wakes after another one took over and was done: its file goes, the other's stays."""
    monkeypatch.setattr(service, "ANSWER_S_MAX", 0.5)
    async with scanned(tmp_path, blob_engine) as (desk, scanner):
        scanner.may_answer.clear()
        id_ = await desk.bring(PDF)
        await desk.complete(id_)  # the check waits for the scanner
        zombie = desk.checks
        desk.clock.ahead_ms = CLAIM_MS
        other = checks.Checks(desk.uploads, desk.blobs, desk.inspection, None, desk.clock)
        stored = await desk.uploads.get(id_)
        assert stored is not None
        other.start(stored)
        await other.wait(id_, 30)
        scanner.may_answer.set()
        await zombie.wait(id_, 30)

        after = await desk.uploads.get(id_)
        assert after is not None
        assert after.state is State.READY
        assert (zombie.passed, other.passed) == (0, 1)
        assert await desk.objects() == {Shelf.QUARANTINE: [], Shelf.CLEAN: [after.file_key]}
        await other.close()


async def test_a_lost_check_leaves_the_parts_to_the_one_that_goes_on(
    tmp_path: Path, blob_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that was given up for dead ends first: what the other one needs is still there."""
    monkeypatch.setattr(service, "ANSWER_S_MAX", 0.5)
    async with scanned(tmp_path, blob_engine) as (desk, scanner):
        scanner.may_answer.clear()
        id_ = await desk.bring(PDF)
        await desk.complete(id_)
        stored = await desk.uploads.get(id_)
        assert stored is not None
        desk.clock.ahead_ms = CLAIM_MS
        await desk.uploads.replace(stored.claim("another", desk.clock()))
        scanner.may_answer.set()
        await desk.checks.wait(id_, 30)

        assert await desk.objects() == {
            Shelf.QUARANTINE: [stored.part_key(1)],
            Shelf.CLEAN: [],
        }


async def test_a_long_check_keeps_its_claim(
    tmp_path: Path, blob_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While somebody works on a file, nobody takes it from them."""
    monkeypatch.setattr(service, "ANSWER_S_MAX", 0.2)
    monkeypatch.setattr(checks, "HOLD_S", 0.01)
    async with scanned(tmp_path, blob_engine) as (desk, scanner):
        scanner.may_answer.clear()
        id_ = await desk.bring(PDF)
        await desk.complete(id_)
        first = await desk.uploads.get(id_)
        assert first is not None
        async with asyncio.timeout(10):
            while (held := await desk.uploads.get(id_)) is not None and held.version < 5:  # noqa: ASYNC110
                await asyncio.sleep(0.01)  # the store tells nobody
        scanner.may_answer.set()
        await desk.checks.wait(id_, 30)

        after = await desk.uploads.get(id_)
        assert held is not None
        assert after is not None
        assert held.check == first.check == after.check
        assert after.state is State.READY


async def test_too_many_checks_are_not_begun(
    tmp_path: Path, blob_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes then is told to come again, and loses nothing."""
    monkeypatch.setattr(checks, "CHECKS_MAX", 1)
    monkeypatch.setattr(service, "ANSWER_S_MAX", 0.2)
    async with scanned(tmp_path, blob_engine) as (desk, scanner):
        scanner.may_answer.clear()
        first, second = await desk.bring(PDF), await desk.bring(PDF)
        await desk.complete(first)

        assert_refused(await desk.complete(second), ErrorCode.BUSY, 503)
        scanner.may_answer.set()
        await desk.checks.wait(first, 30)
        monkeypatch.undo()
        assert (await desk.complete(second)).status_code == 200
