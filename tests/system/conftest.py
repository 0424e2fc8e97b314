"""The whole system in this process, on a free port, over a folder of its own."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from chat_gateway.app import server_of
from chat_gateway.settings import Settings
from deploy.standalone import running
from shared.blobs.files_bounds import UploadHttp
from shared.contracts.frames import Limits
from tests.system.browser import CHROMIUM, People
from tests.system.demo import Demo as Demo
from tests.system.engines import Engines, connected, embedded
from tests.system.host import Host

START_S = 20.0
PATIENCE_MS = 15_000
"""A page on a busy machine is slow; what it never shows is found out all the same."""

Serve = Callable[..., AbstractAsyncContextManager[Demo]]


@asynccontextmanager
async def serving(
    data: Path, environment: Mapping[str, str] | None = None, limits: Limits | None = None
) -> AsyncIterator[Demo]:
    """A system served on this event loop; ended as SIGTERM would end it."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        environment = {"ORDER_CHAT_DRAIN_S": "0", **(environment or {})}
        proxies = Settings.read(environment, data).trusted_proxies
        async with running(data, environment, limits) as system:
            server = server_of(
                system.app, "127.0.0.1", port, system.farewell, proxies, http=UploadHttp
            )
            task = asyncio.create_task(server.serve(sockets=[listening]))
            async with asyncio.timeout(START_S):
                while not server.started:  # noqa: ASYNC110 (the server has a flag, no event)
                    await asyncio.sleep(0.01)
            try:
                yield Demo(f"http://127.0.0.1:{port}", data)
            finally:
                server.should_exit = True
                await task


@pytest.fixture
def serve() -> Serve:
    """Start a system on the test's own event loop: `async with serve(folder) as demo`."""
    return serving


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(embedded, id="embedded"),
        pytest.param(connected, id="connected", marks=pytest.mark.connected),
    ],
)
def engines(request: pytest.FixtureRequest) -> Engines:
    """What a system stands on, for the tests that hold on any engine."""
    chosen: Engines = request.param
    return chosen


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, engines: Engines) -> Iterator[Demo]:
    """A system on a thread of its own, shared by a module's tests: their texts are their own."""
    data = tmp_path_factory.mktemp("demo")
    started = threading.Event()
    demos: list[Demo] = []
    failures: list[BaseException] = []
    stop: list[Callable[[], object]] = []

    async def serve_until_stopped() -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        stop.append(partial(loop.call_soon_threadsafe, ended.set))
        async with engines() as environment, serving(data, environment) as demo:
            demos.append(demo)
            started.set()
            await ended.wait()

    def run() -> None:
        try:
            asyncio.run(serve_until_stopped())
        except BaseException as error:
            failures.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(START_S)
    if not demos:
        raise failures[0]
    yield demos[0]
    stop[0]()
    thread.join(START_S)
    assert not thread.is_alive()
    if failures:
        raise failures[0]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """The system's Chromium, without a window."""
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def people(browser: Browser, demo: Demo) -> AsyncIterator[People]:
    """People with nothing to complain about: no error on the console, no request refused."""
    people = People(browser, demo.url)
    yield people
    await people.leave()
    assert people.complaints == []


@pytest.fixture
def host(demo: Demo, people: People) -> Host:
    """A marketplace of the test's own."""
    return Host(demo, people)


@pytest.fixture
def words() -> str:
    """Something nobody has said before."""
    return f"words {uuid4()}"
