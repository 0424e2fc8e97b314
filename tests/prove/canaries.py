"""`python -m tests.prove.canaries`: what people write and what lets them in reaches no log (P23).

Nor does it reach figures, errors or addresses.

A canary, one of its own, stands in every field, header and token of a process that serves for real,
what is malformed included; then its store is broken under it. None may turn up anywhere.
"""

import asyncio
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from shared.contracts import frames
from shared.contracts.ids import MessageId
from shared.tokens import mint
from tests.prove.proof import Proof, main
from tests.prove.server import Server

ORDER: Final = "order-1"
FORGED: Final = "forged"
FORGED_LINE: Final = quote(
    '\n{"time": "now", "level": "info", "event": "forged", "logger": "order_chat"}\n', safe=""
)
QUIET_S: Final = 0.3
HEAR_S: Final = 1.0

HEARD_MIN: Final = 20


class Canaries:
    """Words that are nowhere else, and everything that was heard back."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self.heard: list[str] = []

    def new(self, name: str) -> str:
        """One more; *name* tells where it was put."""
        canary = f"canary-{name}-{uuid4().hex}"
        self.all.append(canary)
        return canary

    def caught(self, *texts: str) -> list[str]:
        """Those that turned up."""
        return [canary for canary in self.all if any(canary in text for text in texts)]


async def prove(folder: Path, seed: str, scale: float) -> Proof:
    """See the module; there is no smaller form of it."""
    canaries = Canaries()
    secret = canaries.new("secret")
    server = Server(folder, secret, {"ORDER_CHAT_DRAIN_S": "0"})
    await server.start()
    try:
        async with httpx.AsyncClient(base_url=server.url) as http:
            await _make_order(http, secret, canaries)
            await _bad_requests(http, secret, canaries)
            await _files(http, secret, canaries)
            await _chat(server, secret, canaries)
            await _bad_handshakes(server, canaries)
            async with _joined(server, secret, canaries) as socket:
                await asyncio.to_thread(_break_store, server.data / "store.db")
                await _say(socket, _write("send", text=canaries.new("text"), seen=0))
                await _hear(socket, canaries)
            await _chat(server, secret, canaries)
            await _reserve(http, secret, canaries)
            await asyncio.sleep(QUIET_S)  # for what is logged behind the answers
            figures = (await http.get("/metrics")).text
        await server.stop()
    finally:
        await server.kill()
    printed = await asyncio.to_thread((folder / "server.log").read_text)
    assert "the archiver waits" in printed, "something was to be written, and to go wrong"
    assert "order_chat_refused_total" in figures, "the figures were to be looked at"
    assert len(canaries.heard) > HEARD_MIN, "much was to be refused"
    caught = canaries.caught(printed, figures, *canaries.heard)
    return Proof(
        "P23: texts and secrets reach no log, figure or error",
        f"{len(canaries.all)} canaries in every field, header and token, well and malformed, and "
        "the store broken under the server",
        f"{len(printed.splitlines())} lines of log, {len(figures.splitlines())} of figures and "
        f"{len(canaries.heard)} refusals looked through: {len(caught)} canaries found",
        [f"found again: {canary}" for canary in caught] + _forged(printed),
    )


def _forged(printed: str) -> list[str]:
    """Lines of the log that are not what a line is (attack 28)."""
    lines = [line for line in printed.splitlines() if not line.startswith("Order Chat: http://")]
    return [
        f"forged: {line[:80]}"
        for line in lines
        if msgspec.json.decode(line, type=Line).event == FORGED
    ]


class Line(msgspec.Struct):
    """What each line of a log is, whatever was sent (attack 28)."""

    time: str
    level: str
    event: str
    logger: str


def _token(secret: str, user_id: str, *, role: Any = "user") -> str:
    return mint(secret.encode(), user_id, roles=[role], ttl_s=600, now=time.time())


async def _make_order(http: httpx.AsyncClient, secret: str, canaries: Canaries) -> None:
    token = _token(secret, "shop", role="service")
    canaries.all.append(token)
    party = {
        "name": canaries.new("name"),
        "avatar_url": f"https://x.example/{canaries.new('face')}",
    }
    body = {
        "title": canaries.new("title"),
        "participants": [
            {"user_id": "anna", "role": "creator", **party},
            {"user_id": "ben", "role": "advertiser", **party},
        ],
    }
    headers = {"Authorization": f"Bearer {token}", **_headers(canaries)}
    answer = await http.put(f"/v1/orders/{ORDER}", json=body, headers=headers)
    answer.raise_for_status()


def _headers(canaries: Canaries) -> dict[str, str]:
    names = ("User-Agent", "Cookie", "Referer", "X-Forwarded-For", "X-Request-Id", "Forwarded")
    return {name: canaries.new(name.lower()) for name in names}


async def _bad_requests(http: httpx.AsyncClient, secret: str, canaries: Canaries) -> None:
    good = {"Authorization": f"Bearer {_token(secret, 'shop', role='service')}"}
    for method, path, content, headers in (
        ("GET", f"/v1/orders/{canaries.new('path')}", "", good),
        ("GET", f"/v1/orders?participant=anna&token={canaries.new('query')}", "", good),
        ("GET", f"/v1/orders?{canaries.new('parameter')}", "", good),
        ("GET", f"/{canaries.new('nowhere')}?{canaries.new('query')}", "", {}),
        ("GET", f"/demo/orders/{canaries.new('demo')}", "", {}),
        ("GET", f"/?{canaries.new('query')}", "", {}),
        ("GET", f"/v1/orders/{FORGED_LINE}", "", good),
        ("GET", f"/%1b%5b2J%0d%0a{FORGED_LINE}", "", {"User-Agent": "${jndi:ldap://x}\t\\n{}"}),
        ("GET", "/v1/orders/o", "", {"Authorization": f"Bearer {canaries.new('bearer')}"}),
        ("GET", "/v1/orders/o", "", {"Authorization": canaries.new("scheme")}),
        ("GET", "/v1/orders/o", "", {"Authorization": f"Bearer {_foreign(canaries)}"}),
        ("PUT", "/v1/orders/o", f'{{"title": "{canaries.new("cut")}', good),
        ("PUT", "/v1/orders/o", f'{{"{canaries.new("field")}": 1}}', good),
        (
            "PUT",
            "/v1/orders/o",
            f'{{"title": "t", "participants": "{canaries.new("type")}"}}',
            good,
        ),
        ("PATCH", f"/v1/orders/{ORDER}", f'{{"status": "{canaries.new("status")}"}}', good),
        ("PUT", "/v1/orders/o", canaries.new("large") * 10_000, good),
        ("TRACE", "/v1/orders/o", "", {"Cookie": canaries.new("cookie")}),
    ):
        answer = await http.request(
            method, path, content=content, headers={**_headers(canaries), **headers}
        )
        assert answer.status_code >= 300, path
        canaries.heard += [answer.text, *answer.headers.values()]


def _foreign(canaries: Canaries) -> str:
    """A token of another signer, with canaries within."""
    token = mint(b"x" * 32, canaries.new("sub"), ttl_s=60, now=time.time())
    canaries.all.append(token)
    return token


@asynccontextmanager
async def _joined(
    server: Server, secret: str, canaries: Canaries
) -> AsyncIterator[ClientConnection]:
    """A connection whose join was answered, one way or the other."""
    token = _token(secret, "anna")
    canaries.all.append(token)
    url = f"ws://127.0.0.1:{server.port}/v1/chat?token={canaries.new('address')}"
    headers = _headers(canaries)
    headers.pop("User-Agent")
    async with connect(url, additional_headers=headers, proxy=None) as socket:
        await _say(socket, {"op": "hello", "token": token})
        await _say(socket, {"op": "join", "ref": 1, "order_id": ORDER, "after": None})
        await socket.recv()  # the welcome
        await socket.recv()
        yield socket


async def _chat(server: Server, secret: str, canaries: Canaries) -> None:
    async with _joined(server, secret, canaries) as socket:
        for frame in _frames(canaries):
            await _say(socket, frame)
        await _hear(socket, canaries)


async def _files(http: httpx.AsyncClient, secret: str, canaries: Canaries) -> None:
    """Files that are taken, refused, and not what they say; names, contents, grants and links."""
    headers = {"Authorization": f"Bearer {_token(secret, 'anna')}", **_headers(canaries)}
    for content_type, wanted in (("text/plain", 200), ("image/png", 422)):
        content = canaries.new("content").encode()
        view = await _reserve(http, secret, canaries, content_type, len(content))
        form = view["upload"]
        canaries.all += [form["fields"]["x-policy"], form["fields"]["x-signature"]]
        fields = {**form["fields"], canaries.new("field"): canaries.new("value")}
        for sent, status in ((fields, 403), (form["fields"], 204)):
            file = (canaries.new("filename"), content, content_type)
            posted = await http.post(form["url"], data=sent, files={"file": file}, headers=headers)
            assert posted.status_code == status, posted.text
            canaries.heard.append(posted.text)
        done = await http.post(f"/v1/attachments/{view['id']}/complete", headers=headers)
        assert done.status_code == wanted, done.text
        if wanted == 200:
            canaries.all.append(done.json()["grant"])
            link = await http.get(
                f"/v1/attachments/{view['id']}/content", headers=headers, follow_redirects=False
            )
            canaries.all.append(link.headers["Location"].rpartition("signature=")[2])
            forged = await http.get(f"{link.headers['Location']}0", headers=_headers(canaries))
            canaries.heard.append(forged.text)
        else:
            canaries.heard.append(done.text)


async def _reserve(
    http: httpx.AsyncClient,
    secret: str,
    canaries: Canaries,
    content_type: str = "text/plain",
    size: int = 3,
) -> Any:
    """Announce a file; its name is a canary. What was refused is heard."""
    headers = {"Authorization": f"Bearer {_token(secret, 'anna')}", **_headers(canaries)}
    body = {
        "order_id": ORDER,
        "filename": f"{canaries.new('name')}.txt",
        "content_type": content_type,
        "size": size,
    }
    refused = await http.post(
        "/v1/attachments", json={**body, "content_type": canaries.new("type")}, headers=headers
    )
    answer = await http.post("/v1/attachments", json=body, headers=headers)
    canaries.heard += [refused.text, *([] if answer.is_success else [answer.text])]
    return answer.json()


async def _say(socket: ClientConnection, frame: dict[str, Any] | str) -> None:
    await socket.send(frame if isinstance(frame, str) else msgspec.json.encode(frame).decode())


def _write(op: str, **more: Any) -> dict[str, Any]:
    return {"op": op, "ref": 2, "order_id": ORDER, "id": str(uuid4()), **more}


def _frames(canaries: Canaries) -> list[dict[str, Any] | str]:
    target = MessageId(str(uuid4()))

    return [
        _write("send", text=canaries.new("text")),
        _write("send", text=canaries.new("control") + "\x1b"),
        _write("send", text=canaries.new("long") * 1_000),
        _write("edit", target=target, text=canaries.new("edit")),
        _write("report", target=target, reason="spam", note=canaries.new("note")),
        {"op": "history", "ref": 3, "order_id": ORDER, "before": None},
        {"op": "auth", "token": canaries.new("auth")},
        {"op": "join", "ref": 4, "order_id": canaries.new("order"), "after": None},
        {"op": canaries.new("op")},
        _write("send", text="x", **{canaries.new("key"): canaries.new("value")}),
        {"op": "join", "ref": canaries.new("ref"), "order_id": ORDER},
        f'{{"op": "send", "text": "{canaries.new("cut")}',
        canaries.new("noise"),
    ]


async def _hear(socket: ClientConnection, canaries: Canaries) -> None:
    """Keep what comes for a while and is no event: events are what was written, for whom it was
    written to."""
    try:
        async with asyncio.timeout(HEAR_S):
            while True:
                data = await socket.recv(decode=False)
                frame = frames.decode_server_frame(data)
                if not isinstance(frame, frames.EventShown | frames.Page):
                    canaries.heard.append(data.decode())
    except TimeoutError:
        pass
    except ConnectionClosed as closed:
        canaries.heard.append(str(closed))


async def _bad_handshakes(server: Server, canaries: Canaries) -> None:
    url = f"ws://127.0.0.1:{server.port}/v1/chat?{canaries.new('address')}"
    try:
        async with connect(url, additional_headers={"Origin": canaries.new("origin")}, proxy=None):
            pass
    except InvalidHandshake as refused:
        canaries.heard.append(repr(refused))
    async with connect(url, proxy=None) as socket:
        await socket.send(msgspec.json.encode({"op": "hello", "token": canaries.new("hello")}))
        await socket.wait_closed()
        canaries.heard.append(f"{socket.close_code} {socket.close_reason}")


def _break_store(file: Path) -> None:
    """Take the tables away under the process."""
    tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    with closing(sqlite3.connect(file, timeout=5)) as store:
        for (name,) in store.execute(tables).fetchall():
            store.execute(f'DROP TABLE "{name}"')
        store.commit()


if __name__ == "__main__":
    sys.exit(main("canaries", prove, sys.argv[1:]))
