"""What is signed for the file store: what a form may write, and what a link shows."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Annotated, Final
from urllib.parse import quote, urlencode

import msgspec

from shared.blobs.port import (
    FORM_S,
    LINK_S,
    UploadForm,
    check_header,
    check_key,
    check_sizes,
)

UPLOAD_PATH: Final = "/blobs/quarantine"
LINK_PATH: Final = "/blobs/clean"


class NotAsSigned(Exception):
    """A form or a link that was not made here, was edited, or is too old."""


class Policy(msgspec.Struct, frozen=True):
    """What a form may write."""

    key: str
    content_type: str
    size_min: int
    size_max: int
    expires_at: int
    """In ms."""


class LinkQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a link says behind its key."""

    type: str
    disposition: str
    expires: Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
    """In ms."""
    signature: str


_decoder: Final = msgspec.json.Decoder(Policy)


class Signer:
    """Signs with *secret* for the server that browsers reach at *origin*; it may be empty.

    *now* is always in ms.
    """

    def __init__(self, secret: bytes, origin: str) -> None:
        self._secret = secret
        self._origin = origin

    def form(
        self, key: str, content_type: str, *, size_min: int, size_max: int, now: int
    ) -> UploadForm:
        """A form with exact fields, for `FORM_S` seconds."""
        size_min, size_max = check_sizes(size_min, size_max)
        policy = Policy(check_key(key), content_type, size_min, size_max, now + FORM_S * 1_000)
        signed = urlsafe_b64encode(msgspec.json.encode(policy)).decode()
        return UploadForm(
            url=f"{self._origin}{UPLOAD_PATH}",
            fields=self._fields(policy, signed),
            expires_at=policy.expires_at,
        )

    def check_form(self, fields: Sequence[tuple[str, str]], *, now: int) -> Policy:
        """What the form with these fields may write. Raises `NotAsSigned`."""
        sent = dict(fields)
        signed = sent.get("x-policy", "")
        if not hmac.compare_digest(
            sent.get("x-signature", "").encode(), self._sign("form", signed).encode()
        ):
            raise NotAsSigned
        policy = _decoder.decode(urlsafe_b64decode(signed))
        # A field named twice makes the list longer than the dictionary.
        if len(fields) > len(sent) or sent != self._fields(policy, signed):
            raise NotAsSigned
        if now >= policy.expires_at:
            raise NotAsSigned
        return policy

    def link(self, key: str, content_type: str, disposition: str, *, now: int) -> str:
        """An address of *key* that works for `LINK_S` seconds."""
        expires = now + LINK_S * 1_000
        shown = check_key(key), check_header(content_type), check_header(disposition), expires
        query = LinkQuery(*shown[1:], signature=self._sign("link", *shown))
        return f"{self._origin}{LINK_PATH}/{quote(key)}?{urlencode(msgspec.to_builtins(query))}"

    def check_link(self, key: str, query: LinkQuery, *, now: int) -> None:
        """Raise `NotAsSigned` if that is no link to *key*, or not any more."""
        signature = self._sign("link", key, query.type, query.disposition, query.expires)
        if not hmac.compare_digest(query.signature.encode(), signature.encode()):
            raise NotAsSigned
        if now >= query.expires:
            raise NotAsSigned

    def _fields(self, policy: Policy, signed: str) -> dict[str, str]:
        return {
            "key": policy.key,
            "Content-Type": policy.content_type,
            "x-policy": signed,
            "x-signature": self._sign("form", signed),
        }

    def _sign(self, *what: str | int) -> str:
        # As JSON: joined with a separator, two values could pass for others that hold it.
        return hmac.digest(self._secret, msgspec.json.encode(what), "sha256").hex()
