"""`python -m chat_gateway.archiver [--data DIR] [--dev]`: an archiver as a process of its own.

Several of them share the partitions. With `--rebuild`, and every archiver stopped, it drops the
store, makes it anew from the log, and ends.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import uvloop

from chat_gateway.archiver.app import PORT, run
from chat_gateway.settings import Settings
from shared.logs import configure_logs
from shared.sqlite import InUse
from shared.store.port import StoreUnavailable


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Archive until told to stop. Exits with one line on what is wrong with a setting."""
    parser = argparse.ArgumentParser(prog="python -m chat_gateway.archiver", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"), help="the data folder")
    parser.add_argument(
        "--dev", action="store_true", help="let unsafe settings of the engines warn, not stop"
    )
    parser.add_argument(
        "--rebuild", action="store_true", help="drop the store, make it anew from the log, and end"
    )
    given = parser.parse_args(arguments)
    try:
        settings = Settings.read(environment, given.data, port=PORT, dev=given.dev)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(settings, rebuild_first=given.rebuild))
    except (ValueError, OSError, InUse, RuntimeError) as error:
        sys.exit(f"archiver: {error}")
    except StoreUnavailable as error:
        sys.exit(f"archiver: ORDER_CHAT_STORE_URL: the store cannot be used now: {error}")


if __name__ == "__main__":
    configure_logs(sys.stderr)
    main(sys.argv[1:], os.environ)
