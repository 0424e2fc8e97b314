"""The figures of one moderation consumer, for `/metrics`.

| name | kind | meaning |
|---|---|---|
| `order_chat_moderation_held_partitions` | gauge | partitions that are this consumer's share |
| `order_chat_moderation_stopped_partitions` | gauge | of these, what cannot be read on: an operator must act |
| `order_chat_moderation_records_total` | counter | records read, some of them again after a start |
| `order_chat_moderation_behind_records` | gauge | records of these partitions that are not decided on, or whose verdicts are not given |
| `order_chat_moderation_behind_seconds` | gauge | how long the oldest of these has been in the log |
| `order_chat_moderation_verdicts_total` | counter | verdicts given, by `rule` and `action` |
| `order_chat_moderation_repeated_total` | counter | verdicts that had been given before |
| `order_chat_moderation_refused_total` | counter | verdicts that a gateway refused for good, by `code` |
| `order_chat_moderation_tries_total` | counter | tries at a gateway that failed and were made again |
| `order_chat_moderation_over_budget_total` | counter | texts that kept the rules busy for too long, and were passed over |

Counters count from the start of the process.
"""  # noqa: E501 (a table)

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chat_gateway.moderation.consumer import Consumer
from chat_gateway.moderation.engine.rules import Rules
from chat_gateway.moderation.lag import ConsumerLag
from shared.contracts.errors import CATALOGUE, ErrorCode


class ModerationMetrics(Collector):
    """See the module's table."""

    def __init__(self, consumer: Consumer, lag: ConsumerLag, rules: Rules) -> None:
        self._consumer = consumer
        self._lag = lag
        self._rules = rules

    def collect(self) -> Iterable[Metric]:
        """See `Collector`."""
        consumer, lag, tally = self._consumer, self._lag, self._consumer.tally
        yield _gauge("held_partitions", "Partitions of this consumer.", len(consumer.done))
        yield _gauge("stopped_partitions", "Partitions not read on.", len(consumer.stopped))
        yield _counter("records", "Records read.", consumer.records)
        yield _gauge("behind_records", "Records not decided on yet.", lag.records)
        yield _gauge("behind_seconds", "Age of the oldest of them.", lag.seconds)
        yield self._verdicts()
        yield _counter("repeated", "Verdicts given before.", tally.repeated)
        yield self._refused()
        yield _counter("tries", "Tries that failed.", tally.tries)
        yield _counter("over_budget", "Texts passed over.", consumer.over_budget)

    def _verdicts(self) -> Metric:
        family = CounterMetricFamily(
            "order_chat_moderation_verdicts", "Verdicts given.", labels=["rule", "action"]
        )
        for compiled in self._rules.compiled:
            rule = compiled.rule
            for action in dict.fromkeys(("flag", rule.action)):  # a policy may allow a flag alone
                family.add_metric([rule.id, action], self._consumer.tally.given[rule.id, action])
        return family

    def _refused(self) -> Metric:
        family = CounterMetricFamily(
            "order_chat_moderation_refused", "Verdicts refused for good.", labels=["code"]
        )
        for code in ErrorCode:
            if not CATALOGUE[code].retry:
                family.add_metric([code], self._consumer.tally.refused[code])
        return family


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"order_chat_moderation_{name}", meaning, value=value)


def _counter(name: str, meaning: str, value: float) -> Metric:
    return CounterMetricFamily(f"order_chat_moderation_{name}", meaning, value=value)
