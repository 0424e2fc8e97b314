"""Bugs that the seam's model must notice: each is a piece of the real source, written wrongly."""

import inspect
import textwrap
from types import FunctionType, ModuleType
from typing import Any, Final

import pytest

from chat_gateway import hub, seam, tail
from chat_gateway.archiver import archiver
from shared import timeline
from shared.store import tables


class Slip:
    """A function of the real source, and what stands in it instead of what is right."""

    def __init__(
        self,
        home: ModuleType,
        name: str,
        *changes: tuple[str, str],
        seen_from: ModuleType | None = None,
    ) -> None:
        """*name* includes the class. With *seen_from*, that module alone gets it wrong."""
        self._home = home
        self._name = name
        self._changes = changes
        self._seen_from = seen_from

    def make(self, patch: pytest.MonkeyPatch) -> None:
        """Put it in."""
        owner: Any = self._home
        *classes, name = self._name.split(".")
        for each in classes:
            owner = getattr(owner, each)
        source = textwrap.dedent(inspect.getsource(getattr(owner, name)))
        for right, wrong in self._changes:
            assert source.count(right) == 1, f"{self._name} reads otherwise by now"
            source = source.replace(right, wrong)
        scope: dict[str, FunctionType] = {}
        exec(compile(source, f"<{self._name}>", "exec"), vars(self._home), scope)
        patch.setattr(self._seen_from or owner, name, scope[name])


BUGS: Final[dict[str, tuple[Slip, ...]]] = {
    "the tail may begin above what the store has": (
        Slip(seam, "_meet", (" and tail.seq(tail.start) <= covered + 1", "")),
    ),
    "a snapshot replaces the live state": (
        Slip(
            seam,
            "_meet",
            # Loaded again, with nothing above it folded.
            (
                "        if room is not None:\n            # What",
                "        if room is not None and conversation is not None:\n"
                "            room = tail.rooms[order_id] = Room(_load(order_id, conversation))\n"
                "            # What",
            ),
        ),
    ),
    "a room that is opened again replaces the live one": (
        Slip(
            tail,
            "Tail.open_room",
            (
                "live = self.rooms.setdefault(order_id, room)",
                "live = self.rooms[order_id] = room",
            ),
        ),
    ),
    "the watermark is written first": (
        Slip(
            archiver,
            "Archiver._write",
            (
                "await self._write_in_portions(entries",
                "await self._insist(lambda: self._store.raise_watermarks(watermarks))\n"
                "    await self._write_in_portions(entries",
            ),
        ),
    ),
    "conversations are written before their entries": (
        Slip(
            archiver,
            "Archiver._write",
            (
                "await self._write_in_portions(entries",
                "await self._store.write_conversations(conversations)\n"
                "    await self._write_in_portions(entries",
            ),
        ),
    ),
    "the conversation is read before the watermark": (
        Slip(
            seam,
            "_meet",
            ("watermark: Watermark | None = yield ReadWatermark()", "pass"),
            (
                "yield ReadConversation(order_id)",
                "yield ReadConversation(order_id)\n        watermark = yield ReadWatermark()",
            ),
        ),
    ),
    "the page is read before the conversation": (
        Slip(
            seam,
            "_meet",
            (
                "conversation: StoredConversation | None",
                "stored = yield from _read_below(\n"
                "            order_id, room.floor if room else Seq(_ABOVE_ALL - 1), reader, query\n"
                "        )\n"
                "        conversation: StoredConversation | None",
            ),
            ("stored = yield from _read_below(order_id, ceiling, reader, query)", "pass"),
        ),
    ),
    "the reader delivers again what an answer held": (
        Slip(
            tail,
            "Tail._fold",
            ("if seq <= room.conversation.head:", "if False:"),
            (
                "return room.fold(seq, record.at, event)",
                "if seq > room.conversation.head:\n"
                "        return room.fold(seq, record.at, event)\n"
                "    state = room.conversation\n"
                "    again = Conversation(state.order_id, order=state.order)\n"
                "    return make_entry(seq, record.at, event, again.fold(seq, record.at, event))",
            ),
        ),
        Slip(hub, "Hub.publish", ("if seq <= member.answered:", "if False:")),
    ),
    "catching up forgets what is dropped meanwhile": (
        Slip(tail, "Tail.drop_oldest", ("lent.later.append(held)", "pass")),
    ),
    "catching up is believed before it is done": (
        Slip(seam, "_is_lent", ("lent is not None and lent.whole", "lent is not None")),
    ),
    "an older edit overwrites a newer one in the store": (
        Slip(timeline, "apply", ("if entry.edited >= change.by:", "if False:"), seen_from=tables),
    ),
    "an older verdict overwrites a newer one in the store": (
        Slip(timeline, "apply", ("if entry.moved >= change.by:", "if False:"), seen_from=tables),
    ),
    "an older state overwrites a newer one": (
        Slip(tables, "StoreTables.write_conversations", ('"WHERE head < excluded.head"', '""')),
    ),
    "a room drops its oldest entries, and keeps its floor": (
        Slip(tail, "Room.forget", ("self.floor = max(self.floor, seq)", "pass")),
    ),
    "what the room changed is not applied to the store's page": (
        Slip(seam, "_answer", ("apply_all(room.changes(), stored.entries)", "pass")),
    ),
    "a page that the room cuts counts as whole": (
        Slip(seam, "_meet", ("min(covered, folded)", "covered")),
    ),
    "a copy ends the search for what changes": (
        Slip(
            tail,
            "Room._apply",
            ("entry.id == change.target", 'getattr(entry.event, "id", None) == change.target'),
        ),
    ),
    "a look-up believes a store that is behind": (
        Slip(seam, "look_up", ("if room.floor > _covered(tail, watermark, None):", "if False:")),
    ),
    "a look-up does not ask the fold again": (
        Slip(
            seam,
            "look_up",
            (
                "FindEntry(order_id, id_)\n    if (entry := room.entry(id_)) is not None:",
                "FindEntry(order_id, id_)\n    if False:",
            ),
        ),
    ),
    "who looks for a file believes a store that is behind": (
        Slip(
            seam,
            "find_carrier",
            ("if room.floor > _covered(tail, watermark, None):", "if False:"),
        ),
    ),
    "who looks for a file does not ask the fold again": (
        Slip(
            seam,
            "find_carrier",
            (
                "raise NotFound\n    if (entry := _carrier(reversed(room.entries), reader, "
                "attachment_id)) is not None:",
                "raise NotFound\n    if False:",
            ),
        ),
    ),
    "a file is given out after its message was taken": (
        Slip(seam, "find_carrier", ("apply_all(room.changes(), stored)", "pass")),
    ),
    "a replay does not know that the store has more": (
        Slip(seam, "_read_below", ("REPLAY_EVENTS_MAX + 1", "REPLAY_EVENTS_MAX")),
    ),
    "a replay begins one too late": (
        Slip(seam, "_replay", ("after < entry.seq < below", "after + 1 < entry.seq < below")),
    ),
}
"""By what is wrong."""
