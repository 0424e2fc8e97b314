"""Every figure moves when its thing happens, on the running system."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

import attachment_service.metrics
import chat_gateway.archiver.metrics
import chat_gateway.metrics
import chat_gateway.moderation.metrics
import order_service.metrics
import shared.metrics
from shared.contracts import frames
from shared.contracts.ids import ClientId, OrderId, Seq
from shared.contracts.topics import EMBEDDED_PARTITIONS, partition_of
from shared.log.port import Draft
from shared.log.sqlite import SqliteLog
from tests.system.conftest import Demo, serving
from tests.system.figures import Figures, figures, until
from tests.system.wire import Wire, token_of, wire

FILM: Final = OrderId("film-2041")
LAST_YEAR_MS: Final = 1_760_000_000_000

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    """One system for all, with everything archived and no rates."""
    folder = tmp_path_factory.mktemp("system")
    async with serving(folder, {"ORDER_CHAT_RATE_LIMITS": "off"}) as demo:
        await until(demo, lambda now: now["order_chat_archiver_behind_records"] == 0)
        yield demo


def rise(before: Figures, after: Figures, name: str) -> float:
    """By how much a figure of ours rose."""
    return after[f"order_chat_{name}"] - before[f"order_chat_{name}"]


async def joined(client: Wire, after: Seq | None = None) -> frames.Joined:
    await client.say(frames.Join(ref=1, order_id=FILM, after=after))
    return await client.next(frames.Joined)


def message(text: str = "Hi!") -> frames.Send:
    return frames.Send(ref=2, order_id=FILM, id=ClientId(str(uuid4())), text=text)


async def test_the_tables_name_every_figure(system: Demo) -> None:
    """No more and no fewer; an operator goes by them."""
    modules = (
        chat_gateway.metrics,
        chat_gateway.archiver.metrics,
        chat_gateway.moderation.metrics,
        order_service.metrics,
        attachment_service.metrics,
        shared.metrics,
    )
    named = {
        name
        for module in modules
        for name in re.findall(r"^\| `(\w+)`", module.__doc__ or "", re.M)
    }

    shown = {re.sub(r"\{.*|_(count|sum)$", "", name) for name in await figures(system)}

    assert shown == named


async def test_connections_are_counted_by_state(system: Demo) -> None:
    """From the handshake to the end."""
    before = await figures(system)
    async with wire(system), wire(system, "anna"):
        during = await figures(system)
    after = await until(system, lambda now: now["order_chat_sessions{open}"] == 0)

    assert rise(before, during, "connections_total") == 2
    assert rise(before, during, "sessions{silent}") == 1
    assert rise(before, during, "sessions{open}") == 1
    assert rise(before, after, "connections_total") == 2


async def test_joins_are_counted_by_their_path(tmp_path: Path) -> None:
    """The first needs the store, the next finds all in memory, a forged position starts over."""
    async with serving(tmp_path) as demo:
        await until(demo, lambda now: now["order_chat_archiver_behind_records"] == 0)
        async with wire(demo, "anna") as client:
            head = (await joined(client)).head
            first = await figures(demo)
            await joined(client, after=head)
            second = await figures(demo)
            await joined(client, after=Seq(1))
            third = await figures(demo)

    def paths(now: Figures) -> list[float]:
        names = ("store", "tail", "reset", "unavailable")
        return [now[f"order_chat_joins_total{{{name}}}"] for name in names]

    assert [paths(first), paths(second), paths(third)] == [
        [1, 0, 0, 0],
        [1, 1, 0, 0],
        [1, 1, 1, 0],
    ]


async def test_a_message_moves_what_it_passes(system: Demo) -> None:
    """Appended once, folded once, delivered to both."""
    async with wire(system, "anna") as anna, wire(system, "ben") as ben:
        await joined(anna)
        await joined(ben)
        before = await figures(system)
        await anna.say(message())
        await anna.next(frames.MessageShown)
        await ben.next(frames.MessageShown)
        after = await figures(system)

    assert rise(before, after, "append_seconds_count") == 1
    assert rise(before, after, "append_seconds_sum") > 0
    assert rise(before, after, "events_folded_total") == 1
    assert rise(before, after, "frames_delivered_total") == 2
    assert rise(before, after, "tail_bytes") > 200
    assert after["order_chat_followed_partitions"] >= 1


async def test_the_archiver_catches_up(system: Demo) -> None:
    """After a message there is nothing left to archive, soon."""
    async with wire(system, "anna") as anna:
        await joined(anna)
        await anna.say(message())
        await anna.next(frames.MessageShown)

    after = await until(system, lambda now: now["order_chat_archiver_behind_records"] == 0)
    assert after["order_chat_archiver_behind_seconds"] == 0


async def test_refusals_are_counted_by_code(system: Demo) -> None:
    """As they were told."""
    before = await figures(system)
    async with wire(system, "anna") as anna:
        await anna.say(message())
        await anna.next(frames.Refused)
        await anna.say(b"{}")
        await anna.next(frames.Refused)
    after = await figures(system)

    assert rise(before, after, "refused_total{not_joined}") == 1
    assert rise(before, after, "refused_total{invalid}") == 1
    assert rise(before, after, "refused_total{busy}") == 0


async def test_what_is_asked_by_http_is_counted_too(system: Demo) -> None:
    """With the joins and refusals of websockets."""
    anna = {"Authorization": f"Bearer {await token_of(system, 'anna')}"}
    before = await figures(system)
    async with httpx.AsyncClient(base_url=system.url, headers=anna) as http:
        await http.get(f"/v1/orders/{FILM}/messages")
        await http.get("/v1/orders/no-such-order/messages")
        await http.get("/v1/inbox", params={"limit": 0})
        await http.get("/v1/inbox", headers={"Authorization": "Bearer none"})
    after = await figures(system)

    paths = ("tail", "store")
    assert sum(rise(before, after, f"joins_total{{{path}}}") for path in paths) == 1
    assert rise(before, after, "refused_total{not_found}") == 1
    assert rise(before, after, "refused_total{invalid}") == 1
    assert rise(before, after, "refused_total{unauthenticated}") == 1


async def test_outcomes_that_cannot_be_told_are_counted(system: Demo) -> None:
    """Whoever leaves while a message is under way."""
    before = await figures(system)
    async with wire(system, "anna") as anna:
        await joined(anna)
        await anna.say(message())
        await anna.say(frames.Leave(ref=3, order_id=FILM))
        await anna.next(frames.Unknown)
    after = await figures(system)

    assert rise(before, after, "unknown_total") == 1


async def test_signals_that_are_lost_are_counted(system: Demo) -> None:
    """More typing at once than there is room for."""
    typing = frames.encode_frame(frames.Type(order_id=FILM, what="text"))
    before = await figures(system)
    async with wire(system, "anna") as anna:
        await joined(anna)
        for _ in range(25_000):
            await anna.say(typing)
        after = await until(system, lambda now: rise(before, now, "signals_lost_total") > 0)

    assert after["order_chat_signals_lost_total"] < 25_000


async def test_orders_brought_to_the_log_are_counted(system: Demo) -> None:
    """The seed's at least, without a failure."""
    now = await figures(system)

    assert now["order_chat_outbox_published_total"] > 0
    assert now["order_chat_outbox_failures_total"] == 0


async def test_the_event_loop_is_measured(system: Demo) -> None:
    """Again and again."""
    first = await figures(system)

    await until(system, lambda now: rise(first, now, "event_loop_lag_seconds_count") > 0)


async def test_a_record_from_the_future_stops_its_partition_and_shows(tmp_path: Path) -> None:
    """Its joins are unavailable, the archiver falls behind."""
    log = await SqliteLog.open(
        tmp_path / "log.db", partitions=EMBEDDED_PARTITIONS, clock=lambda: LAST_YEAR_MS
    )
    future = Draft(FILM, "message", 999, b"{}")
    await log.append(partition_of(FILM, EMBEDDED_PARTITIONS), [future])
    await log.close()
    async with serving(tmp_path) as demo, wire(demo, "anna") as anna:
        await anna.say(frames.Join(ref=1, order_id=FILM))
        await anna.next(frames.Refused)
        now = await figures(demo)

    assert now["order_chat_stopped_partitions"] == 1
    assert now["order_chat_joins_total{unavailable}"] == 1
    assert now["order_chat_archiver_behind_records"] > 0
    assert now["order_chat_archiver_behind_seconds"] > 1_000
