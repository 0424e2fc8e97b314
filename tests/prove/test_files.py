"""Large files, and a cut: the short form of a proof, in processes of their own."""

import asyncio
import signal
import sys

import pytest

PATIENCE_S = 110


async def proved(*arguments: str) -> str:
    """What a short proof printed; it must have ended well."""
    trial = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.prove.large_files", "--quick", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            output, _ = await trial.communicate()
    finally:
        if trial.returncode is None:
            trial.send_signal(signal.SIGINT)  # so that it ends what it started
            await trial.wait()
    assert trial.returncode == 0, output.decode()
    return output.decode()


async def test_100_megabytes_cost_one_process_little() -> None:
    """Which is the object store too: its memory stays flat, and a cut costs at most a part."""
    assert "100 MB through a folder" in await proved()


@pytest.mark.connected
async def test_100_megabytes_pass_by_the_service() -> None:
    """To MinIO: the service grows by less than 16 MiB and works for less than a second."""
    assert "100 MB through MinIO" in await proved("--minio")
