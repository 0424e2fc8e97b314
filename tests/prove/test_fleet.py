"""Two gateways on real engines, and everything dies: the short form of a proof."""

import asyncio
import signal
import sys

import pytest

pytestmark = pytest.mark.connected

PATIENCE_S = 280


@pytest.mark.timeout(300)
async def test_a_fleet_loses_doubles_and_reorders_nothing() -> None:
    """In a process of its own: clients that are watched by a debugger cannot keep up."""
    trial = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.prove.fleet_trial", "--quick"),
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
