"""`python -m attachment_service [--data DIR] [--dev]`: the attachment service as a process."""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

from attachment_service.app import serve
from attachment_service.ports import UploadsUnavailable
from attachment_service.settings import Settings
from shared.blobs.port import BlobsUnavailable
from shared.logs import configure_logs
from shared.risk import UnsafeSettings
from shared.settings import BadSetting
from shared.sqlite import InUse


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Serve until told to stop. Exits with one line on what is wrong with a setting."""
    parser = argparse.ArgumentParser(prog="python -m attachment_service", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"), help="the data folder")
    parser.add_argument(
        "--dev", action="store_true", help="let unsafe settings of the engines warn, not stop"
    )
    given = parser.parse_args(arguments)
    try:
        settings = Settings.read(environment, given.data, dev=given.dev)
        refuse_embedded(settings)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings))
    except (ValueError, OSError, InUse, UnsafeSettings) as error:
        sys.exit(f"attachment_service: {error}")
    except UploadsUnavailable as error:
        sys.exit(f"attachment_service: ORDER_CHAT_STORE_URL: the store cannot be used now: {error}")
    except BlobsUnavailable as error:
        sys.exit(f"attachment_service: ORDER_CHAT_BLOBS_URL: it cannot be used now: {error}")


def refuse_embedded(settings: Settings) -> None:
    """Raise `BadSetting` for neighbours that run in another process and cannot be reached there.

    Store and folder may be embedded ones: nobody else writes there.
    """
    for name, url in (("ORDERS", settings.orders_url), ("GATEWAY", settings.gateway_url)):
        if urlsplit(url or "").scheme not in ("http", "https"):
            raise BadSetting(
                f"ORDER_CHAT_{name}_URL: name the service's address (http://host:port), or run "
                "everything with python -m deploy.standalone"
            )


if __name__ == "__main__":
    configure_logs(sys.stderr)
    main(sys.argv[1:], os.environ)
