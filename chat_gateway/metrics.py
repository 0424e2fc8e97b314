"""The figures of one gateway, read from its parts when somebody asks for `/metrics`.

| name | kind | meaning |
|---|---|---|
| `order_chat_connections_total` | counter | websockets accepted |
| `order_chat_turned_away_total` | counter | handshakes answered 503, by `reason`: `pace` (too many come), `silent` (too many say nothing) |
| `order_chat_sessions` | gauge | connections by `state`: `silent` (not welcomed yet), `open`, `closing` |
| `order_chat_joins_total` | counter | joins, and messages asked for by HTTP, by `path`: `tail` (from memory), `store`, `reset`, `unavailable` |
| `order_chat_events_folded_total` | counter | records of the log folded into orders that are open here |
| `order_chat_frames_delivered_total` | counter | events and signals handed to connections |
| `order_chat_refused_total` | counter | requests refused on websockets and by HTTP, by `code` |
| `order_chat_unknown_total` | counter | attempts whose outcome could not be told |
| `order_chat_append_seconds` | histogram | time of an append of a batch to the log, failures included |
| `order_chat_archiver_behind_records` | gauge | records in the log that are not in the store yet |
| `order_chat_archiver_behind_seconds` | gauge | how long the oldest of these has been in the log |
| `order_chat_tail_bytes` | gauge | what the tails hold of the log |
| `order_chat_followed_partitions` | gauge | partitions with a tail |
| `order_chat_stopped_partitions` | gauge | partitions that cannot be read on: an operator must act |
| `order_chat_signals_lost_total` | counter | presence and typing signals that were dropped or failed |

Counters count from the start of the process.
"""  # noqa: E501 (a table)

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chat_gateway.admission import Admission, Turned
from chat_gateway.counts import JoinPath
from chat_gateway.feed import Feed
from chat_gateway.gateway import Gateway
from chat_gateway.hub import Hub
from chat_gateway.lag import ArchiverLag
from chat_gateway.presence import Presence
from chat_gateway.publisher import Publisher
from chat_gateway.session import Session
from shared.contracts.errors import ErrorCode

STATES: Final = ("silent", "open", "closing")


class GatewayMetrics(Collector):
    """See the module's table."""

    def __init__(
        self,
        gateway: Gateway,
        admission: Admission,
        feed: Feed,
        hub: Hub,
        publisher: Publisher,
        presence: Presence,
        lag: ArchiverLag,
    ) -> None:
        self._gateway = gateway
        self._admission = admission
        self._feed = feed
        self._hub = hub
        self._publisher = publisher
        self._presence = presence
        self._lag = lag

    def collect(self) -> Iterable[Metric]:
        """See `Collector`."""
        counts, feed = self._gateway.counts, self._feed
        states = Counter(map(_state, self._gateway.sessions()))
        joins = {path: counts.joins[path] for path in get_args(JoinPath)}
        turned = {why: self._admission.turned_away[why] for why in get_args(Turned)}
        refused = {code.value: counts.refused[code] for code in ErrorCode}
        yield _counter("connections", "Websockets accepted.", counts.connections)
        yield _counters("turned_away", "Handshakes answered 503.", "reason", turned)
        yield _gauges("sessions", "Connections.", "state", {one: states[one] for one in STATES})
        yield _counters("joins", "Joins by how they were answered.", "path", joins)
        yield _counter("events_folded", "Records folded into open orders.", feed.folded)
        yield _counter("frames_delivered", "Events and signals sent.", self._hub.delivered)
        yield _counters("refused", "Requests refused.", "code", refused)
        yield _counter("unknown", "Attempts without a known outcome.", counts.unknown)
        yield self._publisher.append_seconds.metric(
            "order_chat_append_seconds", "Time of an append of a batch to the log."
        )
        yield _gauge("archiver_behind_records", "Records not archived yet.", self._lag.records)
        yield _gauge("archiver_behind_seconds", "Age of the oldest of them.", self._lag.seconds)
        yield _gauge("tail_bytes", "What the tails hold of the log.", feed.tail_bytes)
        yield _gauge("followed_partitions", "Partitions with a tail.", feed.followed)
        yield _gauge("stopped_partitions", "Partitions that cannot be read on.", len(feed.stopped))
        yield _counter("signals_lost", "Presence and typing signals lost.", self._presence.lost)


def _state(session: Session) -> str:
    if session.closed:
        return "closing"
    return "silent" if session.identity is None else "open"


def _counter(name: str, meaning: str, value: float) -> Metric:
    return CounterMetricFamily(f"order_chat_{name}", meaning, value)


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"order_chat_{name}", meaning, value)


def _counters(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    family = CounterMetricFamily(f"order_chat_{name}", meaning, labels=[label])
    for of, value in values.items():
        family.add_metric([of], value)
    return family


def _gauges(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"order_chat_{name}", meaning, labels=[label])
    for of, value in values.items():
        family.add_metric([of], value)
    return family
