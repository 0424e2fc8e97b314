"""The image: what is in it, and as whom it runs."""

import re
import tomllib
from typing import Final

from tests.deploy.compose_files import ROOT, SMALL, services

DOCKERFILE: Final = (ROOT / "deploy" / "Dockerfile").read_text()
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_package_is_in_the_image() -> None:
    """What is installed elsewhere is installed here; what is not needed does not come near it."""
    include = PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    packages = {name.removesuffix("*") for name in include}
    there = {name for name in packages if (ROOT / name).is_dir()}
    files = {"pyproject.toml", "constraints.txt", "README.md"}

    copied = set(re.findall(r"^COPY (\w+) \./\1$", DOCKERFILE, re.MULTILINE))
    ignored, *let_through = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]

    assert copied == there
    assert ignored == "*"
    assert set(let_through) == {f"!{name}" for name in there | files} | {"**/__pycache__"}


def test_the_image_runs_without_root() -> None:
    """The last word on the user is a number that is not root's, and compose says the same."""
    users = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)

    assert users == [services(*SMALL)["gateway-1"]["user"]]
    assert users[-1].split(":")[0].isdigit()
    assert not users[-1].startswith("0")


def test_both_stages_stand_on_the_same_pinned_python() -> None:
    """What was installed for one Python is run by that one, and by the same one next year."""
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)

    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", bases[0])


def test_the_image_has_the_version_of_the_project() -> None:
    """A new release is a new image, wherever its name stands."""
    name = f"order-chat:{PROJECT['project']['version']}"

    assert set(re.findall(r"order-chat:[\d.]+", DOCKERFILE)) == {name}
    assert {one["image"] for one in services(*SMALL).values() if "build" in one} == {name}
