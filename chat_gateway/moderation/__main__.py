"""The moderation consumer. Without `--check` and `--shadow` it runs until it is told to stop.

--check FILE: what the rules say to a file of JSON lines `{"messages": ["…", …]}`, each the messages
of one sender in their order; `-` is standard input. For each line one is printed:
`{"hit": true, "rule": "contact.email"}`.

--shadow: what the rules would have done to the past, up to now. Nothing is done; for each verdict a
line is printed, and at the end a table.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from chat_gateway.moderation.app import run
from chat_gateway.moderation.check import BadLine, check
from chat_gateway.moderation.deliveries import PATIENCE_S, GaveUp
from chat_gateway.moderation.engine.rules import BadRules, Rules, load
from chat_gateway.moderation.gateway import NotAllowed
from chat_gateway.moderation.settings import Settings
from chat_gateway.moderation.shadow import look_back, report
from shared.log import open_log
from shared.logs import configure_logs
from shared.sqlite import InUse


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Moderate, check or look back. Exits with one line on what is wrong: with status 2 from
    `--check`, else with 1."""
    parser = argparse.ArgumentParser(
        prog="python -m chat_gateway.moderation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", metavar="FILE", help="say what the rules find in conversations")
    what.add_argument("--shadow", action="store_true", help="say what they would have done so far")
    what.add_argument(
        "--rewind", action="store_true", help="begin at the log's beginning, whatever was noted"
    )
    parser.add_argument("--rules", type=Path, help="rules instead of those of the package")
    parser.add_argument(
        "--since", type=_time, help="with --shadow: a date and time (ISO 8601, or UTC) to begin at"
    )
    parser.add_argument("--data", type=Path, default=Path("data"), help="the data folder")
    parser.add_argument(
        "--dev", action="store_true", help="let unsafe settings of the engines warn, not stop"
    )
    given = parser.parse_args(arguments)
    if given.since is not None and not given.shadow:
        parser.error("--since goes with --shadow")
    if given.check is not None:
        _check(given.check, given.rules)
        return
    try:
        settings = Settings.read(environment, given.data, dev=given.dev)
        rules = load(given.rules or settings.rules_file)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            if given.shadow:
                runner.run(_look_back(settings, rules, given.since))
            else:
                runner.run(run(settings, rules, rewind=given.rewind))
    except NotAllowed as error:
        sys.exit(f"moderation: the gateway does not take its token as a moderator's: {error}")
    except GaveUp as error:
        sys.exit(
            f"moderation: a verdict could not be given for {PATIENCE_S:.0f} s ({error}); "
            "the next start goes on there"
        )
    except (ValueError, OSError, InUse, RuntimeError) as error:
        sys.exit(f"moderation: {error}")


def _check(name: str, rules_file: Path | None) -> None:
    try:
        rules = load(rules_file)
        if name == "-":
            check(sys.stdin.buffer, rules)
        else:
            with Path(name).open("rb") as file:
                check(file, rules)
    except (BadLine, BadRules, OSError) as error:
        sys.stdout.flush()
        print(f"moderation: {error}", file=sys.stderr)
        sys.exit(2)


async def _look_back(settings: Settings, rules: Rules, since: datetime | None) -> None:
    log = await open_log(settings.log_url, settings.data)
    try:
        past = await look_back(log, rules, since=0 if since is None else _ms(since))
    finally:
        await log.close()
    report(past, sys.stdout, sys.stderr)


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _ms(time: datetime) -> int:
    return round(time.timestamp() * 1000)


if __name__ == "__main__":
    configure_logs(sys.stderr)
    main(sys.argv[1:], os.environ)
