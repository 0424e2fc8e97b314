"""The proxy's routes as tests read them: which service a path is sent to."""

import re
from pathlib import Path
from typing import Final, NamedTuple

PROXY: Final = Path(__file__).parents[2] / "deploy" / "proxy"

_LOCATION: Final = re.compile(
    r"^location\s+(=|~)?\s*(/\S*|\^\S+)\s*\{([^\n]*\}|.*?^\})", re.MULTILINE | re.DOTALL
)
_TARGET: Final = re.compile(r"proxy_pass http://(\w+)(/\S*)?;")


class Location(NamedTuple):
    """One rule: what it applies to, and where it sends."""

    kind: str
    """`=`: this path; `~`: this pattern; empty: what begins with it."""
    path: str
    service: str | None
    """The upstream it sends to; none if it refuses."""


def locations(file: str = "routes.conf") -> list[Location]:
    """The rules of a file, in their order."""
    text = re.sub(r"#.*", "", (PROXY / file).read_text())
    found = []
    for kind, path, body in _LOCATION.findall(text):
        target = _TARGET.search(body)
        found.append(Location(kind, path, target[1] if target else None))
    return found


def service_of(path: str) -> str | None:
    """The upstream that nginx would send a path to: an exact rule wins, then the first pattern."""
    rules = locations()
    exact = [rule for rule in rules if rule.kind == "=" and rule.path == path]
    patterns = [rule for rule in rules if rule.kind == "~" and re.search(rule.path, path)]
    rest = [rule for rule in rules if rule.kind == "" and path.startswith(rule.path)]
    return [*exact, *patterns, *rest][0].service


def upstreams() -> dict[str, list[str]]:
    """The servers of each upstream, as `host:port`."""
    text = re.sub(r"#.*", "", (PROXY / "upstreams.conf").read_text())
    return {
        name: re.findall(r"server (\S+?)[ ;]", body)
        for name, body in re.findall(r"upstream (\w+) \{(.*?)\}", text, re.DOTALL)
    }
