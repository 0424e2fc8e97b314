"""The settings of the moderation consumer."""

import time
from pathlib import Path

import pytest

from chat_gateway.moderation.settings import Settings
from shared.settings import BadSetting
from shared.timeline import MODERATION
from shared.tokens import SecretVerifier

DATA = Path("data")
SECRET = "a secret of at least thirty-two bytes"


def test_an_empty_environment_is_enough() -> None:
    """Empty variables count as not set."""
    assert Settings.read({"ORDER_CHAT_PORT": ""}, DATA) == Settings(data=DATA)


def test_every_variable_is_read(tmp_path: Path) -> None:
    """Each into its field."""
    environment = {
        "ORDER_CHAT_HOST": "0.0.0.0",
        "ORDER_CHAT_PORT": "1",
        "ORDER_CHAT_LOG_URL": "kafka://kafka",
        "ORDER_CHAT_GATEWAY_URL": "http://proxy:8080",
        "ORDER_CHAT_JWT_SECRET": SECRET,
        "ORDER_CHAT_MODERATOR_TOKEN_FILE": "token",
        "ORDER_CHAT_RULES_FILE": "rules.json",
        "ORDER_CHAT_MODERATION_GROUP": "another",
        "ORDER_CHAT_DEV": "on",
    }

    assert Settings.read(environment, tmp_path) == Settings(
        data=tmp_path,
        host="0.0.0.0",
        port=1,
        log_url="kafka://kafka",
        gateway_url="http://proxy:8080",
        jwt_secret=SECRET,
        moderator_token_file=Path("token"),
        rules_file=Path("rules.json"),
        moderation_group="another",
        dev=True,
    )


async def test_its_token_is_a_moderator_s() -> None:
    """Signed with the secret that all share, in the name that verdicts' ids follow from."""
    token = await Settings(jwt_secret=SECRET).moderator_token()()

    identity = await SecretVerifier(SECRET.encode()).verify(token)
    assert identity.user_id == MODERATION
    assert identity.roles == {"moderator"}
    assert identity.expires_at > time.time() + 60


async def test_a_token_in_a_file_wins(tmp_path: Path) -> None:
    """Where a signer of the marketplace's own makes it."""
    file = tmp_path / "token"
    file.write_text("theirs\n")

    token = Settings(jwt_secret=SECRET, moderator_token_file=file).moderator_token()

    assert await token() == "theirs"


def test_without_either_there_is_none() -> None:
    """The line names both variables."""
    with pytest.raises(BadSetting, match=r"MODERATOR_TOKEN_FILE.*JWT_SECRET"):
        Settings().moderator_token()


def test_it_shows_no_secret() -> None:
    """Not in logs, not in tracebacks."""
    assert SECRET not in repr(Settings(jwt_secret=SECRET))
