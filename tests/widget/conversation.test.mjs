// The conversation as the demo's panel holds it: `node --test tests/widget`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Conversation } from "../../deploy/demo/static/conversation.js";

const ANNA = { user_id: "anna", role: "creator", name: "Anna Keller" };
const BEN = { user_id: "ben", role: "advertiser", name: "Ben Okafor" };
const HEADER = {
  order_id: "o1", title: "Film", status: "in_progress", version: 2, participants: [ANNA, BEN],
};

function order(seq, changes = {}) {
  return {
    type: "order", seq, prev: seq - 1 || null, at: seq, by: "service:orders", version: 2,
    status: "in_progress", previous_status: "pending", title: "Film",
    participants: [ANNA, BEN],
    may: { creator: ["read", "send", "edit", "delete"], advertiser: ["read"] }, edit_window_ms: 1000,
    ...changes,
  };
}

function message(seq, changes = {}) {
  return {
    type: "message", seq, prev: seq - 1, at: seq, by: "ben", id: `m${seq}`, client_id: `c${seq}`,
    n: seq - 1, seen: 0, text: `text ${seq}`, attachments: [], edited_at: null, gone: null,
    ...changes,
  };
}

function joined(events, changes = {}) {
  const head = events.at(-1)?.seq ?? 0;
  return {
    order: HEADER, you: { role: "creator", can_send: true, can_attach: true, can_edit: true, can_delete: true, edit_window_ms: 900_000 },
    events, head, complete: true, reset: false, reads: [], online: ["anna"], n: 0, ...changes,
  };
}

function open(...events) {
  const conversation = new Conversation("anna");
  conversation.join(joined([order(1), ...events]), null);
  return conversation;
}

const texts = (conversation) => conversation.items.map(({ type, text }) => text ?? type);

test("a live event that follows the head is shown", () => {
  const conversation = open(message(2));

  const outcome = conversation.take(message(3));

  assert.equal(outcome, "taken");
  assert.deepEqual(texts(conversation), ["order", "text 2", "text 3"]);
});

test("an event above a hole is not applied", () => {
  const conversation = open(message(2));

  const outcome = conversation.take(message(4));

  assert.equal(outcome, "hole");
  assert.equal(conversation.head, 2);
});

test("a replay closes the hole", () => {
  const conversation = open(message(2));

  const followed = conversation.replay([message(3), message(4)]);

  assert.ok(followed);
  assert.deepEqual(texts(conversation), ["order", "text 2", "text 3", "text 4"]);
});

test("an event that was here already changes nothing", () => {
  const conversation = open(message(2));

  const outcome = conversation.take(message(2, { text: "again" }));

  assert.equal(outcome, "old");
  assert.deepEqual(texts(conversation), ["order", "text 2"]);
});

test("a report stands outside the chain", () => {
  const conversation = open(message(2));

  conversation.take({ type: "report", seq: 3, prev: 2, by: "anna" });

  assert.equal(conversation.take(message(4, { prev: 2 })), "taken");
});

test("an event of an unknown type only moves the position", () => {
  const conversation = open(message(2));

  const outcome = conversation.take({ type: "wave", seq: 3, prev: 2, by: "ben" });

  assert.equal(outcome, "taken");
  assert.equal(conversation.head, 3);
});

test("older pages stand before what is shown, and leave the head alone", () => {
  const conversation = new Conversation("anna");
  conversation.join(joined([message(5)], { complete: false }), null);

  conversation.addOlder({ events: [order(1), message(2)], complete: true });

  assert.deepEqual(texts(conversation), ["order", "text 2", "text 5"]);
  assert.equal(conversation.head, 5);
});

test("a resume adds to what is here", () => {
  const conversation = open(message(2));

  const outcome = conversation.join(joined([message(3)]), 2);

  assert.equal(outcome, "taken");
  assert.deepEqual(texts(conversation), ["order", "text 2", "text 3"]);
});

test("a reset starts over", () => {
  const conversation = open(message(2));

  conversation.join(joined([message(9)], { reset: true }), 2);

  assert.deepEqual(texts(conversation), ["text 9"]);
});

test("a replayed edit without text leaves the text to the later one", () => {
  const conversation = open(message(2));

  conversation.replay([
    { type: "edit", seq: 3, prev: 2, at: 3, by: "ben", target: "m2", text: null },
    { type: "edit", seq: 4, prev: 3, at: 4, by: "ben", target: "m2", text: "latest" },
  ]);

  assert.equal(conversation.message("m2").text, "latest");
  assert.equal(conversation.message("m2").edited_at, 4);
});

test("what is deleted loses its text and keeps its place", () => {
  const conversation = open(message(2));

  conversation.take({ type: "delete", seq: 3, prev: 2, at: 3, by: "ben", target: "m2" });

  assert.deepEqual(texts(conversation), ["order", ""]);
  assert.equal(conversation.message("m2").gone, "deleted");
});

test("what is restored shows again", () => {
  const conversation = open(message(2));
  conversation.take({ type: "redact", seq: 3, prev: 2, at: 3, by: "moderation", target: "m2" });

  const back = { target: "m2", text: "text 2", attachments: [] };
  conversation.take({ type: "restore", seq: 4, prev: 3, at: 4, by: "moderation", ...back });

  assert.equal(conversation.message("m2").gone, null);
  assert.equal(conversation.message("m2").text, "text 2");
});

test("the seen mark stands at the last own message the other has read", () => {
  const conversation = open(message(2, { by: "anna" }), message(3, { by: "anna" }));

  conversation.take({ type: "read", seq: 4, prev: 3, at: 4, by: "ben", up_to: 2, n: 1 });

  assert.equal(conversation.seen().id, "m2");
});

test("who answers has read what stood on the screen", () => {
  const conversation = open(message(2, { by: "anna" }));

  conversation.take(message(3, { by: "ben", seen: 1 }));

  assert.equal(conversation.seen().id, "m2");
});

test("an order's change takes and gives the right to write", () => {
  const conversation = open();

  const closing = { version: 3, status: "completed", may: { creator: ["read"] } };
  conversation.take(order(2, closing));

  assert.equal(conversation.order.status, "completed");
  assert.equal(conversation.canSend, false);
});

test("an older page's order event does not bring old rights back", () => {
  const conversation = new Conversation("anna");
  const now = { ...HEADER, status: "completed", version: 3 };
  const you = { role: "creator", can_send: false, can_attach: false, can_edit: false, can_delete: false, edit_window_ms: 900_000 };
  conversation.join(joined([message(5)], { order: now, you, complete: false }), null);

  conversation.addOlder({ events: [order(1)], complete: true });

  assert.equal(conversation.order.status, "completed");
  assert.equal(conversation.canSend, false);
});

test("a mute takes the right to write from the reader alone", () => {
  const conversation = open();

  conversation.take({ type: "mute", seq: 2, prev: 1, at: 2, by: "moderation", user_id: "ben" });
  assert.ok(conversation.canSend);

  conversation.take({ type: "mute", seq: 3, prev: 2, at: 3, by: "moderation", user_id: "anna" });
  assert.equal(conversation.canSend, false);
});

test("a typing sign is forgotten after six seconds, or when the message comes", () => {
  const conversation = open();
  conversation.takeTyping({ user_id: "ben", what: "text" }, 1000);

  assert.deepEqual(conversation.typing("text", 6999), [BEN]);
  assert.deepEqual(conversation.typing("text", 7000), []);

  conversation.take(message(2));
  assert.deepEqual(conversation.typing("text", 1001), []);
});

test("who sends a file is not said to be typing, and is forgotten when the message comes", () => {
  const conversation = open();
  conversation.takeTyping({ user_id: "ben", what: "text" }, 1000);

  conversation.takeTyping({ user_id: "ben", what: "file" }, 2000);

  assert.deepEqual(conversation.typing("file", 7999), [BEN]);
  assert.deepEqual(conversation.typing("text", 2001), []);
  conversation.take(message(2));
  assert.deepEqual(conversation.typing("file", 2001), []);
});

test("files can be attached as the order's policy has it, and not once it is closed", () => {
  const conversation = open();
  assert.equal(conversation.canAttach, true);

  conversation.take(order(2, { version: 3, may: { creator: ["read", "send"] } }));
  assert.deepEqual([conversation.canSend, conversation.canAttach], [true, false]);

  conversation.take(order(3, { version: 4, may: { creator: ["read", "send", "attach"] } }));
  assert.equal(conversation.canAttach, true);
  conversation.take({ type: "close", seq: 4, prev: 3, at: 4, by: "moderation" });
  assert.deepEqual([conversation.canSend, conversation.canAttach], [false, false]);
});

test("nobody's presence is known while nobody can tell", () => {
  const conversation = new Conversation("anna");
  conversation.join(joined([order(1)], { online: null }), null);

  conversation.takePresence({ user_id: "ben", online: true });

  assert.equal(conversation.online, null);
});
