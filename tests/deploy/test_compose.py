"""The compose files: what they start is pinned, guarded, watched, and takes its settings."""

import re
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

import attachment_service.__main__
import attachment_service.settings
import chat_gateway.__main__
import chat_gateway.moderation.settings
import chat_gateway.settings
import order_service.__main__
import order_service.settings
from tests.deploy.compose_files import (
    SAFE,
    SMALL,
    Service,
    address,
    environment,
    internal,
    networks,
    seconds,
    services,
)

BOTH: Final = pytest.mark.parametrize("files", [SMALL, SAFE], ids=["small", "safe"])
EXACT: Final = re.compile(r":(\d+\.\d+\.\d+(-alpine)?|RELEASE\.\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ)$")
ONCE: Final = {"topics", "mongo-set", "silo-volume"}
"""They end, and others wait for that."""
ROOT_BY_NEED: Final = {"silo-volume"}
"""It gives a volume away, and ends."""
PROGRAMS: Final[dict[str, ModuleType]] = {
    "chat_gateway": chat_gateway.settings,
    "chat_gateway.archiver": chat_gateway.settings,
    "chat_gateway.moderation": chat_gateway.moderation.settings,
    "deploy.topics": chat_gateway.settings,
    "order_service": order_service.settings,
    "attachment_service": attachment_service.settings,
}
"""Our programs, each with the module of its settings."""
STARTS: Final[dict[str, ModuleType]] = {
    "chat_gateway": chat_gateway.__main__,
    "order_service": order_service.__main__,
    "attachment_service": attachment_service.__main__,
}
"""Those that refuse to be started beside what serves one process."""
UNDER_WAY_S: Final = 15
"""What `docs/operations.md` allows on top of the drain."""


def ours(*files: str) -> dict[str, tuple[str, Service]]:
    """The services that run a program of ours, each with that program."""
    found = {}
    for name, service in services(*files).items():
        program = next(iter(service.get("command", [])), "")
        if program in PROGRAMS:
            found[name] = (program, service)
    return found


@BOTH
def test_every_image_is_pinned(files: tuple[str, ...]) -> None:
    """The same files start the same versions next year."""
    images = {service["image"] for service in services(*files).values()}

    assert {image for image in images if not EXACT.search(image)} == set()


@BOTH
def test_no_secret_stands_in_the_files(files: tuple[str, ...]) -> None:
    """Secrets come from the user's own variables, where they stand in an address too."""
    settings = [
        setting
        for service in services(*files).values()
        for setting in service.get("environment", {}).items()
    ]

    literal = {
        name
        for name, value in settings
        if (re.search("SECRET|PASSWORD|TOKEN", name) and not value.startswith("${"))
        or re.search(r"://[^/]*[^:/]@", re.sub(r"\$\{.*?\}", "", value))
    }

    assert literal == set()


@BOTH
def test_what_runs_is_watched_and_what_ends_is_not(files: tuple[str, ...]) -> None:
    """Every server says whether it is well; what runs once is tried again a few times."""
    for name, service in services(*files).items():
        check, restart = service["healthcheck"], service["restart"]
        if name in ONCE:
            assert (check, restart) == ({"disable": True}, "on-failure:5"), name
        else:
            assert check["test"][0] == "CMD", name
            assert restart == "unless-stopped", name


@BOTH
def test_nobody_is_started_before_what_it_needs(files: tuple[str, ...]) -> None:
    """A service waits until servers are well and until what runs once has done its work."""
    waits = [
        (other, how["condition"])
        for service in services(*files).values()
        for other, how in service.get("depends_on", {}).items()
    ]

    for other, condition in waits:
        ends = other in ONCE
        assert condition == ("service_completed_successfully" if ends else "service_healthy"), other


@BOTH
def test_nothing_has_more_rights_than_it_needs(files: tuple[str, ...]) -> None:
    """No root, no capability, no way to more; what is written goes to volumes and to memory."""
    running = services(*files)

    assert {n for n, one in running.items() if one["user"].startswith("0")} == ROOT_BY_NEED
    assert {n for n, one in running.items() if one.get("cap_add")} == ROOT_BY_NEED
    assert all(one["cap_drop"] == ["ALL"] for one in running.values())
    assert all(one["security_opt"] == ["no-new-privileges:true"] for one in running.values())
    writable = {n for n, one in running.items() if not one.get("read_only")}
    assert all(name.startswith("kafka-") for name in writable)  # it writes its own configuration


@BOTH
def test_memory_is_bounded(files: tuple[str, ...]) -> None:
    """No service can take the whole machine."""
    assert {n for n, one in services(*files).items() if "mem_limit" not in one} == set()


@BOTH
def test_the_proxy_is_the_only_door(files: tuple[str, ...]) -> None:
    """Two ports, on this machine alone; the engines are in networks that lead nowhere."""
    running = services(*files)

    assert {name for name, service in running.items() if "ports" in service} == {"proxy"}
    assert all(port.startswith("127.0.0.1:") for port in running["proxy"]["ports"])
    engines = {n for n in running if n.partition("-")[0] in ("kafka", "mongo", "valkey", "silo")}
    assert set().union(*(networks(running[name]) for name in engines)) <= internal(*files)


@BOTH
def test_programs_take_their_settings(files: tuple[str, ...]) -> None:
    """Each variable is one its program reads, and the program starts with their values."""
    for name, (program, service) in ours(*files).items():
        module, given = PROGRAMS[program], environment(service)
        assert module.__file__ is not None
        known = set(re.findall(r"ORDER_CHAT_[A-Z_]+", Path(module.__file__).read_text()))

        assert given.keys() - known == set(), name
        settings = module.Settings.read(given, Path("data"))
        if program in STARTS:
            STARTS[program].refuse_embedded(settings)


@BOTH
def test_services_believe_the_proxy_alone(files: tuple[str, ...]) -> None:
    """Only the proxy may say which address a user comes from."""
    running = services(*files)
    seen = {"gateway-1": "services", "gateway-2": "services", "attachment-service": "files"}

    for name, network in seen.items():
        believed = environment(running[name])["ORDER_CHAT_TRUSTED_PROXIES"]
        assert believed == address(running["proxy"], network)


@BOTH
def test_a_gateway_is_left_the_time_to_say_goodbye(files: tuple[str, ...]) -> None:
    """It is killed only after its clients were sent away and what was under way is settled."""
    running = services(*files)

    for name in ("gateway-1", "gateway-2"):
        drain_s = int(environment(running[name])["ORDER_CHAT_DRAIN_S"])
        assert seconds(running[name]["stop_grace_period"]) >= drain_s + UNDER_WAY_S


def test_the_small_system_admits_that_it_is_not_safe() -> None:
    """With one broker and one database, the start is allowed in so many words."""
    assert {environment(one)["ORDER_CHAT_DEV"] for _, one in ours(*SMALL).values()} == {"on"}


def test_the_safe_system_needs_no_allowance() -> None:
    """Three brokers and three members, known to everybody; one of each may be lost."""
    running = services(*SAFE)
    brokers = [name for name in running if name.startswith("kafka-")]
    members = [name for name in running if re.fullmatch(r"mongo-\d", name)]

    assert (len(brokers), len(members)) == (3, 3)
    for _, service in ours(*SAFE).values():
        given = environment(service)
        assert given["ORDER_CHAT_DEV"] == ""
        if "ORDER_CHAT_LOG_URL" in given:
            assert hosts(given["ORDER_CHAT_LOG_URL"]) == [f"{name}:9092" for name in brokers]
        if "ORDER_CHAT_STORE_URL" in given:
            assert hosts(given["ORDER_CHAT_STORE_URL"]) == [f"{name}:27017" for name in members]
    assert environment(running["mongo-set"])["MEMBERS"].split(",") == [
        f"{m}:27017" for m in members
    ]
    for number, name in enumerate(brokers, 1):
        given = environment(running[name])
        voters = ",".join(f"{n}@{broker}:9093" for n, broker in enumerate(brokers, 1))
        assert given["KAFKA_NODE_ID"] == str(number)
        assert given["KAFKA_ADVERTISED_LISTENERS"] == f"PLAINTEXT://{name}:9092"
        assert given["KAFKA_CONTROLLER_QUORUM_VOTERS"] == voters
        assert (given["KAFKA_DEFAULT_REPLICATION_FACTOR"], given["KAFKA_MIN_INSYNC_REPLICAS"]) == (
            "3",
            "2",
        )


def test_servers_of_a_kind_share_no_volume() -> None:
    """Two brokers on one volume would destroy each other's data."""
    volumes: list[Any] = [
        volume
        for name, service in services(*SAFE).items()
        if re.fullmatch(r"(kafka|mongo)-\d", name)
        for volume in service["volumes"]
    ]

    assert len(volumes) == len(set(volumes)) == 6


def hosts(url: str) -> list[str]:
    return urlsplit(url).netloc.split(",")
