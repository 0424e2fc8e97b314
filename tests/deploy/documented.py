"""Every path that the public documents promise, with the service that serves it."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from deploy.documents import make_documents

UPSTREAMS: Final = {
    "chat_gateway": "gateways",
    "order_service": "order_service",
    "attachment_service": "attachment_service",
}
OF_EACH: Final = {"/healthz", "/readyz"}
"""Every service has these for whoever watches it; through the proxy they are the gateways'."""
EXAMPLES: Final = {
    "{order_id}": "film-2041~1.a:b",
    "{message_id}": "6f9619ff-8b86-4d01-b42d-00c04fc964ff",
    "{report_id}": "7d44a7d2-8b86-4d01-b42d-00c04fc964ff",
    "{attachment_id}": "0a1b2c3d-8b86-4d01-b42d-00c04fc964ff",
}


class Promise(NamedTuple):
    """One operation, with examples where its path has variables."""

    method: str
    path: str
    upstream: str


def promises() -> Iterator[Promise]:
    """What OpenAPI and AsyncAPI say can be asked for."""
    documents = make_documents()
    for service, upstream in UPSTREAMS.items():
        for template, operations in documents[f"openapi/{service}.json"]["paths"].items():
            path = re.sub(r"\{\w+\}", lambda variable: EXAMPLES[variable[0]], template)
            for method in operations:
                yield Promise(method.upper(), path, "gateways" if path in OF_EACH else upstream)
    for channel in documents["asyncapi.json"]["channels"].values():
        if str(channel["address"]).startswith("/"):  # others are topics of the log
            yield Promise("GET", channel["address"], "gateways")
