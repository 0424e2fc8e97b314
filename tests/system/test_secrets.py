"""What people write and what lets them in reaches no log, figure, error or address (P23)."""

from pathlib import Path

from tests.prove import canaries


async def test_no_canary_is_heard_again(tmp_path: Path) -> None:
    """In everything the process printed, every error, every header and the figures."""
    proof = await canaries.prove(tmp_path, "", 1.0)

    assert proof.violations == []
