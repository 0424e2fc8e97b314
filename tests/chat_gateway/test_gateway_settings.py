"""The gateway's settings: a working default for each, a clear word on what cannot be used."""

import asyncio
from pathlib import Path

import pytest

from chat_gateway.settings import Settings
from shared.contracts.ids import MessageId, OrderId, UserId
from shared.grants import Grants, derive_secret
from shared.seal import CannotOpen
from shared.secret_file import load_or_make_secret
from shared.service_token import FileToken, MintedToken
from shared.settings import BadSetting
from tests.chat_gateway.world import picture

DATA = Path("data")


def test_an_empty_environment_works() -> None:
    """Empty variables count as not set."""
    assert Settings.read({}, DATA) == Settings(data=DATA)
    assert Settings.read({"ORDER_CHAT_PORT": "", "ORDER_CHAT_LOG_URL": ""}, DATA) == Settings()


def test_everything_may_be_chosen() -> None:
    """Each by its variable."""
    environment = {
        "ORDER_CHAT_HOST": "0.0.0.0",
        "ORDER_CHAT_PORT": "0",
        "ORDER_CHAT_PROCESSES": "64",
        "ORDER_CHAT_PROCESS_PORT": "65472",
        "ORDER_CHAT_LOG_URL": "kafka://a:9092",
        "ORDER_CHAT_STORE_URL": "mongodb://b/c",
        "ORDER_CHAT_SIGNALS_URL": "redis://d",
        "ORDER_CHAT_ORDERS_URL": "http://e",
        "ORDER_CHAT_JWT_SECRET": "f" * 32,
        "ORDER_CHAT_JWKS_URL": "https://g",
        "ORDER_CHAT_GRANT_SECRET": "i" * 32,
        "ORDER_CHAT_MAX_FILE_BYTES": "5368709120",
        "ORDER_CHAT_SERVICE_TOKEN_FILE": "h",
        "ORDER_CHAT_ORIGINS": "https://shop.example, https://www.shop.example,,",
        "ORDER_CHAT_TRUSTED_PROXIES": "10.0.0.7, 2001:db8:0::7",
        "ORDER_CHAT_RATE_LIMITS": "off",
        "ORDER_CHAT_EPOCH": "511",
    }

    assert Settings.read(environment, DATA) == Settings(
        data=DATA,
        host="0.0.0.0",
        port=0,
        processes=64,
        process_port=65_472,
        log_url="kafka://a:9092",
        store_url="mongodb://b/c",
        signals_url="redis://d",
        orders_url="http://e",
        jwt_secret="f" * 32,
        jwks_url="https://g",
        grant_secret="i" * 32,
        max_file_bytes=5 * 1024**3,
        service_token_file=Path("h"),
        origins=frozenset({"https://shop.example", "https://www.shop.example"}),
        trusted_proxies=frozenset({"10.0.0.7", "2001:db8::7"}),
        rate_limits=False,
        epoch=511,
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ORDER_CHAT_TRUSTED_PROXIES", "*"),
        ("ORDER_CHAT_TRUSTED_PROXIES", "10.0.0.0/8"),
        ("ORDER_CHAT_TRUSTED_PROXIES", "10.0.0.7 10.0.0.8"),
        ("ORDER_CHAT_RATE_LIMITS", "no"),
    ],
)
def test_what_guards_the_gateway_is_not_guessed(variable: str, value: str) -> None:
    """A slip of the pen neither lifts a limit nor trusts everybody."""
    with pytest.raises(BadSetting, match=f"^{variable} must be ") as bad:
        Settings.read({variable: value}, DATA)

    assert value not in str(bad.value).split()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ORDER_CHAT_PORT", "65536"),
        ("ORDER_CHAT_PORT", "-1"),
        ("ORDER_CHAT_PORT", "http"),
        ("ORDER_CHAT_PORT", "٨٠"),
        ("ORDER_CHAT_PROCESSES", "0"),
        ("ORDER_CHAT_PROCESSES", "65"),
        ("ORDER_CHAT_PROCESSES", "auto"),
        ("ORDER_CHAT_MAX_FILE_BYTES", "0"),
        ("ORDER_CHAT_MAX_FILE_BYTES", "5368709121"),
        ("ORDER_CHAT_EPOCH", "0"),
        ("ORDER_CHAT_EPOCH", "512"),
        ("ORDER_CHAT_EPOCH", "1.0"),
    ],
)
def test_bad_numbers_name_their_variable_not_their_value(variable: str, value: str) -> None:
    """What stands in a variable may be a secret pasted into the wrong one."""
    with pytest.raises(BadSetting, match=variable) as bad:
        Settings.read({variable: value}, DATA)

    assert str(bad.value).startswith(f"{variable} must be a number from ")


def test_every_process_has_a_port() -> None:
    """The last one's is a port, too."""
    with pytest.raises(BadSetting, match=r"PROCESS_PORT must be a number from 0 to 65532$"):
        Settings.read({"ORDER_CHAT_PROCESSES": "4", "ORDER_CHAT_PROCESS_PORT": "65533"}, DATA)


def test_settings_do_not_print_their_secrets() -> None:
    """They would end up in logs and tracebacks."""
    settings = Settings(
        jwt_secret="hush" * 8, grant_secret="hush" * 8, log_url="kafka://user:hush@host"
    )

    assert "hush" not in f"{settings!r} {settings}"


def test_the_service_token_comes_from_a_file_or_is_signed_with_the_secret() -> None:
    """The file is preferred; without either the setting to make is named."""
    signed = Settings(jwt_secret="f" * 32)
    filed = Settings(jwt_secret="f" * 32, service_token_file=Path("h"))

    assert isinstance(signed.service_token(), MintedToken)
    assert isinstance(filed.service_token(), FileToken)
    with pytest.raises(BadSetting, match="ORDER_CHAT_SERVICE_TOKEN_FILE"):
        Settings().service_token()


async def test_grants_are_signed_by_their_secret_or_by_what_follows_from_the_tokens(
    tmp_path: Path,
) -> None:
    """Every service that is told the same secrets, or has the same folder, takes the same ones."""
    chosen = Settings(data=tmp_path, grant_secret="g" * 32, jwt_secret="t" * 32)
    derived = Settings(data=tmp_path, jwt_secret="t" * 32)
    kept = Settings(data=tmp_path)
    in_folder = await asyncio.to_thread(load_or_make_secret, tmp_path)
    secrets = [b"g" * 32, derive_secret(b"t" * 32), derive_secret(in_folder)]

    for settings, secret in zip((chosen, derived, kept), secrets, strict=True):
        text, _ = Grants(secret).issue(OrderId("o1"), UserId("anna"), picture())
        grants = await settings.open_grants()

        assert grants is not None
        assert grants.read(text).genuine


async def test_with_keys_of_others_grants_need_a_secret_of_their_own(tmp_path: Path) -> None:
    """There is nothing to derive one from; a data folder is not asked for one, nor made."""
    folder = tmp_path / "data"
    bare = Settings(data=folder, jwks_url="https://g")
    told = Settings(data=folder, jwks_url="https://g", grant_secret="g" * 32)

    assert await bare.open_grants() is None
    assert await told.open_grants() is not None
    assert list(tmp_path.iterdir()) == []


async def test_a_weak_grant_secret_stops_the_start() -> None:
    """With what it lacks."""
    with pytest.raises(ValueError, match="the grant secret has 4 bytes"):
        await Settings(grant_secret="hush").open_grants()


async def test_originals_are_sealed_by_their_secrets_or_by_what_follows_from_the_tokens(
    tmp_path: Path,
) -> None:
    """Every gateway that is told the same, or has the same folder, opens what another sealed."""
    chosen = Settings(data=tmp_path, seal_secrets=("s" * 32, "o" * 32), jwt_secret="t" * 32)
    old = Settings(data=tmp_path, seal_secrets=("o" * 32,))
    derived = Settings(data=tmp_path, jwt_secret="t" * 32)
    kept = Settings(data=tmp_path)
    message = MessageId("m1")
    seals = [await settings.open_seal() for settings in (old, chosen, derived, kept)]
    by_old, by_chosen, by_derived, by_kept = [seal for seal in seals if seal is not None]

    assert by_chosen.open(message, by_old.close(message, "Hi!")) == "Hi!"
    for one, other in ((by_old, by_chosen), (by_kept, by_derived), (by_derived, by_chosen)):
        with pytest.raises(CannotOpen):
            one.open(message, other.close(message, "Hi!"))


async def test_with_keys_of_others_originals_need_a_secret_of_their_own(tmp_path: Path) -> None:
    """Without one they are not kept; a weak one stops the start."""
    bare = Settings(data=tmp_path / "data", jwks_url="https://g")
    told = Settings(data=tmp_path / "data", jwks_url="https://g", seal_secrets=("s" * 32,))

    assert await bare.open_seal() is None
    assert await told.open_seal() is not None
    with pytest.raises(ValueError, match="the seal secret has 4 bytes"):
        await Settings(seal_secrets=("hush",)).open_seal()


def test_secrets_are_a_list_in_their_order() -> None:
    """The first seals."""
    read = Settings.read({"ORDER_CHAT_SEAL_SECRETS": " b, a ,"}, Path("data"))

    assert read.seal_secrets == ("b", "a")


def test_what_fails_is_open_or_closed() -> None:
    """Nothing between."""
    read = Settings.read({"ORDER_CHAT_CONTACT_FAIL": "closed"}, Path("data"))

    assert (read.contact_fail, Settings().contact_fail) == ("closed", "open")
    with pytest.raises(BadSetting, match="ORDER_CHAT_CONTACT_FAIL must be open or closed"):
        Settings.read({"ORDER_CHAT_CONTACT_FAIL": "ajar"}, Path("data"))
