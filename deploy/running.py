"""Which stacks run on this machine: each says its settings here, for other processes to read."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec


@contextmanager
def announced(cache: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Say *environment* for as long as this lasts, or until this process dies."""
    folder = cache / "running"
    folder.mkdir(parents=True, exist_ok=True)
    file, draft = folder / f"{os.getpid()}.json", folder / f"{os.getpid()}.part"
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # it holds passwords
    with os.fdopen(descriptor, "wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        held.write(msgspec.json.encode(environment))
        held.flush()
        draft.rename(file)
        try:
            yield
        finally:
            file.unlink()


def newest(cache: Path) -> Mapping[str, str] | None:
    """The settings of the stack that came up last, or None if none runs."""
    files = sorted((cache / "running").glob("*.json"), key=lambda file: file.stat().st_mtime_ns)
    for file in reversed(files):
        with file.open("rb") as stream:
            if _is_held(stream.fileno()):
                return msgspec.json.decode(stream.read(), type=dict[str, str])
        file.unlink(missing_ok=True)  # its stack died without a word
    return None


def _is_held(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
