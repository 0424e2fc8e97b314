"""Whatever log, network and look-ups do: one outcome each, shown once, in the order typed."""

import asyncio
from random import Random
from typing import Final

import pytest

from chat_gateway import publisher
from shared import conversation
from tests.chat_gateway.sends import Sends

BLOCKS: Final = 10
HISTORIES: Final = 60
"""In each block."""
STEPS: Final = 80
LATE_AFTER: Final = 6


@pytest.fixture(autouse=True)
def _late_is_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lateness is met in short histories: after 6 others instead of 1,000."""
    monkeypatch.setattr(conversation, "LATE_AFTER", LATE_AFTER)
    monkeypatch.setattr(publisher, "LATE_AFTER", LATE_AFTER)


@pytest.mark.parametrize("block", range(BLOCKS))
def test_each_attempt_has_one_outcome_and_order_is_kept(block: int) -> None:
    """No history of faults shows something twice, out of order or after a refusal, and when the
    faults stop nothing waits."""
    for seed in range(block * HISTORIES, (block + 1) * HISTORIES):
        try:
            # Debug mode would make the loop six times as slow, and find nothing here.
            with asyncio.Runner(debug=False) as runner:
                runner.run(_history(seed))
        except (AssertionError, KeyError) as error:
            error.add_note(f"in the history of seed {seed}")
            raise


async def _history(seed: int) -> None:
    sends = Sends(Random(seed))
    for _ in range(STEPS):
        await sends.step()
    await sends.settle()
    await sends.close()
