"""The widget's files: one version of them all, and how browsers get them."""

import base64
import gzip
import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.routing import WebSocketRoute
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from chat_gateway.admission import Admission
from chat_gateway.endpoint import ChatEndpoint
from chat_gateway.origins import may_connect
from chat_gateway.widget_files import FOLDER, WidgetFiles
from chat_gateway.widget_http import WidgetRoutes
from shared.contracts.frames import Limits
from shared.http import EXCEPTION_HANDLERS, cors
from tests.chat_gateway.echo import Echo, running

SHOP: Final = "https://shop.example"
FOREIGN: Final = "https://evil.example"
CHAT: Final = "http://chat.example"
ENTRY: Final = b'import "./view/panel.js";\nexport class OrderChat {}\n'
PANEL: Final = b"export class Panel {}\n" * 20
WORDS: Final = b'{"lang":"de"}'
FILES: Final = WidgetFiles({"order-chat.js": ENTRY, "view/panel.js": PANEL, "words/de.json": WORDS})
HERE: Final = f"/widget/{FILES.version}"
ELSEWHERE: Final = f"/widget/{'0' * 16}"
GZIPPED_BYTES_MAX: Final = 60_500


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who asks for nothing in particular: no origin, no compression."""
    app = Starlette(
        routes=WidgetRoutes(FILES, frozenset({SHOP})).routes(),
        middleware=cors({SHOP}),
        exception_handlers=EXCEPTION_HANDLERS,
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=CHAT) as client:
        client.headers["Accept-Encoding"] = "identity"
        yield client


# What is served.


async def test_the_script_leads_to_every_module_of_this_version(client: httpx.AsyncClient) -> None:
    """The entry first, since it decides the order; then the others, to be fetched along with it."""
    answer = await client.get("/widget/order-chat.js")

    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.text == (
        f'export * from "./{FILES.version}/order-chat.js";\n'
        f'import "./{FILES.version}/view/panel.js";\n'
    )


@pytest.mark.parametrize(
    ("path", "content", "media_type"),
    [
        ("order-chat.js", ENTRY, "text/javascript; charset=utf-8"),
        ("view/panel.js", PANEL, "text/javascript; charset=utf-8"),
        ("words/de.json", WORDS, "application/json"),
    ],
)
async def test_files_of_this_version_are_kept_for_good(
    client: httpx.AsyncClient, path: str, content: bytes, media_type: str
) -> None:
    """Whatever changes has another path."""
    answer = await client.get(f"{HERE}/{path}")

    assert answer.content == content
    assert answer.headers["Content-Type"] == media_type
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


async def test_another_version_gets_what_is_there_and_keeps_nothing(
    client: httpx.AsyncClient,
) -> None:
    """A gateway that is being replaced has other files than the one that named this path."""
    answer = await client.get(f"{ELSEWHERE}/view/panel.js")

    assert answer.content == PANEL
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        f"{HERE}/none.js",
        f"{HERE}/",
        f"{HERE}/view",
        f"{HERE}/%2e%2e/app.py",
        f"{HERE}/..%2fapp.py",
        f"{HERE}//order-chat.js",
        f"{HERE}/%2e/order-chat.js",
        f"{HERE}/view%5cpanel.js",
        f"{HERE}/order-chat.js%00",
        "/widget/%2e%2e/app.py",
        "/widget/",
        "/widget",
    ],
)
async def test_a_path_that_is_no_file_s_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    """However it is written: a path is looked up as it is, and never on the disk."""
    answer = await client.get(path)

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


async def test_the_head_alone_may_be_asked_for(client: httpx.AsyncClient) -> None:
    """It is that of the whole answer."""
    head = await client.head(f"{HERE}/view/panel.js")
    whole = await client.get(f"{HERE}/view/panel.js")

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == whole.headers


def test_only_modules_and_words_are_read(tmp_path: Path) -> None:
    """A note beside them is not for browsers, nor are the modules' comments."""
    (tmp_path / "view").mkdir()
    (tmp_path / "view" / "panel.js").write_bytes(b"// Why.\nexport let a = 1;\n")
    (tmp_path / "notes.md").write_text("Not for you.")

    files = WidgetFiles.read(tmp_path)

    found = files.get("view/panel.js")
    assert found is not None
    assert found.content == b"export let a=1;"
    assert files.get("notes.md") is None


def test_no_template_nests_in_another() -> None:
    """What takes the comments out does not understand that."""
    nested = re.compile(r"`[^`]*\$\{[^{}`]*`")
    hits = [path.name for path in FOLDER.rglob("*.js") if _nests(nested, path.read_text())]

    assert hits == []


def _nests(nested: re.Pattern[str], module: str) -> bool:
    without_comments = re.sub(r"(?m)^\s*(//|\*|/\*\*).*$", "", module)
    return any(nested.search(line) for line in without_comments.splitlines())


def test_a_version_stands_for_names_and_contents() -> None:
    """The same files have the same one anywhere; any change makes another."""
    same = WidgetFiles({"words/de.json": WORDS, "view/panel.js": PANEL, "order-chat.js": ENTRY})
    others = [
        {"order-chat.js": ENTRY, "view/panel.js": PANEL},
        {"order-chat.js": ENTRY, "view/panel.js": PANEL, "words/fr.json": WORDS},
        {"order-chat.js": ENTRY, "view/panel.js": PANEL + b" ", "words/de.json": WORDS},
        {"order-chat.js": PANEL, "view/panel.js": ENTRY, "words/de.json": WORDS},
    ]

    assert same.version == FILES.version
    assert len({FILES.version, *(WidgetFiles(contents).version for contents in others)}) == 5


# How it is sent.


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip", "gzip"),
        ("br, GZIP;q=0.5", "gzip"),
        ("deflate, gzip; q=1.0", "gzip"),
        ("identity", None),
        ("br", None),
        ("gzip;q=0, br", None),
        ("gzip; q=0.000", None),
        ("x-gzip", None),
    ],
)
async def test_it_is_compressed_for_whoever_takes_it(
    client: httpx.AsyncClient, accepted: str, encoding: str | None
) -> None:
    """Caches are told that both exist."""
    async with client.stream(
        "GET", f"{HERE}/view/panel.js", headers={"Accept-Encoding": accepted}
    ) as answer:
        sent = b"".join([chunk async for chunk in answer.aiter_raw()])

    assert answer.headers.get("Content-Encoding") == encoding
    assert answer.headers["Content-Length"] == str(len(sent))
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert (gzip.decompress(sent) if encoding else sent) == PANEL
    assert len(sent) < len(PANEL) or encoding is None


@pytest.mark.parametrize("path", ["/widget/order-chat.js", f"{HERE}/view/panel.js"])
@pytest.mark.parametrize("known", ["{}", '"x", {}', '"x",{} , "y"'])
async def test_who_has_it_is_sent_nothing(client: httpx.AsyncClient, path: str, known: str) -> None:
    """The ETag among those known is enough, be it of the compressed answer or of the other."""
    first = await client.get(path, headers={"Accept-Encoding": "gzip"})

    again = await client.get(path, headers={"If-None-Match": known.format(first.headers["ETag"])})
    other = await client.get(path, headers={"If-None-Match": 'W/"other"'})

    assert (again.status_code, again.content) == (304, b"")
    kept = ("ETag", "Cache-Control", "Vary", "Access-Control-Allow-Origin")
    assert {name: again.headers[name] for name in kept} == {n: first.headers[n] for n in kept}
    assert other.status_code == 200


@pytest.mark.parametrize("origin", [None, SHOP, FOREIGN, "null"])
@pytest.mark.parametrize(
    "path",
    [
        "/widget/order-chat.js",
        f"{HERE}/view/panel.js",
        f"{HERE}/none.js",
        "/widget/importmap.json",
        "/widget/origin",
    ],
)
async def test_pages_of_every_origin_may_read_it(
    client: httpx.AsyncClient, path: str, origin: str | None
) -> None:
    """One header says so, the same for all: a cache that holds one answer holds that of all."""
    answer = await client.get(path, headers={"Origin": origin} if origin else {})

    assert answer.headers.get_list("Access-Control-Allow-Origin") == ["*"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


# Pages that pin what they run.


async def test_the_import_map_has_the_hash_of_every_module(client: httpx.AsyncClient) -> None:
    """What is at each of its addresses is what it says, by its own origin."""
    answer = await client.get("/widget/importmap.json")
    told = answer.json()
    served = {url: (await client.get(url)).content for url in told["integrity"]}

    assert told["imports"] == {"order-chat": f"{CHAT}{HERE}/order-chat.js"}
    assert told["integrity"] == {url: sri(content) for url, content in served.items()}
    assert set(served) == {f"{CHAT}{HERE}/order-chat.js", f"{CHAT}{HERE}/view/panel.js"}
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("base", ["http://a.example:8080", "https://b.example", "https://[::1]:1"])
async def test_the_import_map_names_the_origin_that_was_asked(base: str) -> None:
    """Scheme and port as well; a trusted proxy has told the server of them before."""
    transport = httpx.ASGITransport(Starlette(routes=WidgetRoutes(FILES, frozenset()).routes()))
    async with httpx.AsyncClient(transport=transport, base_url=base) as client:
        told = (await client.get("/widget/importmap.json")).json()

    assert told["imports"] == {"order-chat": f"{base}{HERE}/order-chat.js"}
    assert all(url.startswith(f"{base}{HERE}/") for url in told["integrity"])


# Whether a page may connect.


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        (SHOP, True),
        ("http://{host}", True),
        ("https://{host}", True),  # a proxy may have taken the TLS off
        ("http://{host}:1", False),
        (f"{SHOP}.evil.example", False),
        (f"{SHOP}/", False),
        ("http://shop.example", False),
        (FOREIGN, False),
        ("null", False),
        ("", False),
    ],
)
async def test_the_check_agrees_with_the_handshake(origin: str | None, allowed: bool) -> None:
    """A page that asks is told what became of its websocket, or would."""
    origins = frozenset({SHOP})
    endpoint = ChatEndpoint(lambda socket, _: Echo(socket), Admission(Limits()), origins)
    routes = [WebSocketRoute("/", endpoint.__call__), *WidgetRoutes(FILES, origins).routes()]
    async with running(app=Starlette(routes=routes)) as server, httpx.AsyncClient() as client:
        host = f"127.0.0.1:{server.port}"
        sent = {} if origin is None else {"Origin": origin.format(host=host)}

        answer = await client.get(f"http://{host}/widget/origin", headers=sent)
        try:
            async with connect(server.url, additional_headers=sent):
                let_in = True
        except InvalidStatus as refused:
            let_in = refused.response.status_code != 403

    assert answer.json() == {"allowed": allowed}
    assert let_in == allowed
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize("scheme", ["https", "wss"])
@pytest.mark.parametrize(("origin", "allowed"), [("https://a.b", True), ("http://a.b", False)])
def test_over_tls_a_page_without_it_is_foreign(scheme: str, origin: str, allowed: bool) -> None:
    """Whoever is between it and its reader would be in the conversation."""
    headers = [(b"host", b"a.b"), (b"origin", origin.encode())]
    asked = HTTPConnection({"type": "http", "scheme": scheme, "headers": headers})

    assert may_connect(asked, frozenset()) == allowed


# The files themselves.


def test_the_widget_is_small() -> None:
    """All modules together, each compressed as it is sent; the script that leads to them too."""
    files = WidgetFiles.read()
    modules = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.js"))
    sizes = {path: len(found.gzipped) for path in modules if (found := files.get(path))}
    sizes["(the script)"] = len(files.script.gzipped)

    total = sum(sizes.values())
    assert total < GZIPPED_BYTES_MAX, f"{total} bytes: {largest_first(sizes)}"


def sri(content: bytes) -> str:
    """The hash of a file as HTML writes it (Subresource Integrity)."""
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()


def largest_first(sizes: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))
