// The conversation as the panel holds it: `node --test tests/widget`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Conversation } from "../../chat_gateway/widget/state/conversation.js";

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
    may: { creator: ["read", "send", "edit", "delete"], advertiser: ["read"] },
    edit_window_ms: 1000,
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

function you(may, changes = {}) {
  return {
    role: "creator", can_send: may, can_attach: may, can_edit: may, can_delete: may,
    edit_window_ms: 900_000, closed: false, muted: false, muted_until: null, ...changes,
  };
}

const CLOSED = you(false, { closed: true });
const MUTED = { muted: true, muted_until: 5000 };

function joined(events, changes = {}) {
  const head = events.at(-1)?.seq ?? 0;
  return {
    order: HEADER, you: you(true),
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

test("an own report that comes again marks its message, and moves nothing", () => {
  const conversation = open(message(2), message(3));
  const report = { type: "report", seq: 4, prev: 3 };

  conversation.replay([
    { ...report, by: "anna", target: "m2" }, { ...report, by: "ben", target: "m3" },
  ]);

  assert.deepEqual([[...conversation.reported], conversation.head], [["m2"], 3]);
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

  const edit = { type: "edit", by: "ben", target: "m2" };
  conversation.take({ ...edit, seq: 3, prev: 2, at: 3, text: null });
  assert.equal(conversation.message("m2").text, "text 2");
  assert.equal(conversation.message("m2").edited_at, 3);

  conversation.take({ ...edit, seq: 4, prev: 3, at: 4, text: "latest" });

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
  conversation.join(joined([message(5)], { order: now, you: you(false), complete: false }), null);

  conversation.addOlder({ events: [order(1)], complete: true });

  assert.equal(conversation.order.status, "completed");
  assert.equal(conversation.canSend, false);
});

test("a conversation that was closed before the join stays closed when its past comes", () => {
  const conversation = new Conversation("anna");
  const page = joined([message(5)], { you: CLOSED, complete: false });
  conversation.join(page, null);

  conversation.addOlder({ events: [order(1)], complete: true });

  assert.deepEqual([conversation.canSend, conversation.closed], [false, true]);
});

test("who joins a closed conversation knows, and may write once it is open", () => {
  const conversation = new Conversation("anna");
  conversation.join(joined([order(1)], { you: CLOSED }), null);
  assert.deepEqual([conversation.canSend, conversation.closed], [false, true]);

  conversation.take({ type: "reopen", seq: 2, prev: 1, at: 2, by: "moderation" });

  assert.deepEqual([conversation.canSend, conversation.canAttach], [true, false]);
});

test("where nobody may write, a conversation does not count as closed", () => {
  const conversation = new Conversation("anna");
  const finished = order(1, { may: { creator: ["read"] } });

  conversation.join(joined([finished], { you: you(false) }), null);

  assert.deepEqual([conversation.canSend, conversation.closed], [false, false]);
});

test("a start over forgets that the conversation was closed", () => {
  const conversation = open();
  conversation.take({ type: "close", seq: 2, prev: 1, at: 2, by: "moderation" });
  const finished = order(3, { may: { creator: ["read"] } });

  conversation.join(joined([finished], { you: you(false), reset: true }), 2);

  assert.equal(conversation.closed, false);
});

test("who gets another role has the rights of that", () => {
  const conversation = open();

  const parties = [{ ...ANNA, role: "advertiser" }, { ...BEN, role: "creator" }];
  conversation.take(order(2, { version: 3, participants: parties }));

  assert.deepEqual([conversation.role, conversation.canSend], ["advertiser", false]);
});

test("who cannot know what a reopened conversation allows may try", () => {
  const conversation = new Conversation("anna");
  conversation.join(joined([message(5)], { you: CLOSED, complete: false }), null);

  conversation.take({ type: "reopen", seq: 6, prev: 5, at: 6, by: "moderation" });

  assert.equal(conversation.canSend, true);
});

test("who joins muted knows, and until when", () => {
  const conversation = new Conversation("anna");

  conversation.join(joined([message(3)], { you: you(true, MUTED) }), null);

  assert.deepEqual([conversation.canSend, conversation.mutedUntil], [false, 5000]);
  conversation.passTime(5000);
  assert.equal(conversation.canSend, true);
});

test("a mute lasts until an answer knows better", () => {
  const conversation = open();
  conversation.take({ type: "mute", seq: 2, prev: 1, at: 2, by: "moderation", user_id: "anna" });

  conversation.join(joined([message(3)], { you: you(true, MUTED) }), 2);
  assert.deepEqual([conversation.muted, conversation.canSend], [true, false]);

  conversation.join(joined([message(4)]), 3);
  assert.deepEqual([conversation.muted, conversation.canSend], [false, true]);
});

test("a mute ends when its time is over", () => {
  const conversation = open();
  const mute = { type: "mute", by: "moderation", user_id: "anna", until: 5000 };
  conversation.take({ ...mute, seq: 2, prev: 1, at: 2 });
  assert.equal(conversation.mutedUntil, 5000);

  conversation.passTime(4999);
  assert.equal(conversation.canSend, false);

  conversation.passTime(5000);
  assert.deepEqual(
    [conversation.canSend, conversation.muted, conversation.mutedUntil], [true, false, null],
  );
});

test("a mute without an end stays", () => {
  const conversation = open();
  const mute = { type: "mute", by: "moderation", user_id: "anna", until: null };
  conversation.take({ ...mute, seq: 2, prev: 1, at: 2 });

  conversation.passTime(Number.MAX_SAFE_INTEGER);

  assert.deepEqual([conversation.muted, conversation.canEdit], [true, false]);
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

test("who sends a file is not said to type, and is forgotten when the message comes", () => {
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

test("an item that changes is another object, and the others are the same ones", () => {
  const conversation = open(message(2), message(3));
  const { items } = conversation;
  const before = [...items];

  conversation.take({ type: "edit", seq: 4, prev: 3, at: 4, by: "ben", target: "m2", text: "new" });

  assert.equal(conversation.items, items);
  assert.deepEqual(items.map((item, index) => item === before[index]), [true, false, true]);
  assert.equal(before[1].text, "text 2");
  assert.equal(items[1], conversation.message("m2"));
});

test("an older page goes in front of the same array", () => {
  const conversation = new Conversation("anna");
  conversation.join(joined([message(5)], { complete: false }), null);
  const { items } = conversation;
  const [newest] = items;

  conversation.addOlder({ events: [order(1), message(2)], complete: true });

  assert.equal(conversation.items, items);
  assert.equal(items[2], newest);
});

test("an item is found by its position", () => {
  const conversation = open(message(20), message(30));

  const places = [1, 20, 30, 0, 25, 40].map((seq) => conversation.indexOf(seq));

  assert.deepEqual(places, [0, 1, 2, -1, -1, -1]);
});

test("every change raises the revision, and what is old does not", () => {
  const conversation = open(message(2));
  const raised = (act) => {
    const { revision } = conversation;
    act();
    return conversation.revision > revision;
  };

  const changes = [
    () => conversation.take(message(3)),
    () => conversation.take({ type: "read", seq: 4, prev: 3, at: 4, by: "ben", up_to: 2, n: 1 }),
    () => conversation.addOlder({ events: [], complete: true }),
    () => conversation.takeTyping({ user_id: "ben", what: "text" }, 1),
    () => conversation.takePresence({ user_id: "ben", online: true }),
    () => conversation.takeReported("m2"),
    () => conversation.takeOwnRead(2),
    () => conversation.join(joined([]), 4),
    () => conversation.take(message(3)),
    () => conversation.take(message(9)),
    () => conversation.passTime(5),
  ].map(raised);

  assert.deepEqual(changes, [...Array(8).fill(true), false, false, false]);
});

test("unread are the messages above the own mark", () => {
  const conversation = new Conversation("anna");
  const reads = [{ user_id: "anna", up_to: 2, n: 1 }];
  conversation.join(joined([order(1), message(2), message(3)], { reads, n: 2 }), null);
  assert.equal(conversation.unread, 1);

  conversation.take({ type: "read", seq: 4, prev: 3, at: 4, by: "anna", up_to: 3, n: 2 });

  assert.equal(conversation.unread, 0);
});

test("for who is no party nothing is unread", () => {
  const conversation = new Conversation("moira");

  conversation.join(joined([order(1), message(2)], { n: 1 }), null);

  assert.deepEqual([conversation.party("moira"), conversation.unread], [null, 0]);
});

test("in a large order the own mark is taken when it is told", () => {
  const conversation = open(message(2));

  conversation.takeOwnRead(1);

  assert.equal(conversation.unread, 0);
});

test("a mark never falls, and nothing is less than read", () => {
  const conversation = open(message(2), message(3));
  conversation.takeOwnRead(3); // of a message that is still on its way

  conversation.take({ type: "read", seq: 4, prev: 3, at: 4, by: "anna", up_to: 2, n: 1 });

  assert.deepEqual([conversation.readBy("anna"), conversation.unread], [3, 0]);
});

test("the seen mark leaves a message that is gone, and comes back with it", () => {
  const conversation = open(message(2, { by: "anna" }), message(3, { by: "anna" }));
  conversation.take({ type: "read", seq: 4, prev: 3, at: 4, by: "ben", up_to: 3, n: 2 });
  assert.deepEqual(conversation.seen(), { id: "m3", readers: [BEN] });

  conversation.take({ type: "redact", seq: 5, prev: 4, at: 5, by: "moderation", target: "m3" });
  assert.equal(conversation.seen().id, "m2");

  const back = { target: "m3", text: "text 3", attachments: [] };
  conversation.take({ type: "restore", seq: 6, prev: 5, at: 6, by: "moderation", ...back });
  assert.equal(conversation.seen().id, "m3");
});

test("an own message of an older page can be the last one seen", () => {
  const conversation = new Conversation("anna");
  const reads = [{ user_id: "ben", up_to: 2, n: 1 }];
  conversation.join(joined([message(5, { by: "anna" })], { reads, complete: false }), null);
  assert.equal(conversation.seen(), null);

  conversation.addOlder({ events: [order(1), message(2, { by: "anna" })], complete: true });

  assert.equal(conversation.seen().id, "m2");
});

test("a start over forgets what was read before it", () => {
  const conversation = open(message(2, { by: "anna" }));
  conversation.take({ type: "read", seq: 3, prev: 2, at: 3, by: "ben", up_to: 2, n: 1 });

  conversation.join(joined([message(2, { by: "anna" })], { reset: true }), 3);

  assert.deepEqual([conversation.readBy("ben"), conversation.seen()], [0, null]);
});

test("of two messages with one id the newer one is acted on", () => {
  const conversation = new Conversation("anna");
  conversation.join(joined([message(5, { id: "m" })], { complete: false }), null);
  conversation.addOlder({ events: [order(1), message(2, { id: "m" })], complete: true });

  conversation.take({ type: "edit", seq: 6, prev: 5, at: 6, by: "ben", target: "m", text: "new" });

  assert.deepEqual(texts(conversation), ["order", "text 2", "new"]);
});

/** Anna's and Ben's messages in turn, of which only the first was read. */
function long(count) {
  const conversation = open();
  const messages = Array.from({ length: count }, (_, index) =>
    message(2 + index, { by: index % 2 ? "ben" : "anna", seen: index % 2 }),
  );
  conversation.replay(messages);
  return conversation;
}

test("the seen mark is found as fast in a long history as in a short one", () => {
  const time = (conversation) => {
    const runs = Array.from({ length: 7 }, () => {
      const before = performance.now();
      for (let calls = 0; calls < 500; calls += 1) conversation.seen();
      return performance.now() - before;
    });
    return Math.min(...runs);
  };
  const [short, huge] = [long(250), long(10_000)];
  time(short); // warm

  assert.equal(huge.seen().id, "m2");
  assert.ok(time(huge) < 5 * time(short) + 2);
});

test("ten thousand messages are taken and changed in little time", () => {
  const before = performance.now();

  const conversation = long(10_000);
  const events = Array.from({ length: 5_000 }, (_, index) => ({
    type: "edit", seq: 10_002 + index, prev: 10_001 + index, at: 1, by: "ben",
    target: `m${3 + 2 * index}`, text: "new",
  }));
  conversation.replay(events);

  assert.ok(performance.now() - before < 500);
  assert.equal(conversation.items.filter(({ text }) => text === "new").length, 5_000);
});
