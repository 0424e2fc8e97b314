"""What was taken or masked is nowhere for the parties: no frame, no page, no log line, no index."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
import msgspec
import pytest

import shared.store.mongo  # noqa: F401 - reads files, so not while an event loop runs
from deploy.documents import make_documents
from order_service.model import Status
from order_service.policy import DEFAULT
from shared.contracts import frames
from shared.contracts.ids import ClientId, MessageId, OrderId, Seq, UserId, message_id
from tests.system.conftest import Demo, serving
from tests.system.engines import Engines, embedded
from tests.system.wire import Wire, token_of, wire

POLICY: Final = {
    "table": msgspec.to_builtins(DEFAULT.table),
    "contact": {Status.IN_PROGRESS.value: "masked", Status.DELIVERED.value: "refused"},
}
TAKEN: Final = {
    "said at first": "zebra-one",
    "said by an edit": "zebra-two",
    "deleted": "zebra-three",
    "restored and taken again": "zebra-four",
    "masked": "zebra-five@gmail.com",
    "masked in an edit": "zebra-six@gmail.com",
    "refused": "zebra-seven@gmail.com",
    "why it was taken": "zebra-eight",
    "what a reporter said": "zebra-nine",
}
"""What the other party must not find; `zebra` alone finds all of it."""
CANARY: Final = re.compile(rb"zebra-[a-z]+")
SEALED: Final = ("zebra-five", "zebra-six")
QUIET_S: Final = 0.3
ARCHIVED_S: Final = 20.0


class Trial:
    """One order, what was written to it, and everything the other party heard since."""

    def __init__(self, demo: Demo) -> None:
        self.demo = demo
        self.order_id = OrderId(f"order-{uuid4()}")
        self.heard: list[bytes] = []
        self.taken: list[MessageId] = []

    async def call(
        self, method: str, path: str, who: str = "ben", role: Any = "user", **more: Any
    ) -> httpx.Response:
        """Ask by HTTP; what Ben is answered counts as heard."""
        token = await token_of(self.demo, who, role=role)
        async with httpx.AsyncClient(base_url=self.demo.url, timeout=20) as client:
            answer = await client.request(
                method, path, headers={"Authorization": f"Bearer {token}"}, **more
            )
        if who == "ben":
            self.heard += [answer.content, repr(answer.headers).encode()]
        return answer

    async def place(self) -> None:
        """The order, between Anna and Ben."""
        parties = [
            {"user_id": "anna", "role": "creator", "name": "Anna"},
            {"user_id": "ben", "role": "advertiser", "name": "Ben"},
        ]
        body = {"title": "A reel", "participants": parties}
        path = f"/v1/orders/{self.order_id}"
        assert (await self.call("PUT", path, "shop", "service", json=body)).status_code == 201

    async def move(self, status: Status) -> None:
        path = f"/v1/orders/{self.order_id}"
        answer = await self.call("PATCH", path, "shop", "service", json={"status": status})
        assert answer.status_code == 200

    async def say(self, anna: Wire, text: str) -> MessageId:
        """Say something in Anna's name; its id."""
        client_id = ClientId(str(uuid4()))
        await anna.say(frames.Send(ref=1, order_id=self.order_id, id=client_id, text=text))
        await settled(anna)
        return message_id(self.order_id, UserId("anna"), client_id)

    async def edit(self, anna: Wire, target: MessageId, text: str) -> None:
        client_id = ClientId(str(uuid4()))
        await anna.say(
            frames.Edit(ref=1, order_id=self.order_id, id=client_id, target=target, text=text)
        )
        await settled(anna)

    async def judge(self, action: str, target: MessageId, reason: str = "abuse") -> None:
        body = {"id": str(uuid4()), "action": action, "target": target, "reason": reason}
        path = f"/v1/orders/{self.order_id}/verdicts"
        answer = await self.call("POST", path, "moira", "moderator", json=body)
        assert answer.status_code == 201, answer.text

    async def write(self) -> None:
        """Everything that is taken, masked or refused in the end; Ben looks on from after it."""
        await self.place()
        async with wire(self.demo, "anna") as anna:
            await anna.say(frames.Join(ref=1, order_id=self.order_id))
            await anna.next(frames.Joined)
            redacted = await self.say(anna, TAKEN["said at first"])
            await self.edit(anna, redacted, TAKEN["said by an edit"])
            deleted = await self.say(anna, TAKEN["deleted"])
            again = await self.say(anna, TAKEN["restored and taken again"])
            await anna.say(
                frames.Delete(
                    ref=1, order_id=self.order_id, id=ClientId(str(uuid4())), target=deleted
                )
            )
            await anna.next(frames.DeleteShown)
            for action, target in (
                ("redact", redacted), ("redact", again), ("restore", again), ("redact", again),
            ):  # fmt: skip
                await self.judge(action, target, TAKEN["why it was taken"])
            await self.move(Status.IN_PROGRESS)
            await anna.next(frames.OrderShown)
            masked = await self.say(anna, f"Write to {TAKEN['masked']}")
            await self.edit(anna, masked, f"Or write to {TAKEN['masked in an edit']}")
            await anna.say(
                frames.Report(
                    ref=1,
                    order_id=self.order_id,
                    id=ClientId(str(uuid4())),
                    target=masked,
                    reason="other",
                    note=TAKEN["what a reporter said"],
                )
            )
            await anna.next(frames.Done)
        await self.judge("flag", masked, TAKEN["why it was taken"])
        self.taken = [redacted, deleted, again, masked]

    async def be_refused(self) -> None:
        """What is refused is told to its writer alone."""
        await self.move(Status.DELIVERED)
        async with wire(self.demo, "anna") as anna:
            await anna.say(frames.Join(ref=1, order_id=self.order_id))
            await anna.next(frames.Joined)
            client_id = ClientId(str(uuid4()))
            await anna.say(
                frames.Send(ref=1, order_id=self.order_id, id=client_id, text=TAKEN["refused"])
            )
            refused = await anna.next(frames.Refused)
            assert (refused.code, refused.id) == ("contact_details", client_id)

    async def listen(self) -> None:
        """Everything Ben can ask for by websocket, and what comes by itself."""
        async with wire(self.demo, "ben") as ben:
            await ben.say(frames.Inbox(ref=1))
            for ref, after in enumerate((None, Seq(0)), 2):
                await ben.say(frames.Join(ref=ref, order_id=self.order_id, after=after))
            joined = await ben.next(frames.Joined)
            middle = joined.events[len(joined.events) // 2].seq
            self.heard.append(frames.encode_frame(joined))
            for before, after in (
                (None, None),
                (joined.head, None),
                (None, Seq(0)),
                (None, middle),
            ):
                await ben.say(
                    frames.History(ref=5, order_id=self.order_id, before=before, after=after)
                )
            await ben.say(frames.Join(ref=6, order_id=self.order_id, after=middle))
            for id_ in self.taken:  # neither what is gone nor what is another's tells what it was
                fields: Any = {"ref": 7, "order_id": self.order_id, "target": id_}
                for frame in (
                    frames.Edit(**fields, id=ClientId(str(uuid4())), text="x"),
                    frames.Delete(**fields, id=ClientId(str(uuid4()))),
                    frames.Report(**fields, id=ClientId(str(uuid4())), reason="other"),
                ):
                    await ben.say(frame)
                await ben.say(
                    frames.Send(
                        ref=8,
                        order_id=self.order_id,
                        id=ClientId(str(uuid4())),
                        text="What was it?",
                        reply_to=id_,
                    )
                )
            try:
                async with asyncio.timeout(QUIET_S * 10):
                    while True:
                        self.heard.append(await asyncio.wait_for(ben.raw(), QUIET_S))
            except TimeoutError:
                pass

    async def ask_everything(self) -> set[str]:
        """Call every documented route as Ben; the paths that were called."""
        called = set()
        for name, document in make_documents().items():
            for path, operations in document.get("paths", {}).items():
                if not name.startswith("openapi/"):
                    continue
                for method in operations.keys() & {"get", "post", "put", "patch"}:
                    called.add(path)
                    for id_ in (*self.taken, MessageId(str(uuid4()))):
                        await self.call(method.upper(), self._filled(path, id_), **_body(method))
        for query in ("after=0", "limit=100", f"before={2**53 - 1}"):
            await self.call("GET", f"/v1/orders/{self.order_id}/messages?{query}")
        return called

    async def archived(self) -> None:
        """Wait until the store has all of it, so that another process answers from it alone."""
        async with asyncio.timeout(ARCHIVED_S):
            while True:
                answer = await self.call("GET", "/v1/moderation/reports", "moira", "moderator")
                if str(self.order_id) in answer.text:
                    return
                await asyncio.sleep(0.05)

    def _filled(self, path: str, id_: MessageId) -> str:
        filled = path.replace("{order_id}", self.order_id)
        return re.sub(r"{\w+}", id_, filled)


def _body(method: str) -> dict[str, Any]:
    return {} if method == "get" else {"json": {}}


async def settled(client: Wire) -> None:
    """Wait for the own event that was just asked for."""
    while True:
        frame = frames.decode_server_frame(await client.raw())
        if isinstance(frame, frames.MessageShown | frames.EditShown):
            return
        assert not isinstance(frame, frames.Refused | frames.Unknown), frame


@pytest.fixture
async def environment(tmp_path: Path, engines: Engines) -> AsyncIterator[dict[str, str]]:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(POLICY))
    async with engines() as environment:
        yield {**environment, "ORDER_CHAT_POLICY_FILE": str(file)}


async def test_what_was_taken_is_nowhere(
    tmp_path: Path, environment: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """On the gateway that saw it come, and on one that was started since."""
    caplog.set_level(logging.DEBUG, "order_chat")
    data = tmp_path / "data"
    async with serving(data, environment) as demo:
        trial = Trial(demo)
        await trial.write()
        await trial.listen()
        called = await trial.ask_everything()
        await trial.be_refused()
        await trial.archived()
    heard_at_first = len(trial.heard)
    async with serving(data, environment) as demo:
        trial.demo = demo
        await trial.listen()
        await trial.ask_everything()

    assert len(called) > 15
    assert heard_at_first > 50
    assert len(trial.heard) > 2 * heard_at_first - 50
    assert _canaries(trial.heard) == set()
    assert _canaries([caplog.text.encode()]) == set()
    assert "███".encode() in b"".join(trial.heard)  # Ben did hear of what was masked


@pytest.mark.parametrize("engines", [embedded], indirect=True, ids=["embedded"], scope="module")
async def test_what_is_masked_is_sealed_wherever_it_is_kept(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """Log, store and all else in the data folder, so backups and indexes too; moderators open it,
    and that they did is written down."""
    data = tmp_path / "data"
    async with serving(data, environment) as demo:
        trial = Trial(demo)
        await trial.write()
        await trial.archived()
        masked = trial.taken[-1]
        path = f"/v1/orders/{trial.order_id}/messages/{masked}/original"
        body = {"id": str(uuid4()), "reason": "Report"}
        opened = await trial.call("POST", path, "moira", "moderator", json=body)
        for_ben = await trial.call("POST", path, json=body)

    assert opened.json()["text"] == f"Write to {TAKEN['masked']}"
    assert (
        opened.json()["event"] | {"by": "moira", "what": "original", "target": masked}
        == (opened.json()["event"])
    )
    assert for_ben.status_code == 403
    kept = b"".join(file.read_bytes() for file in data.rglob("*") if file.is_file())
    assert TAKEN["said at first"].encode() in kept  # what was taken is kept for moderators
    assert not any(word.encode() in kept for word in SEALED)


def _canaries(texts: list[bytes]) -> set[str]:
    """The canaries that were heard, by where they had been put."""
    found = {word.decode() for text in texts for word in CANARY.findall(text)}
    return {name for name, text in TAKEN.items() if text.split("@")[0] in found}
