"""Programs that must be on this machine, and running one of them to its end."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from deploy.engines.engine import Unavailable, last_lines

ANSWER_S: Final = 10.0


def tool(name: str, advice: str) -> str:
    """The path of a program; raise `Unavailable` with *advice* if there is none."""
    path = shutil.which(name)
    if path is None:
        raise Unavailable(f"`{name}` is missing: {advice}.")
    return path


async def run(command: Sequence[str], *, folder: Path, within_s: float) -> None:
    """Run a command in *folder* to its end, at most *within_s* seconds.

    Its output goes to `output.txt` there. Raise `Unavailable` if it fails.
    """
    output = folder / "output.txt"
    log = await asyncio.to_thread(output.open, "ab")
    with log:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        async with asyncio.timeout(within_s):
            code = await process.wait()
    except TimeoutError:
        raise Unavailable(f"`{command[0]}` took more than {within_s:.0f} s.") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if code != 0:
        what = f"`{' '.join(command[:4])} …` ended with code {code}:"
        raise Unavailable("\n".join([what, *await asyncio.to_thread(last_lines, output)]))


async def output_of(command: Sequence[str]) -> str:
    """What a command that ends at once says."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(ANSWER_S):
            said, _ = await process.communicate()
    except TimeoutError:
        raise Unavailable(f"`{command[0]}` does not answer.") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return said.decode(errors="replace")
