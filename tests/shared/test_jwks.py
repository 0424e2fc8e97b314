"""Tokens of a signer who publishes its keys: which are good, and what the fetching may cost."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from shared import jwks
from shared.jwks import JwksVerifier, open_verifier
from shared.tokens import BadToken, ExpiredToken, KeysUnavailable, SecretVerifier, mint
from tests.shared.test_tokens import GOOD, NOW, SECRET, part, signed

RSA = rsa.generate_private_key(65537, 2048)
WEAK_RSA = rsa.generate_private_key(65537, 1024)
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
ED25519 = ed25519.Ed25519PrivateKey.generate()
RSA_PEM = RSA.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)

KEYS: list[dict[str, Any]] = [
    RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True) | {"kid": "rsa"},
    RSAAlgorithm.to_jwk(WEAK_RSA.public_key(), as_dict=True) | {"kid": "weak"},
    ECAlgorithm.to_jwk(P256.public_key(), as_dict=True) | {"kid": "p256", "alg": "ES256"},
    ECAlgorithm.to_jwk(P384.public_key(), as_dict=True) | {"kid": "p384"},
    OKPAlgorithm.to_jwk(ED25519.public_key(), as_dict=True) | {"kid": "ed", "use": "sig"},
    # None of these may verify anything.
    RSAAlgorithm.to_jwk(RSA, as_dict=True) | {"kid": "private"},
    RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True) | {"kid": "ps", "alg": "PS256"},
    ECAlgorithm.to_jwk(P256.public_key(), as_dict=True) | {"kid": "enc", "use": "enc"},
    ECAlgorithm.to_jwk(P256.public_key(), as_dict=True),
    {"kty": "oct", "kid": "oct", "k": base64.urlsafe_b64encode(SECRET).decode()},
    {"kty": "RSA", "kid": "empty"},
    {"kty": ["RSA"], "kid": "odd"},
]


class Signer:
    """A key server in miniature: answers what it is told to, and counts."""

    def __init__(self, keys: list[dict[str, Any]]) -> None:
        self.fetches = 0
        self.answer: Callable[[], httpx.Response] = lambda: httpx.Response(
            200, content=json.dumps({"keys": keys})
        )
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.now = 0.0

    async def handle(self, _: httpx.Request) -> httpx.Response:
        self.fetches += 1
        self.asked.set()
        await self.may_answer.wait()
        return self.answer()


@asynccontextmanager
async def verifier_of(signer: Signer) -> AsyncIterator[JwksVerifier]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(signer.handle)) as client:
        verifier = JwksVerifier(
            "https://signer.example/keys", client, lambda: NOW, lambda: signer.now
        )
        yield verifier
        await verifier.close()


def token(key: Any, algorithm: str, kid: str | None, **header: object) -> str:
    headers = header | ({} if kid is None else {"kid": kid})
    return jwt.PyJWS().encode(json.dumps(GOOD).encode(), key, algorithm, headers)


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [(RSA, "RS256", "rsa"), (P256, "ES256", "p256"), (ED25519, "EdDSA", "ed")],
)
async def test_a_token_signed_with_a_published_key_is_good(
    key: Any, algorithm: str, kid: str
) -> None:
    """By the algorithm of its key, whichever of the three that is."""
    async with verifier_of(Signer(KEYS)) as verifier:
        identity = await verifier.verify(token(key, algorithm, kid))

    assert identity.user_id == "anna"


def hs256_with_public_key(kid: str, secret: bytes) -> str:
    return signed(GOOD, {"alg": "HS256", "kid": kid}, secret)


def es256_in_der() -> str:
    """A signature in the form of certificates, which JSON web tokens do not use."""
    body = f"{part({'alg': 'ES256', 'kid': 'p256'})}.{part(GOOD)}"
    return f"{body}.{part(P256.sign(body.encode(), ec.ECDSA(hashes.SHA256())))}"


def es256_of_another_curve(kid: str) -> str:
    body = f"{part({'alg': 'ES256', 'kid': kid})}.{part(GOOD)}"
    der = P384.sign(body.encode(), ec.ECDSA(hashes.SHA256()))
    return f"{body}.{part(der)}"


FORGED = {
    "no algorithm": f"{part({'alg': 'none', 'kid': 'rsa'})}.{part(GOOD)}.",
    "public key as secret": hs256_with_public_key("rsa", RSA_PEM),
    "modulus as secret": hs256_with_public_key("rsa", KEYS[0]["n"].encode()),
    "symmetric key": hs256_with_public_key("oct", SECRET),
    "another algorithm of the key": token(RSA, "RS512", "rsa"),
    "another padding": token(RSA, "PS256", "rsa"),
    "key for another algorithm": token(RSA, "RS256", "ps"),
    "key for another use": token(P256, "ES256", "enc"),
    "published private key": token(RSA, "RS256", "private"),
    "another key's id": token(RSA, "RS256", "p256"),
    "another key": token(rsa.generate_private_key(65537, 2048), "RS256", "rsa"),
    "another curve": es256_of_another_curve("p256"),
    "a curve we do not take": token(P384, "ES384", "p384"),
    "a key on the wrong curve": es256_of_another_curve("p384"),
    "DER signature": es256_in_der(),
    "empty signature": token(RSA, "RS256", "rsa").rsplit(".", 1)[0] + ".",
    "no key id": token(RSA, "RS256", None),
    "key id is a path": token(RSA, "RS256", "../../dev/null"),
    "key id is SQL": token(RSA, "RS256", "' UNION SELECT 'rsa"),
    "key id is no text": signed(GOOD, {"alg": "RS256", "kid": ["rsa"]}),
    "key brought along": token(
        P384, "ES384", "mine", jwk=KEYS[3], jku="https://evil.example/", x5u="https://evil.example/"
    ),
    "critical header": token(RSA, "RS256", "rsa", crit=["exp"], exp=1),
    "no token": "a.b.c",
    "too long": token(RSA, "RS256", "rsa") + "A" * 100_000,
}


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("forged", [*FORGED, "weak key"])
async def test_a_forged_token_is_refused(forged: str) -> None:
    """Nothing in a token chooses how it is verified, and only its signer's keys count."""
    made = FORGED.get(forged) or token(WEAK_RSA, "RS256", "weak")
    async with verifier_of(Signer(KEYS)) as verifier:
        with pytest.raises(BadToken) as refused:
            await verifier.verify(made)

    assert all(piece not in str(refused.value) for piece in made.split(".") if len(piece) > 8)


async def test_the_claims_count_here_too() -> None:
    """A good signature does not make an old token young."""
    expired = jwt.PyJWS().encode(
        json.dumps(GOOD | {"exp": NOW - 1}).encode(), P256, "ES256", {"kid": "p256"}
    )
    async with verifier_of(Signer(KEYS)) as verifier:
        with pytest.raises(ExpiredToken):
            await verifier.verify(expired)


GOOD_TOKEN = token(P256, "ES256", "p256")


async def test_keys_are_fetched_once_for_all_who_wait() -> None:
    """However many tokens come at once, the signer is asked once; later ones ask nothing."""
    signer = Signer(KEYS)
    async with verifier_of(signer) as verifier:
        await asyncio.gather(*(verifier.verify(GOOD_TOKEN) for _ in range(50)))
        await verifier.verify(GOOD_TOKEN)

    assert signer.fetches == 1


async def test_unknown_keys_cost_a_fetch_every_so_often() -> None:
    """A flood of made-up key ids does not reach the signer."""
    signer = Signer(KEYS)
    async with verifier_of(signer) as verifier:
        for number in range(100):
            with pytest.raises(BadToken):
                await verifier.verify(token(P256, "ES256", f"made-up-{number}"))
        signer.now = jwks.FETCH_EVERY_S
        with pytest.raises(BadToken):
            await verifier.verify(token(P256, "ES256", "made-up"))

    assert signer.fetches == 2


async def test_a_new_key_is_found_and_an_old_one_forgotten() -> None:
    """The signer changes its keys, and we follow."""
    signer = Signer(KEYS[:1])
    async with verifier_of(signer) as verifier:
        await verifier.verify(token(RSA, "RS256", "rsa"))
        signer.answer = Signer(KEYS[2:3]).answer
        signer.now = jwks.FETCH_EVERY_S

        await verifier.verify(GOOD_TOKEN)

        with pytest.raises(BadToken):
            await verifier.verify(token(RSA, "RS256", "rsa"))


async def test_a_withdrawn_key_is_forgotten_in_time() -> None:
    """Also if no token with an unknown key comes along."""
    signer = Signer(KEYS)
    async with verifier_of(signer) as verifier:
        await verifier.verify(GOOD_TOKEN)
        signer.answer = Signer(KEYS[:1]).answer
        signer.now = jwks.FRESH_S

        with pytest.raises(BadToken):
            await verifier.verify(GOOD_TOKEN)


def _refuse_connection() -> httpx.Response:
    raise httpx.ConnectError("no route")


FAILURES: dict[str, Callable[[], httpx.Response]] = {
    "unreachable": _refuse_connection,
    "error": lambda: httpx.Response(500),
    "redirect": lambda: httpx.Response(302, headers={"Location": "http://169.254.169.254/"}),
    "no JSON": lambda: httpx.Response(200, content=b"<html>"),
    "another shape": lambda: httpx.Response(200, content=b'{"keys":{}}'),
    "nested": lambda: httpx.Response(200, content=b'{"keys":' + b"[" * 9_000),
    "endless": lambda: httpx.Response(200, content=b" " * (jwks.BODY_BYTES_MAX + 1)),
}


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_signer_that_fails_makes_no_token_bad(failure: str) -> None:
    """Without keys nothing can be told, so nothing is refused for good; then they come."""
    signer = Signer(KEYS)
    working, signer.answer = signer.answer, FAILURES[failure]
    async with verifier_of(signer) as verifier:
        for _ in range(10):
            with pytest.raises(KeysUnavailable):
                await verifier.verify(GOOD_TOKEN)
        assert signer.fetches == 1

        signer.answer = working
        signer.now = jwks.FETCH_EVERY_S
        await verifier.verify(GOOD_TOKEN)


async def test_known_keys_outlive_their_signers_failure() -> None:
    """While the signer is down, tokens of known keys stay good, and of unknown ones undecided."""
    signer = Signer(KEYS)
    async with verifier_of(signer) as verifier:
        await verifier.verify(GOOD_TOKEN)
        signer.answer = FAILURES["error"]
        signer.now = jwks.FRESH_S

        await verifier.verify(GOOD_TOKEN)

        with pytest.raises(KeysUnavailable):
            await verifier.verify(token(P256, "ES256", "new"))


async def test_a_signer_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetching has a deadline."""
    monkeypatch.setattr(jwks, "FETCH_S_MAX", 0.01)
    signer = Signer(KEYS)
    signer.may_answer.clear()
    async with verifier_of(signer) as verifier:
        with pytest.raises(KeysUnavailable):
            await verifier.verify(GOOD_TOKEN)


async def test_who_gives_up_waiting_takes_nothing_from_the_others() -> None:
    """The first to ask goes away; the keys come for the second."""
    signer = Signer(KEYS)
    signer.may_answer.clear()
    async with verifier_of(signer) as verifier:
        first = asyncio.create_task(verifier.verify(GOOD_TOKEN))
        second = asyncio.create_task(verifier.verify(GOOD_TOKEN))
        async with asyncio.timeout(5):
            await signer.asked.wait()
        first.cancel()
        signer.may_answer.set()

        identity = await second

    assert identity.user_id == "anna"
    assert signer.fetches == 1


async def test_closing_gives_up_a_fetch() -> None:
    """The end does not wait for a signer."""
    signer = Signer(KEYS)
    signer.may_answer.clear()
    async with verifier_of(signer) as verifier:
        waiting = asyncio.create_task(verifier.verify(GOOD_TOKEN))
        async with asyncio.timeout(5):
            await signer.asked.wait()

        await verifier.close()

        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_settings_choose_the_verifier(tmp_path: Path) -> None:
    """An address, a secret, or neither: then the one of the data folder."""
    async with open_verifier(jwks_url="https://x.example/", secret=None, data=tmp_path) as verifier:
        assert isinstance(verifier, JwksVerifier)
    async with open_verifier(jwks_url=None, secret=SECRET.decode(), data=tmp_path) as verifier:
        assert isinstance(verifier, SecretVerifier)
    assert list(tmp_path.iterdir()) == []
    async with open_verifier(jwks_url=None, secret=None, data=tmp_path) as verifier:
        with pytest.raises(BadToken, match="signature"):
            await verifier.verify(mint(SECRET, "anna", now=NOW))
    assert len(list(tmp_path.iterdir())) == 1


async def test_two_ways_to_verify_are_one_too_many(tmp_path: Path) -> None:
    """A secret left over beside an address would be a second door."""
    with pytest.raises(ValueError, match="not both"):
        async with open_verifier(jwks_url="https://x", secret="s", data=tmp_path):
            pass
