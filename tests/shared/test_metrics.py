"""What the page of figures is made of."""

import asyncio
import time

import httpx
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from starlette.applications import Starlette

from shared.metrics import Durations, LoopLag, metrics_route


class Two(Collector):
    """A figure."""

    def collect(self) -> list[GaugeMetricFamily]:
        return [GaugeMetricFamily("two", "Two.", 2)]


async def page(app: Starlette) -> httpx.Response:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
        return await http.get("/metrics")


def test_durations_fall_into_their_buckets() -> None:
    """Each counts for every bucket it fits, as Prometheus has it."""
    durations = Durations((0.1, 1.0))

    for seconds in (0.05, 0.1, 0.5, 7.0):
        durations.observe(seconds)

    samples = {
        (one.name, one.labels.get("le")): one.value
        for one in durations.metric("append_seconds", "Appends.").samples
    }
    assert samples == {
        ("append_seconds_bucket", "0.1"): 2,
        ("append_seconds_bucket", "1.0"): 3,
        ("append_seconds_bucket", "+Inf"): 4,
        ("append_seconds_count", None): 4,
        ("append_seconds_sum", None): 7.65,
    }


async def test_the_page_is_what_prometheus_reads() -> None:
    """Its own format and content type, and nothing of the library's own."""
    answer = await page(Starlette(routes=[metrics_route([Two()])]))

    (family,) = text_string_to_metric_families(answer.text)
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert (family.name, family.samples[0].value) == ("two", 2)


async def test_an_engine_that_is_down_costs_its_figure_alone() -> None:
    """The page is wanted most then."""

    async def fail() -> None:
        raise OSError("canary")

    answer = await page(Starlette(routes=[metrics_route([Two()], [fail])]))

    assert answer.status_code == 200
    assert "canary" not in answer.text


async def test_a_loop_that_is_held_up_shows() -> None:
    """By how long."""
    lag = LoopLag()

    async with lag.running():
        await asyncio.sleep(0)
        time.sleep(0.4)  # noqa: ASYNC251 (the very thing to be noticed)
        await asyncio.sleep(0.05)

    (metric,) = lag.collect()
    held_up = {s.labels["le"]: s.value for s in metric.samples if s.name.endswith("_bucket")}
    assert (held_up["0.05"], held_up["0.25"]) == (0, 1)
