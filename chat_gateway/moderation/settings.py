"""The settings of the moderation consumer, read once from the environment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from chat_gateway.moderation.consumer import GROUP
from shared.service_token import FileToken, MintedToken, ServiceToken
from shared.settings import BadSetting, read_number, read_switch
from shared.timeline import MODERATION

PORT: Final = 8084
"""Where its health is served unless `ORDER_CHAT_PORT` says otherwise."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Each field's text names its variable."""

    data: Path = Path("data")
    """`--data`: the folder that relative addresses of files start from."""
    host: str = "127.0.0.1"
    """`ORDER_CHAT_HOST`: the address to listen on; by default this machine alone."""
    port: int = PORT
    """`ORDER_CHAT_PORT`: the TCP port to listen on; 0 picks a free one."""
    log_url: str = "sqlite:///log.db"
    """`ORDER_CHAT_LOG_URL`: the log; by default a file for one process."""
    gateway_url: str | None = None
    """`ORDER_CHAT_GATEWAY_URL`: a gateway, or what stands before all of them: it gives verdicts.
    By default it runs in the same process."""
    jwt_secret: str | None = None
    """`ORDER_CHAT_JWT_SECRET`: signs the token it shows to gateways, if it has none in a file."""
    moderator_token_file: Path | None = None
    """`ORDER_CHAT_MODERATOR_TOKEN_FILE`: holds a moderator's token, which somebody else keeps
    fresh; always of one `sub`, from which the ids of verdicts follow."""
    rules_file: Path | None = None
    """`ORDER_CHAT_RULES_FILE`: the rules; by default those that come with the package. `--rules`
    wins."""
    moderation_group: str = GROUP
    """`ORDER_CHAT_MODERATION_GROUP`: those of one name share the partitions, and what was noted."""

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
        token_file, rules_file = get("MODERATOR_TOKEN_FILE"), get("RULES_FILE")
        return cls(
            data=data,
            host=get("HOST") or default.host,
            port=read_number("PORT", get("PORT"), default.port, 0, 65_535),
            log_url=get("LOG_URL") or default.log_url,
            gateway_url=get("GATEWAY_URL"),
            jwt_secret=get("JWT_SECRET"),
            moderator_token_file=Path(token_file) if token_file else None,
            rules_file=Path(rules_file) if rules_file else None,
            moderation_group=get("MODERATION_GROUP") or default.moderation_group,
            dev=dev or read_switch("DEV", get("DEV"), default.dev),
        )

    def moderator_token(self) -> ServiceToken:
        """What it shows to gateways. Raises `BadSetting`."""
        if self.moderator_token_file is not None:
            return FileToken(self.moderator_token_file)
        if self.jwt_secret is not None:
            return MintedToken(self.jwt_secret.encode(), MODERATION, role="moderator")
        raise BadSetting(
            "set ORDER_CHAT_MODERATOR_TOKEN_FILE, or ORDER_CHAT_JWT_SECRET to sign one with"
        )
