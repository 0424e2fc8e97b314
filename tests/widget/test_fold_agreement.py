"""The widget's conversation ends where the server's fold does, however its reader came by it."""

import shutil
import subprocess
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec
import pytest

from shared.contracts import events as log
from shared.contracts.ids import UserId
from shared.conversation import Conversation
from tests.shared.histories import write_history
from tests.shared.story import ANNA, BEN, CARA, ORDER, Record
from tests.widget.screens import PAGE_MAX, Screen, Served

HISTORIES: Final = 75
"""In each block; about one in four has more than 1,100 records."""
BLOCKS: Final = 4
PLAYER: Final = Path(__file__).parent / "agreement.mjs"
NODE: Final = shutil.which("node")
TO_HAPPEN: Final = (
    *("message", "order", "edit", "delete", "read", "redact", "restore", "mute", "unmute"),
    *("close", "reopen", "copy", "late", "forbidden", "not_found", "read_only", "stale"),
    *("join", "reset", "live", "hole", "replay", "older"),
)
"""What a block must hold at least 5 times, to say anything."""


class Life:
    """An order's history with readers who come, go, lose frames and page back."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.counts: Counter[str] = Counter()
        self._dice = dice = Random(seed)
        self._served = Served()
        moves = [
            (dice.randrange(256), dice.randrange(256), dice.randrange(256), dice.randrange(256))
            for _ in range(dice.randint(5, 120))
        ]
        # Honest gateways: with others a forgotten id can be used again.
        records = write_history(moves, honest=True).records
        self.reader, self._records = _readable(records, dice.sample((ANNA, BEN, CARA), 3))
        self.has_reader = bool(self._records)
        self._rarely = 6 / (len(self._records) + 1)
        self.screens = {
            name: Screen(self._served, self.reader)
            for name in ("from the start", "joined later", "cut off", "hard of hearing", "paging")
        }

    def live(self) -> None:
        """Append every record, and let each reader be as he is."""
        for record in self._records:
            entry = self._served.append(record)
            self._count(entry.verdict, entry.type)
            quiet = entry.stands and not entry.shown and isinstance(entry.event, log.Read)
            for screen in self.screens.values():
                screen.knows_reads &= not quiet
            if self._served.conversation.may(self.reader, "read"):
                self._act()
        for name, screen in self.screens.items():
            if not screen.present:
                screen.join(self._limit())
            if screen.is_behind:
                screen.catch_up()
            while name == "paging" and not screen.complete:
                screen.load_older(self._limit())
            for step in screen.steps:
                reset = step[0] == "join" and step[2].reset
                self.counts["reset" if reset else str(step[0])] += 1

    def told(self) -> dict[str, Any]:
        """What happened, and what stands now, for the player."""
        joined, events = self._served.stands_now(self.reader)
        conversation = self._served.conversation
        return {
            "seed": self.seed,
            "reader": self.reader,
            "now": self._served.now,
            "live": {str(seq): frame for seq, frame in self._served.live.items()},
            "joined": joined,
            "events": events,
            "muted": self._served.is_muted(self.reader),
            "closed": conversation.closed,
            "screens": [
                {
                    "name": name,
                    "steps": screen.steps,
                    "knows_rights": screen.knows_policy,
                    "knows_reads": screen.knows_reads,
                    "complete": screen.complete,
                }
                for name, screen in self.screens.items()
            ],
        }

    def _act(self) -> None:
        """What readers do between two events, while they may."""
        screens, dice = self.screens, self._dice
        always = screens["from the start"]
        if not always.present:
            always.join(PAGE_MAX)
        for name in ("joined later", "cut off", "hard of hearing", "paging"):
            screen = screens[name]
            # Who was cut off stays away for long: at times too long to be told all of it.
            comes = self._rarely / 10 if name == "cut off" and screen.steps else self._rarely
            if not screen.present:
                if dice.random() < comes:
                    screen.join(self._limit(), fresh=dice.random() < 0.1)
            elif dice.random() < self._rarely:
                if name == "cut off":
                    screen.leave()
                elif name == "hard of hearing":
                    screen.missing = dice.randint(1, 5)
                elif name == "paging" and not screen.complete:
                    screen.load_older(self._limit())

    def _limit(self) -> int:
        return self._dice.choice((1, 2, 5, 20, PAGE_MAX))

    def _count(self, verdict: str, type_: str) -> None:
        self.counts[type_ if verdict == "stands" else verdict] += 1


def _readable(records: list[Record], users: list[UserId]) -> tuple[UserId, list[Record]]:
    """Somebody who may read in the end, and the records up to there."""
    conversation = Conversation(ORDER)
    ends = dict.fromkeys(users, 0)
    for number, record in enumerate(records, start=1):
        conversation.fold(record.seq, record.at, record.event)
        for user_id in users:
            if conversation.may(user_id, "read"):
                ends[user_id] = number
    reader = next((user_id for user_id in users if ends[user_id]), users[0])
    return reader, records[: ends[reader]]


@pytest.mark.parametrize("block", range(BLOCKS))
def test_every_reader_ends_with_what_stands(tmp_path: Path, block: int) -> None:
    """Live from the start, joined later, cut off, with lost frames or page by page: in every
    history the widget shows what the server's answers say to somebody who asks now."""
    assert NODE is not None, "node is not installed"
    told = tmp_path / "lives.jsonl"
    counts: Counter[str] = Counter()
    with told.open("wb") as file:
        for seed in range(block * HISTORIES, (block + 1) * HISTORIES):
            life = Life(seed)
            if life.has_reader:
                life.live()
                counts += life.counts
                file.write(msgspec.json.encode(life.told()) + b"\n")

    run = subprocess.run(
        [NODE, str(PLAYER), str(told)], capture_output=True, text=True, timeout=60, check=False
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert [kind for kind in TO_HAPPEN if counts[kind] < 5] == [], counts
