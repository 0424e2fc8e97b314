"""`python -m deploy.token --user anna`: print a token, to try things out and for scripts.

Signed with ORDER_CHAT_JWT_SECRET, else with the secret in the data folder, made if there is none.
"""

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from shared.secret_file import load_or_make_secret
from shared.tokens import BadToken, mint


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Print the token that *arguments* ask for. Exits with one line on what is wrong."""
    given = _parser().parse_args(arguments)
    try:
        secret = environment.get("ORDER_CHAT_JWT_SECRET", "").encode()
        token = mint(
            secret or load_or_make_secret(given.data),
            given.user,
            roles=[given.role],
            orders=given.order,
            ttl_s=given.ttl_s,
            now=time.time(),
        )
    except (BadToken, ValueError, OSError) as error:
        sys.exit(f"deploy.token: {error}")
    print(token)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.token", description=__doc__)
    parser.add_argument("--user", required=True, help="whose token; for a service its bare name")
    parser.add_argument("--role", choices=["user", "moderator", "service"], default="user")
    parser.add_argument("--order", action="append", metavar="ID", help="only this order; again")
    parser.add_argument("--data", type=Path, default=Path("data"), help="the data folder")
    parser.add_argument("--ttl-s", type=int, default=3_600, help="seconds until it expires")
    return parser


if __name__ == "__main__":
    main(sys.argv[1:], os.environ)
