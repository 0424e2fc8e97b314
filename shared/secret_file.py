"""A secret that is made once and kept in a folder, for those who set none."""

import os
import secrets
from pathlib import Path
from typing import Final

from shared.tokens import check_secret

JWT_SECRET_FILE: Final = "jwt-secret"  # noqa: S105 (a file's name)


def load_or_make_secret(folder: Path, name: str = JWT_SECRET_FILE) -> bytes:
    """The secret *name* of a folder; the first call makes it, and the folder if need be.

    Processes that start at once get the same secret, and a crash leaves a whole file or none. Only
    the owner may read the file. Blocks on the disk; call it before there is an event loop, or in a
    thread. Raises `OSError`, and `ValueError` if the file holds no secret.
    """
    file = folder / name
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _make(file)
    secret = file.read_bytes().strip()
    try:
        check_secret(secret)
    except ValueError as error:
        raise ValueError(f"{file}: {error}; remove the file to have a new one made") from None
    return secret


def _make(file: Path) -> None:
    """Write a new secret under another name, then link it, which fails if another was faster."""
    draft = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(secrets.token_urlsafe(48).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.link(draft, file)
    except FileExistsError:
        pass  # the other one's secret is as good, and already in use
    finally:
        draft.unlink()
