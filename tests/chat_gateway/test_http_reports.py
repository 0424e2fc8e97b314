"""The moderators' queue by HTTP: pages of reports and flags, over what the archiver stored."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from chat_gateway.cursors import case_cursor, case_place
from shared.contracts.errors import ErrorCode
from shared.contracts.ids import OrderId, Seq
from shared.store.port import CasePlace
from tests.chat_gateway.counter import Counter, counter, problem
from tests.chat_gateway.gatehouse import Here
from tests.chat_gateway.world import identity
from tests.ports.entries import changes_of, flag, report, review
from tests.shared.story import MODERATOR

QUEUE = "/v1/moderation/reports"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Counter]:
    async with counter(tmp_path) as (here, desk):
        await here.store.write_entries(
            [report(1), flag(2), report(3), report(4)],
            changes_of(review(5, "p3"), review(6, "p4", "open", MODERATOR)),
        )
        yield desk


async def ask(desk: Counter, who: str = "moira", **query: Any) -> httpx.Response:
    return await desk.ask("GET", QUEUE, who=who, params=query)


async def ids(desk: Counter, **query: Any) -> list[str]:
    return [line["id"].split("/")[1] for line in (await ask(desk, **query)).json()["reports"]]


async def test_open_ones_come_first_the_oldest(desk: Counter) -> None:
    """With who says what of which message, and whose they are."""
    page = (await ask(desk)).json()

    assert [line["id"] for line in page["reports"]] == ["o1/p1", "o1/f2", "o1/p4"]
    assert page["next"] is None
    assert page["reports"][:2] == [
        {
            "id": "o1/p1", "order_id": "o1", "seq": 1, "at": 1_000, "kind": "report",
            "by": "anna", "target": "o1/m", "reason": "spam", "note": "", "state": "open",
            "assignee": None,
        },
        {
            "id": "o1/f2", "order_id": "o1", "seq": 2, "at": 2_000, "kind": "flag",
            "by": "moira", "target": "o1/m", "reason": "contact.phone@1", "note": "",
            "state": "open", "assignee": None,
        },
    ]  # fmt: skip


async def test_they_are_asked_for_by_state_and_assignee(desk: Counter) -> None:
    """One's own, and what was settled."""
    assert await ids(desk, state="resolved") == ["p3"]
    assert await ids(desk, state="dismissed") == []
    assert await ids(desk, assignee=MODERATOR) == ["p4"]


async def test_pages_follow_on_each_other(desk: Counter) -> None:
    """Until there is no next one."""
    first = (await ask(desk, limit=2)).json()
    second = (await ask(desk, limit=2, after=first["next"])).json()

    assert [line["id"] for line in first["reports"] + second["reports"]] == [
        "o1/p1",
        "o1/f2",
        "o1/p4",
    ]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ({"state": "new"}, "state"),
        ({"limit": 0}, "limit"),
        ({"assignee": "ä"}, "assignee"),
        ({"after": "x"}, "cursor"),
        ({"after": "MS4yLi4"}, "cursor"),
        ({"order": "o1"}, "Unknown field"),
    ],
)
async def test_a_bad_query_is_refused_by_its_name(
    desk: Counter, query: dict[str, Any], complaint: str
) -> None:
    """With what is wrong in it."""
    answer = await ask(desk, **query)

    assert problem(answer) == (400, ErrorCode.INVALID)
    assert complaint in answer.json()["error"]["message"]


async def test_a_token_for_some_orders_sees_no_queue(tmp_path: Path) -> None:
    """It would show the others."""
    async with counter(tmp_path) as (here, desk):
        narrowed(here)

        assert problem(await ask(desk, "narrow")) == (403, ErrorCode.FORBIDDEN)


def narrowed(here: Here) -> None:
    here.tokens.good["narrow"] = identity(
        MODERATOR, role="moderator", orders={OrderId("o1")}, expires_at=9e9
    )


@pytest.mark.parametrize(
    "place",
    [CasePlace(0, OrderId("a.b"), Seq(1)), CasePlace(2**53 - 1, OrderId("o:1~x"), Seq(2**53 - 1))],
)
def test_a_cursor_names_its_place(place: CasePlace) -> None:
    """Whatever an order's id is made of."""
    assert case_place(case_cursor(place)) == place
