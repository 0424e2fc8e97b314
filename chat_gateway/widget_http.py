"""The widget over HTTP, for pages of any origin: its script, its modules, their import map.

A page names one script. It leads to modules whose path holds the version of them all, so browsers
keep those for good and ask for the script alone.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chat_gateway.origins import may_connect, own_origin
from chat_gateway.widget_files import (
    ENTRY,
    MEDIA_TYPES,
    PREFIX,
    ImportMap,
    WidgetFile,
    WidgetFiles,
    make_file,
)
from shared.contracts.errors import CATALOGUE, ErrorCode
from shared.http import error_response, json_response
from shared.operations import Operation

OPEN: Final[Mapping[str, str]] = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}
"""Of every answer: these are for the pages of everyone, and hold nothing of anyone."""
FOR_GOOD: Final = "public, max-age=31536000, immutable"
ASK_AGAIN: Final = "no-cache"


class OriginCheck(msgspec.Struct):
    """Whether a page may connect to the chat."""

    allowed: bool


IMPORT_MAP: Final = Operation(
    name="import_map",
    method="GET",
    path=f"{PREFIX}/importmap.json",
    summary="The widget's modules and their hashes, for a page that pins what it runs.",
    description="For a script of the type `importmap`; with it a browser runs these modules or "
    "none. They are at the origin that was asked. Behind a proxy that takes off TLS, it is `https` "
    "if the proxy is among ORDER_CHAT_TRUSTED_PROXIES and says so.",
    answers={200: ImportMap},
    token=False,
)
ORIGIN: Final = Operation(
    name="origin",
    method="GET",
    path=f"{PREFIX}/origin",
    summary="Whether pages of the request's `Origin` may connect to the chat.",
    description="By the rule that websockets are let in by. A page that cannot connect learns here "
    "whether it ever will.",
    answers={200: OriginCheck},
    token=False,
)
OPERATIONS: Final[Sequence[Operation]] = (IMPORT_MAP, ORIGIN)


class WidgetRoutes:
    """The routes. *origins*: whose pages may connect, beside the gateway's own."""

    def __init__(self, files: WidgetFiles, origins: frozenset[str]) -> None:
        self._files = files
        self._origins = origins

    def routes(self) -> Sequence[Route]:
        """To be mounted at the root, where `shared.http.cors` leaves their answers as they are."""
        return [
            Route(f"{PREFIX}/{ENTRY}", self.script, methods=["GET"]),
            IMPORT_MAP.route(self.import_map),
            ORIGIN.route(self.origin),
            Route(f"{PREFIX}/{{version}}/{{path:path}}", self.file, methods=["GET"]),
        ]

    async def script(self, request: Request) -> Response:
        """What a page names."""
        return _answer(request, self._files.script, ASK_AGAIN)

    async def file(self, request: Request) -> Response:
        """A module, or a language's words."""
        found = self._files.get(request.path_params["path"])
        if found is None:
            answer = error_response(ErrorCode.NOT_FOUND, CATALOGUE[ErrorCode.NOT_FOUND].message)
            answer.headers.update(OPEN)
            return answer
        if request.path_params["version"] != self._files.version:
            # While gateways are replaced, the script of one may lead to another. What it has is
            # better than nothing, must not be kept under that name, and a reload mends it.
            return _answer(request, found, "no-store")
        return _answer(request, found, FOR_GOOD)

    async def import_map(self, request: Request) -> Response:
        """See `IMPORT_MAP`."""
        content = msgspec.json.encode(self._files.import_map(own_origin(request)))
        return _answer(request, make_file(content, MEDIA_TYPES[".json"]), ASK_AGAIN)

    async def origin(self, request: Request) -> Response:
        """See `ORIGIN`."""
        answer = json_response(OriginCheck(may_connect(request, self._origins)))
        answer.headers.update({**OPEN, "Cache-Control": "no-store", "Vary": "Origin"})
        return answer


def _answer(request: Request, file: WidgetFile, keep: str) -> Response:
    """A file as the browser takes it, or 304 if it has it."""
    headers = {**OPEN, "Cache-Control": keep, "ETag": file.etag, "Vary": "Accept-Encoding"}
    if file.etag in _listed(request, "if-none-match"):
        return Response(status_code=304, headers=headers)
    if not _takes_gzip(request):
        return Response(file.content, media_type=file.media_type, headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(file.gzipped, media_type=file.media_type, headers=headers)


def _takes_gzip(request: Request) -> bool:
    for item in _listed(request, "accept-encoding"):
        name, _, weight = item.replace(" ", "").lower().partition(";q=")
        if name == "gzip":
            return not weight or weight.strip("0.") != ""
    return False


def _listed(request: Request, header: str) -> list[str]:
    """The items of a header that holds a list, in one line or in several."""
    return [item.strip() for item in ",".join(request.headers.getlist(header)).split(",")]
