"""The compose files as tests read them: parsed, put together, and with a user's own values in."""

import re
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[2]
SMALL: Final = ("docker-compose.yml",)
SAFE: Final = ("docker-compose.yml", "deploy/compose.safe.yml")
OWN: Final = {
    "ORDER_CHAT_JWT_SECRET": "0123456789abcdef" * 4,
    "ORDER_CHAT_BLOBS_SECRET": "fedcba9876543210" * 4,
}
"""What a user has put into `.env`."""

Service = dict[str, Any]
"""One service, as its file has it."""

_REFERENCE: Final = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def load(*names: str) -> dict[str, Any]:
    """What compose makes of these files together. What a service `extends` is put below it."""
    whole: dict[str, Any] = {}
    for name in names:
        whole = _merged(whole, yaml.safe_load((ROOT / name).read_text()))
    services = whole["services"]
    for name, service in services.items():
        if "extends" in service:
            base = yaml.safe_load((ROOT / service["extends"]["file"]).read_text())["services"]
            services[name] = _merged(base[service["extends"]["service"]], service)
    return whole


def services(*names: str) -> dict[str, Service]:
    """The services of these files."""
    found: dict[str, Service] = load(*names)["services"]
    return found


def environment(service: Service) -> dict[str, str]:
    """What a service is started with."""
    return {name: filled(value) for name, value in service.get("environment", {}).items()}


def filled(text: str) -> str:
    """A text with the user's own values, and defaults where there are none."""

    def value(reference: re.Match[str]) -> str:
        name, kind, rest = reference.groups()
        assert name in OWN or kind == "-", f"{name} has no value: {rest}"
        return OWN.get(name, rest)

    return _REFERENCE.sub(value, text)


def seconds(text: str) -> int:
    """A duration as these files write it."""
    assert text.endswith("s")
    return int(text.removesuffix("s"))


def address(service: Service, network: str = "services") -> str:
    """The fixed address of a service in a network it shares with the proxy."""
    fixed: str = service["networks"][network]["ipv4_address"]
    return fixed


def networks(service: Service) -> set[str]:
    """The networks that a service is in."""
    return set(service.get("networks", []))


def internal(*files: str) -> set[str]:
    """The networks that lead nowhere."""
    return {name for name, net in load(*files)["networks"].items() if (net or {}).get("internal")}


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Maps are put together, all else is replaced: so it is for what these files replace."""
    merged = {**below}
    for key, value in above.items():
        both_maps = isinstance(value, dict) and isinstance(below.get(key), dict)
        merged[key] = _merged(below[key], value) if both_maps else value
    return merged
