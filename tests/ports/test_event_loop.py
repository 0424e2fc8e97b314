"""The guard that the other tests rely on."""

from pathlib import Path

import pytest
from blockbuster import BlockingError

from shared.sqlite import connect


async def test_a_blocking_call_on_the_event_loop_is_an_error(tmp_path: Path) -> None:
    """Our code cannot use a database from the event loop without a test noticing."""
    with pytest.raises(BlockingError):
        connect(tmp_path / "any.db")


def test_the_same_call_is_fine_elsewhere(tmp_path: Path) -> None:
    """Where no event loop runs, blocking is what threads are for."""
    connect(tmp_path / "any.db").close()
