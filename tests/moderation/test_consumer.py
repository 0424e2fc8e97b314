"""The consumer over a real log and a real gateway: it misses nothing, and gives nothing twice."""

import asyncio
from typing import Any

import pytest

from chat_gateway.moderation import consumer as module
from chat_gateway.moderation import deliveries
from chat_gateway.moderation.consumer import PartitionStopped
from chat_gateway.moderation.deliveries import GaveUp
from chat_gateway.moderation.gateway import NotAllowed, TryAgain
from shared.contracts.events import VERSION
from shared.contracts.ids import UserId
from shared.log.port import Draft
from tests.moderation.house import (
    EXPECTED,
    HOME,
    OTHER,
    Given,
    House,
    doubled,
    running,
    until,
)
from tests.moderation.said import (
    ALONE,
    ANNA,
    FLAGGED,
    INNOCENT,
    ORDER,
    SPLIT,
    WHOLE,
    id_of,
    say,
)
from tests.shared.story import delete


async def test_every_offence_has_its_verdict(talk: House) -> None:
    """Each once; what is innocent has none."""
    consumer = await talk.moderate()

    verdicts = await talk.verdicts()
    assert (set(verdicts), doubled(verdicts)) == (EXPECTED, set())
    assert consumer.tally.given == {
        (SPLIT, "redact"): 4,
        (ALONE, "redact"): 2,
        (FLAGGED, "flag"): 1,
    }


async def test_what_is_said_while_it_runs_is_judged_at_once(house: House) -> None:
    """No pass over the past is needed."""
    async with running(house.consumer()) as consumer:
        await house.done(consumer)
        await house.append(say(1, WHOLE))
        await until(lambda: consumer.tally.given)

    assert await house.verdicts() == [Given(ORDER, id_of(1), "redact", f"{ALONE}@2")]


async def test_verdicts_of_an_order_stand_in_their_order(house: House) -> None:
    """As what they are on was said."""
    await house.append(*[say(key, WHOLE) for key in range(1, 30)])

    await house.moderate()

    assert [one.target for one in await house.verdicts()] == [id_of(key) for key in range(1, 30)]


@pytest.mark.parametrize("batch", [1, 2, 3, 1_000])
async def test_however_the_log_is_handed_on(
    talk: House, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Record by record or all at once, it comes to the same."""
    monkeypatch.setattr(module, "BATCH_MAX", batch)

    await talk.moderate()

    assert set(await talk.verdicts()) == EXPECTED


async def test_it_rests_as_long_as_it_is_told(talk: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever else lives in the process has turns meanwhile."""
    monkeypatch.setattr(module, "TURN_S", 0.0)

    async with running(talk.consumer(rest=1e9)) as consumer:
        await until(lambda: consumer.records)
        await talk.append(say(50, INNOCENT), say(51, INNOCENT))

        assert consumer.records == 1


class TestRefusals:
    async def test_what_is_void_gets_no_verdict_and_holds_up_nothing(self, house: House) -> None:
        """A raw record is what was asked for: this one names a message of nobody's."""
        stranger = say(1, WHOLE, by=UserId("u-stranger"))
        await house.append(stranger, say(2, WHOLE))

        consumer = await house.moderate()

        assert [one.target for one in await house.verdicts()] == [id_of(2)]
        assert consumer.tally.refused == {"not_found": 1}

    async def test_what_was_deleted_is_redacted_all_the_same(self, house: House) -> None:
        """Who restores it later sees why it must stay away."""
        await house.append(say(1, WHOLE), delete(ANNA, 2, id_of(1), base=1))

        await house.moderate()

        assert [one.target for one in await house.verdicts()] == [id_of(1)]


class TestTheEnd:
    async def test_a_gateway_that_stays_away_ends_it(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing beyond is noted, so that the next one goes on there."""
        monkeypatch.setattr(deliveries, "PATIENCE_S", 0.05)
        monkeypatch.setattr(deliveries, "BACKOFF_S", (0.001, 0.01))
        await house.append(say(1, INNOCENT), say(2, WHOLE), say(3, INNOCENT))

        with pytest.raises(GaveUp, match="unavailable"):
            await house.consumer(gateway=Away(TryAgain("unavailable"))).run()

        share = await house.log.share(module.GROUP)
        assert await share.noted(HOME) in (None, 2)
        await house.moderate()
        assert len(await house.verdicts()) == 1

    async def test_a_wrong_token_ends_it_at_once(self, house: House) -> None:
        """Nobody would be helped by waiting."""
        await house.append(say(1, WHOLE))

        with pytest.raises(NotAllowed):
            await house.consumer(gateway=Away(NotAllowed("forbidden"))).run()

    async def test_begun_anew_it_goes_on(self, house: House) -> None:
        """The same consumer, with what it counted."""
        away = Away(NotAllowed("forbidden"))
        consumer = house.consumer(gateway=away)
        await house.append(say(1, WHOLE))
        with pytest.raises(NotAllowed):
            await consumer.run()

        consumer._gateway = house.gateway
        async with running(consumer):
            await house.done(consumer)

        assert len(await house.verdicts()) == 1


class TestRecords:
    @pytest.mark.parametrize(
        "draft",
        [
            Draft(ORDER, "message", VERSION, b"{"),
            Draft(ORDER, "hologram", VERSION, b"{}"),
            Draft(ORDER, "hologram", 0, b"{}"),
        ],
        ids=["no event", "unknown type", "unknown type of an old version"],
    )
    async def test_what_says_nothing_is_passed_over(self, house: House, draft: Draft) -> None:
        """Who folds nothing need not know what it is."""
        await house.log.append(HOME, [draft])
        consumer = house.consumer(gateway=Counting())
        await house.append(say(1, WHOLE))

        async with running(consumer):
            await house.done(consumer)

        assert consumer.stopped == {}
        assert sum(consumer.tally.given.values()) == 1

    async def test_a_later_version_stops_the_partition(self, house: House) -> None:
        """It might be misread. The others go on, and readiness says so."""
        await house.open_other()
        await house.append(say(1, WHOLE))
        await house.log.append(HOME, [Draft(ORDER, "message", VERSION + 1, b"{}")])
        await house.append(say(2, WHOLE), say(3, WHOLE, order_id=OTHER))
        consumer = house.consumer(gateway=Counting())

        async with running(consumer):
            await until(lambda: sum(consumer.tally.given.values()) == 2 and consumer.stopped)
            with pytest.raises(PartitionStopped):
                await consumer.ping()
            done = consumer.done

        assert done[HOME] == 2


class Away:
    """A gateway that answers one thing."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def give(self, decision: Any) -> bool:
        raise self._error

    async def ping(self) -> None:
        return


class Counting:
    """A gateway that writes nothing: this one could not read what is in the log."""

    async def give(self, decision: Any) -> bool:
        await asyncio.sleep(0)
        return True

    async def ping(self) -> None:
        return
