"""A consumer on real engines, killed again and again while people talk: nothing is missed, and
nothing is given twice."""

import asyncio
import random
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx
import msgspec
import pytest

from order_service.model import Status
from order_service.policy import DEFAULT
from shared.contracts.ids import MessageId, OrderId
from shared.log.port import Record
from tests.moderation.house import Given, standing
from tests.moderation.said import FIRST, INNOCENT, RULES, SECOND
from tests.ports.records import read_all
from tests.prove.fleet import Fleet
from tests.prove.ground import Ground, ground_at, secret_from
from tests.prove.process import Process
from tests.shared.story import ANNA, BEN
from tests.system.engines import Environment, connected

pytestmark = [pytest.mark.connected, pytest.mark.timeout(400)]

KILLS: Final = 6
ORDERS: Final = [OrderId(f"o-{number}") for number in range(6)]
PAUSE_S: Final = 0.05
"""Between two messages of an order."""
WORK_S: Final = 2.0
"""How long it works at most before it is killed."""
PATIENCE_S: Final = 60.0
DETAIL: Final = (FIRST, SECOND, INNOCENT)
UNITS: Final = ((INNOCENT,), DETAIL, (FIRST, INNOCENT), (SECOND, INNOCENT))
"""What is said in a row."""


class Talk:
    """People who go on talking, and what they said."""

    def __init__(self, ground: Ground, gateway_url: str, dice: random.Random) -> None:
        self._ground = ground
        self._url = gateway_url
        self._dice = dice
        self.offences: set[MessageId] = set()
        self.over = False

    async def go_on(self, order_id: OrderId) -> None:
        """Say something in an order, until it is over."""
        headers = {"Authorization": f"Bearer {self._ground.token(ANNA)}"}
        async with httpx.AsyncClient(base_url=self._url, headers=headers) as http:
            while not self.over:
                unit = self._dice.choice(UNITS)
                said = [await self._say(http, order_id, text) for text in unit]
                if unit == DETAIL:
                    self.offences |= set(said[:2])

    async def _say(self, http: httpx.AsyncClient, order_id: OrderId, text: str) -> MessageId:
        await asyncio.sleep(PAUSE_S)
        body = {"id": str(uuid4()), "text": text}
        answer = await http.post(f"/v1/orders/{order_id}/messages", json=body)
        answer.raise_for_status()
        return MessageId(answer.json()["event"]["id"])


class Moderation(Process):
    """The consumer as a process."""

    async def figures(self) -> dict[str, float]:
        """What it tells at `/metrics`."""
        async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
            page = (await http.get(f"{self.url}/metrics")).text
        found = re.findall(r"^order_chat_moderation_(\w+)(?:\{.*\})? (\S+)$", page, re.M)
        return {name: float(value) for name, value in found}

    async def held(self, partitions: int) -> None:
        """Wait until it has all partitions: the group takes a killed one for alive for a while."""
        async with asyncio.timeout(PATIENCE_S):
            while (await self.figures())["held_partitions"] < partitions:  # noqa: ASYNC110 (asked)
                await asyncio.sleep(0.1)

    async def repeats(self, verdicts: int) -> None:
        """Wait until it has come to so many verdicts that were given before."""
        async with asyncio.timeout(PATIENCE_S):
            while (await self.figures())["repeated_total"] < verdicts:  # noqa: ASYNC110 (asked)
                await asyncio.sleep(0.1)


@pytest.fixture
async def engines() -> AsyncIterator[Environment]:
    async with connected() as environment:
        yield environment


async def everything(fleet: Fleet) -> list[Record]:
    async with fleet.log() as log:
        read = [await read_all(log, number) for number in range(log.partitions)]
    return [record for partition in read for record in partition]


async def all_given(fleet: Fleet, offences: set[MessageId]) -> list[Given]:
    """Wait until each of these has a verdict; all verdicts that stand then."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            verdicts = standing(await everything(fleet))
            if offences <= {one.target for one in verdicts}:
                return verdicts
            await asyncio.sleep(0.5)


async def test_a_killed_consumer_misses_nothing(engines: Environment, tmp_path: Path) -> None:
    """Six times at a random moment. Rewound with another group it writes nothing at all."""
    dice = random.Random(8)
    policy = tmp_path / "policy.json"
    masked = msgspec.structs.replace(DEFAULT, contact=dict.fromkeys(Status, "masked"))
    policy.write_bytes(msgspec.json.encode(masked))
    settings = {
        **engines,
        "ORDER_CHAT_POLICY_FILE": str(policy),
        "ORDER_CHAT_RULES_FILE": str(RULES),
    }
    secret = secret_from("moderation")
    fleet = Fleet(tmp_path, secret, settings, gateways=1)
    ours = {
        **settings,
        "ORDER_CHAT_JWT_SECRET": secret,
        "ORDER_CHAT_GATEWAY_URL": fleet.gateways[0].url,
    }
    consumer = Moderation("moderation", "chat_gateway.moderation", tmp_path, ours)
    again = Moderation(
        "again",
        "chat_gateway.moderation",
        tmp_path,
        {**ours, "ORDER_CHAT_MODERATION_GROUP": "another"},
        ["--rewind"],
    )
    try:
        await fleet.start()
        async with ground_at(fleet.orders_url, secret.encode()) as ground:
            for order_id in ORDERS:
                await ground.put(order_id, {ANNA: "creator", BEN: "advertiser"})
            talk = Talk(ground, fleet.gateways[0].url, dice)
            talking = [asyncio.create_task(talk.go_on(order_id)) for order_id in ORDERS]
            for _ in range(KILLS):
                await consumer.start()
                await consumer.held(4)
                await asyncio.sleep(dice.uniform(0, WORK_S))
                await consumer.kill()
            talk.over = True
            await asyncio.gather(*talking)
        await consumer.start()
        await consumer.held(4)
        verdicts = await all_given(fleet, talk.offences)
        before = await everything(fleet)

        await again.start()
        await again.repeats(len(verdicts))
        after = await everything(fleet)
    finally:
        await consumer.kill()
        await again.kill()
        await fleet.kill()

    assert len(talk.offences) > 100
    assert {one.target for one in verdicts} == talk.offences
    assert {one.action for one in verdicts} == {"redact"}
    assert Counter(one.target for one in verdicts).most_common(1)[0][1] == 1
    assert len(after) == len(before)
