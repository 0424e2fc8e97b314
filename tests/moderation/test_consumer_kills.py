"""Consumers that die, begin anew and share the log: nothing is missed, nothing given twice."""

from functools import partial

import pytest

from chat_gateway.moderation import consumer as module
from chat_gateway.moderation.consumer import Consumer
from shared.log import sqlite
from tests.moderation.house import (
    EXPECTED,
    HOME,
    HandedLog,
    House,
    Mortal,
    doubled,
    running,
    until,
)
from tests.moderation.said import (
    FIRST,
    ORDER,
    SECOND,
    WHOLE,
    id_of,
    say,
)
from tests.shared.story import MOIRA


class TestKills:
    @pytest.mark.parametrize("step", Mortal.STEPS)
    @pytest.mark.parametrize("kept", ["notes kept", "notes lost"])
    async def test_killed_anywhere_it_misses_nothing(
        self, talk: House, step: str, kept: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And started again, again and again, each verdict stands once."""
        monkeypatch.setattr(sqlite, "NOTE_EVERY_S", 0.0 if kept == "notes kept" else 3_600.0)
        monkeypatch.setattr(module, "BATCH_MAX", 2)
        for time in (1, 1, 2, 3, 5):
            mortal = Mortal(talk, step, time)
            consumer = talk.consumer(engine=mortal, gateway=mortal)
            async with running(consumer):
                await until(partial(_is_dead_or_done, mortal, consumer))

        await talk.moderate()

        verdicts = await talk.verdicts()
        assert (set(verdicts), doubled(verdicts)) == (EXPECTED, set())
        assert await talk.written() == len(EXPECTED)

    async def test_one_that_died_in_the_middle_of_a_detail_knows_what_came_before(
        self, house: House
    ) -> None:
        """The other part was done with, and is in the window all the same."""
        await house.append(say(1, FIRST))
        await house.moderate()
        await house.append(say(2, SECOND))

        consumer = await house.moderate()

        assert {one.target for one in await house.verdicts()} == {id_of(1), id_of(2)}
        assert consumer.tally.repeated == 0

    async def test_what_was_done_is_not_done_again(
        self, talk: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What was noted is behind it."""
        monkeypatch.setattr(sqlite, "NOTE_EVERY_S", 0.0)
        async with running(talk.consumer()) as consumer:
            await talk.done(consumer)
            await talk.noted()

        consumer = await talk.moderate()

        assert (consumer.tally.repeated, len(consumer.tally.given)) == (0, 0)

    async def test_what_is_read_again_is_not_noted_again(
        self, talk: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who dies while it reads what came before begins no sooner than the one before it."""
        monkeypatch.setattr(module, "BATCH_MAX", 1)
        handed = HandedLog(talk)
        ends = dict(enumerate(talk.log.committed))
        handed.notes = dict(ends)

        async with running(talk.consumer(engine=handed)) as consumer:
            await until(lambda: consumer.records >= sum(ends.values()))
            await until(lambda: handed.times_noted >= len(ends))

        assert handed.notes == ends
        assert handed.lowest == min(ends.values())


class TestRewind:
    @pytest.mark.parametrize("group", [module.GROUP, "another"])
    async def test_rewound_it_comes_to_the_same_verdicts(self, talk: House, group: str) -> None:
        """Nothing new is written."""
        await talk.moderate()
        before = len(await talk.records())

        consumer = await talk.moderate(rewind=True, group=group)

        assert len(await talk.records()) == before
        assert (consumer.tally.repeated, len(consumer.tally.given)) == (len(EXPECTED), 0)

    async def test_what_a_moderator_gave_back_stays(self, house: House) -> None:
        """The same verdict on the same text is the one that was overruled."""
        await house.append(say(1, WHOLE))
        await house.moderate()
        await house.append(MOIRA.restore(2, id_of(1), 2, text=WHOLE))

        await house.moderate(rewind=True)

        assert len(await house.verdicts()) == 1

    async def test_what_was_rewound_once_goes_on_from_what_was_noted(self, talk: House) -> None:
        """A partition that goes to another consumer and comes back."""
        handed = HandedLog(talk)
        async with running(talk.consumer(engine=handed, rewind=True)) as consumer:
            await talk.done(consumer)
            await until(lambda: handed.notes == dict(enumerate(talk.log.committed)))
            handed.held = frozenset()
            await until(lambda: consumer.done == {})
            handed.held = frozenset(range(2))
            await talk.done(consumer)

        assert (consumer.tally.repeated, len(await talk.verdicts())) == (0, len(EXPECTED))

    async def test_a_log_that_was_made_anew_is_read_from_its_beginning(self, house: House) -> None:
        """What was noted of another one means nothing."""
        share = await house.log.share(module.GROUP)
        share.note(HOME, 1_000)
        await share.close()
        await house.append(say(1, WHOLE))

        await house.moderate()

        assert len(await house.verdicts()) == 1


class TestShare:
    async def test_what_another_holds_is_left_alone(self, talk: House) -> None:
        """Until it is this one's; the part of a detail that was said before that is known."""
        handed = HandedLog(talk)
        handed.held = frozenset()
        async with running(talk.consumer(engine=handed)) as consumer:
            await until(lambda: handed.asked)
            before = await talk.written()
            handed.held = frozenset({HOME})
            await until(lambda: consumer.done == {HOME: talk.log.committed[HOME]})

        assert before == 0
        assert set(await talk.verdicts()) == {one for one in EXPECTED if one.order_id == ORDER}

    async def test_two_at_once_give_what_one_would(self, talk: House) -> None:
        """For a moment both hold a partition."""
        async with running(talk.consumer()) as one, running(talk.consumer()) as other:
            await until(lambda: one.done == other.done == dict(enumerate(talk.log.committed)))

        verdicts = await talk.verdicts()
        assert (set(verdicts), doubled(verdicts)) == (EXPECTED, set())
        assert await talk.written() == len(EXPECTED)


def _is_dead_or_done(mortal: Mortal, consumer: Consumer) -> bool:
    return mortal.dead.is_set() or consumer.done == dict(enumerate(mortal.committed))
