"""Figures for Prometheus at `/metrics`, and what every service measures.

Nothing is counted through the library while work goes on: the objects that do the work keep plain
numbers, and collectors read them when somebody asks.

| name | kind | meaning |
|---|---|---|
| `order_chat_event_loop_lag_seconds` | histogram | how late the event loop got to what was due, looked at four times a second |
"""  # noqa: E501 (a table)

import asyncio
import logging
from bisect import bisect_left
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import accumulate
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

logger = logging.getLogger("order_chat.metrics")

LAG_EVERY_S: Final = 0.25
LAG_BOUNDS_S: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
MEASURE_S_MAX: Final = 2.0
"""How long the page waits for what has to be asked of an engine; then it shows what it has."""


class Durations:
    """How often something took how long. *bounds*: the upper ends of its buckets, in seconds."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def metric(self, name: str, meaning: str) -> Metric:
        """What was counted so far."""
        ends = [*(str(bound) for bound in self._bounds), "+Inf"]
        buckets = list(zip(ends, map(float, accumulate(self._counts)), strict=True))
        return HistogramMetricFamily(name, meaning, buckets=buckets, sum_value=self._sum)


class LoopLag(Collector):
    """How late the event loop is, measured while `running`."""

    def __init__(self) -> None:
        self._lags = Durations(LAG_BOUNDS_S)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Measure until the block is left."""
        task = asyncio.create_task(self._run(), name="LoopLag")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            self._lags.observe(max(0.0, loop.time() - due))

    def collect(self) -> Iterable[Metric]:
        """See `Collector`."""
        yield self._lags.metric(
            "order_chat_event_loop_lag_seconds", "How late the event loop got to what was due."
        )


Measure = Callable[[], Awaitable[None]]
"""Asks an engine for what a collector shows then."""


def metrics_route(collectors: Iterable[Collector], measures: Sequence[Measure] = ()) -> Route:
    """`/metrics`: what the collectors tell, after the measures were taken."""
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)

    async def metrics(_: Request) -> Response:
        await asyncio.gather(*(_take(measure) for measure in measures))
        return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return Route("/metrics", metrics, methods=["GET"])


async def _take(measure: Measure) -> None:
    try:
        async with asyncio.timeout(MEASURE_S_MAX):
            await measure()
    except Exception as error:
        # The rest of the page is wanted most while an engine is down.
        logger.warning("a figure is old", extra={"error": type(error).__name__})
