"""What a SQLite address means."""

from pathlib import Path

import pytest

from shared.sqlite import database_path

DATA = Path("/data")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///log.db", "/data/log.db"),
        ("sqlite:///deep/my%20log.db", "/data/deep/my log.db"),
        ("sqlite:////var/log.db", "/var/log.db"),
    ],
)
def test_a_name_lies_in_the_data_folder_unless_absolute(url: str, path: str) -> None:
    """Three slashes and a name, or four and a whole path."""
    assert database_path(url, DATA) == Path(path)


@pytest.mark.parametrize(
    "url", ["sqlite://log.db", "sqlite:///", "sqlite:", "sqlite:///a.db?mode=ro", "sqlite:///a#b"]
)
def test_what_would_be_passed_over_is_refused(url: str) -> None:
    """A host or an option that means nothing here is a mistake to be heard of."""
    with pytest.raises(ValueError, match="looks like"):
        database_path(url, DATA)
