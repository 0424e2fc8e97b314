// The moderators' desk of the demo: a conversation with all that was in it, and how it is read:
// `node --test tests/widget`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Reading } from "../../deploy/demo/static/moderation/reading.js";
import { Thread } from "../../deploy/demo/static/moderation/thread.js";

const message = (seq, text, more = {}) => ({
  type: "message", seq, at: seq * 1000, id: `m${seq}`, by: "ben", text, attachments: [],
  edited_at: null, gone: null, ...more,
});
const edit = (seq, target, text) => ({
  type: "edit", seq, at: seq * 1000, id: `e${seq}`, by: "ben", target, text,
});
const verdict = (seq, type, more = {}) => ({
  type, seq, at: seq * 1000, id: `v${seq}`, by: "moira", reason: "why", ...more,
});
const threadOf = (events, now = 0) => new Thread(events, now);
const texts = (thread, of) => thread.find(of).versions.map(({ id, text }) => [id, text]);

// The fold.

test("an edited message has every text it had", () => {
  const edited = message(1, "three", { edited_at: 3000, first_text: "one" });

  const thread = threadOf([edited, edit(2, "m1", "two"), edit(3, "m1", "three")]);

  assert.deepEqual(texts(thread, "m1"), [["m1", "one"], ["e2", "two"], ["e3", "three"]]);
});

test("an edit that is not here leaves its text without an id", () => {
  const thread = threadOf([message(1, "three", { edited_at: 3000, first_text: "one" })]);

  assert.deepEqual(texts(thread, "m1"), [["m1", "one"], [null, "three"]]);
});

test("an edit that comes later adds its text", () => {
  const thread = threadOf([message(1, "one"), edit(2, "m1", "two")]);

  assert.deepEqual(texts(thread, "m1"), [["m1", "one"], ["e2", "two"]]);
});

test("what is gone says who took it, until it is restored", () => {
  const redact = verdict(2, "redact", { target: "m1" });
  const taken = threadOf([message(1, "one"), redact]);
  const back = threadOf([message(1, "one"), redact, verdict(3, "restore", { target: "m1" })]);

  assert.deepEqual([taken.find("m1").gone, taken.find("m1").taken], ["redacted", redact]);
  assert.deepEqual([back.find("m1").gone, back.find("m1").taken], [null, null]);
});

test("a report has what its last review says", () => {
  const report = { type: "report", seq: 2, id: "r2", by: "anna", target: "m1", reason: "spam" };
  const review = { state: "open", assignee: "moira", target: "r2" };

  const thread = threadOf([
    message(1, "one"), report, verdict(3, "review", review),
    verdict(4, "review", { ...review, state: "resolved" }),
  ]);

  assert.deepEqual([thread.find("r2").state, thread.find("r2").assignee], ["resolved", "moira"]);
});

test("a mute ends with its time or by a verdict, and another takes its place", () => {
  const mute = (seq, until) => verdict(seq, "mute", { user_id: "ben", until });
  const muted = (events, now) => [...threadOf(events, now).muted];

  assert.deepEqual(muted([mute(1, 5000)], 4999), [["ben", 5000]]);
  assert.deepEqual(muted([mute(1, 5000)], 5000), []);
  assert.deepEqual(muted([mute(1, 5000), mute(2, null)], 9000), [["ben", null]]);
  assert.deepEqual(muted([mute(1, null), verdict(2, "unmute", { user_id: "ben" })], 0), []);
});

test("a conversation is closed until it is reopened", () => {
  assert.equal(threadOf([verdict(1, "close")]).closed, true);
  assert.equal(threadOf([verdict(1, "close"), verdict(2, "reopen")]).closed, false);
});

test("looks stand apart, and what is not known or only read is passed over", () => {
  const look = { type: "look", seq: 2, by: "moira", what: "conversation" };

  const thread = threadOf([
    message(1, "one"), look, { type: "read", seq: 3, by: "anna" }, { type: "hologram", seq: 4 },
  ]);

  assert.deepEqual(thread.looks, [look]);
  assert.deepEqual(thread.items.map(({ seq }) => seq), [1]);
});

// How it is read.

/** An order of *count* messages, and an edit of the first; an answer has at most *room* events. */
class Server {
  asked = 0;

  constructor(count, room) {
    this.room = room;
    this.events = Array.from({ length: count }, (_, index) => message(index + 1, `${index + 1}`));
    this.events.push(edit(count + 1, "m1", "first"));
  }

  async get(path, { before, after, limit }) {
    assert.equal(path, "/v1/orders/o1/messages");
    this.asked += 1;
    const page = (below) => {
      const all = this.events.filter(({ seq, type }) => seq < below && type === "message");
      const events = all.slice(-Math.min(limit, this.room));
      return { events, complete: events.length === all.length };
    };
    if (before !== undefined) return { ...page(before), reset: false };
    const since = this.events.filter(({ seq }) => seq > after);
    if (since.length <= this.room) return { events: since, complete: true, reset: false };
    return { ...page(Infinity), reset: true };
  }
}

const seqs = (reading) => reading.events.map(({ seq }) => seq);
const upTo = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

test("what fits into an answer is here whole, after one", async () => {
  const server = new Server(5, 10);
  const reading = new Reading(server, "o1");

  await reading.load();

  assert.deepEqual(seqs(reading), upTo(1, 6));
  assert.deepEqual([reading.complete, reading.filled, server.asked], [true, true, 1]);
});

test("of a long conversation the newest part is here, and the rest page by page", async () => {
  const reading = new Reading(new Server(25, 10), "o1");

  await reading.load();
  assert.deepEqual(seqs(reading), upTo(16, 25));
  assert.deepEqual([reading.complete, reading.filled], [false, false]);
  await reading.older();
  assert.deepEqual(seqs(reading), upTo(6, 25));
  await reading.older();
  assert.deepEqual(seqs(reading), upTo(1, 25));
  assert.equal(reading.complete, true);
});

test("a message further up is reached, and one that is not there ends the search", async () => {
  const reading = new Reading(new Server(60, 10), "o1");
  await reading.load();

  await reading.reach("m35");
  assert.equal(seqs(reading)[0], 31);
  await reading.reach("m99");

  assert.equal(seqs(reading)[0], 1);
});

test("what came while something was written is not missed", async () => {
  const server = new Server(3, 10);
  const reading = new Reading(server, "o1");
  await reading.load();
  server.events.push(message(5, "meanwhile"), verdict(6, "close"));

  reading.take([server.events.at(-1)]);
  await reading.follow();

  assert.deepEqual(seqs(reading), upTo(1, 6));
});

test("who was away for more than an answer holds starts over", async () => {
  const server = new Server(3, 10);
  const reading = new Reading(server, "o1");
  await reading.load();
  for (const seq of upTo(5, 20)) server.events.push(message(seq, `${seq}`));

  await reading.follow();

  assert.deepEqual(seqs(reading), upTo(11, 20));
  assert.equal(reading.complete, false);
});
