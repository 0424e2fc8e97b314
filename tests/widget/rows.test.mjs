// Which rows stand in the list's window: `node --test tests/widget`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Conversation } from "../../chat_gateway/widget/state/conversation.js";
import { ROWS_MAX, Rows } from "../../chat_gateway/widget/state/rows.js";

const NOON = new Date(2026, 4, 20, 12).getTime();
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const AT_END = null;

function message(n, changes = {}) {
  return {
    type: "message", seq: n * 10, prev: null, at: NOON, by: "ben", id: `m${n}`, client_id: `c${n}`,
    n, seen: 0, text: `text ${n}`, attachments: [], reply_to: null, edited_at: null, gone: null,
    ...changes,
  };
}

function status(n, changes = {}) {
  return {
    type: "order", seq: n * 10, prev: null, at: NOON, by: "service:orders", version: n,
    status: "delivered", previous_status: "in_progress", title: "Film", participants: [],
    may: {}, edit_window_ms: 0, ...changes,
  };
}

function attempt(id, changes = {}) {
  return { id, op: "send", text: id, target: null, at: NOON, state: "waiting", ...changes };
}

/** Messages number *from* up to, not including, *to*. */
function messages(from, to, changes = () => ({})) {
  return Array.from({ length: to - from }, (_, place) => message(from + place, changes(from + place)));
}

function joined(events, reset = false) {
  return {
    order: { order_id: "o1", title: "Film", status: "delivered", version: 1, participants: [] },
    you: { role: "creator", can_send: true, can_attach: true, can_edit: true, can_delete: true, edit_window_ms: 0 },
    events, head: events.at(-1)?.seq ?? 0, complete: false, reset, reads: [], online: null, unread: 0,
    n: events.at(-1)?.n ?? 0,
  };
}

function conversationOf(...events) {
  const conversation = new Conversation("anna");
  conversation.join(joined(events), null);
  return conversation;
}

/** Rows at the end of a conversation of these events. */
function rowsOf(events, attempts = []) {
  const rows = new Rows("anna");
  rows.take(conversationOf(...events), attempts, AT_END);
  return rows;
}

const kinds = (rows) => rows.shown.map(({ kind }) => kind);
const firsts = (rows) => rows.shown.filter(({ kind }) => kind !== "day").map(({ first }) => first);
const numbers = (rows) => rows.shown.filter(({ item }) => item).map(({ item }) => item.n);
const ends = (rows) => [numbers(rows)[0], numbers(rows).at(-1)];

test("a day begins with its mark", () => {
  const rows = rowsOf([message(1), message(2), message(3, { at: NOON + DAY })]);

  assert.deepEqual(kinds(rows), ["day", "message", "message", "day", "message"]);
  assert.deepEqual(rows.shown[3].at, NOON + DAY);
});

test("messages of one author within five minutes are one group", () => {
  const rows = rowsOf([
    message(1), message(2, { at: NOON + 5 * MINUTE }), message(3, { at: NOON + 10 * MINUTE + 1 }),
  ]);

  assert.deepEqual(firsts(rows), [true, false, true]);
});

test("another author, a status line and a new day each begin a group", () => {
  const late = new Date(2026, 4, 20, 23, 59).getTime();
  const rows = rowsOf([
    message(1, { at: late }), message(2, { at: late, by: "anna" }), status(3, { at: late }),
    message(4, { at: late, by: "anna" }), message(5, { at: late + 2 * MINUTE, by: "anna" }),
  ]);

  assert.deepEqual(kinds(rows), ["day", "message", "message", "status", "message", "day", "message"]);
  assert.deepEqual(firsts(rows), [true, true, true, true, true]);
});

test("what the marketplace says begins a group, although its status line stands before", () => {
  const rows = rowsOf([status(1), message(2, { by: "service:orders" })]);

  assert.deepEqual(firsts(rows), [true, true]);
});

test("what is being sent stands after everything, and goes on with the reader's group", () => {
  const rows = rowsOf([message(1), message(2, { by: "anna" })], [attempt("a1"), attempt("a2")]);

  assert.deepEqual(kinds(rows), ["day", "message", "message", "attempt", "attempt"]);
  assert.deepEqual(firsts(rows), [true, true, false, false]);
});

test("an own message has the key its attempt had", () => {
  const before = rowsOf([message(1)], [attempt("c2")]);

  const after = rowsOf([message(1), message(2, { by: "anna" })]);

  assert.equal(before.shown.at(-1).key, "c2");
  assert.equal(after.shown.at(-1).key, "c2");
});

test("an attempt that stands already is not shown a second time", () => {
  const rows = rowsOf([message(1), message(2, { by: "anna" })], [attempt("c2"), attempt("c3")]);

  assert.deepEqual(rows.shown.map(({ key }) => key).slice(1), [10, "c2", "c3"]);
});

test("of a long history only the end is shown", () => {
  const rows = rowsOf(messages(1, 10_001));

  assert.deepEqual(ends(rows), [9_901, 10_000]);
  assert.ok(rows.atEnd);
});

test("growing upward drops what is too much below", () => {
  const rows = rowsOf(messages(1, 1_001));

  for (let step = 0; step < 5; step += 1) rows.up();

  assert.deepEqual(ends(rows), [651, 950]);
  assert.equal(rows.shown.length, ROWS_MAX);
  assert.ok(!rows.atEnd);
});

test("growing downward drops what is too much above", () => {
  const rows = rowsOf(messages(1, 1_001));
  for (let step = 0; step < 18; step += 1) rows.up();
  assert.equal(ends(rows)[0], 1);

  rows.down();

  assert.deepEqual(ends(rows), [50, 349]);
});

test("marks of days count as rows", () => {
  const rows = rowsOf(messages(1, 1_001, (n) => ({ at: NOON + n * DAY })));

  for (let step = 0; step < 4; step += 1) rows.up();

  assert.equal(rows.shown.length, ROWS_MAX);
  assert.deepEqual(ends(rows), [701, 850]);
});

test("up and down again, every message is met once in its place", () => {
  const rows = rowsOf(messages(1, 1_001, (n) => ({ at: NOON + n * 100 * MINUTE })));

  while (rows.from > 0) rows.up();
  assert.equal(ends(rows)[0], 1);
  const met = new Set(numbers(rows));
  while (!rows.atEnd) {
    rows.down();
    assert.ok(rows.shown.length <= ROWS_MAX);
    assert.deepEqual(numbers(rows), [...numbers(rows)].sort((one, other) => one - other));
    for (const n of numbers(rows)) met.add(n);
  }

  assert.equal(met.size, 1_000);
});

test("a window that follows the end moves with it, one row for one", () => {
  const conversation = conversationOf(...messages(1, 301));
  const rows = new Rows("anna");
  rows.take(conversation, [], AT_END);
  for (let step = 0; step < 3; step += 1) rows.up();
  assert.deepEqual(ends(rows), [51, 300]);

  for (let n = 301; n < 401; n += 1) {
    conversation.take(message(n, { prev: n * 10 - 10 }));
    rows.take(conversation, [], AT_END);
  }

  assert.deepEqual(ends(rows), [101, 400]);
});

test("a window above the end stays when something comes", () => {
  const conversation = conversationOf(...messages(1, 1_001));
  const rows = new Rows("anna");
  rows.take(conversation, [], AT_END);
  for (let step = 0; step < 5; step += 1) rows.up();

  conversation.take(message(1_001, { prev: 10_000 }));
  rows.take(conversation, [], 7_000);

  assert.deepEqual(ends(rows), [651, 950]);
});

test("however much comes below a reader who does not follow, the window keeps its bound", () => {
  const conversation = conversationOf(...messages(1, 101));
  const rows = new Rows("anna");
  rows.take(conversation, [], AT_END);

  for (let n = 101; n < 1_101; n += 1) {
    conversation.take(message(n, { prev: n * 10 - 10 }));
    rows.take(conversation, [], 50);
  }

  assert.deepEqual(ends(rows), [1, 299]);
  assert.equal(rows.shown.length, ROWS_MAX);
});

test("an older page stands above what was there", () => {
  const conversation = conversationOf(...messages(51, 101));
  const rows = new Rows("anna");
  rows.take(conversation, [], AT_END);

  conversation.addOlder({ events: messages(1, 51), complete: true });
  rows.take(conversation, [], 510);

  assert.deepEqual(ends(rows), [1, 100]);
});

test("a day's mark moves up to where its day begins", () => {
  const conversation = conversationOf(message(2));
  const rows = new Rows("anna");
  rows.take(conversation, [], AT_END);
  assert.deepEqual(kinds(rows), ["day", "message"]);

  conversation.addOlder({ events: [message(1)], complete: true });
  rows.take(conversation, [], 20);

  assert.deepEqual(kinds(rows), ["day", "message", "message"]);
});

test("a join that starts over goes to the end", () => {
  const conversation = conversationOf(...messages(1, 1_001));
  const rows = new Rows("anna");
  rows.take(conversation, [], AT_END);
  for (let step = 0; step < 5; step += 1) rows.up();

  conversation.join(joined(messages(2_001, 2_051), true), 10_000);
  rows.take(conversation, [], 7_000);

  assert.deepEqual(ends(rows), [2_001, 2_050]);
  assert.ok(rows.atEnd);
});

test("a join that starts over keeps what is on the screen, if it has it", () => {
  const conversation = conversationOf(...messages(1, 1_001));
  const rows = new Rows("anna");
  rows.take(conversation, [], AT_END);

  conversation.join(joined(messages(901, 1_401), true), 10_000);
  rows.take(conversation, [], 9_500);

  assert.deepEqual(ends(rows), [901, 1_049]);
});

test("the end may be a long row of attempts", () => {
  const attempts = Array.from({ length: 500 }, (_, place) => attempt(`a${place}`));

  const rows = rowsOf(messages(1, 11), attempts);

  assert.equal(rows.shown.at(-1).key, "a499");
  for (let step = 0; step < 9; step += 1) rows.up();
  assert.equal(rows.shown.length, ROWS_MAX);
  assert.deepEqual(ends(rows), [1, 10]);
});

test("a window around an item shows what is on both sides of it", () => {
  const rows = rowsOf(messages(1, 1_001));

  rows.around(500);

  assert.deepEqual(ends(rows), [401, 600]);
});
