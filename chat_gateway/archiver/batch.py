"""What a stretch of one partition comes to, folded without any I/O."""

from collections.abc import Mapping, Sequence

import msgspec

from shared.contracts.events import FromTheFuture, NotAnEvent, decode_event
from shared.contracts.ids import OrderId, Seq, UserId, make_seq
from shared.conversation import Conversation, to_snapshot
from shared.log.port import Record
from shared.store.port import StoredConversation, Watermark
from shared.summary import concerned, parties_of, summarize
from shared.timeline import Change, Entry, change_of, make_entry


class DeadLetter(msgspec.Struct, frozen=True):
    """A record that is no event, and why."""

    record: Record
    error: str


class Batch(msgspec.Struct):
    """What a stretch of one partition comes to: the three steps, ready to be written."""

    partition: int
    entries: list[Entry] = []
    changes: list[Change] = []
    conversations: list[StoredConversation] = []
    watermark: Watermark | None = None
    """After the last record that was taken; null if none was."""
    changed: dict[UserId, dict[OrderId, Seq]] = {}
    """Whose conversations changed, each with the last record that did."""
    dead_letters: list[DeadLetter] = []
    stopped: str | None = None
    """Why the partition must not be read on after this batch."""


def fold_batch(
    records: Sequence[Record], states: Mapping[OrderId, Conversation], epoch: int
) -> Batch:
    """Fold records that follow each other in one partition into *states*, which are changed.

    *states* holds the stored state of every order in the records.
    """
    batch = Batch(records[0].partition)
    touched: dict[OrderId, Conversation] = {}
    for record in records:
        try:
            event = decode_event(record.key, record.type, record.version, record.value)
        except FromTheFuture as error:
            batch.stopped = str(error)
            break
        except NotAnEvent as error:
            batch.dead_letters.append(DeadLetter(record, str(error)))
        else:
            seq = make_seq(epoch, record.offset)
            state = states[event.order_id]
            if seq > state.head:  # else it was folded before a crash, and written before that
                before = parties_of(state)
                entry = make_entry(seq, record.at, event, state.fold(seq, record.at, event))
                batch.entries.append(entry)
                if (change := change_of(entry)) is not None:
                    batch.changes.append(change)
                touched[event.order_id] = state
                if entry.stands:
                    for user_id in concerned(event, before | parties_of(state)):
                        batch.changed.setdefault(user_id, {})[event.order_id] = seq
        batch.watermark = Watermark(epoch, record.partition, record.offset + 1, record.at)
    batch.conversations = [
        StoredConversation(order_id, state.head, to_snapshot(state), summarize(state))
        for order_id, state in touched.items()
    ]
    return batch
