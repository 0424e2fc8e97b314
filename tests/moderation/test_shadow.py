"""What the rules would have done to the past: told, and not done."""

import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chat_gateway.moderation.shadow import look_back, report
from shared.contracts import events as log
from shared.contracts.events import VERSION, FromTheFuture
from shared.contracts.ids import MessageId
from shared.contracts.topics import partition_of
from shared.log.port import Draft
from shared.log.sqlite import SqliteLog
from tests.moderation.house import House
from tests.moderation.said import (
    ALONE,
    FIRST,
    INNOCENT,
    ORDER,
    PAYMENT,
    SECOND,
    SPLIT,
    WHOLE,
    id_of,
    rules,
    say,
)
from tests.shared.story import MOIRA

MINUTE = 60_000


async def looked_back(engine: SqliteLog, *, since: int = 0) -> tuple[list[dict[str, Any]], str]:
    """The lines and the table."""
    lines, table = io.StringIO(), io.StringIO()
    report(await look_back(engine, rules(), since=since), lines, table)
    return [json.loads(line) for line in lines.getvalue().splitlines()], table.getvalue()


def rows(table: str) -> dict[str, list[int]]:
    """Of each rule what it would give, what of that is given, and what it would not."""
    found = {}
    for line in table.splitlines()[1:]:
        name, *numbers = line.split()
        found[name] = [int(number) for number in numbers]
    return found


async def test_a_line_says_what_would_be_done_and_nothing_of_the_text(house: House) -> None:
    """By ids, in the order of time; the log stays as it is."""
    await house.append(say(1, INNOCENT), say(2, FIRST), say(3, SECOND), say(4, WHOLE))
    before = await house.records()

    lines, table = await looked_back(house.log)

    assert [line["message_id"] for line in lines] == [id_of(2), id_of(3), id_of(4)]
    assert lines[2] == {
        "order_id": ORDER,
        "message_id": id_of(4),
        "at": before[-1].at,
        "action": "redact",
        "rule": ALONE,
        "version": 2,
        "given": "no",
    }
    assert rows(table) == {SPLIT: [2, 0, 0], ALONE: [1, 0, 0]}
    assert await house.records() == before


async def test_it_says_what_was_given_already(house: House) -> None:
    """By the consumer or by people; the same, another one, or none."""
    await house.append(say(1, WHOLE))
    await house.moderate()
    await house.append(say(2, WHOLE), say(3, WHOLE), MOIRA.flag(9, id_of(3), 3), say(4, WHOLE))

    lines, table = await looked_back(house.log)

    assert [line["given"] for line in lines] == ["same", "no", "other", "no"]
    assert rows(table) == {ALONE: [4, 1, 0]}


async def test_what_was_restored_is_not_given_any_more(house: House) -> None:
    """A moderator took it back."""
    await house.append(say(1, WHOLE))
    await house.moderate()
    await house.append(MOIRA.restore(9, id_of(1), 2, text=WHOLE))

    lines, _ = await looked_back(house.log)

    assert [line["given"] for line in lines] == ["no"]


async def test_it_says_what_would_not_be_given_any_more(house: House) -> None:
    """Verdicts of a rule that found more once; those of people are theirs."""
    await house.append(say(1, INNOCENT), say(2, INNOCENT))
    flag = MOIRA.flag(9, id_of(1), 2)
    await house.append(flag, _flag_for("contact.old@7", 10, id_of(2)))

    lines, table = await looked_back(house.log)

    assert lines == []
    assert rows(table) == {"contact.old": [0, 0, 1]}


async def test_it_may_begin_at_a_time(tmp_path: Path) -> None:
    """What was said shortly before is known and not judged."""
    minutes = iter([1, 2, 3, 4])
    engine = await SqliteLog.open(
        tmp_path / "log.db", partitions=2, clock=lambda: next(minutes) * MINUTE
    )
    for event in (say(1, WHOLE), say(2, FIRST), say(3, SECOND), say(4, PAYMENT)):
        draft = Draft(ORDER, "message", VERSION, log.encode_event(event))
        await engine.append(partition_of(ORDER, 2), [draft])

    lines, _ = await looked_back(engine, since=3 * MINUTE)

    assert [line["message_id"] for line in lines] == [id_of(2), id_of(3), id_of(4)]
    assert await looked_back(engine, since=5 * MINUTE) == ([], _EMPTY)
    await engine.close()


async def test_verdicts_from_before_that_time_are_left_out(tmp_path: Path) -> None:
    """What they are on was not judged here."""
    minutes = iter([1, 2, 3])
    engine = await SqliteLog.open(
        tmp_path / "log.db", partitions=2, clock=lambda: next(minutes) * MINUTE
    )
    for event in (say(1, INNOCENT), _flag_for("contact.old@7", 10, id_of(1)), say(2, INNOCENT)):
        draft = Draft(ORDER, log.TYPES[type(event)], VERSION, log.encode_event(event))
        await engine.append(partition_of(ORDER, 2), [draft])

    assert await looked_back(engine, since=3 * MINUTE) == ([], _EMPTY)
    await engine.close()


async def test_what_it_must_not_pass_over_ends_it(house: House) -> None:
    """It would tell half of it."""
    await house.log.append(1, [Draft(ORDER, "message", VERSION + 1, b"{}")])

    with pytest.raises(FromTheFuture):
        await looked_back(house.log)


_EMPTY = f"{'rule':32}{'would give':>12}{'given':>12}{'not any more':>14}\n"


def _flag_for(reason: str, key: int, target: MessageId) -> log.Flag:
    return msgspec.structs.replace(MOIRA.flag(key, target, 3), reason=reason)
