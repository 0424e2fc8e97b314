"""Verifies tokens by public keys that their signer publishes at a fixed address (a JWKS).

A token names its key by `kid`, and that is all it may choose: the key itself fixes the algorithm,
and addresses or keys in a token's header (`jku`, `x5u`, `jwk`) are not looked at.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import jwt
import msgspec

from shared.secret_file import load_or_make_secret
from shared.tokens import (
    BadToken,
    Clock,
    Identity,
    KeysUnavailable,
    SecretVerifier,
    Verifier,
    check_shape,
    identity_of,
    signed_payload,
)

FETCH_S_MAX: Final = 5.0
"""How long one fetch of the keys may take in all."""
FETCH_EVERY_S: Final = 10.0
"""Fetches are at least this far apart, so that made-up key ids cost the signer nothing. A key id
that was not in the last answer is refused without asking until then."""
FRESH_S: Final = 600.0
"""After this long the keys are fetched again, so that withdrawn ones are forgotten."""
BODY_BYTES_MAX: Final = 262_144

_ALGORITHMS: Final[Mapping[tuple[str, str | None], str]] = {
    ("RSA", None): "RS256",
    ("EC", "P-256"): "ES256",
    ("OKP", "Ed25519"): "EdDSA",
}
"""By key type and curve. No symmetric keys: what is published is no secret."""

_log = logging.getLogger(__name__)


class _KeySet(msgspec.Struct):
    keys: list[dict[str, Any]]


class _Key(msgspec.Struct):
    """What decides whether we can verify with a key."""

    kid: str
    kty: str
    crv: str | None = None
    alg: str | None = None
    use: str = "sig"


_KEY_SET: Final = msgspec.json.Decoder(_KeySet)


class JwksVerifier:
    """Verifies RS256, ES256 and EdDSA tokens by the keys at *url*.

    The keys are kept; while the address does not answer, the last ones stay good. *client* belongs
    to the caller, who closes it after this. *monotonic* measures the time between fetches.
    """

    def __init__(
        self,
        url: str,
        client: httpx.AsyncClient,
        clock: Clock = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = httpx.URL(url)
        self._client = client
        self._clock = clock
        self._monotonic = monotonic
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._fetched_at: float | None = None
        """When keys last came."""
        self._tried_at: float | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def verify(self, token: str) -> Identity:
        """The bearer. Raises `BadToken`, `ExpiredToken` or `KeysUnavailable`."""
        check_shape(token)
        key = await self._key(_key_id(token))
        return identity_of(signed_payload(token, key, key.algorithm_name), self._clock())

    async def close(self) -> None:
        """Give up a fetch under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])

    async def _key(self, kid: str) -> jwt.PyJWK:
        if kid not in self._keys or not self._within(FRESH_S, self._fetched_at):
            await self._refresh()
        key = self._keys.get(kid)
        if key is not None:
            return key
        if self._fetched_at is None or self._fetched_at != self._tried_at:
            raise KeysUnavailable("the keys that tokens are signed with cannot be had now")
        raise BadToken("The token is signed with a key that is not known.")

    async def _refresh(self) -> None:
        """Fetch the keys unless it was tried just now; whoever comes meanwhile waits for that."""
        if self._fetching is None:
            if self._within(FETCH_EVERY_S, self._tried_at):
                return
            self._tried_at = self._monotonic()
            self._fetching = asyncio.create_task(self._fetch(self._tried_at))
            self._fetching.add_done_callback(self._forget_fetch)
        # Shielded: a caller that gives up must not take the keys from the others.
        await asyncio.shield(self._fetching)

    def _forget_fetch(self, _: asyncio.Task[None]) -> None:
        self._fetching = None

    async def _fetch(self, started_at: float) -> None:
        try:
            async with asyncio.timeout(FETCH_S_MAX):
                keys = _usable_keys(await self._download())
        except (httpx.HTTPError, ValueError, RecursionError, TimeoutError) as error:
            fields = {"error": type(error).__name__}
            _log.warning("the JWKS could not be fetched", extra=fields)
            return
        self._keys = keys
        self._fetched_at = started_at

    async def _download(self) -> bytes:
        body = bytearray()
        async with self._client.stream("GET", self._url, follow_redirects=False) as response:
            if response.status_code != 200:
                raise ValueError(f"status {response.status_code}")
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > BODY_BYTES_MAX:
                    raise ValueError("the key set is too large")
        return bytes(body)

    def _within(self, seconds: float, instant: float | None) -> bool:
        return instant is not None and self._monotonic() - instant < seconds


def _key_id(token: str) -> str:
    try:
        kid = jwt.get_unverified_header(token).get("kid")
    except (jwt.PyJWTError, ValueError):
        raise BadToken("The token is not a signed JSON web token.") from None
    if kid is None:
        raise BadToken("The token does not name its key: the header kid is missing.")
    return str(kid)


def _usable_keys(body: bytes) -> Mapping[str, jwt.PyJWK]:
    """The keys we can verify with, by id; the set may hold others, for other uses."""
    keys = {}
    for jwk in _KEY_SET.decode(body).keys:
        try:
            key = msgspec.convert(jwk, _Key)
            algorithm = _ALGORITHMS.get((key.kty, key.crv))
            if algorithm and key.alg in (None, algorithm) and key.use == "sig" and "d" not in jwk:
                keys[key.kid] = jwt.PyJWK(jwk, algorithm)
        except (jwt.PyJWTError, msgspec.ValidationError):
            _log.warning("the JWKS holds a key that cannot be read")
    return keys


@asynccontextmanager
async def open_verifier(
    *, jwks_url: str | None, secret: str | None, data: Path
) -> AsyncIterator[Verifier]:
    """The verifier for `ORDER_CHAT_JWKS_URL` or `ORDER_CHAT_JWT_SECRET`, whichever is set.

    With neither it is the secret kept in the folder *data*, made if there is none. Raises
    `ValueError` for both, or for one that cannot be used.
    """
    if jwks_url is not None and secret is not None:
        raise ValueError("set ORDER_CHAT_JWKS_URL or ORDER_CHAT_JWT_SECRET, not both")
    if jwks_url is None:
        key = secret.encode() if secret else await asyncio.to_thread(load_or_make_secret, data)
        yield SecretVerifier(key)
        return
    async with httpx.AsyncClient() as client:
        verifier = JwksVerifier(jwks_url, client)
        try:
            yield verifier
        finally:
            await verifier.close()
