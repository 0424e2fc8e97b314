"""`python -m tests.prove.files_beside_chat [--minio]`: files under way slow nobody's words.

Two people talk while 20 files at a time go up, 20 MB a second together, each inspected when it has
come; then they talk alone; and so on in turns, so that what the machine does by itself falls on
both. What counts is how much later they hear each other meanwhile.
"""

import asyncio
import math
import multiprocessing
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, NamedTuple

import httpx

from shared.contracts.ids import OrderId, UserId
from shared.server import spare_what_stays
from tests.prove.background import background
from tests.prove.exhaustion import ORDER_ID, READER, WRITER, Pair
from tests.prove.files_ground import FilesGround, Grounds, on_minio, one_process
from tests.prove.line import open_line
from tests.prove.proof import Proof, main
from tests.prove.uploader import Uploader, archive

UPLOADS: Final = 20
BYTES_S: Final = 20_000_000
"""Together, at least."""
PACE_S: Final = 25_000_000
"""While their bytes flow; between two files an uploader asks for forms, and nothing does."""
FILE: Final = 10_000_000
"""Eight seconds at its part of the pace; then it is inspected, and the next one begins."""
FILES_ORDER: Final = OrderId("files")
UPLOADERS: Final = [UserId(f"uploader-{number}") for number in range(UPLOADS)]

ROUNDS: Final = 3
TURN_S: Final = 20.0

RATIO_MAX: Final = 1.2
MORE_S_MAX: Final = 0.005


class Load(NamedTuple):
    """What went up in a turn."""

    bytes: int
    files: int
    seconds: float


async def prove(folder: Path, seed: str, scale: float) -> Proof:
    """Everything in one process, which is the store too."""
    return await _prove(one_process, folder, seed, scale)


async def prove_on_minio(folder: Path, seed: str, scale: float) -> Proof:
    """Each service a process of its own, files in MinIO."""
    return await _prove(on_minio, folder, seed, scale)


async def _prove(grounds: Grounds, folder: Path, seed: str, scale: float) -> Proof:
    rounds = max(1, round(ROUNDS * scale))
    async with grounds(folder, seed) as ground, AsyncExitStack() as resources:
        pair = await _pair(ground, resources)
        await ground.orders.put(FILES_ORDER, dict.fromkeys(UPLOADERS, "creator"))
        tokens = [ground.orders.token(user_id) for user_id in UPLOADERS]
        fresh = multiprocessing.get_context("spawn")
        pool = resources.enter_context(ProcessPoolExecutor(1, mp_context=fresh))
        loop = asyncio.get_running_loop()
        spare_what_stays()  # our own pauses would count as the server's
        await loop.run_in_executor(pool, upload, ground.files_url, tokens, seed, 2.0)  # warm-up
        calm: list[float] = []
        beside: list[float] = []
        loads: list[Load] = []
        for _ in range(rounds):
            calm += await pair.talk(_after(TURN_S))
            loading = loop.run_in_executor(pool, upload, ground.files_url, tokens, seed, TURN_S)
            beside += await pair.talk(loading.done)
            loads.append(await loading)
    rate = sum(load.bytes for load in loads) / sum(load.seconds for load in loads)
    if rate < BYTES_S:
        raise RuntimeError(f"only {rate / 1e6:.1f} MB/s came about: this proves nothing")
    before, meanwhile = _p99(calm), _p99(beside)
    violations = []
    if meanwhile > max(before * RATIO_MAX, before + MORE_S_MAX):
        violations.append(f"p99 went from {before:.4f} s to {meanwhile:.4f} s")
    return Proof(
        "files under way slow nobody's words",
        f"{UPLOADS} uploads at a time, {rate / 1e6:.0f} MB/s together, to {ground.store}; "
        f"{sum(load.files for load in loads)} files inspected",
        f"a message's p99 {1_000 * before:.1f} ms without, {1_000 * meanwhile:.1f} ms with them "
        f"(× {meanwhile / before:.2f}, {1_000 * (meanwhile - before):+.1f} ms)",
        violations,
    )


async def _pair(ground: FilesGround, resources: AsyncExitStack) -> Pair:
    await ground.orders.put(ORDER_ID, {WRITER: "creator", READER: "advertiser"})
    chat_url = ground.gateway_url.replace("http", "ws", 1) + "/v1/chat"
    lines = [
        await resources.enter_async_context(open_line(chat_url, ground.orders.token(who)))
        for who in (WRITER, READER)
    ]
    for line in lines:
        await line.join(ORDER_ID)
    pair = Pair(*lines)
    start = await resources.enter_async_context(background())
    start(pair.listen())
    return pair


def _after(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def _p99(times: Sequence[float]) -> float:
    return sorted(times)[math.ceil(len(times) * 0.99) - 1]


def upload(url: str, tokens: Sequence[str], seed: str, seconds: float) -> Load:
    """Keep an upload going for each token, for so long; run in a process of its own. Blocks."""
    try:
        return asyncio.run(_upload(url, tokens, seed, seconds))
    except httpx.HTTPError as error:  # one that no other process can be told as it is
        raise RuntimeError(f"an upload failed: {error!r}") from None


async def _upload(url: str, tokens: Sequence[str], seed: str, seconds: float) -> Load:
    began = time.monotonic()
    file, done = archive(FILE, seed), _after(seconds)
    limits = httpx.Limits(max_connections=4 * UPLOADS)
    async with httpx.AsyncClient(limits=limits) as http:
        uploaders = [Uploader(http, url, token) for token in tokens]
        # People do not begin at the same moment: the first files have different sizes.
        firsts = [file[: (number + 1) * FILE // UPLOADS] for number in range(UPLOADS)]
        counts = await asyncio.gather(
            *(
                _keep_on(each, first, file, done)
                for each, first in zip(uploaders, firsts, strict=True)
            )
        )
    took = time.monotonic() - began
    return Load(sum(uploader.sent.bytes for uploader in uploaders), sum(counts), took)


async def _keep_on(
    uploader: Uploader, file: bytes, next_one: bytes, done: Callable[[], bool]
) -> int:
    """One file after the other, each completed while the next is under way; how many."""
    count = 0
    completing: set[asyncio.Task[dict[str, object]]] = set()
    while not done():
        view = await uploader.reserve(FILES_ORDER, len(file))
        await uploader.post_missing(view, file, bytes_s=PACE_S / UPLOADS)
        completing.add(asyncio.create_task(uploader.complete(str(view["id"]))))
        count, file = count + 1, next_one
    for outcome in await asyncio.gather(*completing):
        if outcome["status"] != 200:
            raise RuntimeError(f"a good file was answered {outcome}")
    return count


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--minio"]
    chosen = prove_on_minio if "--minio" in sys.argv else prove
    sys.exit(main("files_beside_chat", chosen, arguments))
