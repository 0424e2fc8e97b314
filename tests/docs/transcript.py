"""`python -m tests.docs.transcript`: write the transcript in `docs/protocol.md` again."""

import asyncio
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.docs.pages import DOCS
from tests.prove.server import Server

PAGE: Final = DOCS / "protocol.md"
SCRIPT: Final = DOCS / "examples" / "transcript.py"
PLAY_S: Final = 30.0
SECRET: Final = "of this one conversation and of nothing else"

_PART: Final = re.compile(r"(<!-- transcript:begin -->\n).*?(<!-- transcript:end -->)", re.DOTALL)


async def play(folder: Path) -> str:
    """What the script prints, against a fresh system on *folder*."""
    server = Server(folder, SECRET, {"ORDER_CHAT_RATE_LIMITS": "on", "ORDER_CHAT_DRAIN_S": "0"})
    await server.start()
    try:
        script = await asyncio.create_subprocess_exec(
            *(sys.executable, str(SCRIPT), "--url", server.url),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "ORDER_CHAT_JWT_SECRET": SECRET},
        )
        said, _ = await asyncio.wait_for(script.communicate(), PLAY_S)
        assert script.returncode == 0
        return said.decode()
    finally:
        await server.stop()


def committed() -> str:
    """The transcript as the page has it."""
    part = _PART.search(PAGE.read_text())
    assert part is not None
    return part[0].partition("```text\n")[2].rpartition("```")[0]


async def main() -> None:
    """Play it, and put it into the page."""
    with tempfile.TemporaryDirectory() as folder:
        block = f"```text\n{await play(Path(folder))}```\n"
    page = PAGE.read_text()
    PAGE.write_text(_PART.sub(lambda part: f"{part[1]}{block}{part[2]}", page))


if __name__ == "__main__":
    asyncio.run(main())
