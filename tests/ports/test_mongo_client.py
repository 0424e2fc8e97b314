"""How the MongoDB client is set, and what of its settings and servers is a risk."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.mongo import Mongo
from shared.store import open_store
from shared.store.mongo_risks import client_risks, default_risks, set_risks
from shared.store.port import StoreUnavailable
from tests.ports import store_engines

NOBODY = "mongodb://127.0.0.1:1/order_chat"
SAFE = {"setName": "rs0", "hosts": ["a:1", "b:1", "c:1"]}


class Unavailable(Exception):
    """What the port under test would raise."""


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Mongo]:
    mongo = await Mongo.open(url, Unavailable)
    try:
        yield mongo
    finally:
        await mongo.close()


class TestAddress:
    async def test_nothing_said_is_safe(self) -> None:
        """The client asks for a majority, its journals, and its primary."""
        async with opened(NOBODY) as mongo:
            assert client_risks(mongo.client) == []

    @pytest.mark.parametrize(
        ("said", "named"),
        [
            ("w=1", "w is 1, must be majority"),
            ("journal=false", "journal is False, must be True"),
            ("Journal=false&W=majority", "journal is False, must be True"),
            ("readConcernLevel=local", "readConcernLevel is local, must be majority"),
            ("readPreference=secondaryPreferred", "must be primary"),
        ],
    )
    async def test_what_an_address_says_is_not_overruled_but_told(
        self, said: str, named: str
    ) -> None:
        """An operator hears which setting would lose something, instead of finding it ignored."""
        async with opened(f"{NOBODY}?{said}") as mongo:
            risks = client_risks(mongo.client)

        assert [risk.loses for risk in risks] == [True]
        assert named in risks[0].text

    @pytest.mark.parametrize(
        "url",
        [
            "mongodb://anna:pa@ss@host/order_chat",
            "mongodb://anna:pass@host:port/order_chat",
            "mongodb://anna:pass@host",
        ],
    )
    async def test_what_is_no_address_is_refused_without_being_quoted(self, url: str) -> None:
        """It may hold a password."""
        with pytest.raises(ValueError, match="a MongoDB address looks like") as caught:
            await Mongo.open(url, Unavailable)

        assert "pa" not in str(caught.value).replace("password", "").replace("parts", "")
        assert caught.value.__suppress_context__

    async def test_a_store_where_nobody_answers_is_unavailable_at_once(self) -> None:
        """Its upkeep may take minutes; to find out that nobody is there may not."""
        async with asyncio.timeout(10):
            with pytest.raises(StoreUnavailable):
                await open_store(NOBODY, Path())

    async def test_where_nobody_answers_is_unavailable(self) -> None:
        """The port's own exception says it."""
        async with opened(f"{NOBODY}?timeoutMS=200") as mongo:
            with pytest.raises(Unavailable, match="cannot be reached"):
                await mongo.ping()


class TestServers:
    def test_three_that_hold_data_are_safe(self) -> None:
        """Whoever dies, a majority is left that has all."""
        assert set_risks(SAFE) == []

    @pytest.mark.parametrize(
        ("hello", "named", "loses"),
        [
            ({}, "is in no replica set", True),
            (SAFE | {"hosts": ["a:1"]}, "hold data are 1, must be at least 3", True),
            (SAFE | {"hosts": ["a:1", "b:1"]}, "hold data are 2, must be at least 3", False),
            (SAFE | {"arbiters": ["d:1"]}, "arbiters of the replica set are 1, must be 0", False),
            ({"msg": "isdbgrid"}, "behind mongos", False),
        ],
    )
    def test_a_shape_that_is_unsafe_is_told(
        self, hello: Mapping[str, Any], named: str, loses: bool
    ) -> None:
        """What could be lost stops the start; what could only stand still is a warning."""
        (risk,) = set_risks(hello)

        assert named in risk.text
        assert risk.loses is loses

    @pytest.mark.parametrize(
        ("default", "told"),
        [
            ({"defaultWriteConcern": {"w": "majority"}}, []),
            ({"defaultWriteConcern": {"w": 1}}, ["is 1, must be majority"]),
            ({}, ["is None, must be majority"]),
            (None, ["was not answered"]),
        ],
    )
    def test_what_others_write_with_is_a_warning(
        self, default: Mapping[str, Any] | None, told: list[str]
    ) -> None:
        """Ours say what they want with every write."""
        risks = default_risks(default)

        assert len(risks) == len(told)
        assert all(each in risk.text for each, risk in zip(told, risks, strict=True))
        assert not any(risk.loses for risk in risks)

    @pytest.mark.connected
    async def test_a_store_tells_all_of_it(self, tmp_path: Path) -> None:
        """Of the address, the servers and their defaults, one line each."""
        with store_engines.Mongo(tmp_path) as engine:
            engine.url += "?w=1"
            store = await engine.open()
            risks = await store.risks()
            await store.close()

        assert "w is 1" in risks[0].text
        assert all(risk.text.startswith("MongoDB: ") for risk in risks)
        assert not any("\n" in risk.text for risk in risks)
