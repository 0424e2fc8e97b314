"""What the peers run: had once, from the versions pinned beside each, and kept in the cache.

A folder there is named by what the pins say, so new pins make a new one. `Unavailable` says what
is missing; the benchmark then goes on without that peer, and says so.
"""

import asyncio
import hashlib
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from deploy.engines.cache import keep
from deploy.engines.engine import Place
from deploy.engines.tool import run, tool

INSTALL_S: Final = 300.0
BUILD_S: Final = 1_800.0

NODE_ADVICE: Final = "install Node.js 20 or newer, with npm; this peer is left out"
GO_ADVICE: Final = "install Go 1.26 or newer to build it with; this peer is left out"

# No script of a package is run: the one addition that is native, bufferutil, brings its binary.
NPM_INSTALL: Final = ["install", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]


async def node_modules(name: str, pins: Path, place: Place) -> Path:
    """The folder `node_modules` with what *pins*, a package.json of exact versions, asks for."""

    async def make(folder: Path) -> None:
        npm = await asyncio.to_thread(tool, "npm", NODE_ADVICE)
        place.say(f"{name}: installing its packages, once …")
        await asyncio.to_thread(shutil.copy, pins, folder / "package.json")
        await run([npm, *NPM_INSTALL], folder=folder, within_s=INSTALL_S)

    return await keep(await asyncio.to_thread(_folder, name, pins, place), make) / "node_modules"


async def venv(name: str, pins: Path, place: Place) -> Path:
    """The `python` of a venv with what *pins*, a requirements.txt, asks for."""

    async def make(folder: Path) -> None:
        place.say(f"{name}: installing it into a venv of its own, once …")
        await run([sys.executable, "-m", "venv", "."], folder=folder, within_s=INSTALL_S)
        pip = ["bin/python", "-m", "pip", "install", "--quiet", "--requirement", str(pins)]
        await run(pip, folder=folder, within_s=INSTALL_S)

    # Its scripts name the folder they were made in, so they are of no use: run `python -m`.
    folder = await keep(await asyncio.to_thread(_folder, name, pins, place), make)
    return folder / "bin" / "python"


async def go_program(name: str, pins: Path, place: Place) -> Path:
    """The program of the Go package that the only line of *pins* names, as `path@version`."""

    async def make(folder: Path) -> None:
        go = await asyncio.to_thread(tool, "go", GO_ADVICE)
        package = (await asyncio.to_thread(pins.read_text)).strip()
        place.say(f"{name}: building it, once, in some 2 to 5 minutes …")
        await run(_build(go, package, folder), folder=folder, within_s=BUILD_S)

    return await keep(await asyncio.to_thread(_folder, name, pins, place), make) / name


def _build(go: str, package: str, folder: Path) -> Sequence[str]:
    return ["env", f"GOBIN={folder}", go, "install", package]


def _folder(name: str, pins: Path, place: Place) -> Path:
    digest = hashlib.sha256(pins.read_bytes()).hexdigest()
    return place.cache / "peers" / f"{name}-{digest[:12]}"
