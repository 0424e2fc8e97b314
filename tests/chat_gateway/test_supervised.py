"""One of several gateways: where it listens, and that it does not outlive its supervisor."""

import asyncio
import os
import signal
import sys
from functools import partial
from pathlib import Path

import httpx
import pytest

from chat_gateway.__main__ import serve
from chat_gateway.settings import Settings
from chat_gateway.supervised import listen
from shared.ports import hold_port, port_of

PATIENCE_S = 20.0
TIED = """
import asyncio, sys
from chat_gateway.supervised import tied_to

async def main():
    async with tied_to(sys.stdin):
        print("tied", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_it_ends_with_whoever_started_it() -> None:
    """A killed supervisor closes nothing by itself: the kernel does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        TIED,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert await process.stdout.readline() == b"tied\n"

    process.stdin.close()

    async with asyncio.timeout(PATIENCE_S):
        assert await process.wait() == -signal.SIGTERM


async def test_it_answers_at_the_shared_port_and_at_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own is told, so that its figures can be found.

    The engines are the embedded ones, for want of others; `main` would refuse them.
    """
    held = hold_port("127.0.0.1", 0)
    settings = Settings(
        data=tmp_path,
        port=port_of(held),
        process_port=0,
        orders_url="http://127.0.0.1:9",
        jwt_secret="0123456789abcdef0123456789abcdef",
        drain_s=0,
    )
    serving = asyncio.create_task(serve(settings, partial(listen, settings, 1)))
    try:
        own = int(await _told(capsys))
        async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
            answers = [
                (await http.get(f"http://127.0.0.1:{port}/metrics")).status_code
                for port in (settings.port, own)
            ]
    finally:
        os.kill(os.getpid(), signal.SIGTERM)  # the server takes it, as in a process of its own
        async with asyncio.timeout(PATIENCE_S):
            await serving
        for one in held:
            one.close()

    assert answers == [200, 200]
    assert own != settings.port


def test_each_has_the_port_of_its_number(capsys: pytest.CaptureFixture[str]) -> None:
    """The third at the third."""
    held = hold_port("127.0.0.1", 0)
    first = port_of(free := hold_port("127.0.0.1", 0)) - 2
    for one in free:
        one.close()
    settings = Settings(port=port_of(held), process_port=first)

    sockets = listen(settings, 3)

    assert {one.getsockname()[1] for one in sockets} == {first + 2, port_of(held)}
    assert capsys.readouterr().out == f"{first + 2}\n"
    for one in (*sockets, *held):
        one.close()


async def _told(capsys: pytest.CaptureFixture[str]) -> str:
    async with asyncio.timeout(PATIENCE_S):
        while not (told := capsys.readouterr().out):  # noqa: ASYNC110 (it is mute)
            await asyncio.sleep(0.02)
    return told
