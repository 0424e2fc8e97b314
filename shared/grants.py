"""Grants: that a file passed inspection, and who may put it into a message of which order.

The attachment service issues a grant, `send` carries it, and the gateway checks it and calls
nobody. It is a JSON web token, signed by HS256 with a secret that only these two know. Its `aud` is
none that session tokens have, and its secret by default one derived from theirs, so neither ever
passes for the other.
"""

import asyncio
import hashlib
import hmac
import time
from pathlib import Path
from typing import Final, Literal

import jwt
import msgspec

from shared.contracts.events import Attachment
from shared.contracts.frames import GRANT_CHARS_MAX
from shared.contracts.ids import Count, OrderId, OrderIdField, UserId, UserIdField
from shared.secret_file import load_or_make_secret
from shared.tokens import BadToken, Clock, check_secret, signed_payload

GRANT_S: Final = 86_400
"""How long a grant is good. To complete the upload again gives a fresh one."""

_AUDIENCE: Final = "order-chat-attachment"
_LABEL: Final = b"order-chat grants, version 1"


class Grant(msgspec.Struct, frozen=True):
    """What a grant says. Nothing of it is true unless it is genuine."""

    order_id: OrderId
    by: UserId
    """Who uploaded the file; nobody else may send it."""
    attachment: Attachment
    expires_at: int
    """Unix seconds; from then on the grant is worth nothing."""
    genuine: bool
    """Whether we signed it."""


class NotAGrant(Exception):
    """Nothing that could ever have been a grant."""


class _Claims(msgspec.Struct):
    aud: Literal["order-chat-attachment"]
    order: OrderIdField
    sub: UserIdField
    exp: Count
    file: Attachment


_CLAIMS: Final = msgspec.json.Decoder(_Claims)
_UNREADABLE: Final = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class Grants:
    """Issues grants and reads them, with one secret."""

    def __init__(self, secret: bytes, clock: Clock = time.time) -> None:
        """Raises `ValueError` if the secret could be guessed."""
        check_secret(secret, "grant secret")
        self._secret = secret
        self._clock = clock

    def issue(self, order_id: OrderId, by: UserId, attachment: Attachment) -> tuple[str, int]:
        """A grant that is good from now for `GRANT_S`, and its end in unix seconds.

        Raises `ValueError` for what is too long to be sent; a file's name of 255 characters never
        is.
        """
        expires_at = int(self._clock()) + GRANT_S
        claims = _Claims(_AUDIENCE, order_id, by, expires_at, attachment)
        text = jwt.PyJWS().encode(msgspec.json.encode(claims), self._secret, algorithm="HS256")
        if len(text) > GRANT_CHARS_MAX:
            raise ValueError(f"a grant of {len(text)} characters is too long")
        return text, expires_at

    def read(self, text: str) -> Grant:
        """What a grant says, whoever signed it and however old it is. Raises `NotAGrant`."""
        if len(text) > GRANT_CHARS_MAX or not text.isascii():
            raise NotAGrant
        genuine = True
        try:
            payload = signed_payload(text, self._secret, "HS256")
        except BadToken:
            genuine = False
            payload = _unverified(text)
        try:
            claims = _CLAIMS.decode(payload)
        except _UNREADABLE:
            # What was wrong may quote the text; nobody needs it.
            raise NotAGrant from None
        return Grant(claims.order, claims.sub, claims.file, claims.exp, genuine)


def derive_secret(jwt_secret: bytes) -> bytes:
    """The grants' secret where none is set: it follows from the tokens' and tells nothing of it."""
    return hmac.digest(jwt_secret, _LABEL, hashlib.sha256)


async def open_grants(
    *, secret: str | None, jwks_url: str | None, jwt_secret: str | None, data: Path
) -> Grants | None:
    """The grants of `ORDER_CHAT_GRANT_SECRET`; where it is not set, those that follow from the
    secret of session tokens, be it `ORDER_CHAT_JWT_SECRET` or the one kept in the folder *data*.

    Null with `ORDER_CHAT_JWKS_URL` alone: nobody told us a secret, so there are no attachments.
    Raises `ValueError` for a secret that could be guessed.
    """
    if secret is not None:
        return Grants(secret.encode())
    if jwks_url is not None:
        return None
    key = jwt_secret.encode() if jwt_secret else await asyncio.to_thread(load_or_make_secret, data)
    return Grants(derive_secret(key))


def _unverified(text: str) -> bytes:
    """What stands in a text that we did not sign. Raises `NotAGrant`."""
    try:
        decoded = jwt.PyJWS().decode_complete(text, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError):
        raise NotAGrant from None
    payload: bytes = decoded["payload"]
    return payload
