"""`python -m deploy.topics`: make the topics the log needs, once, and check those that are there.

They are made in the cluster that ORDER_CHAT_LOG_URL names, with three copies of which two must
acknowledge. With ORDER_CHAT_DEV=on there are as many copies as the address names brokers.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import msgspec

from shared.log.kafka import Address, parse_address
from shared.log.kafka_topics import MIN_INSYNC, REPLICATION, find_risks, make_topics


class Wish(msgspec.Struct, frozen=True):
    """The topics as they are to be."""

    address: Address
    replication: int
    min_insync: int


def wish(
    url: str, *, dev: bool = False, replication: int | None = None, min_insync: int | None = None
) -> Wish:
    """What `ORDER_CHAT_LOG_URL` and the command line ask for; `ValueError` on what is no log."""
    if urlsplit(url).scheme != "kafka":
        raise ValueError("ORDER_CHAT_LOG_URL names no Kafka: kafka://host:9092[,host:9092]")
    address = parse_address(url)
    copies = replication or (min(len(address.servers), REPLICATION) if dev else REPLICATION)
    return Wish(
        address=address,
        replication=copies,
        min_insync=min_insync or min(MIN_INSYNC, max(1, copies - 1)),
    )


async def make(wished: Wish) -> Sequence[str]:
    """Make the topics that are missing; their names.

    Raises `ValueError` when one is there with another number of partitions, `OSError` when the
    cluster does not do it.
    """
    return await make_topics(
        wished.address.servers,
        partitions=wished.address.partitions,
        replication=wished.replication,
        min_insync=wished.min_insync,
        timeline=wished.address.timeline,
        deadletter=wished.address.deadletter,
    )


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Make and check them, one line each. Exits with a line on what is wrong."""
    given = _parser().parse_args(arguments)
    dev = environment.get("ORDER_CHAT_DEV") == "on"
    try:
        wished = wish(
            environment.get("ORDER_CHAT_LOG_URL", ""),
            dev=dev,
            replication=given.replication,
            min_insync=given.min_insync,
        )
        made = asyncio.run(make(wished))
        address = wished.address
        risks = asyncio.run(
            find_risks(address.servers, timeline=address.timeline, deadletter=address.deadletter)
        )
    except (OSError, ValueError) as error:
        sys.exit(f"deploy.topics: {error}")
    for name in (address.timeline, address.deadletter):
        print(f"{name}: {'made' if name in made else 'is there'}")
    for risk in risks:
        print(f"unsafe: {risk.text}", file=sys.stderr)
    if not dev and any(risk.loses for risk in risks):
        sys.exit("deploy.topics: as they are, something acknowledged could be lost")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.topics", description=__doc__)
    parser.add_argument("--replication", type=int, metavar="N", help="copies of each partition")
    parser.add_argument("--min-insync", type=int, metavar="N", help="copies that acknowledge")
    return parser


if __name__ == "__main__":
    main(sys.argv[1:], os.environ)
