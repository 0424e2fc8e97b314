"""The documents of the public face: OpenAPI of each service, AsyncAPI of socket and log.

`python -m deploy.documents` writes them to `docs`. With `--check` it writes nothing and names the
files that differ from what the programs serve.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import attachment_service.http
import chat_gateway.http
import order_service.http
from shared.contracts.asyncapi import make_asyncapi
from shared.openapi import encode_document

FOLDER: Final = Path(__file__).parents[1] / "docs"


def make_documents() -> dict[str, dict[str, Any]]:
    """Each document by its path below `docs` and below the standalone system's address alike."""
    return {
        "openapi/chat_gateway.json": chat_gateway.http.make_document(),
        "openapi/order_service.json": order_service.http.make_document(),
        "openapi/attachment_service.json": attachment_service.http.make_document(),
        "asyncapi.json": make_asyncapi(),
    }


def drifted(folder: Path) -> list[str]:
    """The documents in *folder* that are missing or not as the programs serve them."""
    return [
        name
        for name, document in make_documents().items()
        if _read(folder / name) != encode_document(document)
    ]


def write(folder: Path) -> None:
    """Write every document into *folder*."""
    for name, document in make_documents().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_document(document))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the documents, or check them; answer the exit status."""
    parser = argparse.ArgumentParser(description="Write the OpenAPI and AsyncAPI documents.")
    parser.add_argument("--check", action="store_true", help="only say which files drifted")
    if not parser.parse_args(arguments).check:
        write(FOLDER)
        return 0
    names = drifted(FOLDER)
    for name in names:
        print(f"docs/{name} differs: run `python -m deploy.documents`")
    return 1 if names else 0


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
