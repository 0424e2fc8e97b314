"""Talks to a running system by hand and shows every frame: the transcript of `docs/protocol.md`.

Run `python docs/examples/transcript.py` with the chat's secret in `ORDER_CHAT_JWT_SECRET`. It makes
an order of its own and prints what two people send (→) and are sent (←). Signs of life and presence
come at times of their own and are left out unless they are the point.
"""

import argparse
import asyncio
import json
import os
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
import jwt
from websockets.asyncio.client import ClientConnection, connect

PATIENCE_S: Final = 10.0
PASSING: Final = ("beat", "presence", "typing")

Frame = dict[str, Any]


class Person:
    """One websocket, and what went over it."""

    def __init__(self, name: str, socket: ClientConnection) -> None:
        self._name = name
        self._socket = socket

    async def say(self, frame: Frame) -> None:
        """Send a frame."""
        shown = {**frame, "token": "<jwt>"} if "token" in frame else frame
        _print(f"{self._name} → {_compact(shown)}")
        await self._socket.send(_compact(frame))

    async def hear(self, kind: str) -> Frame:
        """The next frame with this `op`, or of an event this `type`."""
        while True:
            async with asyncio.timeout(PATIENCE_S):
                frame: Frame = json.loads(await self._socket.recv())
            op = frame["op"]
            if op not in PASSING or op == kind:
                _print(f"{self._name} ← {_compact(frame)}")
            if kind in (op, frame.get("type")):
                return frame


class Stage:
    """The system that is talked to."""

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._secret = secret
        self.order_id = f"order-{uuid.uuid4().hex[:8]}"

    @asynccontextmanager
    async def person(self, name: str) -> AsyncIterator[Person]:
        """Somebody who has said hello."""
        address = self._url.replace("http", "ws", 1) + "/v1/chat"
        async with connect(address, compression=None) as socket:
            person = Person(name, socket)
            await person.say({"op": "hello", "token": self.token(name)})
            await person.hear("welcome")
            yield person

    def frame(self, op: str, **fields: Any) -> Frame:
        """A frame about the order."""
        return {"op": op, "order_id": self.order_id, **fields}

    def token(self, name: str, role: str = "user") -> str:
        """A token as the marketplace signs it."""
        now = int(time.time())
        claims = {"sub": name, "aud": "order-chat", "exp": now + 900, "roles": [role]}
        return jwt.encode(claims, self._secret, algorithm="HS256")

    async def tell_chat(self, method: str, body: Frame) -> None:
        """Do as the marketplace does when its order changes."""
        headers = {"Authorization": f"Bearer {self.token('shop', 'service')}"}
        address = f"{self._url}/v1/orders/{self.order_id}"
        async with httpx.AsyncClient(headers=headers, timeout=PATIENCE_S) as http:
            (await http.request(method, address, json=body)).raise_for_status()


async def play(stage: Stage) -> None:
    """The whole conversation."""
    parties = [
        {"user_id": "anna", "role": "advertiser", "name": "Anna"},
        {"user_id": "ben", "role": "creator", "name": "Ben"},
    ]
    await stage.tell_chat("PUT", {"title": "A short film", "participants": parties})
    async with stage.person("anna") as anna:
        _remark("The newest page of an order.")
        await anna.say(stage.frame("join", ref=1, after=None, limit=50))
        await anna.hear("joined")
        async with stage.person("ben") as ben:
            head = await _talk(stage, anna, ben)
        _remark("Ben's connection is cut. Anna goes on.")
        await anna.say(_send(stage, "Are you still there?", seen=2))
        await anna.hear("message")
        async with stage.person("ben") as ben:
            await _return(stage, ben, head)
        await _end(stage, anna)


async def _talk(stage: Stage, anna: Person, ben: Person) -> int:
    """Everything goes well; answers Ben's position."""
    await ben.say(stage.frame("join", ref=1, after=None, limit=50))
    await ben.hear("joined")
    await anna.hear("presence")
    _remark("A message: its own event is the outcome, for its writer too.")
    await anna.say(_send(stage, "Hi Ben, can you start on Monday?", seen=0))
    said = await anna.hear("message")
    await ben.hear("message")
    _remark("Ben has seen it, types, and answers.")
    await ben.say(stage.frame("read", up_to=said["seq"]))
    await ben.hear("read")
    await anna.hear("read")
    await ben.say(stage.frame("typing", what="text"))
    await anna.hear("typing")
    await ben.say(_send(stage, "Yes, gladly.", seen=1))
    await ben.hear("message")
    await anna.hear("message")
    _remark("Anna corrects her message.")
    text = "Hi Ben, can you start on Tuesday?"
    await anna.say(
        stage.frame("edit", ref=2, id=str(uuid.uuid4()), target=said["id"], text=text, retry=False)
    )
    await anna.hear("edit")
    return int((await ben.hear("edit"))["seq"])


async def _return(stage: Stage, ben: Person, head: int) -> None:
    """Ben comes back, and sends what may have been sent before."""
    _remark("Ben resumes after the last event he has, and is sent exactly what he missed.")
    await ben.say(stage.frame("join", ref=1, after=head, limit=50))
    await ben.hear("joined")
    _remark("An attempt in doubt is sent again with the same id: it is written once.")
    attempt = _send(stage, "Here again.", seen=3)
    await ben.say({**attempt, "retry": True})
    await ben.hear("message")
    await ben.say({**attempt, "retry": True})
    await ben.hear("message")


async def _end(stage: Stage, anna: Person) -> None:
    """History, a refusal for good, a fresh token."""
    again = await anna.hear("message")
    _remark("A page of history: what lies below a position, each message as it stands now.")
    await anna.say(stage.frame("history", ref=3, before=again["seq"], limit=3))
    await anna.hear("page")
    _remark("The marketplace cancels the order: nobody may write any more.")
    await stage.tell_chat("PATCH", {"status": "cancelled"})
    await anna.hear("order")
    await anna.say(_send(stage, "What a pity.", seen=4))
    await anna.hear("refused")
    _remark("A fresh token on the same connection.")
    await anna.say({"op": "auth", "token": stage.token("anna")})
    await anna.hear("welcome")


def _send(stage: Stage, text: str, *, seen: int) -> Frame:
    return stage.frame("send", ref=2, id=str(uuid.uuid4()), text=text, seen=seen, retry=False)


def _remark(text: str) -> None:
    _print(f"\n# {text}")


def _print(line: str) -> None:
    print(line, flush=True)


def _compact(frame: Frame) -> str:
    return json.dumps(frame, separators=(",", ":"), ensure_ascii=False)


def main() -> None:
    """Play it against a system on this machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="the chat")
    given = parser.parse_args()
    asyncio.run(play(Stage(given.url, os.environ["ORDER_CHAT_JWT_SECRET"])))


if __name__ == "__main__":
    main()
