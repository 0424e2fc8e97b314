"""The settings of the order service, read once from the environment. All defaults work as is."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from order_service import policy
from order_service.policy import Policy
from shared.settings import read_number, read_switch


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Each field's text names its variable."""

    data: Path = Path("data")
    """`--data`: the folder that relative addresses of files start from."""
    host: str = "127.0.0.1"
    """`ORDER_CHAT_HOST`: the address to listen on; by default this machine alone."""
    port: int = 8081
    """`ORDER_CHAT_PORT`: the TCP port to listen on; 0 picks a free one."""
    log_url: str = "sqlite:///log.db"
    """`ORDER_CHAT_LOG_URL`: the log; by default a file for one process."""
    store_url: str = "sqlite:///store.db"
    """`ORDER_CHAT_STORE_URL`: where orders are stored."""
    jwt_secret: str | None = None
    """`ORDER_CHAT_JWT_SECRET`: verifies HS256 tokens; by default one kept in the data folder."""
    jwks_url: str | None = None
    """`ORDER_CHAT_JWKS_URL`: where a signer publishes its keys, instead of a secret."""
    policy_file: Path | None = None
    """`ORDER_CHAT_POLICY_FILE`: the policy as JSON; by default `policy.DEFAULT`."""

    dev: bool = False
    """`ORDER_CHAT_DEV`, `--dev`: `on` lets unsafe settings of the engines warn instead of stopping
    the start."""

    def __repr__(self) -> str:
        # Secrets and addresses with passwords would end up in logs and tracebacks.
        return "Settings(…)"

    @classmethod
    def read(cls, environment: Mapping[str, str], data: Path, *, dev: bool = False) -> "Settings":
        """The settings in *environment*; an empty variable counts as not set. *dev* is what the
        command line says.

        Raises `shared.settings.BadSetting`.
        """

        def get(variable: str) -> str | None:
            return environment.get(f"ORDER_CHAT_{variable}") or None

        policy_file = get("POLICY_FILE")
        default = cls()
        return cls(
            data=data,
            host=get("HOST") or default.host,
            port=read_number("PORT", get("PORT"), default.port, 0, 65_535),
            log_url=get("LOG_URL") or default.log_url,
            store_url=get("STORE_URL") or default.store_url,
            jwt_secret=get("JWT_SECRET"),
            jwks_url=get("JWKS_URL"),
            policy_file=Path(policy_file) if policy_file else None,
            dev=dev or read_switch("DEV", get("DEV"), default.dev),
        )

    def load_policy(self) -> Policy:
        """The policy these settings name. Raises `policy.BadPolicy`. Blocks on the disk."""
        return policy.load(self.policy_file) if self.policy_file else policy.DEFAULT
