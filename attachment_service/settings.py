"""The settings of the attachment service, read once from the environment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from shared.grants import Grants, open_grants
from shared.service_token import FileToken, MintedToken, ServiceToken
from shared.settings import (
    BadSetting,
    read_addresses,
    read_items,
    read_number,
    read_switch,
)

FILE_BYTES_MAX: Final = 5 << 30
"""What one object may have at most where it is copied inside the store (S3)."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Each field's text names its variable."""

    data: Path = Path("data")
    """`--data`: the folder that relative addresses of files start from."""
    host: str = "127.0.0.1"
    """`ORDER_CHAT_HOST`: the address to listen on; by default this machine alone."""
    port: int = 8082
    """`ORDER_CHAT_PORT`: the TCP port to listen on; 0 picks a free one."""
    store_url: str = "sqlite:///store.db"
    """`ORDER_CHAT_STORE_URL`: where uploads are recorded."""
    blobs_url: str = "file:///blobs"
    """`ORDER_CHAT_BLOBS_URL`: the object store; by default a folder, for one process."""
    blobs_public_url: str | None = None
    """`ORDER_CHAT_BLOBS_PUBLIC_URL`: where browsers reach it, if that is elsewhere."""
    orders_url: str | None = None
    """`ORDER_CHAT_ORDERS_URL`: the order service; by default it runs in the same process."""
    gateway_url: str | None = None
    """`ORDER_CHAT_GATEWAY_URL`: a gateway, or what stands before all of them: it knows which
    message carries a file. By default it runs in the same process."""
    jwt_secret: str | None = None
    """`ORDER_CHAT_JWT_SECRET`: verifies HS256 tokens; by default one kept in the data folder."""
    jwks_url: str | None = None
    """`ORDER_CHAT_JWKS_URL`: where a signer publishes its keys, instead of a secret."""
    grant_secret: str | None = None
    """`ORDER_CHAT_GRANT_SECRET`: signs grants, and gateways verify them with the same one; by
    default it is made from the JWT secret. Required with a JWKS URL."""
    service_token_file: Path | None = None
    """`ORDER_CHAT_SERVICE_TOKEN_FILE`: holds the token this service shows to the others; by default
    it signs one with the JWT secret."""
    clamd_url: str | None = None
    """`ORDER_CHAT_CLAMD_URL`: ClamAV, as tcp://host:3310 or unix:///path; by default nothing is
    scanned."""
    scan_command: str | None = None
    """`ORDER_CHAT_SCAN_COMMAND`: another scanner, which gets the file on its standard input and
    exits with 0 for clean, 1 for infected, 2 for what it cannot scan."""
    max_file_bytes: int = 104_857_600
    """`ORDER_CHAT_MAX_FILE_BYTES`: how large a file may be; at most 5 GiB."""
    origins: frozenset[str] = frozenset()
    """`ORDER_CHAT_ORIGINS`: comma list of origins whose pages may ask."""
    trusted_proxies: frozenset[str] = frozenset()
    """`ORDER_CHAT_TRUSTED_PROXIES`: comma list of the IP addresses of proxies whose
    `X-Forwarded-For` and `X-Forwarded-Proto` are believed."""
    rate_limits: bool = True
    """`ORDER_CHAT_RATE_LIMITS`: `off` lifts all rates, for load tests alone."""

    dev: bool = False
    """`ORDER_CHAT_DEV`, `--dev`: `on` lets unsafe settings of the engines warn instead of stopping
    the start."""

    def __repr__(self) -> str:
        # Secrets and addresses with passwords would end up in logs and tracebacks.
        return "Settings(…)"

    @classmethod
    def read(cls, environment: Mapping[str, str], data: Path, *, dev: bool = False) -> "Settings":
        """The settings in *environment*; an empty variable counts as not set. *dev* is what the
        command line says. Raises `BadSetting`."""

        def get(variable: str) -> str | None:
            return environment.get(f"ORDER_CHAT_{variable}") or None

        default = cls()
        token_file = get("SERVICE_TOKEN_FILE")
        return cls(
            data=data,
            host=get("HOST") or default.host,
            port=read_number("PORT", get("PORT"), default.port, 0, 65_535),
            store_url=get("STORE_URL") or default.store_url,
            blobs_url=get("BLOBS_URL") or default.blobs_url,
            blobs_public_url=get("BLOBS_PUBLIC_URL"),
            orders_url=get("ORDERS_URL"),
            gateway_url=get("GATEWAY_URL"),
            jwt_secret=get("JWT_SECRET"),
            jwks_url=get("JWKS_URL"),
            grant_secret=get("GRANT_SECRET"),
            service_token_file=Path(token_file) if token_file else None,
            clamd_url=get("CLAMD_URL"),
            scan_command=get("SCAN_COMMAND"),
            max_file_bytes=read_number(
                "MAX_FILE_BYTES",
                get("MAX_FILE_BYTES"),
                default.max_file_bytes,
                1,
                FILE_BYTES_MAX,
            ),
            origins=read_items(get("ORIGINS")),
            trusted_proxies=read_addresses("TRUSTED_PROXIES", get("TRUSTED_PROXIES")),
            rate_limits=read_switch("RATE_LIMITS", get("RATE_LIMITS"), default.rate_limits),
            dev=dev or read_switch("DEV", get("DEV"), default.dev),
        )

    async def open_grants(self) -> Grants:
        """What attachments are sent by. Raises `ValueError`."""
        grants = await open_grants(
            secret=self.grant_secret,
            jwks_url=self.jwks_url,
            jwt_secret=self.jwt_secret,
            data=self.data,
        )
        if grants is None:
            raise BadSetting("set ORDER_CHAT_GRANT_SECRET, here and for every gateway")
        return grants

    def service_token(self) -> ServiceToken:
        """What this service shows to the others. Raises `BadSetting`."""
        if self.service_token_file is not None:
            return FileToken(self.service_token_file)
        if self.jwt_secret is not None:
            return MintedToken(self.jwt_secret.encode(), "attachments")
        raise BadSetting(
            "set ORDER_CHAT_SERVICE_TOKEN_FILE, or ORDER_CHAT_JWT_SECRET to sign one with"
        )
