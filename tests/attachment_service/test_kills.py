"""Kill -9 at each step of an upload's life: what was begun is finished or goes; nothing is left.

Each step is a moment before or after one of the calls that the service makes of its engines.
"""

import asyncio
import sys
from pathlib import Path

import pytest

from attachment_service.model import CLAIM_MS, GRANTED_MS, OPEN, UNFINISHED_MS, State
from shared.blobs.port import Shelf
from tests.attachment_service.mortal import one_page
from tests.attachment_service.world import ANNA, Desk, open_desk
from tests.ports.blob_engines import Engine, Files, Minio

CALLS = {"": 12, "scanned": 14}
"""How many calls the service makes of its engines for one file, without a scanner and with one; the
test of a life counts them."""
KILLED = -9


def url_of(engine: Engine) -> str:
    return engine.url if isinstance(engine, Minio) else "file:///blobs"


async def lived(data: Path, engine: Engine, how: str, step: int) -> tuple[int, list[str]]:
    """One life up to a step: how the process ended, and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.attachment_service.mortal",
        str(data),
        url_of(engine),
        str(step),
        how,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    async with asyncio.timeout(60):
        printed, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, printed.decode().split("\n")[:-1]


@pytest.mark.parametrize("how", CALLS)
async def test_a_life_has_so_many_steps(tmp_path: Path, blob_engine: Engine, how: str) -> None:
    """The kills below leave none of them out."""
    status, printed = await lived(tmp_path, blob_engine, how, 0)

    assert status == 0
    assert len(printed) == 1 + 2 * CALLS[how], printed


@pytest.mark.parametrize(
    ("how", "step"),
    [(how, step) for how, calls in CALLS.items() for step in range(1, 2 * calls + 1)],
)
async def test_whatever_was_begun_is_finished_or_goes(
    tmp_path: Path, blob_engine: Engine, how: str, step: int
) -> None:
    """After the restart the upload is ready, rejected or can be gone on with; it becomes ready; and
    once nobody sends it, nothing is left of it."""
    status, printed = await lived(tmp_path, blob_engine, how, step)
    assert status == KILLED

    async with open_desk(tmp_path, blob_engine) as desk:
        uploads = await desk.uploads.due(1 << 52, 10)
        if printed:  # its client knows of it
            assert [upload.id for upload in uploads] == printed[:1]
            await resume(desk, printed[0])
        desk.clock.ahead_ms = UNFINISHED_MS + GRANTED_MS + 3_600_000
        await desk.janitor.look()
        await desk.janitor.sweep()
        assert await desk.objects() == {Shelf.QUARANTINE: [], Shelf.CLEAN: []}
        desk.clock.ahead_ms += UNFINISHED_MS
        await desk.janitor.look()

        assert await desk.uploads.due(1 << 52, 10) == []
        assert await desk.objects() == {Shelf.QUARANTINE: [], Shelf.CLEAN: []}
    if isinstance(blob_engine, Files):
        assert blob_engine.files() == []


async def resume(desk: Desk, id_: str) -> None:
    """What the client of a killed service does: look, post what is missing, complete."""
    upload = await desk.uploads.get(id_)
    assert upload is not None
    assert upload.state in (*OPEN, State.READY)
    view = (await desk.ask("GET", f"/v1/attachments/{id_}", ANNA)).json()
    if view["upload"] is not None:
        assert await desk.post(view["upload"], one_page()) == 204
    desk.clock.ahead_ms = CLAIM_MS
    answer = await desk.complete(id_)
    assert answer.status_code == 200, answer.text
    desk.messages.carried[id_] = True
    assert (await desk.fetch(id_)).content == one_page()
    assert (await desk.fetch(id_, what="thumbnail")).content[8:12] == b"WEBP"
    del desk.messages.carried[id_]
