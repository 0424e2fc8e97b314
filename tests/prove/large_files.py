"""`python -m tests.prove.large_files [--minio]`: 100 MB pass by the service; a cut costs a part.

A file of 100 MB goes from its uploader to the store, is inspected, sent, and fetched by the other
party; meanwhile the size of the attachment service's process is watched, and what the kernel says
it spent of a processor. A stranger finds nothing. Then files of 100 MB are cut off at random
places, and gone on with.
"""

import asyncio
import hashlib
import os
import random
import sys
from pathlib import Path
from typing import Final, NamedTuple

import httpx

from attachment_service.model import PART_BYTES
from shared.contracts.ids import OrderId, UserId
from tests.prove.background import background
from tests.prove.files_ground import FilesGround, Grounds, on_minio, one_process
from tests.prove.history import now
from tests.prove.memory import Memory
from tests.prove.proof import Proof, main
from tests.prove.uploader import Cut, Uploader, archive

ORDER_ID: Final = OrderId("files")
ANNA, BEN, CORA = UserId("anna"), UserId("ben"), UserId("cora")
SIZE: Final = 100 << 20
WARM: Final = 1 << 20
CUTS: Final = 20

GROWTH_MIB_MAX: Final = 16.0
CPU_S_MAX: Final = 1.0
"""Of the service's own process, on MinIO. Where it is the store too it touches every byte."""


class Cost(NamedTuple):
    """What one file took."""

    own_s: float
    """Of a processor, in the service's process."""
    children_s: float
    """In its inspections."""
    growth_mib: float


def spent(pid: int) -> tuple[float, float]:
    """Seconds of a processor that a process has spent, and its children that have ended. Blocks."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    own, children = (int(a) + int(b) for a, b in (fields[11:13], fields[13:15]))
    return own / ticks, children / ticks


async def prove(folder: Path, seed: str, scale: float) -> Proof:
    """On a folder in one process."""
    return await _prove(one_process, folder, seed, scale, cpu_s_max=None)


async def prove_on_minio(folder: Path, seed: str, scale: float) -> Proof:
    """On MinIO, each service a process."""
    return await _prove(on_minio, folder, seed, scale, cpu_s_max=CPU_S_MAX)


async def _prove(
    grounds: Grounds, folder: Path, seed: str, scale: float, *, cpu_s_max: float | None
) -> Proof:
    cuts = max(2, round(CUTS * scale))
    violations: list[str] = []
    async with grounds(folder, seed) as ground, httpx.AsyncClient() as http:
        await ground.orders.put(ORDER_ID, {ANNA: "creator", BEN: "advertiser"})
        anna, ben, cora = (
            Uploader(http, ground.files_url, ground.orders.token(user))
            for user in (ANNA, BEN, CORA)
        )
        await _bring(anna, archive(WARM, seed))  # what is loaded once is not a file's cost
        cost, id_, file = await _measure(ground, anna, seed)
        await anna.send(ground.gateway_url, ORDER_ID, (await anna.complete(id_))["grant"])
        for who in (anna, ben):
            violations += await _compare(who, id_, file)
        status, _ = await cora.fetch(id_)
        if status != 404:
            violations.append(f"a stranger was answered {status}")
        again = [await _cut(anna, seed, number, violations) for number in range(cuts)]
    if cost.growth_mib > GROWTH_MIB_MAX:
        violations.append(f"the process grew by {cost.growth_mib:.1f} MiB")
    if cpu_s_max is not None and cost.own_s > cpu_s_max:
        violations.append(f"the process spent {cost.own_s:.2f} s of a processor")
    return Proof(
        "a large file costs little, and a cut at most a part of it",
        f"100 MB through {ground.store}, seen by both parties; {cuts} cuts of 100 MB each",
        f"the service grew by {cost.growth_mib:.1f} MiB and spent {cost.own_s:.2f} s of a "
        f"processor, its inspection {cost.children_s:.2f} s; a stranger was answered {status}; "
        f"after a cut at most {max(again) / (1 << 20):.1f} MiB were sent again, a part has "
        f"{PART_BYTES >> 20} MiB",
        violations,
    )


async def _bring(uploader: Uploader, file: bytes) -> str:
    view = await uploader.reserve(ORDER_ID, len(file))
    await uploader.post_missing(view, file)
    done = await uploader.complete(view["id"])
    if done["status"] != 200:
        raise RuntimeError(f"a good file was answered {done}")
    return str(view["id"])


async def _measure(ground: FilesGround, uploader: Uploader, seed: str) -> tuple[Cost, str, bytes]:
    file = archive(SIZE, seed)
    async with background() as start:
        memory = Memory(ground.pid)
        start(memory.watch())
        await asyncio.sleep(1)
        began, before = now(), await asyncio.to_thread(spent, ground.pid)
        id_ = await _bring(uploader, file)
        after = await asyncio.to_thread(spent, ground.pid)
        await asyncio.sleep(0.5)
        growth = memory.most(began, now()) - memory.most(0, began)
    return Cost(after[0] - before[0], after[1] - before[1], growth), id_, file


async def _compare(who: Uploader, id_: str, file: bytes) -> list[str]:
    status, pieces = await who.fetch(id_)
    if status != 200:
        return [f"a party was answered {status}"]
    digest = hashlib.sha256()
    async for piece in pieces():
        digest.update(piece)
    same = digest.digest() == hashlib.sha256(file).digest()
    return [] if same else ["a party fetched other bytes"]


async def _cut(uploader: Uploader, seed: str, number: int, violations: list[str]) -> int:
    """Cut an upload off at a random place and go on with it; how many bytes were sent again."""
    dice = random.Random(f"{seed} cut {number}")
    file = archive(SIZE, f"{seed} {number}")
    view = await uploader.reserve(ORDER_ID, SIZE, sha256=hashlib.sha256(file).hexdigest())
    before = uploader.sent.bytes
    try:
        await uploader.post_missing(view, file, budget=dice.randrange(SIZE))
    except Cut:
        pass
    except httpx.HTTPError as error:
        violations.append(f"an upload failed: {type(error).__name__}")
    else:
        raise RuntimeError("the connection was not cut: this proves nothing")
    looked = (await uploader.ask("GET", f"/v1/attachments/{view['id']}")).json()
    await uploader.post_missing(looked, file)
    again = uploader.sent.bytes - before - SIZE
    if again > PART_BYTES:
        violations.append(f"{again} bytes were sent again")
    done = await uploader.complete(view["id"])
    if done["status"] != 200:
        violations.append(f"an upload that was cut ended so: {done}")
    return again


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--minio"]
    chosen = prove_on_minio if "--minio" in sys.argv else prove
    sys.exit(main("large_files", chosen, arguments))
