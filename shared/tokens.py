"""Who is calling: JSON web tokens, verified, and minted for services, tests and the command line.

The rules are the same whoever signs. `aud` is "order-chat". `exp` is required and at most 24 hours
away. `nbf` and `iat` may not lie in the future. `sub` is 1 to 128 printable ASCII characters and
never begins with "service:". `roles` is a subset of user, moderator and service; left out, it is
["user"]. `orders` narrows the token to the orders it names; `name` is for display.

A service's token has the one role "service" and the service's bare name as `sub`: with the `sub`
"shop" its identity is "service:shop". So no user can pass for a service by the choice of a name,
and a service's name has at most 120 characters.

The algorithm is ours to choose, never the token's. No error text holds any part of a token.
"""

import time
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Annotated, Final, Literal, Protocol, get_args

import jwt
import msgspec
from msgspec import Meta

from shared.contracts.frames import TOKEN_CHARS_MAX
from shared.contracts.ids import SERVICE_PREFIX, USER_ID_PATTERN, OrderId, OrderIdField, UserId

AUDIENCE: Final = "order-chat"
LIFETIME_S_MAX: Final = 86_400
"""A stolen token is of use for a day at most, whatever its `exp` says."""
LEEWAY_S: Final = 5
"""How far the clocks of the signer and of this machine may differ."""
SECRET_BYTES_MIN: Final = 32
"""A shorter secret could be guessed from one token (RFC 7518, section 3.2)."""
NAME_CHARS_MAX: Final = 200

Role = Literal["user", "moderator", "service"]
ROLES: Final[frozenset[Role]] = frozenset(get_args(Role))
_USER: Final[tuple[Role, ...]] = ("user",)
Clock = Callable[[], float]
"""The time now, in unix seconds."""


class Identity(msgspec.Struct, frozen=True):
    """What a good token says about its bearer."""

    user_id: UserId
    """The token's `sub`; of a service "service:NAME"."""
    roles: frozenset[Role]
    """Never empty; "service" stands alone."""
    expires_at: float
    """Unix seconds; from then on the token is worth nothing."""
    name: str | None = None
    orders: frozenset[OrderId] | None = None
    """The orders the token is good for; null: all."""

    def covers(self, order_id: str) -> bool:
        """Whether the token is good for this order, if its bearer has access to it."""
        return self.orders is None or order_id in self.orders


class BadToken(Exception):
    """The token proves nothing. The text says why in a sentence that quotes nothing of it."""


class ExpiredToken(BadToken):
    """The token is good but for its age; a fresh one helps."""


class KeysUnavailable(Exception):
    """Whether the token is good cannot be told now, since the signer's keys cannot be had."""


class Verifier(Protocol):
    """Tells who the bearer of a token is."""

    async def verify(self, token: str) -> Identity:
        """The bearer. Raises `BadToken`, `ExpiredToken` or `KeysUnavailable`."""
        ...


class SecretVerifier:
    """Verifies tokens signed by HS256 with a secret that the marketplace and we share."""

    def __init__(self, secret: bytes, clock: Clock = time.time) -> None:
        check_secret(secret)
        self._secret = secret
        self._clock = clock

    async def verify(self, token: str) -> Identity:
        """The bearer. Raises `BadToken` or `ExpiredToken`."""
        check_shape(token)
        return identity_of(signed_payload(token, self._secret, "HS256"), self._clock())


def check_secret(secret: bytes, name: str = "JWT secret") -> None:
    """Raise `ValueError` if this secret cannot keep a token from being forged."""
    if len(secret) < SECRET_BYTES_MIN:
        raise ValueError(
            f"the {name} has {len(secret)} bytes; it must have at least {SECRET_BYTES_MIN}"
        )
    try:
        jwt.get_algorithm_by_name("HS256").prepare_key(secret)
    except jwt.InvalidKeyError:
        # Whoever knows a public key could sign with it, were it taken for a secret.
        raise ValueError(f"the {name} is a key or certificate; it must be random") from None


def check_shape(token: str) -> None:
    """Raise `BadToken` for what is not worth decoding."""
    if len(token) > TOKEN_CHARS_MAX:
        raise BadToken(f"The token has more than {TOKEN_CHARS_MAX} characters.")
    if not token.isascii() or token.count(".") != 2:
        raise BadToken("The token is not a signed JSON web token.")


def signed_payload(token: str, key: bytes | jwt.PyJWK, algorithm: str) -> bytes:
    """The payload of a token if *key* signed it by *algorithm*. Raises `BadToken`."""
    try:
        decoded = jwt.PyJWS().decode_complete(
            token, key, algorithms=[algorithm], options={"enforce_minimum_key_length": True}
        )
    except jwt.InvalidAlgorithmError:
        raise BadToken("The token is signed by an algorithm that is not accepted.") from None
    except jwt.InvalidSignatureError:
        raise BadToken("The token's signature does not match.") from None
    except (jwt.PyJWTError, ValueError):
        raise BadToken("The token is not a signed JSON web token.") from None
    payload: bytes = decoded["payload"]
    return payload


_Instant = int | float


class _Claims(msgspec.Struct):
    """What is read of a payload; signers may put more into it."""

    sub: Annotated[str, Meta(pattern=USER_ID_PATTERN)]
    exp: _Instant
    aud: str | tuple[str, ...]
    roles: Annotated[tuple[Role, ...], Meta(min_length=1)] = _USER
    nbf: _Instant | None = None
    iat: _Instant | None = None
    name: Annotated[str, Meta(min_length=1, max_length=NAME_CHARS_MAX)] | None = None
    orders: tuple[OrderIdField, ...] | None = None


_CLAIMS: Final = msgspec.json.Decoder(_Claims)


def identity_of(payload: bytes, now: float) -> Identity:
    """The bearer that a signed payload names. Raises `BadToken` or `ExpiredToken`."""
    try:
        claims = _CLAIMS.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadToken(_explain(error)) from None
    if AUDIENCE not in ((claims.aud,) if isinstance(claims.aud, str) else claims.aud):
        raise BadToken(f"The token is not meant for {AUDIENCE}: see its claim aud.")
    user_id = _user_id(claims)
    _check_times(claims, now)
    return Identity(
        user_id=user_id,
        roles=_role_set(claims.roles),
        expires_at=float(claims.exp),
        name=claims.name,
        orders=None if claims.orders is None else frozenset(claims.orders),
    )


@lru_cache(maxsize=64)
def _role_set(roles: tuple[Role, ...]) -> frozenset[Role]:
    """All who have the same roles share one set: it is larger than the rest of an identity."""
    return frozenset(roles)


def _user_id(claims: _Claims) -> UserId:
    if claims.sub.startswith(SERVICE_PREFIX):
        raise BadToken(f"The claim sub may not begin with {SERVICE_PREFIX}")
    if "service" not in claims.roles:
        return UserId(claims.sub)
    if set(claims.roles) != {"service"}:
        raise BadToken("The role service goes with no other role.")
    if len(SERVICE_PREFIX + claims.sub) > 128:
        raise BadToken("The claim sub of a service has more than 120 characters.")
    return UserId(SERVICE_PREFIX + claims.sub)


def _check_times(claims: _Claims, now: float) -> None:
    for claim, instant in (("nbf", claims.nbf), ("iat", claims.iat)):
        if instant is not None and instant > now + LEEWAY_S:
            raise BadToken(f"The token is not valid yet: its claim {claim} lies in the future.")
    if claims.exp > now + LIFETIME_S_MAX + LEEWAY_S:
        raise BadToken("The token would live for more than 24 hours.")
    # Last, so that a token is called expired only if a fresh one like it would be taken.
    if claims.exp <= now:
        raise ExpiredToken("The token has expired.")


def _explain(error: Exception) -> str:
    """Name the claim that is wrong, never what it says."""
    what, _, where = str(error).partition(" - at `$")
    if what.startswith("Object missing required field"):
        return f"The token lacks a claim: {what.split('`')[1]}."
    claim = where.strip(".`").partition("[")[0]
    return f"The token's claim {claim} is malformed." if claim else "The token holds no claims."


def mint(
    secret: bytes,
    user_id: str,
    *,
    roles: Collection[Role] = _USER,
    orders: Collection[str] | None = None,
    name: str | None = None,
    ttl_s: float = 3_600,
    now: float,
) -> str:
    """A token signed by HS256, good for *ttl_s* seconds from *now* (unix seconds).

    For a service, *user_id* is its bare name. Raises `BadToken` if no verifier would take it, and
    `ValueError` if the secret is too weak.
    """
    check_secret(secret)
    claims: dict[str, object] = {
        "sub": user_id,
        "aud": AUDIENCE,
        "iat": int(now),
        "exp": int(now + ttl_s),
        "roles": sorted(roles),
    }
    if orders is not None:
        claims["orders"] = sorted(orders)
    if name is not None:
        claims["name"] = name
    payload = msgspec.json.encode(claims)
    identity_of(payload, now)
    token = jwt.PyJWS().encode(payload, secret, algorithm="HS256")
    check_shape(token)
    return token
