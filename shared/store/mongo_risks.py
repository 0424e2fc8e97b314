"""Settings of MongoDB, or of the address it is reached by, that could lose what it acknowledged."""

from collections.abc import Mapping
from typing import Any, Final

from shared.mongo import Client, Mongo, Refused
from shared.risk import Risk

MEMBERS_MIN: Final = 3


async def risks_of(mongo: Mongo) -> list[Risk]:
    """Ask client and servers. Raises the port's exception if they do not answer."""
    client = mongo.client
    hello = await mongo.run(lambda: client.admin.command("hello"))
    default: Mapping[str, Any] | None
    try:
        default = await mongo.run(lambda: client.admin.command("getDefaultRWConcern"))
    except Refused:  # older servers do not know it, some users may not ask
        default = None
    return [*client_risks(client), *set_risks(hello), *default_risks(default)]


def client_risks(client: Client) -> list[Risk]:
    """What the address says otherwise than it must."""
    writing = client.write_concern.document
    settings = (
        ("w", writing.get("w"), "majority", "a failover takes back what fewer have"),
        ("journal", writing.get("j"), True, "a power failure takes back what no journal has"),
        (
            "readConcernLevel",
            client.read_concern.level,
            "majority",
            "what is read may be taken back by a failover",
        ),
        (
            "readPreference",
            client.read_preference.mongos_mode,
            "primary",
            "other members lag behind, and answers would have holes",
        ),
    )
    return [
        Risk(f"MongoDB: {name} is {value}, must be {wanted}: {why}")
        for name, value, wanted, why in settings
        if value != wanted
    ]


def set_risks(hello: Mapping[str, Any]) -> list[Risk]:
    """What the servers' answer to `hello` says of how many there are."""
    if hello.get("msg") == "isdbgrid":
        return [
            Risk(
                "MongoDB: behind mongos the members of its shards cannot be asked for; each must "
                f"be a set of at least {MEMBERS_MIN} that hold data",
                loses=False,
            )
        ]
    if "setName" not in hello:
        return [
            Risk(
                "MongoDB: the server is in no replica set, must be in one of at least "
                f"{MEMBERS_MIN}: what is acknowledged is on one disk alone"
            )
        ]
    risks = []
    members = len(hello.get("hosts", ())) + len(hello.get("passives", ()))
    if members < MEMBERS_MIN:
        alone = members == 1
        why = (
            "what is acknowledged is on one disk alone"
            if alone
            else "without one of them nothing is acknowledged"
        )
        risks.append(
            Risk(
                f"MongoDB: members of the replica set that hold data are {members}, must be at "
                f"least {MEMBERS_MIN}: {why}",
                loses=alone,
            )
        )
    arbiters = len(hello.get("arbiters", ()))
    if arbiters:
        risks.append(
            Risk(
                f"MongoDB: arbiters of the replica set are {arbiters}, must be 0: they vote for a "
                "majority that holds no data",
                loses=False,
            )
        )
    return risks


def default_risks(default: Mapping[str, Any] | None) -> list[Risk]:
    """What clients other than ours write with, who say nothing about it: warnings alone."""
    if default is None:
        return [
            Risk(
                "MongoDB: getDefaultRWConcern was not answered; the default write concern must be "
                "majority, for what operators write",
                loses=False,
            )
        ]
    w = default.get("defaultWriteConcern", {}).get("w")
    if w == "majority":
        return []
    return [
        Risk(
            f"MongoDB: the default write concern is {w}, must be majority: a failover takes back "
            "what operators write",
            loses=False,
        )
    ]
