"""Two gateways on real engines, and everything dies: the short form of a proof."""

import pytest

from tests.prove.proved import proved

pytestmark = pytest.mark.connected

PATIENCE_S = 280


@pytest.mark.timeout(300)
async def test_a_fleet_loses_doubles_and_reorders_nothing() -> None:
    """In a process of its own: clients that are watched by a debugger cannot keep up."""
    assert "0 violations" in await proved("fleet_trial", "--quick", within_s=PATIENCE_S)
