"""Where a SQLite file lies, and how it is opened."""

from contextlib import closing
from pathlib import Path

import pytest

from shared.sqlite import connect, database_path

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


def test_every_commit_is_synced(tmp_path: Path) -> None:
    """No test can cut the power, so the settings that outlive it are looked at themselves."""
    with closing(connect(tmp_path / "any.db")) as connection:
        journal, sync = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous")
        )

    full = 2
    assert (journal, sync) == ("wal", full)
