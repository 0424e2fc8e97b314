"""The figures of the order service, read when somebody asks for `/metrics`.

| name | kind | meaning |
|---|---|---|
| `order_chat_outbox_published_total` | counter | order events brought to the log since the start |
| `order_chat_outbox_failures_total` | counter | tries that failed and are repeated |
"""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from order_service.relay import Relay


class OrderMetrics(Collector):
    """See the module's table."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def collect(self) -> Iterable[Metric]:
        """See `Collector`."""
        yield CounterMetricFamily(
            "order_chat_outbox_published", "Order events brought to the log.", self._relay.relayed
        )
        yield CounterMetricFamily(
            "order_chat_outbox_failures", "Tries that failed.", self._relay.failures
        )
