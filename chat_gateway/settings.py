"""The settings of gateway and archiver, read once from the environment. All defaults work as is."""

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path

import msgspec

from shared.contracts.ids import EPOCH_MAX
from shared.service_token import FileToken, MintedToken, ServiceToken


class BadSetting(ValueError):
    """A setting that cannot be used; the text names its variable, not its value."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Each field's text names its variable."""

    data: Path = Path("data")
    """`--data`: the folder that relative addresses of files start from."""
    host: str = "127.0.0.1"
    """`ORDER_CHAT_HOST`: the address to listen on; by default this machine alone."""
    port: int = 8080
    """`ORDER_CHAT_PORT`: the TCP port to listen on; 0 picks a free one."""
    log_url: str = "sqlite:///log.db"
    """`ORDER_CHAT_LOG_URL`: the log; by default a file for one process."""
    store_url: str = "sqlite:///store.db"
    """`ORDER_CHAT_STORE_URL`: where the archiver writes and gateways read."""
    signals_url: str = "memory://"
    """`ORDER_CHAT_SIGNALS_URL`: presence and typing between gateways; by default of one process."""
    orders_url: str | None = None
    """`ORDER_CHAT_ORDERS_URL`: the order service; by default it runs in the same process."""
    jwt_secret: str | None = None
    """`ORDER_CHAT_JWT_SECRET`: verifies HS256 tokens; by default one kept in the data folder."""
    jwks_url: str | None = None
    """`ORDER_CHAT_JWKS_URL`: where a signer publishes its keys, instead of a secret."""
    service_token_file: Path | None = None
    """`ORDER_CHAT_SERVICE_TOKEN_FILE`: holds the token this service shows to the order service; by
    default it signs one with the JWT secret."""
    origins: frozenset[str] = frozenset()
    """`ORDER_CHAT_ORIGINS`: comma list of origins that may connect beside the gateway's own."""
    drain_s: int = 5
    """`ORDER_CHAT_DRAIN_S`: seconds over which clients are sent away at the end, and over as long
    again come back; at most 300."""
    trusted_proxies: frozenset[str] = frozenset()
    """`ORDER_CHAT_TRUSTED_PROXIES`: comma list of the IP addresses of proxies whose
    `X-Forwarded-For` and `X-Forwarded-Proto` are believed; by default nobody's. Behind a proxy that
    is not listed all users count as one address."""
    rate_limits: bool = True
    """`ORDER_CHAT_RATE_LIMITS`: `off` lifts all rates and caps, for load tests alone."""
    epoch: int = 1
    """`ORDER_CHAT_EPOCH`: 1 to 511; raised when the log is recreated or moved."""

    dev: bool = False
    """`ORDER_CHAT_DEV`, `--dev`: `on` lets unsafe settings of the engines warn instead of stopping
    the start."""

    def __repr__(self) -> str:
        # Secrets and addresses with passwords would end up in logs and tracebacks.
        return "Settings(…)"

    @classmethod
    def read(
        cls, environment: Mapping[str, str], data: Path, *, port: int = 8080, dev: bool = False
    ) -> "Settings":
        """The settings in *environment*; an empty variable counts as not set.

        *port* is the default of the program that asks, *dev* what its command line says. Raises
        `BadSetting`.
        """

        def get(variable: str) -> str | None:
            return environment.get(f"ORDER_CHAT_{variable}") or None

        default = cls()
        token_file = get("SERVICE_TOKEN_FILE")
        return cls(
            data=data,
            host=get("HOST") or default.host,
            port=_number("PORT", get("PORT"), port, 0, 65_535),
            log_url=get("LOG_URL") or default.log_url,
            store_url=get("STORE_URL") or default.store_url,
            signals_url=get("SIGNALS_URL") or default.signals_url,
            orders_url=get("ORDERS_URL"),
            jwt_secret=get("JWT_SECRET"),
            jwks_url=get("JWKS_URL"),
            service_token_file=Path(token_file) if token_file else None,
            origins=frozenset(_items(get("ORIGINS"))),
            trusted_proxies=_addresses("TRUSTED_PROXIES", get("TRUSTED_PROXIES")),
            rate_limits=_on_or_off("RATE_LIMITS", get("RATE_LIMITS"), default.rate_limits),
            drain_s=_number("DRAIN_S", get("DRAIN_S"), default.drain_s, 0, 300),
            dev=dev or _on_or_off("DEV", get("DEV"), default.dev),
            epoch=_number("EPOCH", get("EPOCH"), default.epoch, 1, EPOCH_MAX),
        )

    def service_token(self) -> ServiceToken:
        """What this gateway shows to the order service. Raises `BadSetting`."""
        if self.service_token_file is not None:
            return FileToken(self.service_token_file)
        if self.jwt_secret is not None:
            return MintedToken(self.jwt_secret.encode(), "gateway")
        raise BadSetting(
            "set ORDER_CHAT_SERVICE_TOKEN_FILE, or ORDER_CHAT_JWT_SECRET to sign one with"
        )


def _items(text: str | None) -> list[str]:
    return [item.strip() for item in (text or "").split(",") if item.strip()]


def _addresses(name: str, text: str | None) -> frozenset[str]:
    try:
        return frozenset(str(ip_address(item)) for item in _items(text))
    except ValueError:
        raise BadSetting(f"ORDER_CHAT_{name} must be IP addresses, divided by commas") from None


def _on_or_off(name: str, text: str | None, default: bool) -> bool:
    match text:
        case None:
            return default
        case "on" | "off":
            return text == "on"
        case _:
            raise BadSetting(f"ORDER_CHAT_{name} must be on or off")


def _number(name: str, text: str | None, default: int, least: int, most: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise BadSetting(f"ORDER_CHAT_{name} must be a number from {least} to {most}")
    return int(text)
