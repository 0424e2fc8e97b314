"""Large files, and a cut: the short form of a proof, in processes of their own."""

import pytest

from tests.prove.proved import proved


async def test_100_megabytes_cost_one_process_little() -> None:
    """Which is the object store too: its memory stays flat, and a cut costs at most a part."""
    assert "100 MB through a folder" in await proved("large_files", "--quick")


@pytest.mark.connected
async def test_100_megabytes_pass_by_the_service() -> None:
    """To MinIO: the service grows by less than 16 MiB and works for less than a second."""
    assert "100 MB through MinIO" in await proved("large_files", "--quick", "--minio")
