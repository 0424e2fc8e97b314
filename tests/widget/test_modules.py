"""The browser's modules, tested by node's own runner."""

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="node is not installed: the browser's modules go untested")
def test_the_modules_pass_their_own_tests() -> None:
    """`node --test` finds nothing wrong."""
    assert NODE is not None

    run = subprocess.run(
        [NODE, "--test", *map(str, sorted(HERE.glob("*.test.mjs")))],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
