"""Two who type into panels that are cut off and reloaded, and one who scrolls through a long past:
the short forms of two proofs."""

import pytest

from tests.prove.proved import proved

pytestmark = pytest.mark.browser


async def test_what_is_typed_outlives_cuts_and_reloads() -> None:
    """Both panels and the log end with the same messages, each once, as they were typed."""
    size = ("--cuts", "5", "--messages", "50", "--reloads", "2")

    told = await proved("widget_cuts", *size)

    assert "50 in the log and in both panels" in told


async def test_a_long_history_passes_by_in_a_bounded_page() -> None:
    """Up to the first message and back, nothing is left out, doubled or jumped over."""
    assert "1 × through 1,000 messages" in await proved("long_history", "--quick")
