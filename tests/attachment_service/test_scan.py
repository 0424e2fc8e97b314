"""Which scanner the settings name."""

import pytest

from attachment_service.adapters import open_scanner
from attachment_service.adapters.clamd import Clamd
from attachment_service.adapters.scan_command import Command


def test_no_setting_is_no_scanner() -> None:
    """Nothing is scanned unless somebody says by what."""
    assert open_scanner(None, None) is None


@pytest.mark.parametrize(
    "url", ["tcp://host:3310", "tcp://host", "tcp://[::1]:3310/", "unix:///run/clamav/clamd.ctl"]
)
def test_clamd_is_named_by_an_address(url: str) -> None:
    """A port, or a socket file."""
    assert isinstance(open_scanner(url, None), Clamd)


def test_program_is_named_by_a_command() -> None:
    """A program, and what it is given."""
    assert isinstance(open_scanner(None, "/usr/bin/scan --mode 'very strict' -"), Command)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host:3310",
        "http://host:3310",
        "tcp://",
        "tcp://host:0",
        "tcp://host:99999",
        "tcp://host:3310/path",
        "tcp://user:secret@host",
        "tcp://host?a=b",
        "unix://",
        "unix:///",
        "unix://host/path",
    ],
)
def test_address_that_means_nothing_is_refused(url: str) -> None:
    """It is said at the start, without repeating what may hold a password."""
    with pytest.raises(ValueError, match="ORDER_CHAT_CLAMD_URL looks like") as error:
        open_scanner(url, None)

    assert "secret" not in str(error.value)


@pytest.mark.parametrize("command", ["", "  ", "scan 'without an end"])
def test_command_that_means_nothing_is_refused(command: str) -> None:
    """It is said at the start."""
    with pytest.raises(ValueError, match="ORDER_CHAT_SCAN_COMMAND"):
        open_scanner(None, command)


def test_two_scanners_are_one_too_many() -> None:
    """Whoever sets both may believe that both are asked."""
    with pytest.raises(ValueError, match="not both"):
        open_scanner("tcp://host", "scan")
