"""What a grant says, who signed it, and what is none at all."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.events import Attachment
from shared.contracts.frames import GRANT_CHARS_MAX
from shared.contracts.ids import OrderId, UserId
from shared.grants import GRANT_S, Grant, Grants, NotAGrant, derive_secret
from shared.tokens import BadToken, SecretVerifier, mint

SECRET = b"a secret of the tests, long enough to sign with"
NOW = 1_800_000_000.75
ORDER, ANNA = OrderId("o1"), UserId("anna")
PICTURE = Attachment("a1", "cat.png", "image/png", 1_234, 640, 480)
PUBLIC_KEY = b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9E\n-----END PUBLIC KEY-----\n"
HS256 = {"alg": "HS256", "typ": "JWT"}
GOOD = {
    "aud": "order-chat-attachment",
    "order": "o1",
    "sub": "anna",
    "exp": 1_800_086_400,
    "file": {"id": "a1", "name": "cat.png", "content_type": "image/png", "size": 1_234},
}

GRANTS = Grants(SECRET, clock=lambda: NOW)


def part(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(claims: object, header: object = HS256, secret: bytes = SECRET) -> str:
    """A grant signed by hand, so that a library's own care does not get in the way."""
    body = f"{part(header)}.{part(claims)}"
    return f"{body}.{part(hmac.digest(secret, body.encode(), hashlib.sha256))}"


def test_a_grant_says_what_it_was_issued_for() -> None:
    """Order, uploader, file, and an end a day away."""
    text, expires_at = GRANTS.issue(ORDER, ANNA, PICTURE)

    assert expires_at == 1_800_000_000 + GRANT_S
    assert GRANTS.read(text) == Grant(ORDER, ANNA, PICTURE, expires_at, genuine=True)


def test_an_old_grant_is_read_like_any_other() -> None:
    """Whether it still counts is not for the reader to say: it depends on what it is for."""
    text, expires_at = GRANTS.issue(ORDER, ANNA, PICTURE)

    later = Grants(SECRET, clock=lambda: NOW + 10 * GRANT_S)

    assert later.read(text) == Grant(ORDER, ANNA, PICTURE, expires_at, genuine=True)


@pytest.mark.parametrize(
    "text",
    [
        signed(GOOD, secret=b"another secret, as long as the one that counts"),
        signed(GOOD, secret=b""),
        f"{part({'alg': 'none'})}.{part(GOOD)}.",
        f"{part({'alg': 'nOnE'})}.{part(GOOD)}.{part(b'x')}",
        signed(GOOD, {"typ": "JWT"}),
        signed(GOOD, {"alg": None}),
        signed(GOOD, {"alg": ["HS256"]}),
        signed(GOOD, {"alg": {"HS256": 1}}),
        signed(GOOD, {"alg": "HS512"}),
        signed(GOOD, {"alg": "RS256"}),
        signed(GOOD, HS256 | {"jku": "http://127.0.0.1:1/", "jwk": {"kty": "oct"}}, secret=b""),
        signed(GOOD, HS256 | {"kid": "../../dev/null"}, secret=b""),
        signed(GOOD).rsplit(".", 1)[0] + ".",
        signed(GOOD)[:-8] + "AAAAAAAA",
    ],
)
def test_what_we_did_not_sign_is_read_and_not_genuine(text: str) -> None:
    """No signature, another's, another algorithm, keys named by the header: it still has a content,
    to compare a retry by."""
    grant = GRANTS.read(text)

    assert grant.attachment.id == "a1"
    assert not grant.genuine


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a.b.c",
        "é" + signed(GOOD),
        "\ud800" + signed(GOOD),
        signed(GOOD).rsplit(".", 1)[0],
        signed(GOOD) + "." + part(b"more"),
        signed(GOOD, []),
        signed(GOOD, b"[" * 2_000),
        signed(GOOD, b'{"alg":"HS256"'),
        signed(GOOD, HS256 | {"crit": ["canary"], "canary": 1}),
        signed(GOOD, HS256 | {"b64": False, "crit": ["b64"]}),
        signed(GOOD, HS256 | {"kid": 7}),
        signed(GOOD | {"file": {**GOOD["file"], "name": "n" * 4_000}}),  # type: ignore[dict-item]
        signed(b""),
        signed(b"{"),
        signed(b"\xff"),
        signed(b"[]"),
        signed(b"7"),
        signed(b"null"),
        signed(b"[" * 2_000),
    ],
)
def test_what_was_never_a_grant_is_none(text: str) -> None:
    """Nothing to compare anything by, whoever signed it."""
    with pytest.raises(NotAGrant) as refused:
        GRANTS.read(text)
    assert str(refused.value) == ""


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "order-chat"},
        {"aud": ["order-chat-attachment"]},
        {"aud": None},
        {"order": "../etc"},
        {"order": 1},
        {"sub": ""},
        {"sub": "\u0430nna"},
        {"exp": "1800086400"},
        {"exp": -1},
        {"exp": 1.5},
        {"exp": True},
        {"exp": 2**53},
        {"file": "a1"},
        {"file": {"id": "a1"}},
        {"file": {"id": 1, "name": "n", "content_type": "c", "size": 1}},
        {"file": {"id": "a", "name": "n", "content_type": "c", "size": -1}},
        {"file": {"id": "a", "name": "\ud800", "content_type": "c", "size": 1}},
    ],
)
def test_a_claim_that_is_wrong_makes_it_no_grant(claims: dict[str, Any]) -> None:
    """Even if it were signed with the secret."""
    with pytest.raises(NotAGrant):
        GRANTS.read(signed(GOOD | claims))


@pytest.mark.parametrize("claim", GOOD)
def test_a_claim_that_is_missing_makes_it_no_grant(claim: str) -> None:
    """All five count."""
    with pytest.raises(NotAGrant):
        GRANTS.read(signed({name: value for name, value in GOOD.items() if name != claim}))


@pytest.mark.parametrize("grants", [GRANTS, Grants(derive_secret(SECRET))])
async def test_a_session_token_is_no_grant_and_a_grant_no_session_token(grants: Grants) -> None:
    """Even where somebody sets both secrets to the same."""
    token = mint(SECRET, "anna", now=NOW)
    text, _ = grants.issue(ORDER, ANNA, PICTURE)

    with pytest.raises(NotAGrant):
        grants.read(token)
    with pytest.raises(BadToken):
        await SecretVerifier(SECRET, clock=lambda: NOW).verify(text)


def test_the_derived_secret_is_another_and_always_the_same() -> None:
    """All services come to it on their own; were it changed, grants would die with an upgrade."""
    derived = derive_secret(SECRET)

    assert derived.hex() == "6dbf67590f5c54ce7444438ff618e4c39fd89ccbb9796d8706022edcb3cadb87"


@pytest.mark.parametrize("character", ["\U0001f600", '"', "\\", "ÿ"])
def test_the_longest_name_fits_a_frame(character: str) -> None:
    """255 characters of four bytes, or such as JSON escapes, with all else at its longest."""
    file = Attachment("f" * 36, character * 255, "a/" + "b" * 253, 2**53 - 1, 2**53 - 1, 2**53 - 1)

    text, _ = GRANTS.issue(OrderId("o" * 64), UserId('"' * 128), file)

    assert len(text) <= GRANT_CHARS_MAX
    assert GRANTS.read(text).attachment == file


def test_a_grant_that_could_not_be_sent_is_not_issued() -> None:
    """Whoever is to blame hears of it before a user does."""
    with pytest.raises(ValueError, match="too long"):
        GRANTS.issue(ORDER, ANNA, Attachment("a1", "n" * 4_000, "image/png", 1))


@pytest.mark.parametrize("secret", [b"", b"short", PUBLIC_KEY])
def test_a_weak_secret_is_refused_at_start(secret: bytes) -> None:
    """One that could be guessed, or is known to the public."""
    with pytest.raises(ValueError, match="the grant secret"):
        Grants(secret)


@given(st.text() | st.from_regex(r"[A-Za-z0-9_\-=]*(\.[A-Za-z0-9_\-=]*){0,3}", fullmatch=True))
def test_whatever_is_sent_is_no_grant(text: str) -> None:
    """Nothing but `NotAGrant` comes of garbage."""
    with pytest.raises(NotAGrant):
        GRANTS.read(text)
