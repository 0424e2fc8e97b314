"""What a consumer tells of itself at `/metrics`."""

import asyncio
from typing import Any

from chat_gateway.moderation.lag import ConsumerLag
from chat_gateway.moderation.metrics import ModerationMetrics
from shared.contracts.ids import UserId
from tests.moderation.house import House, running, until
from tests.moderation.said import ALONE, FLAGGED, INNOCENT, ORDER, PAYMENT, SPLIT, WHOLE, rules, say


class Waiting:
    """A gateway that has all the time in the world."""

    def __init__(self) -> None:
        self.asked = 0

    async def give(self, decision: Any) -> bool:
        self.asked += 1
        await asyncio.Event().wait()
        raise AssertionError

    async def ping(self) -> None:
        return


def figures(metrics: ModerationMetrics) -> dict[str, float]:
    """By name, or `name{label}{label}`, without the prefix they share."""
    return {
        sample.name.removeprefix("order_chat_moderation_")
        + "".join(f"{{{value}}}" for value in sample.labels.values()): sample.value
        for metric in metrics.collect()
        for sample in metric.samples
    }


async def test_the_lag_is_what_has_no_verdict_yet(house: House) -> None:
    """From the record on that called for it, and since when."""
    await house.append(say(1, INNOCENT), say(2, WHOLE), say(3, INNOCENT))
    records = [record for record in await house.records() if record.key == ORDER]
    gateway = Waiting()
    consumer = house.consumer(gateway=gateway)
    lag = ConsumerLag(house.log, consumer, clock=lambda: records[2].at / 1000 + 60)

    async with running(consumer):
        await until(lambda: gateway.asked and consumer.records == len(records))
        await lag.measure()

    assert (lag.records, lag.seconds) == (2, 60.0)


async def test_who_has_done_everything_is_not_behind(house: House) -> None:
    """However long ago the last record was."""
    async with running(house.consumer()) as consumer:
        await house.done(consumer)
        lag = ConsumerLag(house.log, consumer, clock=lambda: 2e9)
        await lag.measure()

    assert (lag.records, lag.seconds) == (0, 0.0)


async def test_figures_move_when_their_thing_happens(house: House) -> None:
    """Verdicts by rule and action, refusals by code."""
    stranger = say(9, WHOLE, by=UserId("u-stranger"))
    await house.append(say(1, WHOLE), say(2, WHOLE, flags=()), say(3, PAYMENT), stranger)
    async with running(house.consumer()) as consumer:
        await house.done(consumer)
        now = figures(ModerationMetrics(consumer, ConsumerLag(house.log, consumer), rules()))

    expected = {
        f"verdicts_total{{{ALONE}}}{{redact}}": 1,
        f"verdicts_total{{{ALONE}}}{{flag}}": 1,
        f"verdicts_total{{{FLAGGED}}}{{flag}}": 1,
        f"verdicts_total{{{SPLIT}}}{{redact}}": 0,
        "refused_total{not_found}": 1,
        "refused_total{conflict}": 0,
        "held_partitions": 2,
        "stopped_partitions": 0,
        "repeated_total": 0,
        "tries_total": 0,
        "over_budget_total": 0,
        "records_total": sum(house.log.committed),
    }
    assert {name: now[name] for name in expected} == expected
