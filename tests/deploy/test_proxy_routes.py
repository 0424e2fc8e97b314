"""What the proxy's files say, read without running it: who gets which path, and where they are."""

import re
from typing import Final

import pytest

from attachment_service.model import PART_BYTES
from order_service.bodies import QUESTIONS_BYTES_MAX
from shared.blobs.minio_address import read_address
from shared.contracts.errors import CATALOGUE, ErrorCode
from tests.deploy.compose_files import SMALL, address, environment, services
from tests.deploy.documented import promises
from tests.deploy.proxy_routes import PROXY, locations, service_of, upstreams

S3_PORT: Final = 9000
FIELDS_BYTES: Final = 1 << 16
"""More than the fields of a form ever take."""


def test_every_documented_operation_is_sent_to_its_service() -> None:
    """A route that is added to a service is added to the proxy too."""
    lost = [promise for promise in promises() if service_of(promise.path) != promise.upstream]

    assert lost == []


@pytest.mark.parametrize(
    "path",
    ["/widget/order-chat.js", "/widget/0123456789abcdef/view/panel.js", "/widget/0/words/de.json"],
)
def test_the_widget_comes_from_the_gateways(path: str) -> None:
    """No document names its files one by one."""
    assert service_of(path) == "gateways"


def test_what_is_not_documented_is_refused() -> None:
    """Above all the figures, which services show to whoever asks."""
    inside = ["/metrics", "/openapi.json", "/demo", "/", "/v1/chat/x", "/v1/orders/o1/parties"]
    inside += [
        "/v1/attachments/",
        "/v1/attachments/a1/raw",
        "/v1/orders/o1/attachments",
        "/blobs/x",
    ]

    assert {service_of(path) for path in inside} == {None}


def test_every_server_is_a_service_of_the_compose_file() -> None:
    """The proxy's names, addresses and ports are those that compose gives."""
    running = services(*SMALL)
    named = {server for servers in upstreams().values() for server in servers}
    networks = {
        "gateway-1": "services",
        "gateway-2": "services",
        "order-service": "services",
        "attachment-service": "files",
        "silo": "files",
    }
    listening = {
        f"{name}:{environment(running[name]).get('ORDER_CHAT_PORT', S3_PORT)}" for name in networks
    }

    assert named == listening
    assert running["proxy"]["extra_hosts"] == {
        name: address(running[name], network) for name, network in networks.items()
    }


def test_files_go_to_the_buckets_of_the_attachment_service() -> None:
    """The proxy lets through what its store is called, and an address browsers can use."""
    given = environment(services(*SMALL)["attachment-service"])
    blobs = read_address(given["ORDER_CHAT_BLOBS_URL"], given["ORDER_CHAT_BLOBS_PUBLIC_URL"])
    *buckets, rest = locations("files.conf")

    assert [bucket.path.strip("^/.") for bucket in buckets] == [
        f"{blobs.prefix}-quarantine",
        f"{blobs.prefix}-clean",
    ]
    assert {bucket.service for bucket in buckets} == {"object_store"}
    assert (rest.path, rest.service) == ("/", None)
    assert f"silo:{S3_PORT}" == blobs.server.host
    assert f"127.0.0.1:{S3_PORT}" == blobs.public.host


def test_a_part_of_a_file_fits_through() -> None:
    """A form brings a whole part, and its fields with it."""
    told = re.findall(r"client_max_body_size (\d+)m;", (PROXY / "files.conf").read_text())

    assert int(told[0]) << 20 >= PART_BYTES + FIELDS_BYTES


def test_all_questions_that_may_be_asked_at_once_fit_through() -> None:
    """They are longer than what else the services take."""
    told = re.findall(
        r"/v1/access \{ client_max_body_size (\d+)k;", (PROXY / "routes.conf").read_text()
    )

    assert int(told[0]) << 10 >= QUESTIONS_BYTES_MAX


def test_the_proxy_speaks_of_errors_as_the_services_do() -> None:
    """A client reads one form of error, whoever wrote it."""
    told = re.findall(r"return (\d+) '(\{.*\})';", (PROXY / "errors.conf").read_text())

    assert sorted(told) == sorted(
        (str(info.http), f'{{"error":{{"code":"{code}","message":"{info.message}"}}}}')
        for code, info in CATALOGUE.items()
        if code in (ErrorCode.NOT_FOUND, ErrorCode.TOO_LARGE, ErrorCode.UNAVAILABLE)
    )
