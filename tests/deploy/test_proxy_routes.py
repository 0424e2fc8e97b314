"""What the proxy's files say, read without running it: who gets which path, and where they are."""

import re

from shared.contracts.errors import CATALOGUE, ErrorCode
from tests.deploy.compose_files import SMALL, address, environment, services
from tests.deploy.documented import promises
from tests.deploy.proxy_routes import PROXY, service_of, upstreams


def test_every_documented_operation_is_sent_to_its_service() -> None:
    """A route that is added to a service is added to the proxy too."""
    lost = [promise for promise in promises() if service_of(promise.path) != promise.upstream]

    assert lost == []


def test_what_is_not_documented_is_refused() -> None:
    """Above all the figures, which services show to whoever asks."""
    inside = ["/metrics", "/openapi.json", "/demo", "/", "/v1/chat/x", "/v1/orders/o1/parties"]

    assert {service_of(path) for path in inside} == {None}


def test_every_server_is_a_service_of_the_compose_file() -> None:
    """The proxy's names, addresses and ports are those that compose gives."""
    running = services(*SMALL)
    named = {server for servers in upstreams().values() for server in servers}
    listening = {
        f"{name}:{environment(running[name])['ORDER_CHAT_PORT']}"
        for name in ("gateway-1", "gateway-2", "order-service")
    }

    assert named == listening
    assert running["proxy"]["extra_hosts"] == {
        server.partition(":")[0]: address(running[server.partition(":")[0]]) for server in named
    }


def test_the_proxy_speaks_of_errors_as_the_services_do() -> None:
    """A client reads one form of error, whoever wrote it."""
    told = re.findall(r"return (\d+) '(\{.*\})';", (PROXY / "routes.conf").read_text())

    assert sorted(told) == sorted(
        (str(info.http), f'{{"error":{{"code":"{code}","message":"{info.message}"}}}}')
        for code, info in CATALOGUE.items()
        if code in (ErrorCode.NOT_FOUND, ErrorCode.TOO_LARGE, ErrorCode.UNAVAILABLE)
    )
