"""Bugs that the seam's model must notice: each is a piece of the real source, written wrongly."""

import inspect
import textwrap
from types import FunctionType, ModuleType
from typing import Any, Final, NamedTuple

import pytest

from chat_gateway import archiver, hub, seam, tail
from shared import timeline
from shared.store import sqlite


class Slip(NamedTuple):
    """A place in the source, and what stands there instead."""

    home: ModuleType
    name: str
    """Of the function, with its class."""
    right: str
    wrong: str
    seen_from: ModuleType | None = None
    """The only module that gets it wrong; null: all."""

    def make(self, patch: pytest.MonkeyPatch) -> None:
        """Put it in."""
        owner: Any = self.home
        *classes, name = self.name.split(".")
        for each in classes:
            owner = getattr(owner, each)
        source = textwrap.dedent(inspect.getsource(getattr(owner, name)))
        assert source.count(self.right) == 1, f"{self.name} reads otherwise by now"
        scope: dict[str, FunctionType] = {}
        wrong = compile(source.replace(self.right, self.wrong), f"<{self.name}>", "exec")
        exec(wrong, vars(self.home), scope)
        patch.setattr(self.seen_from or owner, name, scope[name])


BUGS: Final[dict[str, tuple[Slip, ...]]] = {
    "the tail may begin above what the store has": (
        Slip(seam, "_meet", " and tail.seq(tail.start) <= covered + 1", ""),
    ),
    "a snapshot replaces the live state": (
        Slip(
            tail,
            "Tail.open_room",
            "live = self.rooms.setdefault(order_id, room)",
            "live = self.rooms[order_id] = room",
        ),
    ),
    "every join loads the state anew": (
        Slip(seam, "_meet", "if room is not None and _holds(room, query):", "if False:"),
        Slip(
            seam,
            "_meet",
            "if room.floor <= ceiling <= covered:\n                return room, stored",
            "del tail.rooms[order_id]\n"
            "            return tail.open_room(_load(order_id, conversation)), stored",
        ),
    ),
    "the watermark is written first": (
        Slip(
            archiver,
            "Archiver._write",
            "if batch.entries:",
            "await _insist(lambda: self._store.raise_watermark(watermark))\n    if batch.entries:",
        ),
    ),
    "conversations are written before their entries": (
        Slip(
            archiver,
            "Archiver._write",
            "if batch.entries:",
            "await _insist(lambda: self._store.write_conversations(batch.conversations))\n"
            "    if batch.entries:",
        ),
    ),
    "the conversation is read before the watermark": (
        Slip(
            seam,
            "_meet",
            "watermark: Watermark | None = yield ReadWatermark()\n"
            "        conversation: StoredConversation | None = yield ReadConversation(order_id)",
            "conversation = yield ReadConversation(order_id)\n"
            "        watermark = yield ReadWatermark()",
        ),
    ),
    "the page is read before the conversation": (
        Slip(
            seam,
            "_meet",
            "watermark: Watermark | None = yield ReadWatermark()",
            "stored = yield _page_below(\n"
            "            order_id, room.floor if room is not None else _ABOVE_ALL, query\n"
            "        )\n"
            "        watermark: Watermark | None = yield ReadWatermark()",
        ),
        Slip(
            seam,
            "_meet",
            "stored: list[Entry] = yield _page_below(order_id, ceiling, query)",
            "pass",
        ),
    ),
    "the reader delivers what an answer held": (
        Slip(
            tail,
            "Tail._fold",
            "return None  # the state",
            "import msgspec\n"
            "        event = log.decode_event(record.key, record.type, record.version, record.value)\n"
            "        copy = msgspec.structs.replace(room.conversation)\n"
            "        copy.head = NOTHING\n"
            "        return make_entry(seq, record.at, event, copy.fold(seq, record.at, event))"
            "  # the state",
        ),
        Slip(hub, "Hub.publish", "if entry.seq <= member.answered:", "if False:"),
    ),
    "catching up forgets what is dropped meanwhile": (
        Slip(tail, "Tail.drop_oldest", "lent.later.append(record)", "pass"),
    ),
    "catching up is believed before it is done": (
        Slip(seam, "_is_lent", "lent.whole", "True"),
        Slip(seam, "_meet", "not (yield CatchUp(order_id, covered))", "(yield CatchUp(order_id, covered)) is None"),
    ),
    "an older edit overwrites a newer one in the store": (
        Slip(timeline, "apply", "if entry.edited >= change.by:", "if False:", seen_from=sqlite),
    ),
    "an older verdict overwrites a newer one in the store": (
        Slip(timeline, "apply", "if entry.moved >= change.by:", "if False:", seen_from=sqlite),
    ),
    "an older state overwrites a newer one": (
        Slip(sqlite, "StoreTables.write_conversations", '"WHERE head < excluded.head"', '""'),
    ),
    "an older watermark overwrites a newer one": (
        Slip(
            sqlite,
            "StoreTables.raise_watermark",
            "'WHERE \"offset\" < excluded.\"offset\"'",
            '""',
        ),
    ),
    "a room forgets what is dropped, and keeps its floor": (
        Slip(tail, "Room.forget", "self.floor = max(self.floor, seq)", "pass"),
    ),
    "what the room changed is not applied to the store's page": (
        Slip(seam, "_answer", "apply_all(room.changes(), stored)", "pass"),
    ),
    "a look-up believes a store that is behind": (
        Slip(seam, "look_up", "if room.floor > _covered(tail, watermark, None):", "if False:"),
    ),
    "a look-up does not ask the fold again": (
        Slip(
            seam,
            "look_up",
            "stored: Entry | None = yield FindEntry(order_id, id_)\n"
            "    if (entry := room.entry(id_)) is not None:\n"
            "        return entry",
            "stored: Entry | None = yield FindEntry(order_id, id_)",
        ),
    ),
    "a replay begins one too late": (
        Slip(seam, "_replay", "after < entry.seq < below", "after + 1 < entry.seq < below"),
    ),
}
"""By what is wrong."""
