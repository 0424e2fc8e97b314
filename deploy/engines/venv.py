"""A Python package as a program: in a venv of its own, never imported by us."""

import sys
from pathlib import Path
from typing import Final

from deploy.engines.cache import keep
from deploy.engines.engine import Place
from deploy.engines.tool import run

INSTALL_S: Final = 300.0


async def install(requirement: str, place: Place) -> Path:
    """The `python` of a venv that has *requirement*, such as `name==1.2`."""

    async def make(folder: Path) -> None:
        place.say(f"{requirement}: installing it into a venv of its own, once …")
        await run([sys.executable, "-m", "venv", "."], folder=folder, within_s=INSTALL_S)
        pip = ["bin/python", "-m", "pip", "install", "--quiet", requirement]
        await run(pip, folder=folder, within_s=INSTALL_S)

    # Its scripts name the folder they were made in, so they are of no use: run `python -m`.
    folder = await keep(place.cache / requirement.replace("==", "-"), make)
    return folder / "bin" / "python"
