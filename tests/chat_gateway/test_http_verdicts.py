"""What moderators write by HTTP: verdicts, reviews, and what parties and moderators see of them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from shared.contracts import frames
from shared.contracts.errors import ErrorCode
from shared.log.port import Record
from tests.chat_gateway.counter import Counter, counter, problem
from tests.chat_gateway.gatehouse import Here, until
from tests.chat_gateway.world import say, send
from tests.shared.story import ANNA, BEN, HI, MODERATOR, STRANGER, client_id, id_of, message


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[Here, Counter]]:
    async with counter(tmp_path) as both:
        await both[1].say(1, "Call 0170 1234567")
        yield both


@pytest.fixture
def desk(both: tuple[Here, Counter]) -> Counter:
    return both[1]


@pytest.fixture
def here(both: tuple[Here, Counter]) -> Here:
    return both[0]


async def text_of_hi(desk: Counter, who: str = "ben") -> tuple[str, str | None]:
    """What Anna's first message says to a reader, and whether it is gone."""
    events = (await desk.read(who=who)).json()["events"]
    [message] = [event for event in events if event.get("id") == HI]
    return message["text"], message["gone"]


class TestVerdicts:
    async def test_a_redacted_message_comes_back_as_it_stood(self, desk: Counter) -> None:
        """Restoring gives back the latest text, to everybody."""
        await desk.judge("redact", target=HI)
        gone = await text_of_hi(desk)

        answer = await desk.judge("restore", key=901, target=HI, reason="A mistake")

        assert gone == ("", "redacted")
        assert answer.status_code == 201
        assert answer.json()["event"]["text"] == "Call 0170 1234567"
        assert await text_of_hi(desk) == ("Call 0170 1234567", None)

    async def test_an_edited_message_comes_back_with_its_last_text(
        self, here: Here, desk: Counter
    ) -> None:
        """Not with the one it began with."""
        session, socket = await here.join()
        edit = frames.Edit(
            ref=1, order_id=send(1).order_id, id=client_id(2), target=HI, text="Hello!"
        )
        say(session, edit)
        await here.next(socket, frames.EditShown)
        await desk.judge("redact", target=HI)

        await desk.judge("restore", key=901, target=HI)

        assert await text_of_hi(desk) == ("Hello!", None)

    async def test_what_is_not_gone_is_not_restored(self, desk: Counter) -> None:
        """There is nothing to give back; and the id may be used for something else."""
        answer = await desk.judge("restore", target=HI)

        assert problem(answer) == (409, ErrorCode.CONFLICT)
        assert "not gone" in answer.json()["error"]["message"]
        assert (await desk.judge("redact", target=HI)).status_code == 201

    @pytest.mark.parametrize(
        ("action", "fields"),
        [
            ("redact", {"target": HI}),
            ("flag", {"target": HI}),
            ("mute", {"user_id": ANNA, "until": 2_000_000_000_000}),
            ("unmute", {"user_id": ANNA}),
            ("close", {}),
            ("reopen", {}),
        ],
    )
    async def test_a_verdict_is_given_once(
        self, desk: Counter, action: str, fields: dict[str, Any]
    ) -> None:
        """201, then 200 with the same event; the same id for something else is a conflict."""
        first = await desk.judge(action, **fields)
        again = await desk.judge(action, **fields)
        other = await desk.judge(action, reason="another", **fields)

        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        assert first.json()["event"] | fields == first.json()["event"]
        assert (first.json()["event"]["by"], first.json()["event"]["reason"]) == (
            MODERATOR,
            "abuse",
        )
        assert problem(other) == (409, ErrorCode.CONFLICT)

    async def test_parties_see_it_live_without_who_and_why(self, here: Here, desk: Counter) -> None:
        """On every screen, at the same place."""
        _, anna = await here.join()
        _, ben = await here.join("ben")

        seq = (await desk.judge("close", reason="Under review")).json()["event"]["seq"]

        for socket in (anna, ben):
            shown = await here.next(socket, frames.CloseShown)
            assert (shown.seq, shown.by, shown.reason) == (seq, "moderation", None)

    async def test_a_flag_is_seen_by_nobody_but_moderators(self, here: Here, desk: Counter) -> None:
        """Neither live nor in history."""
        _, ben = await here.join("ben")
        _, moira = await here.join("moira")

        await desk.judge("flag", target=HI)
        await desk.judge("close", key=901)

        assert (await here.next(moira, frames.FlagShown)).target == HI
        assert isinstance(frames.decode_server_frame(ben.sent.pop(0)), frames.CloseShown)
        replay = (await desk.read(who="ben", after=0)).json()["events"]
        assert "flag" not in {event["type"] for event in replay}

    async def test_the_muted_are_told_so(self, desk: Counter) -> None:
        """Until they are unmuted; others write on."""
        await desk.judge("mute", user_id=ANNA)
        muted, other = await desk.say(2), await desk.say(3, who="ben")
        await desk.judge("unmute", key=901, user_id=ANNA)

        assert problem(muted) == (403, ErrorCode.FORBIDDEN)
        assert other.status_code == 201
        assert (await desk.say(4)).status_code == 201

    async def test_a_closed_conversation_is_reopened(self, desk: Counter) -> None:
        """Meanwhile it is read."""
        await desk.judge("close")
        closed = await desk.say(2)
        await desk.judge("reopen", key=901)

        assert problem(closed) == (409, ErrorCode.READ_ONLY)
        assert (await desk.say(3)).status_code == 201


class TestBadVerdicts:
    @pytest.mark.parametrize(
        ("action", "fields", "complaint"),
        [
            ("redact", {}, "`redact` needs `target`"),
            ("restore", {"target": HI, "user_id": ANNA}, "`restore` takes no `user_id`"),
            ("mute", {}, "`mute` needs `user_id`"),
            ("mute", {"user_id": ANNA, "target": HI}, "`mute` takes no `target`"),
            ("unmute", {"user_id": ANNA, "until": 1}, "`unmute` takes no `until`"),
            ("close", {"target": HI}, "`close` takes no `target`"),
            ("banish", {"target": HI}, "$.action"),
            ("flag", {"target": "x"}, "$.target"),
            ("flag", {"target": HI, "reason": ""}, "$.reason"),
            ("flag", {"target": HI, "reason": "a\x00"}, "control characters"),
            ("flag", {"target": HI, "why": "so"}, "Unknown field"),
        ],
    )
    async def test_a_bad_body_is_refused_by_its_field(
        self, desk: Counter, action: str, fields: dict[str, Any], complaint: str
    ) -> None:
        """With what is missing or too much, and nothing is written."""
        answer = await desk.judge(action, **fields)

        assert problem(answer) == (400, ErrorCode.INVALID)
        assert complaint in answer.json()["error"]["message"]

    @pytest.mark.parametrize(
        ("action", "fields"),
        [
            ("redact", {"target": id_of(BEN, 77)}),
            ("flag", {"target": id_of(BEN, 77)}),
            ("restore", {"target": id_of(BEN, 77)}),
            ("mute", {"user_id": STRANGER}),
        ],
    )
    async def test_what_is_not_there_is_not_judged(
        self, desk: Counter, action: str, fields: dict[str, Any]
    ) -> None:
        """A message nobody wrote, somebody who takes no part."""
        assert problem(await desk.judge(action, **fields)) == (404, ErrorCode.NOT_FOUND)

    @pytest.mark.parametrize("who", ["anna", "shop"])
    async def test_only_moderators_judge(self, desk: Counter, who: str) -> None:
        """Whatever it is, and whosever the message."""
        answers = [
            await desk.judge("close", who=who),
            await desk.redact(HI, who=who),
            await desk.review(HI, "open", who=who),
            await desk.ask("GET", "/v1/moderation/reports", who=who),
        ]

        assert {problem(answer) for answer in answers} == {(403, ErrorCode.FORBIDDEN)}


class TestReviews:
    async def test_a_report_is_taken_up_and_settled(self, desk: Counter) -> None:
        """Each review is an event that moderators see."""
        flag = (await desk.judge("flag", target=HI)).json()["event"]["id"]

        first = await desk.review(flag, "open", assignee="moira")
        again = await desk.review(flag, "open", assignee="moira")
        other = await desk.review(flag, "dismissed", assignee="moira")

        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        assert first.json()["event"]["assignee"] == "moira"
        assert problem(other) == (409, ErrorCode.CONFLICT)
        events = (await desk.read(who="moira", after=0)).json()["events"]
        assert [event["state"] for event in events if event["type"] == "review"] == ["open"]

    @pytest.mark.parametrize("target", [HI, id_of(BEN, 77), "x"])
    async def test_what_is_no_report_is_not_reviewed(self, desk: Counter, target: str) -> None:
        """A message, something that is not there, and no id at all."""
        assert problem(await desk.review(target, "open")) == (404, ErrorCode.NOT_FOUND)


class TestLooks:
    async def test_a_look_is_in_the_log_before_anything_is_shown(
        self, here: Here, desk: Counter
    ) -> None:
        """By HTTP and by websocket; only moderators see it."""
        await desk.read(who="moira")

        events = (await desk.read(who="moira", after=0)).json()["events"]
        assert [(event["by"], event["what"]) for event in events if event["type"] == "look"] == [
            (MODERATOR, "conversation")
        ]
        parties = (await desk.read(after=0)).json()["events"]
        assert "look" not in {event["type"] for event in parties}

    async def test_one_who_looks_on_is_noted_once(self, here: Here, desk: Counter) -> None:
        """Pages, files and another window belong to the same look."""
        await here.join("moira")
        await desk.read(who="moira")
        await desk.carrier("a1", who="moira")

        events = (await desk.read(who="moira", after=0)).json()["events"]
        assert sum(event["type"] == "look" for event in events) == 1

    async def test_nothing_is_shown_if_it_cannot_be_noted(
        self, here: Here, desk: Counter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An audit that may be missing is none; later it is tried anew."""
        here.store.down = True
        refused = await desk.read(who="moira")
        here.store.down = False

        assert refused.status_code in (503, 504)
        assert (await desk.read(who="moira")).status_code == 200

    async def test_a_moderator_finds_no_order_that_is_not_there(self, desk: Counter) -> None:
        """And leaves no trace where there is nothing."""
        answer = await desk.read(who="moira", path="/v1/orders/nowhere/messages")

        assert problem(answer) == (404, ErrorCode.NOT_FOUND)


async def test_a_program_may_be_ahead_of_this_gateway(
    here: Here, desk: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It read the message in the log, and the gateway will have read it when the verdict comes."""
    fetch = asyncio.Event()
    take = here.running.looks._visits._feed._take

    def take_slowly(partition: int, records: Sequence[Record]) -> None:
        if not fetch.is_set():
            held.append((partition, records))
            return
        take(partition, records)

    held: list[tuple[int, Sequence[Record]]] = []
    await desk.read()
    monkeypatch.setattr(here.running.looks._visits._feed, "_take", take_slowly)
    await here.append(message(BEN, 5, base=1))
    judging = asyncio.create_task(desk.judge("redact", target=id_of(BEN, 5)))
    await until(lambda: len(held) == 2)
    fetch.set()
    for partition, records in held:
        take(partition, records)

    assert (await judging).status_code == 201
