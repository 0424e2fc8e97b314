"""What the peers run is had once for the same pins, and its absence is told."""

from pathlib import Path

import pytest

from deploy.engines.engine import Place, Unavailable
from tests.bench.peers.install import go_program, node_modules


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "cache", tmp_path / "data", lambda line: None)


@pytest.fixture
def pins(tmp_path: Path) -> Path:
    file = tmp_path / "pins"
    file.write_text("server 1.0\n")
    return file


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An npm that installs what it is asked for; the file it notes its calls in."""
    calls = tmp_path / "calls"
    program = tmp_path / "bin" / "npm"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$*" >> {calls}\n/bin/mkdir node_modules\n'
        "/bin/cp package.json node_modules/installed\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    return calls


async def test_the_same_pins_are_installed_once(place: Place, pins: Path, npm: Path) -> None:
    """The second time it is in the cache."""
    first = await node_modules("peer", pins, place)
    second = await node_modules("peer", pins, place)

    assert first == second
    assert (first / "installed").read_text() == "server 1.0\n"
    assert len(npm.read_text().splitlines()) == 1


async def test_other_pins_are_installed_beside(place: Place, pins: Path, npm: Path) -> None:
    """A new version does not wait for anybody to clear the cache."""
    first = await node_modules("peer", pins, place)
    pins.write_text("server 2.0\n")
    second = await node_modules("peer", pins, place)

    assert (first / "installed").read_text() == "server 1.0\n"
    assert (second / "installed").read_text() == "server 2.0\n"


async def test_a_missing_tool_is_named(
    place: Place, pins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads it knows what to install, and that this peer is left out."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(Unavailable, match=r"`npm` is missing: .* this peer is left out"):
        await node_modules("peer", pins, place)
    with pytest.raises(Unavailable, match=r"`go` is missing: .* this peer is left out"):
        await go_program("peer", pins, place)
