"""The token a service shows to another."""

from pathlib import Path

from shared.service_token import FRESH_S, MINTED_S, FileToken, MintedToken
from shared.tokens import SecretVerifier

SECRET = b"0123456789abcdef0123456789abcdef"


async def test_a_replaced_file_is_read_again(tmp_path: Path) -> None:
    """Whoever keeps the file fresh need not restart the service."""
    file = tmp_path / "token"
    file.write_text("old\n")
    now = 0.0
    token = FileToken(file, lambda: now)
    first = await token()

    file.write_text("new\n")
    still = await token()
    now = FRESH_S

    assert (first, still, await token()) == ("old", "old", "new")


async def test_a_minted_token_is_replaced_before_it_ends() -> None:
    """The token shown is always good for a while."""
    now = 1_000.0
    token = MintedToken(SECRET, "gateway", lambda: now)
    await token()

    now += MINTED_S - FRESH_S
    identity = await SecretVerifier(SECRET, lambda: now).verify(await token())

    assert (identity.user_id, identity.expires_at) == ("service:gateway", now + MINTED_S)
