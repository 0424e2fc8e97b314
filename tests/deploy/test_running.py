"""Another process learns the settings of the stack that runs, and of none that has died."""

import subprocess
import sys
from pathlib import Path

from deploy.running import announced, newest

SETTINGS = {"ORDER_CHAT_SIGNALS_URL": "redis://127.0.0.1:20001/0"}
DIES = """
import os, sys
from pathlib import Path
from deploy.running import announced
with announced(Path(sys.argv[1]), {"ORDER_CHAT_DEV": "on"}):
    os._exit(1)
"""


def test_a_running_stack_is_found(tmp_path: Path) -> None:
    """Its settings are those it has said."""
    with announced(tmp_path, SETTINGS):
        found = newest(tmp_path)

    assert found == SETTINGS


def test_a_stack_that_ended_is_not_found(tmp_path: Path) -> None:
    """It takes its settings with it."""
    with announced(tmp_path, SETTINGS):
        pass

    assert newest(tmp_path) is None


def test_a_stack_that_was_killed_is_not_found(tmp_path: Path) -> None:
    """What it left is not believed, and removed."""
    subprocess.run([sys.executable, "-c", DIES, str(tmp_path)], check=False, timeout=20)
    left = list((tmp_path / "running").iterdir())

    found = newest(tmp_path)

    assert (len(left), found, list((tmp_path / "running").iterdir())) == (1, None, [])


def test_passwords_are_for_the_owner_alone(tmp_path: Path) -> None:
    """No other user of the machine may read the settings."""
    with announced(tmp_path, SETTINGS):
        (file,) = (tmp_path / "running").iterdir()
        mode = file.stat().st_mode & 0o777

    assert mode == 0o600
