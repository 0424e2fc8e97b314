"""Who is let in by a token, and who is not."""

import asyncio
import base64
import hashlib
import hmac
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy import token as command
from shared.contracts.ids import OrderId, UserId
from shared.secret_file import JWT_SECRET_FILE, load_or_make_secret
from shared.tokens import (
    BadToken,
    ExpiredToken,
    Identity,
    Role,
    SecretVerifier,
    mint,
)

SECRET = b"a secret of the tests, long enough to sign with"
NOW = 1_800_000_000.0
GOOD = {"sub": "anna", "aud": "order-chat", "exp": NOW + 60}
HS256 = {"alg": "HS256", "typ": "JWT"}

VERIFIER = SecretVerifier(SECRET, clock=lambda: NOW)


def part(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(claims: object, header: object = HS256, secret: bytes = SECRET) -> str:
    """A token signed by hand, so that a library's own care does not get in the way."""
    body = f"{part(header)}.{part(claims)}"
    return f"{body}.{part(hmac.digest(secret, body.encode(), hashlib.sha256))}"


async def assert_bad(token: str, reason: str = "", verifier: SecretVerifier = VERIFIER) -> None:
    """The token is refused for this reason, in words that hold nothing of it."""
    with pytest.raises(BadToken, match=reason or None) as refused:
        await verifier.verify(token)
    assert not isinstance(refused.value, ExpiredToken)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    text = str(refused.value)
    assert all(piece not in text for piece in token.split(".") if len(piece) > 8)
    assert "canary" not in text


async def test_a_good_token_names_its_bearer() -> None:
    """Without more, a token is a user's."""
    identity = await VERIFIER.verify(signed(GOOD))

    assert identity == Identity(
        user_id=UserId("anna"), roles=frozenset({"user"}), expires_at=NOW + 60
    )


async def test_all_that_a_token_may_say() -> None:
    """Roles, a name, and the orders it is narrowed to; what else it says is its signer's."""
    claims = GOOD | {
        "roles": ["user", "moderator"],
        "name": "Anna",
        "orders": ["o1", "o2"],
        "aud": ["shop", "order-chat"],
        "nbf": NOW + 4,
        "iat": NOW + 4.5,
        "jti": "x",
    }

    identity = await VERIFIER.verify(signed(claims))

    assert identity.roles == {"user", "moderator"}
    assert identity.name == "Anna"
    assert identity.orders == frozenset({OrderId("o1"), OrderId("o2")})
    assert [identity.covers(order) for order in ("o1", "o3")] == [True, False]


async def test_a_service_is_told_from_users_by_its_prefix() -> None:
    """The role makes the name a service's, and nothing else does."""
    service = await VERIFIER.verify(signed(GOOD | {"sub": "shop", "roles": ["service"]}))
    user = await VERIFIER.verify(signed(GOOD | {"sub": "shop"}))

    assert (service.user_id, user.user_id) == ("service:shop", "shop")
    assert service.covers("any")


@pytest.mark.parametrize("roles", [["user"], ["service"], ["moderator"]])
async def test_no_token_names_itself_a_service(roles: list[str]) -> None:
    """A `sub` beginning with `service:` is refused, whatever its roles."""
    await assert_bad(signed(GOOD | {"sub": "service:orders", "roles": roles}), "may not begin")


BAD_CLAIMS: list[tuple[dict[str, Any], str]] = [
    ({"sub": ""}, "claim sub is malformed"),
    ({"sub": "canary" * 22}, "claim sub"),
    ({"sub": "canary\n"}, "claim sub"),
    ({"sub": "\u0430nna"}, "claim sub"),
    ({"sub": 7}, "claim sub"),
    ({"sub": None}, "claim sub"),
    ({"sub": "s" * 121, "roles": ["service"]}, "120"),
    ({"aud": "canary"}, "not meant for order-chat"),
    ({"aud": "order-chat2"}, "not meant"),
    ({"aud": []}, "not meant"),
    ({"aud": {"order-chat": 1}}, "claim aud"),
    ({"aud": None}, "claim aud"),
    ({"exp": "1800000060"}, "claim exp"),
    ({"exp": None}, "claim exp"),
    ({"exp": True}, "claim exp"),
    ({"exp": [NOW]}, "claim exp"),
    ({"exp": float("inf")}, "no claims"),
    ({"exp": float("nan")}, "no claims"),
    ({"exp": 253_402_300_799}, "24 hours"),
    ({"exp": 10**30}, ""),
    ({"exp": NOW + 86_400 + 6}, "24 hours"),
    ({"nbf": NOW + 6}, "nbf lies in the future"),
    ({"iat": NOW + 6}, "iat lies in the future"),
    ({"nbf": "canary"}, "claim nbf"),
    ({"iat": {}}, "claim iat"),
    ({"roles": []}, "claim roles"),
    ({"roles": "service"}, "claim roles"),
    ({"roles": ["admin"]}, "claim roles"),
    ({"roles": ["canary"]}, "claim roles"),
    ({"roles": ["user", "service"]}, "no other role"),
    ({"orders": "o1"}, "claim orders"),
    ({"orders": ["../canary"]}, "claim orders"),
    ({"orders": [1]}, "claim orders"),
    ({"name": ""}, "claim name"),
    ({"name": "n" * 201}, "claim name"),
]


@pytest.mark.parametrize(("claims", "reason"), BAD_CLAIMS)
async def test_a_claim_that_is_wrong_is_named(claims: dict[str, Any], reason: str) -> None:
    """The refusal names the claim, never what it says."""
    await assert_bad(signed(GOOD | claims), reason)


@pytest.mark.parametrize("claim", GOOD)
async def test_a_claim_that_is_missing_is_named(claim: str) -> None:
    """Without `sub`, `aud` or `exp` a token says too little."""
    claims = {name: value for name, value in GOOD.items() if name != claim}

    await assert_bad(signed(claims), f"lacks a claim: {claim}")


@pytest.mark.parametrize("claims", [b"", b"{", b"\xff", b"[]", b"7", b"null", b"[" * 9_000])
async def test_a_payload_without_claims_is_refused(claims: bytes) -> None:
    """A signature alone is no identity."""
    await assert_bad(signed(claims))


@pytest.mark.parametrize("expires", [NOW, NOW - 1, 0, -1, NOW - 0.5, -1e300])
async def test_an_expired_token_is_called_so(expires: float) -> None:
    """From `exp` on, to the instant, a token is worth nothing but a fresh one helps."""
    with pytest.raises(ExpiredToken):
        await VERIFIER.verify(signed(GOOD | {"exp": expires}))


async def test_an_expired_token_with_another_fault_is_bad() -> None:
    """Expired is said only of what a fresh token would mend."""
    await assert_bad(signed(GOOD | {"exp": 0, "aud": "shop"}), "not meant")


UNSIGNED = f"{part({'alg': 'none'})}.{part(GOOD)}."


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "a.b",
        "a.b.c",
        UNSIGNED,
        f"{part({'alg': 'NONE'})}.{part(GOOD)}.",
        f"{part({'alg': 'nOnE'})}.{part(GOOD)}.{part(b'x')}",
        signed(GOOD, {"typ": "JWT"}),
        signed(GOOD, {"alg": None}),
        signed(GOOD, {"alg": ["HS256"]}),
        signed(GOOD, {"alg": {"HS256": 1}}),
        signed(GOOD, {"alg": "HS512"}),
        signed(GOOD, {"alg": "RS256"}),
        signed(GOOD, []),
        signed(GOOD, b"[" * 9_000),
        signed(GOOD, b'{"alg":"HS256"'),
        signed(GOOD).rsplit(".", 1)[0] + ".",
        signed(GOOD).rsplit(".", 1)[0],
        signed(GOOD) + "." + part(b"more"),
        signed(GOOD) + "x",
        signed(GOOD) + "\n",
        signed(GOOD)[:-8] + "canary__",
        signed(GOOD, secret=b"another secret, as long as the one that counts"),
        signed(GOOD, HS256 | {"crit": ["canary"], "canary": 1}),
        signed(GOOD, HS256 | {"crit": []}),
        signed(GOOD, HS256 | {"b64": False, "crit": ["b64"]}),
        signed(GOOD, HS256 | {"kid": 7}),
        "é" + signed(GOOD),
        "\ud800" + signed(GOOD),
        "x" * 100_000,
        signed(GOOD | {"name": "n" * 100_000}),
    ],
)
async def test_what_is_not_signed_with_the_secret_is_refused(token: str) -> None:
    """No signature, another's, another algorithm, a header that asks for what we do not do."""
    await assert_bad(token)


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "../../../../dev/null"},
        {"kid": "' OR 1=1 --"},
        {"jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1/", "jwk": {"kty": "oct"}},
    ],
)
async def test_keys_named_by_the_header_are_not_looked_at(header: dict[str, Any]) -> None:
    """Signed with the secret it is good, with what the header offers it is not."""
    await VERIFIER.verify(signed(GOOD, HS256 | header))

    await assert_bad(signed(GOOD, HS256 | header, secret=b""), "signature")


@given(st.text() | st.from_regex(r"[A-Za-z0-9_\-=]*(\.[A-Za-z0-9_\-=]*){0,3}", fullmatch=True))
async def test_whatever_is_sent_is_refused(token: str) -> None:
    """Nothing but `BadToken` comes of garbage."""
    await assert_bad(token)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists))
async def test_whatever_is_signed_is_an_identity_or_refused(value: object) -> None:
    """Nothing but an identity or `BadToken` comes of a signed claim."""
    for claim in (*GOOD, "roles", "orders", "name", "nbf", "iat"):
        try:
            identity = await VERIFIER.verify(signed(GOOD | {claim: value}))
        except BadToken:
            continue
        assert NOW < identity.expires_at <= NOW + 86_405


@pytest.mark.parametrize(
    "secret",
    [
        b"",
        b"short",
        b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9E\n-----END PUBLIC KEY-----\n",
    ],
)
def test_a_weak_secret_is_refused_at_start(secret: bytes) -> None:
    """One that could be guessed, or is known to the public."""
    with pytest.raises(ValueError, match="the JWT secret"):
        SecretVerifier(secret)


@pytest.mark.parametrize(
    ("user_id", "roles", "identity"),
    [
        ("anna", ["user"], "anna"),
        ("mod", ["moderator", "user"], "mod"),
        ("gateway", ["service"], "service:gateway"),
    ],
)
async def test_what_is_minted_is_good(user_id: str, roles: list[Role], identity: str) -> None:
    """A minted token says what it was asked to say, for as long as it was asked to."""
    token = mint(SECRET, user_id, roles=roles, orders=["o1"], name="Anna", ttl_s=60, now=NOW)

    assert await VERIFIER.verify(token) == Identity(
        user_id=UserId(identity),
        roles=frozenset(roles),
        expires_at=NOW + 60,
        name="Anna",
        orders=frozenset({OrderId("o1")}),
    )


@pytest.mark.parametrize(
    ("user_id", "changes"),
    [
        ("", {}),
        ("service:orders", {}),
        ("anna", {"ttl_s": 90_000}),
        ("anna", {"ttl_s": 0}),
        ("anna", {"orders": ["no/order"]}),
        ("anna", {"orders": [f"order-{n:058}" for n in range(400)]}),
    ],
)
def test_what_nobody_would_take_is_not_minted(user_id: str, changes: dict[str, Any]) -> None:
    """The mistake is heard of where it is made."""
    with pytest.raises(BadToken):
        mint(SECRET, user_id, now=NOW, **changes)


def test_a_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    """The folder's secret is the same ever after, and the owner's alone to read."""
    folder = tmp_path / "new" / "data"

    secret = load_or_make_secret(folder)

    assert load_or_make_secret(folder) == secret
    assert len(secret) >= 32
    assert [file.name for file in folder.iterdir()] == [JWT_SECRET_FILE]
    assert (folder / JWT_SECRET_FILE).stat().st_mode & 0o777 == 0o600


def test_starts_at_once_agree_on_a_secret(tmp_path: Path) -> None:
    """However many make it, one secret is kept, and nothing else is left behind."""
    at_once = Barrier(8)

    def start(folder: Path) -> bytes:
        at_once.wait(10)
        return load_or_make_secret(folder)

    with ThreadPoolExecutor(8) as threads:
        for number in range(20):
            folder = tmp_path / str(number)

            secrets = set(threads.map(start, [folder] * 8))

            assert len(secrets) == 1
            assert [file.name for file in folder.iterdir()] == [JWT_SECRET_FILE]


def test_a_secret_file_that_holds_none_is_named(tmp_path: Path) -> None:
    """An emptied file is not taken for a secret."""
    (tmp_path / JWT_SECRET_FILE).write_bytes(b"\n")

    with pytest.raises(ValueError, match=JWT_SECRET_FILE):
        load_or_make_secret(tmp_path)


def test_the_command_prints_a_token(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Signed with the secret of the data folder, for the user, role and orders asked for."""
    arguments = ["--user", "shop", "--role", "service", "--order", "o1", "--order", "o2"]

    command.main([*arguments, "--data", str(tmp_path)], {})

    token = capsys.readouterr().out.strip()
    verifier = SecretVerifier(load_or_make_secret(tmp_path))
    identity = asyncio.run(verifier.verify(token))
    assert identity.user_id == "service:shop"
    assert identity.orders == frozenset({OrderId("o1"), OrderId("o2")})


def test_the_command_signs_with_the_secret_that_is_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The environment goes before the data folder, which is left alone."""
    arguments = ["--user", "anna", "--data", str(tmp_path / "data")]

    command.main(arguments, {"ORDER_CHAT_JWT_SECRET": SECRET.decode()})

    identity = asyncio.run(SecretVerifier(SECRET).verify(capsys.readouterr().out.strip()))
    assert identity.user_id == "anna"
    assert identity.roles == {"user"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "environment", "complaint"),
    [
        (["--user", "anna"], {"ORDER_CHAT_JWT_SECRET": "canary"}, "at least 32"),
        (["--user", ""], {}, "claim sub"),
        (["--user", "anna", "--order", "a/b"], {}, "claim orders"),
        (["--user", "anna", "--ttl-s", "86500"], {}, "24 hours"),
        (["--user", "anna", "--data", "/dev/null"], {}, "/dev/null"),
    ],
)
def test_the_command_says_in_a_line_what_is_wrong(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], complaint: str
) -> None:
    """No traceback, and never the secret."""
    with pytest.raises(SystemExit) as refused:
        command.main(["--data", str(tmp_path), *arguments], environment)

    assert complaint in str(refused.value)
    assert "canary" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_command_runs_as_a_module(tmp_path: Path) -> None:
    """`python -m deploy.token` from the project's folder."""
    done = subprocess.run(
        [sys.executable, "-m", "deploy.token", "--user", "anna", "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert done.stdout.count(".") == 2
