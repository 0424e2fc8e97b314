"""Twelve bugs that are made again and again, each built into the toy: the checker finds all."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from uuid import UUID

import msgspec
import pytest

from shared.contracts import frames
from shared.contracts.ids import ClientId, MessageId, Seq, make_seq, message_id
from shared.log.port import Record
from shared.timeline import Entry, make_entry, show
from tests.prove.checker import check
from tests.prove.evidence import Check
from tests.prove.story import ORDER, to_record
from tests.prove.toy import Connection, Gateway, Offer
from tests.prove.toy_archive import Archive
from tests.prove.toy_trial import ToyTrial
from tests.prove.truth import EPOCH

SEEDS: Final = range(10)
"""Trials of each bug: some need a kill at the right moment."""


class AckBeforeProduce(Gateway):
    """Tells the writer that it stands before the log has it."""

    def offer(self, offer: Offer) -> None:
        super().offer(offer)
        place = len(self._log) + len(self.offers)
        record = to_record(offer.event, place)
        seq = make_seq(EPOCH, place)
        state = msgspec.msgpack.decode(
            msgspec.msgpack.encode(self.state), type=type(self.state)
        )  # what it would come to
        outcome = state.fold(seq, record.at, offer.event)
        if outcome.shown:
            entry = make_entry(seq, record.at, offer.event, outcome)
            self.deliver(offer.connection, show(entry))


class DropFrame(Gateway):
    """Forgets to tell somebody, now and then."""

    def deliver(self, connection: Connection, event: frames.EventShown) -> None:
        if self.dice.random() < 0.8:
            super().deliver(connection, event)


class DoubleFanOut(Gateway):
    """Tells everything twice."""

    def deliver(self, connection: Connection, event: frames.EventShown) -> None:
        super().deliver(connection, event)
        super().deliver(connection, event)


class SwapTwo(Gateway):
    """Puts an event before the one that was told last, if that is still on its way."""

    def deliver(self, connection: Connection, event: frames.EventShown) -> None:
        waiting = bool(connection.down) and isinstance(connection.down[-1], frames.EventShown)
        connection.down.insert(len(connection.down) - waiting, event)


class CommitBeforeWrite(Archive):
    """Raises the watermark first."""

    def steps(self) -> list[str]:
        return ["write", "commit"]


class SkipPrev(Gateway):
    """Does not say what comes before an event."""

    def deliver(self, connection: Connection, event: frames.EventShown) -> None:
        event.prev = None
        super().deliver(connection, event)

    def _shown(self, after: Seq | None, before: Seq | None) -> list[Entry]:
        shown = super()._shown(after, before)
        return [msgspec.structs.replace(entry, prev=None) for entry in shown]


class DedupeOff(Gateway):
    """Gives every try an id of its own."""

    def id_of(self, connection: Connection, frame: frames.Attempt) -> MessageId:
        try_ = ClientId(str(UUID(int=self.dice.getrandbits(128), version=4)))
        return message_id(ORDER, connection.user_id, try_)


class WriteUnacknowledged(Archive):
    """Does not wait until the store has it (`w: 0`); what the store had not yet is lost with it."""

    def __init__(self, records: Sequence[Record]) -> None:
        super().__init__(records)
        self._on_its_way: dict[int, Record] = {}

    def write(self, batch: Iterable[Record]) -> None:
        super().write(self._on_its_way.values())
        self._on_its_way = {record.offset: record for record in batch}

    def crash(self) -> None:
        self._on_its_way = {}
        super().crash()


class AssignWithoutSeek(Gateway):
    """After a restart reads on from the end of the log, not from where the archive ends."""

    def beginning(self) -> int:
        return len(self._log) if self._archive.watermark else 0


class LatestReset(Archive):
    """Has no position after a crash, and takes the latest."""

    def beginning(self) -> int:
        return len(self._log)


class NoAuthorisationOnHistory(Gateway):
    """Tells history to whoever asks."""

    def may_page(self, connection: Connection) -> bool:
        return True


class ReusedToken(Gateway):
    """Takes a token after its end. (There are no tickets here that could be used twice.)"""

    def accepts(self, connection: Connection) -> bool:
        return True


class Bug(NamedTuple):
    """What is wrong, and the finding it must lead to."""

    part: type[Gateway] | type[Archive]
    finding: Check


BUGS: Final = (
    Bug(AckBeforeProduce, "ack-before-durable"),
    Bug(DropFrame, "unseen"),
    Bug(DoubleFanOut, "nonmonotonic-deliver"),
    Bug(SwapTwo, "nonmonotonic-deliver"),
    Bug(CommitBeforeWrite, "archive"),
    Bug(SkipPrev, "skip"),
    Bug(DedupeOff, "duplicate"),
    Bug(WriteUnacknowledged, "archive"),
    Bug(AssignWithoutSeek, "unseen"),
    Bug(LatestReset, "archive"),
    Bug(NoAuthorisationOnHistory, "foreign"),
    Bug(ReusedToken, "after-revoke"),
)


def found(seed: int, part: type[Gateway] | type[Archive] = Gateway) -> set[Check]:
    """What the checker finds in a trial of the toy with one part replaced."""
    trial = ToyTrial(seed, part) if issubclass(part, Gateway) else ToyTrial(seed, Gateway, part)
    truth = trial.run()
    return {violation.check for violation in check(trial.history, truth)}


@pytest.mark.parametrize("seed", SEEDS)
def test_toy_without_a_bug_is_green(seed: int) -> None:
    """Kills, cuts, crashes, lost answers and removed parties are no faults of the toy."""
    assert found(seed) == set()


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.part.__name__)
def test_bug_is_found(bug: Bug) -> None:
    """The zeros of a trial mean something: with the bug in there is the finding that names it."""
    findings = set().union(*(found(seed, bug.part) for seed in SEEDS))

    assert bug.finding in findings


def test_there_are_twelve() -> None:
    """No bug is tried twice under another name."""
    assert len({bug.part for bug in BUGS}) == 12
