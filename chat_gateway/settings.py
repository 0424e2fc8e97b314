"""The settings of gateway and archiver, read once from the environment. All defaults work as is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from shared.contracts.ids import EPOCH_MAX
from shared.grants import Grants, open_grants
from shared.seal import Seal, open_seal
from shared.service_token import FileToken, MintedToken, ServiceToken
from shared.settings import (
    BadSetting,
    read_addresses,
    read_choice,
    read_items,
    read_list,
    read_number,
    read_switch,
)

FILE_BYTES_MAX: Final = 5 * 1024**3
PORT_MAX: Final = 65_535
PROCESSES_MAX: Final = 64


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Each field's text names its variable."""

    data: Path = Path("data")
    """`--data`: the folder that relative addresses of files start from."""
    host: str = "127.0.0.1"
    """`ORDER_CHAT_HOST`: the address to listen on; by default this machine alone."""
    port: int = 8080
    """`ORDER_CHAT_PORT`: the TCP port to listen on; 0 picks a free one."""
    processes: int = 1
    """`ORDER_CHAT_PROCESSES`: how many processes share the port, each a gateway of its own; at most
    64."""
    process_port: int = 8090
    """`ORDER_CHAT_PROCESS_PORT`: where the first of several processes listens alone as well, the
    second at the next port, and so on; 0 picks free ones."""
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
    grant_secret: str | None = None
    """`ORDER_CHAT_GRANT_SECRET`: signs the grants that attachments are sent by; by default it
    follows from the JWT secret. With a JWKS URL and without it there are no attachments."""
    seal_secrets: tuple[str, ...] = ()
    """`ORDER_CHAT_SEAL_SECRETS`: comma list; the first seals originals of masked texts, each opens
    them; by default one that follows from the JWT secret. With a JWKS URL and without it originals
    are not kept."""
    rules_file: Path | None = None
    """`ORDER_CHAT_RULES_FILE`: what counts as contact details; by default the rules that come with
    the program."""
    contact_fail: str = "open"
    """`ORDER_CHAT_CONTACT_FAIL`: `open` takes a text as it is that cannot be checked in time,
    `closed` refuses it; where an order's status has contact details masked or refused."""
    max_file_bytes: int = 104_857_600
    """`ORDER_CHAT_MAX_FILE_BYTES`: bytes of the largest attachment; at most 5 GiB."""
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
        rules_file = get("RULES_FILE")
        processes = read_number("PROCESSES", get("PROCESSES"), default.processes, 1, PROCESSES_MAX)
        return cls(
            data=data,
            host=get("HOST") or default.host,
            port=read_number("PORT", get("PORT"), port, 0, PORT_MAX),
            processes=processes,
            process_port=read_number(
                "PROCESS_PORT",
                get("PROCESS_PORT"),
                default.process_port,
                0,
                PORT_MAX + 1 - processes,
            ),
            log_url=get("LOG_URL") or default.log_url,
            store_url=get("STORE_URL") or default.store_url,
            signals_url=get("SIGNALS_URL") or default.signals_url,
            orders_url=get("ORDERS_URL"),
            jwt_secret=get("JWT_SECRET"),
            jwks_url=get("JWKS_URL"),
            grant_secret=get("GRANT_SECRET"),
            seal_secrets=read_list(get("SEAL_SECRETS")),
            rules_file=Path(rules_file) if rules_file else None,
            contact_fail=read_choice("CONTACT_FAIL", get("CONTACT_FAIL"), ("open", "closed")),
            max_file_bytes=read_number(
                "MAX_FILE_BYTES", get("MAX_FILE_BYTES"), default.max_file_bytes, 1, FILE_BYTES_MAX
            ),
            service_token_file=Path(token_file) if token_file else None,
            origins=read_items(get("ORIGINS")),
            trusted_proxies=read_addresses("TRUSTED_PROXIES", get("TRUSTED_PROXIES")),
            rate_limits=read_switch("RATE_LIMITS", get("RATE_LIMITS"), default.rate_limits),
            drain_s=read_number("DRAIN_S", get("DRAIN_S"), default.drain_s, 0, 300),
            dev=dev or read_switch("DEV", get("DEV"), default.dev),
            epoch=read_number("EPOCH", get("EPOCH"), default.epoch, 1, EPOCH_MAX),
        )

    async def open_grants(self) -> Grants | None:
        """What attachments are sent by; null: none are. Raises `ValueError`."""
        return await open_grants(
            secret=self.grant_secret,
            jwks_url=self.jwks_url,
            jwt_secret=self.jwt_secret,
            data=self.data,
        )

    async def open_seal(self) -> Seal | None:
        """What originals of masked texts are kept by; null: they are not. Raises `ValueError`."""
        return await open_seal(
            secrets=self.seal_secrets,
            jwks_url=self.jwks_url,
            jwt_secret=self.jwt_secret,
            data=self.data,
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
