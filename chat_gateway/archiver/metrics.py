"""The figures of one archiver, for `/metrics`.

| name | kind | meaning |
|---|---|---|
| `order_chat_archiver_held_partitions` | gauge | partitions that are this archiver's share |
| `order_chat_archiver_stopped_partitions` | gauge | of these, what cannot be read on: an operator must act |
| `order_chat_archiver_records_total` | counter | records archived |
| `order_chat_archiver_dead_letters_total` | counter | records that are no events, put aside |
| `order_chat_archiver_waits_total` | counter | tries at log or store that failed and are made again |
| `order_chat_archiver_signals_lost_total` | counter | hints to gateways that were dropped or failed |

Counters count from the start of the process. How far the archive is behind, gateways tell.
"""  # noqa: E501 (a table)

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chat_gateway.announcer import Announcer
from chat_gateway.archiver.archiver import Archiver


class ArchiverMetrics(Collector):
    """See the module's table."""

    def __init__(self, archiver: Archiver, announcer: Announcer) -> None:
        self._archiver = archiver
        self._announcer = announcer

    def collect(self) -> Iterable[Metric]:
        """See `Collector`."""
        archiver = self._archiver
        yield _gauge("held_partitions", "Partitions of this archiver.", archiver.held)
        yield _gauge("stopped_partitions", "Partitions not read on.", len(archiver.stopped))
        yield _counter("records", "Records archived.", archiver.records)
        yield _counter("dead_letters", "Records put aside.", archiver.dead_letters)
        yield _counter("waits", "Tries that failed.", archiver.waits)
        yield _counter("signals_lost", "Hints to gateways that were lost.", self._announcer.lost)


def _gauge(name: str, meaning: str, value: int) -> Metric:
    return GaugeMetricFamily(f"order_chat_archiver_{name}", meaning, value=value)


def _counter(name: str, meaning: str, value: int) -> Metric:
    return CounterMetricFamily(f"order_chat_archiver_{name}", meaning, value=value)
