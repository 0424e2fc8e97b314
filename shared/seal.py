"""Sealed texts: what only moderators may have opened, encrypted where it is stored.

What was masked in a message is kept beside it in the log, in the store and in every backup of them,
as a Fernet token (AES-128 in CBC mode, HMAC-SHA256) of `cryptography`. It says whose it is, so that
it opens at its own event alone.
"""

import asyncio
import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from shared.contracts.ids import MessageId
from shared.secret_file import load_or_make_secret
from shared.tokens import check_secret

_LABEL: Final = b"order-chat sealed originals, version 1"


class _Content(msgspec.Struct, array_like=True):
    id: MessageId
    text: str


_CONTENT: Final = msgspec.json.Decoder(_Content)


class CannotOpen(Exception):
    """It was sealed by another secret, or belongs to another event."""


class Seal:
    """Seals with the first of several secrets, and opens with any of them."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        """Raises `ValueError` if a secret could be guessed."""
        for secret in secrets:
            check_secret(secret, "seal secret")
        keys = [hmac.digest(secret, _LABEL, hashlib.sha256) for secret in secrets]
        self._fernet = MultiFernet([Fernet(urlsafe_b64encode(key)) for key in keys])

    def close(self, id_: MessageId, text: str) -> str:
        """The *text* of the event *id_*, sealed; about four thirds as long."""
        return self._fernet.encrypt(msgspec.json.encode(_Content(id_, text))).decode()

    def open(self, id_: MessageId, sealed: str) -> str:
        """What was sealed for the event *id_*. Raises `CannotOpen`."""
        try:
            content = _CONTENT.decode(self._fernet.decrypt(sealed))
        except (InvalidToken, msgspec.DecodeError, ValueError):
            raise CannotOpen from None
        if content.id != id_:
            raise CannotOpen
        return content.text


async def open_seal(
    *, secrets: Sequence[str], jwks_url: str | None, jwt_secret: str | None, data: Path
) -> Seal | None:
    """The seal of `ORDER_CHAT_SEAL_SECRETS`; where it is not set, the one that follows from the
    secret of session tokens, be it `ORDER_CHAT_JWT_SECRET` or the one kept in the folder *data*.

    Null with `ORDER_CHAT_JWKS_URL` alone: nobody told us a secret, so originals are not kept.
    Raises `ValueError` for a secret that could be guessed.
    """
    if secrets:
        return Seal([secret.encode() for secret in secrets])
    if jwks_url is not None:
        return None
    key = jwt_secret.encode() if jwt_secret else await asyncio.to_thread(load_or_make_secret, data)
    return Seal([key])
