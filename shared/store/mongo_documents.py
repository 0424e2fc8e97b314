"""What is stored as what: entries and conversations as MongoDB's documents, and back.

Operators read them, so nothing is packed but snapshots. What users wrote is in them as values of
strings alone: never a name of a field, never an expression.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from shared.contracts.ids import OrderId, Seq, UserId
from shared.mongo import Document
from shared.store.port import Standing, StoredConversation, Watermark
from shared.summary import Summary
from shared.timeline import Entry

SUMMARY_FIELDS: Final = {"_id": False, "summary": True, "readers": True}
"""Of a conversation's document, what an inbox needs: not the snapshot, which is most of it."""


def entry_id(order_id: OrderId, seq: Seq) -> str:
    """The `_id` of an entry: there is one at a place."""
    return f"{order_id}/{seq}"


def entry_document(entry: Entry) -> Document:
    """An entry with, beside it, what it is found by; `case`, `id`, `text_of` and `carries`, the ids
    of its files, only where it has them."""
    document: Document = msgspec.to_builtins(entry)
    if entry.case is None:
        del document["case"]
    document["_id"] = entry_id(entry.order_id, entry.seq)
    document["order_id"] = entry.order_id
    document["type"] = entry.type
    document["stands"] = entry.stands
    if entry.id is not None:
        document["id"] = entry.id
    if entry.text_of is not None:
        document["text_of"] = entry.text_of
    if entry.attachments:
        document["carries"] = [file.id for file in entry.attachments]
    event = document["event"]
    if "may" in event:  # its keys are names of roles, which a marketplace is free to choose
        event["may"] = [{"role": role, "actions": may} for role, may in event["may"].items()]
    return document


def entry_of(document: Document) -> Entry:
    """The entry of a document."""
    event = document["event"]
    if "may" in event:
        event["may"] = {each["role"]: each["actions"] for each in event["may"]}
    return msgspec.convert(document, Entry)


def conversation_fields(conversation: StoredConversation) -> Document:
    """What of a conversation's document is new; without a summary, that stays as it is."""
    fields: Document = {"head": conversation.head, "snapshot": conversation.snapshot}
    if conversation.summary is not None:
        summary = msgspec.to_builtins(conversation.summary)
        unread: Mapping[UserId, int] = summary.pop("unread")
        fields["summary"] = summary
        fields["readers"] = [{"user_id": who, "unread": count} for who, count in unread.items()]
    return fields


def conversation_of(document: Document) -> StoredConversation:
    """The conversation of a document."""
    return msgspec.convert(
        {
            "order_id": document["_id"],
            "head": document["head"],
            "snapshot": document["snapshot"],
            "summary": summary_of(document) if "summary" in document else None,
        },
        StoredConversation,
    )


def summary_of(document: Document) -> Summary:
    """The summary in a conversation's document."""
    unread = {each["user_id"]: each["unread"] for each in document["readers"]}
    return msgspec.convert({**document["summary"], "unread": unread}, Summary)


def standing_of(document: Document) -> Standing:
    """The standing of the one reader who is in the document, as `standing_fields` leave it."""
    (reader,) = document["readers"]
    head = document["summary"]["head"]
    return msgspec.convert(
        {"order_id": document["_id"], "head": head, "unread": reader["unread"]}, Standing
    )


def standing_fields(user_id: UserId) -> Document:
    """Of a conversation's document, what a tally needs."""
    reader = {"$elemMatch": {"user_id": user_id}}
    return {"summary.head": True, "summary.updated_at": True, "readers": reader}


def watermark_fields(watermark: Watermark) -> Document:
    """A watermark, by itself."""
    document: Document = msgspec.to_builtins(watermark)
    return document


def watermark_of(document: Document) -> Watermark:
    """The watermark of a document."""
    return msgspec.convert(document, Watermark)
