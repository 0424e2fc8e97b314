"""`python -m order_service [--data DIR] [--dev]`: the order service as a process of its own."""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from order_service.app import serve
from order_service.ports import OrdersUnavailable
from order_service.settings import Settings
from shared.logs import configure_logs
from shared.risk import UnsafeSettings
from shared.settings import BadSetting
from shared.sqlite import InUse


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Serve until told to stop. Exits with one line on what is wrong with a setting."""
    parser = argparse.ArgumentParser(prog="python -m order_service", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"), help="the data folder")
    parser.add_argument(
        "--dev", action="store_true", help="let unsafe settings of the engines warn, not stop"
    )
    given = parser.parse_args(arguments)
    try:
        settings = Settings.read(environment, given.data, dev=given.dev)
        refuse_embedded(settings)
        asyncio.run(serve(settings))
    except (ValueError, OSError, InUse, UnsafeSettings) as error:
        sys.exit(f"order_service: {error}")
    except OrdersUnavailable as error:
        sys.exit(f"order_service: ORDER_CHAT_STORE_URL: the store cannot be used now: {error}")


def refuse_embedded(settings: Settings) -> None:
    """Raise `BadSetting` for a log that no other process could read."""
    if urlsplit(settings.log_url).scheme == "sqlite":
        raise BadSetting(
            "ORDER_CHAT_LOG_URL: the embedded log serves one process. Name a log that others can "
            "read too (kafka://host:9092), or run everything with python -m deploy.standalone"
        )


if __name__ == "__main__":
    configure_logs(sys.stderr)
    main(sys.argv[1:], os.environ)
