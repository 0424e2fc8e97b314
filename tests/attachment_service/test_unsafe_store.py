"""An object store that takes what it must refuse stops the start (35, P28)."""

import asyncio
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.attachment_service.test_attachment_process import NEIGHBOURS
from tests.ports.blob_engines import Minio

pytestmark = pytest.mark.connected

START_S = 60


async def test_a_store_with_the_two_holes_stops_the_start(tmp_path: Path) -> None:
    """The archived MinIO that this runs on has both: one line on each, no traceback, no secret."""
    with Minio(tmp_path) as engine:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "attachment_service", "--data", str(tmp_path)),
            env={
                "PATH": os.environ["PATH"],
                **NEIGHBOURS,
                "ORDER_CHAT_BLOBS_URL": engine.url,
                "ORDER_CHAT_PORT": "0",
            },
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(START_S):
            _, said = await process.communicate()

    text = said.decode()
    assert process.returncode == 1
    assert text.startswith("attachment_service: object store ")
    assert "CVE-2026-41145" in text
    assert "CVE-2026-40344" in text
    assert "Traceback" not in text
    assert str(urlsplit(engine.url).password) not in text
