"""The compose files, where files come in: who looks at them, and what that could reach."""

import inspect
import re
from typing import Final
from urllib.parse import urlsplit

import pytest

from attachment_service.inspection import Inspection
from attachment_service.sandbox import MEMORY_BYTES
from tests.deploy.compose_files import (
    ROOT,
    SAFE,
    SMALL,
    environment,
    internal,
    networks,
    services,
)

BOTH: Final = pytest.mark.parametrize("files", [SMALL, SAFE], ids=["small", "safe"])
OUTSIDE_BY_NEED: Final = {"proxy", "order-service"}
"""Of those in the network of files, who reaches the outside: browsers, and a signer's keys."""


@BOTH
def test_inspections_have_the_memory_they_may_take(files: tuple[str, ...]) -> None:
    """One that takes all it may is ended by its own bound, and not the service with it."""
    at_once = inspect.signature(Inspection).parameters["at_once"].default

    given = megabytes(services(*files)["attachment-service"]["mem_limit"].upper()) << 20

    assert given > at_once * MEMORY_BYTES


@BOTH
def test_words_go_before_files(files: tuple[str, ...]) -> None:
    """Where processors are short, those who work on files have the smallest share of them."""
    shares = {name: one.get("cpu_shares", 1024) for name, one in services(*files).items()}

    back = {name for name, share in shares.items() if share < 1024}

    assert back == {"attachment-service", "silo", "clamd"}


@BOTH
def test_who_looks_into_files_reaches_nothing_outside(files: tuple[str, ...]) -> None:
    """A file that takes over its inspection, or a scanner, gets no further; nor into the log."""
    running = services(*files)

    assert networks(running["attachment-service"]) == networks(running["clamd"]) == {"files"}
    assert "files" in internal(*files)
    beside = {name for name, service in running.items() if "files" in networks(service)}
    assert {n for n in beside if networks(running[n]) - internal(*files)} == OUTSIDE_BY_NEED
    assert {name for name in beside if re.match("kafka|valkey|gateway|archiver", name)} == set()


@BOTH
def test_who_fetches_signatures_sees_no_file(files: tuple[str, ...]) -> None:
    """What reaches the outside shares a volume with the scanner, and no network."""
    running = services(*files)
    updater, scanner = running["freshclam"], running["clamd"]

    assert networks(updater) & networks(scanner) == set()
    assert "clamav:/var/lib/clamav" in updater["volumes"]
    assert "clamav:/var/lib/clamav:ro" in scanner["volumes"]


@BOTH
def test_who_gives_a_file_and_who_takes_it_agree(files: tuple[str, ...]) -> None:
    """Gateways and attachment service know the same secret and the same bound."""
    running = services(*files)
    shared = ("ORDER_CHAT_JWT_SECRET", "ORDER_CHAT_MAX_FILE_BYTES")

    told = {
        tuple(environment(running[name])[variable] for variable in shared)
        for name in ("gateway-1", "gateway-2", "attachment-service")
    }

    assert len(told) == 1


@BOTH
def test_the_attachment_service_has_the_key_of_the_store(files: tuple[str, ...]) -> None:
    """Both read it from the user's one variable."""
    running = services(*files)
    store = environment(running["silo"])

    blobs = urlsplit(environment(running["attachment-service"])["ORDER_CHAT_BLOBS_URL"])

    assert (blobs.username, blobs.password) == (
        store["MINIO_ROOT_USER"],
        store["MINIO_ROOT_PASSWORD"],
    )


def test_the_scanner_takes_every_file_that_is_taken_and_looks_at_it_whole() -> None:
    """By default it would pass what exceeds its bounds as clean."""
    told = dict(
        line.split(maxsplit=1)
        for line in (ROOT / "deploy" / "clamav" / "clamd.conf").read_text().splitlines()
        if line and not line.startswith("#")
    )
    taken = environment(services(*SMALL)["attachment-service"])["ORDER_CHAT_MAX_FILE_BYTES"]

    assert megabytes(told["StreamMaxLength"]) << 20 >= int(taken)
    assert told["MaxFileSize"] == told["MaxScanSize"]
    assert megabytes(told["MaxScanSize"]) >= megabytes(told["StreamMaxLength"])
    assert (told["AlertExceedsMax"], told["AlertEncrypted"]) == ("yes", "yes")
    scanner = services(*SMALL)["clamd"]
    room = re.findall(r"size=(\d+)m", scanner["tmpfs"][0])
    under_way = megabytes(told["StreamMaxLength"]) + megabytes(told["MaxScanSize"])
    assert int(room[0]) >= int(told["MaxThreads"]) * under_way


def megabytes(text: str) -> int:
    assert text.endswith("M")
    return int(text.removesuffix("M"))
