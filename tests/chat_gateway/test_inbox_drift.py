"""Unread never drifts: whatever is lost, all that is shown ends as a count by hand."""

import asyncio
from random import Random

import pytest

from chat_gateway import inbox, inbox_account, inbox_reads
from chat_gateway.inbox_lines import Viewer
from tests.chat_gateway.inbox_world import USERS, Client, InboxWorld

STEPS = 60


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands still here: pushes are not gathered, and nobody comes back after a while."""
    monkeypatch.setattr(inbox, "PUSH_EVERY_S", 0.0)
    monkeypatch.setattr(inbox, "AFTER_LOSS_S", (0.0, 0.0))


async def live_through(seed: int, followed: int = 500) -> None:
    """One random history, and what is shown at its end."""
    dice = Random(seed)
    world = InboxWorld(dice)
    steps = (
        world.write, world.write, world.write, world.read, world.read, world.open_room,
        world.open_room, world.close_room, world.drop_oldest, world.archive, world.archive,
        world.ask, world.ask, world.leave, world.restart,
    )  # fmt: skip
    weights = (6, 6, 6, 6, 6, 3, 3, 1, 1, 5, 5, 4, 4, 1, 0.4)
    try:
        for step in dice.choices(steps, weights, k=STEPS):
            done = step()
            if done is not None:
                await done
            for _ in range(dice.randrange(4)):
                await asyncio.sleep(0)
        await world.come_to_rest()
        for gateway in world.gateways:
            for client in gateway.clients:
                check(world, client, seed, followed)
            for user_id in USERS:
                fresh = Client(user_id)
                await gateway.ask(fresh, 2)
                while fresh.cursor is not None:
                    await gateway.ask(fresh, 2, further=True)
                check(world, fresh, seed, followed=500)
                assert fresh.lines.keys() == world.unread_by_hand(user_id).keys(), seed
                page = await gateway.inbox.read(Viewer(user_id), None, 50)
                assert page.unread_total == sum(world.unread_by_hand(user_id).values()), seed
    finally:
        await world.end()


def check(world: InboxWorld, client: Client, seed: int, followed: int) -> None:
    """All that this client shows of its newest conversations is so, and the total is of all."""
    unread = world.unread_by_hand(client.user_id)
    newest = sorted(unread, key=lambda each: (-world.naive[each].updated_at(), each))[:followed]
    for order_id, line in client.lines.items():
        assert order_id in unread or len(newest) == followed, (seed, client.user_id, order_id)
        if order_id in newest:
            naive = world.naive[order_id]
            shown = (line.unread, line.n, line.updated_at, line.last)
            by_hand = (unread[order_id], naive.messages, naive.updated_at())
            last = world.last_by_hand(order_id)
            assert shown == (*by_hand, last), (seed, client.user_id, order_id)
    assert client.unread_total == sum(unread.values()), (seed, client.user_id)


@pytest.mark.parametrize(("followed", "histories"), [(500, 300), (2, 100)])
def test_what_is_shown_is_what_one_would_count_by_hand(
    monkeypatch: pytest.MonkeyPatch, followed: int, histories: int
) -> None:
    """Numbers, totals, previews and their order, over many random histories with lost
    signals, dying archivers and restarted gateways; also where a viewer has more conversations
    than are followed one by one."""
    monkeypatch.setattr(inbox_reads, "STANDINGS_MAX", followed)
    monkeypatch.setattr(inbox_account, "STANDINGS_MAX", followed)
    for seed in range(histories):
        asyncio.run(live_through(seed, followed))
