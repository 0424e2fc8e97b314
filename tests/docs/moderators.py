"""Moderation consumers as processes, and a gate before the gateway that shows what they ask."""

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.engines.cache import cache_folder
from deploy.engines.engine import Place
from tests.bench.peers.install import node_modules
from tests.docs.pages import DOCS

FOLDER: Final = DOCS / "examples" / "consumer"
LINE_S: Final = 60.0
"""A group waits up to half a minute for a member that was killed."""
START_S: Final = 20.0

Language = Literal["python", "node"]
Step = Literal["pass", "hold"] | int


async def command_of(language: Language, folder: Path) -> list[str]:
    """How the page says to start its example; what it needs is installed."""
    if language == "python":
        return [sys.executable, str(FOLDER / "consumer.py")]
    place = Place(cache_folder(), folder, lambda line: None)
    modules = await node_modules("consumer", FOLDER / "package.json", place)
    home = folder / "consumer"
    await asyncio.to_thread(shutil.copytree, FOLDER, home)
    (home / "node_modules").symlink_to(modules)
    return ["node", str(home / "consumer.mjs")]


class Consumer:
    """One that runs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> str:
        """The next thing it says it has done."""
        assert self._process.stdout is not None
        async with asyncio.timeout(LINE_S):
            return (await self._process.stdout.readline()).decode().strip()

    async def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        await self._process.wait()

    async def end(self) -> tuple[int, str]:
        """With which code it ended by itself, and why."""
        async with asyncio.timeout(LINE_S):
            _, why = await self._process.communicate()
        assert self._process.returncode is not None
        return self._process.returncode, why.decode().strip()


@asynccontextmanager
async def consuming(command: list[str], settings: Mapping[str, str]) -> AsyncIterator[Consumer]:
    """A consumer for as long, with these settings and no others."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env={"PATH": os.environ["PATH"], **settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Consumer(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


class Gate:
    """Passes verdicts on to a gateway, and does with the first ones what *steps* say: a number is
    answered without asking; what is held is passed on and never answered."""

    def __init__(self, gateway: str, steps: Iterable[Step] = ()) -> None:
        self.url = ""
        self.answers: list[tuple[str, int]] = []
        """The id of each verdict, and the status of its answer, which may be withheld."""
        self.held = asyncio.Event()
        self._gateway = gateway
        self._steps = iter(steps)

    async def take(self, request: Request) -> Response:
        """One request."""
        step = next(self._steps, "pass")
        id_ = (await request.json())["id"]
        if isinstance(step, int):
            self.answers.append((id_, step))
            return Response(status_code=step)
        headers = {"Authorization": request.headers["Authorization"]}
        async with httpx.AsyncClient(base_url=self._gateway, headers=headers) as gateway:
            answer = await gateway.post(request.url.path, content=await request.body())
        self.answers.append((id_, answer.status_code))
        if step == "hold":
            self.held.set()
            while not await request.is_disconnected():  # noqa: ASYNC110 (nobody announces it)
                await asyncio.sleep(0.02)
        return Response(answer.content, answer.status_code)


@asynccontextmanager
async def gate(gateway: str, steps: Iterable[Step] = ()) -> AsyncIterator[Gate]:
    """A gate before a gateway, on an address of its own."""
    gate = Gate(gateway, steps)
    app = Starlette(routes=[Route("/{path:path}", gate.take, methods=["POST"])])
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        gate.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        task = asyncio.create_task(server.serve(sockets=[listening]))
        async with asyncio.timeout(START_S):
            while not server.started:  # noqa: ASYNC110 (the server has a flag, no event)
                await asyncio.sleep(0.01)
        try:
            yield gate
        finally:
            server.should_exit = True
            await task
