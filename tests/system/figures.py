"""The figures of a running system, as Prometheus reads them."""

import asyncio
from collections.abc import Callable

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.system.conftest import Demo

PATIENCE_S = 30.0
"""The tests share the event loop with the system, which may have a flood to read first."""

Figures = dict[str, float]
"""By name, or `name{label}` where there is a label."""


async def figures(demo: Demo) -> Figures:
    """All of them now, without buckets."""
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
        page = (await http.get(f"{demo.url}/metrics")).raise_for_status().text
    return {
        sample.name + "".join(f"{{{value}}}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if "le" not in sample.labels
    }


async def until(demo: Demo, holds: Callable[[Figures], bool]) -> Figures:
    """The figures once they are as they should be."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds(now := await figures(demo)):  # noqa: ASYNC110 (only a scrape tells)
            await asyncio.sleep(0.05)
    return now
