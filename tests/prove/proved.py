"""A proof in its short form, in a process of its own."""

import asyncio
import signal
import sys
from typing import Final

PATIENCE_S: Final = 110.0


async def proved(name: str, *arguments: str, within_s: float = PATIENCE_S) -> str:
    """What `python -m tests.prove.NAME` printed; it must have ended well."""
    trial = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", f"tests.prove.{name}", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(within_s):
            output, _ = await trial.communicate()
    finally:
        if trial.returncode is None:
            trial.send_signal(signal.SIGINT)  # so that it ends what it started
            await trial.wait()
    assert trial.returncode == 0, output.decode()
    return output.decode()
