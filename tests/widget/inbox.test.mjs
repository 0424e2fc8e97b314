// What the Messages area knows, and how it gets to know it: `node --test tests/widget`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Inbox, LINES_SOUGHT } from "../../chat_gateway/widget/link/inbox.js";
import { previewOf } from "../../chat_gateway/widget/view/conversation-list.js";
import { ownTitle } from "../../chat_gateway/widget/view/conversation-list.js";
import { Words } from "../../chat_gateway/widget/words/words.js";

/** The far end of a session: it notes what is asked, and says what the test wants it to say. */
class FarEnd {
  phase = "connecting";
  problem = null;
  asked = [];
  #listener;

  subscribe(listener) {
    this.#listener = listener;
    return () => (this.#listener = {});
  }

  request(frame) {
    if (this.phase !== "live") return null;
    return this.asked.push(frame);
  }

  greet() {
    this.phase = "live";
    this.#listener.ready({});
  }

  lose() {
    this.phase = "offline";
    this.#listener.lost();
  }

  stop(code) {
    this.phase = "stopped";
    this.problem = { code, message: "" };
    this.#listener.stopped(this.problem);
  }

  /** Answer the newest question. */
  answer(lines, { next = null, unread_total = 0 } = {}) {
    this.say({ op: "inbox", ref: this.asked.length, conversations: lines, next, unread_total });
  }

  refuse(changes = {}) {
    const refused = { op: "refused", ref: this.asked.length, code: "unavailable", retry: true };
    this.say({ ...refused, retry_after_ms: null, ...changes });
  }

  say(frame) {
    this.#listener.frame(frame);
  }
}

function line(number, changes = {}) {
  return {
    order_id: `o${number}`, title: `Order ${number}`, status: "in_progress", participants: [],
    last: null, n: 0, unread: 0, updated_at: 10_000 - number, ...changes,
  };
}

const lines = (from, count) => Array.from({ length: count }, (_, index) => line(from + index));
const ids = (inbox) => inbox.lines.visible({}).map(({ order_id: id }) => id);

function open(t) {
  const server = new FarEnd();
  const inbox = new Inbox(server, () => {});
  t.after(() => inbox.close()); // it would try for ever
  inbox.start();
  return { server, inbox };
}

test("the first page is asked for when there is a connection, and shown", (t) => {
  const { server, inbox } = open(t);

  server.greet();
  server.answer([line(1), line(2)], { unread_total: 3 });

  assert.deepEqual(server.asked, [{ op: "inbox", limit: 30, before: null }]);
  assert.deepEqual(ids(inbox), ["o1", "o2"]);
  assert.equal(inbox.lines.unreadTotal, 3);
  assert.equal(inbox.phase, "live");
});

test("who comes to a connection that is there asks at once", (t) => {
  const server = new FarEnd();
  server.phase = "live";
  const inbox = new Inbox(server, () => {});
  t.after(() => inbox.close());

  inbox.start();
  server.answer([line(1)]);

  assert.deepEqual(ids(inbox), ["o1"]);
});

test("a conversation that changes moves to the top", (t) => {
  const { server, inbox } = open(t);
  server.greet();
  server.answer([line(1), line(2)]);

  const pushed = line(2, { updated_at: 20_000, unread: 1 });
  server.say({ op: "conversation", ...pushed, unread_total: 1 });

  assert.deepEqual(ids(inbox), ["o2", "o1"]);
  assert.equal(inbox.lines.unreadTotal, 1);
});

test("older lines follow on those that are there", (t) => {
  const { server, inbox } = open(t);
  server.greet();
  server.answer([line(1)], { next: "after 1" });

  inbox.loadMore();
  inbox.loadMore(); // an answer is awaited already
  server.answer([line(2)]);

  assert.deepEqual(server.asked.slice(1), [{ op: "inbox", limit: 30, before: "after 1" }]);
  assert.deepEqual(ids(inbox), ["o1", "o2"]);
  assert.equal(inbox.next, null);
});

test("after a loss as much is fetched as was shown, and what is gone goes", (t) => {
  const { server, inbox } = open(t);
  server.greet();
  server.answer(lines(0, 30), { next: "a" });
  inbox.loadMore(100);
  server.answer(lines(30, 100), { next: "b" });

  server.lose();
  server.greet();
  assert.equal(inbox.phase, "offline"); // the old lines stay until the new ones are there
  assert.equal(inbox.lines.size, 130);
  server.answer(lines(1, 100), { next: "c" });
  server.answer(lines(101, 29), { next: "d" });
  server.answer(lines(130, 1), { next: "e" });

  assert.deepEqual(server.asked.slice(2).map(({ limit, before }) => [limit, before]), [
    [100, null],
    [30, "c"],
    [1, "d"],
  ]);
  assert.deepEqual([inbox.phase, inbox.next, inbox.lines.size], ["live", "e", 130]);
  assert.equal(ids(inbox)[0], "o1");
});

test("after a loss no more is fetched than the bound", (t) => {
  const { server, inbox } = open(t);
  server.greet();
  server.answer(lines(0, LINES_SOUGHT + 40), { next: "a" });

  server.lose();
  server.greet();
  for (const page of [0, 1, 2, 3, 4]) server.answer(lines(page * 100, 100), { next: `${page}` });

  assert.equal(server.asked.length, 6);
  assert.deepEqual([inbox.phase, inbox.lines.size], ["live", LINES_SOUGHT]);
});

test("what is pushed while lines are fetched anew is not lost", (t) => {
  const { server, inbox } = open(t);
  server.greet();
  server.answer(lines(0, 60), { next: null });
  server.lose();
  server.greet();
  server.answer(lines(0, 50), { next: "a" });

  server.say({ op: "conversation", ...line(99, { updated_at: 30_000 }), unread_total: 1 });
  server.answer(lines(50, 10));

  assert.equal(ids(inbox)[0], "o99");
});

test("an order that is left for good goes, and the total without it is asked for", (t) => {
  const { server, inbox } = open(t);
  server.greet();
  server.answer([line(1, { unread: 2 }), line(2)], { unread_total: 2 });

  server.say({ op: "left", ref: null, order_id: "o1", code: "forbidden" });
  assert.deepEqual(ids(inbox), ["o2"]);
  server.answer([line(2)], { unread_total: 0 });

  assert.deepEqual(ids(inbox), ["o2"]);
  assert.equal(inbox.lines.unreadTotal, 0);
});

test("an order that is closed on this page stays in the list", (t) => {
  const { server, inbox } = open(t);
  server.greet();
  server.answer([line(1)]);

  server.say({ op: "left", ref: 7, order_id: "o1", code: null });

  assert.deepEqual(ids(inbox), ["o1"]);
});

test("a refusal is asked again, not before the time it names", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { server, inbox } = open(t);
  server.greet();

  server.refuse({ retry_after_ms: 4_000 });
  t.mock.timers.tick(3_999);
  assert.equal(server.asked.length, 1);
  t.mock.timers.tick(1);
  server.answer([line(1)]);

  assert.deepEqual(server.asked[1], server.asked[0]);
  assert.deepEqual(ids(inbox), ["o1"]);
});

test("a lost answer is asked for again, and does not count when it comes late", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { server, inbox } = open(t);
  server.greet();

  t.mock.timers.tick(10_000); // nobody answers
  server.answer([line(1)]);
  assert.deepEqual(ids(inbox), []);
  t.mock.timers.tick(500);
  server.answer([line(2)]);

  assert.equal(server.asked.length, 2);
  assert.deepEqual(ids(inbox), ["o2"]);
});

test("waits between tries grow, and never above half a minute", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  t.mock.method(Math, "random", () => 1);
  const { server, inbox } = open(t);
  server.greet();
  const waits = [];

  for (let failure = 0; failure < 9; failure += 1) {
    const before = server.asked.length;
    let waited = 0;
    server.refuse();
    for (; server.asked.length === before; waited += 500) t.mock.timers.tick(500);
    waits.push(waited);
  }

  assert.deepEqual(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  assert.equal(inbox.failures, 9);
  server.answer([]);
  assert.equal(inbox.failures, 0);
});

test("a place that is not known any more leads back to the beginning", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { server, inbox } = open(t);
  server.greet();
  server.answer([line(1)], { next: "of another time" });
  inbox.loadMore();

  server.refuse({ code: "invalid", retry: false });
  t.mock.timers.tick(500);

  assert.deepEqual(server.asked.at(-1), { op: "inbox", limit: 30, before: null });
});

test("an end says why, and what is tried after it begins anew", (t) => {
  const { server, inbox } = open(t);
  server.greet();
  server.answer([line(1)]);

  server.stop("signed_out");
  assert.deepEqual([inbox.phase, inbox.problem.code], ["stopped", "signed_out"]);
  server.lose();
  server.greet();
  server.answer([line(1)]);

  assert.equal(inbox.phase, "live");
});

test("nothing is asked after the close", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { server, inbox } = open(t);
  server.greet();
  server.refuse();

  inbox.close();
  t.mock.timers.tick(60_000);

  assert.equal(server.asked.length, 1);
});

const BOTH = [{ user_id: "anna", name: "Anna Keller" }, { user_id: "ben", name: "Ben Okafor" }];
const ALL = [...BOTH, { user_id: "sara", name: "Sara Lind" }];
const FILE = { name: "cut.mp4" };

for (const [what, participants, last, preview] of [
  ["nothing yet", BOTH, null, "No messages yet"],
  ["own words", BOTH, { by: "anna", text: "Hi" }, "You: Hi"],
  ["the other's words", BOTH, { by: "ben", text: "Hi" }, "Hi"],
  ["words of one of several", ALL, { by: "ben", text: "Hi" }, "Ben: Hi"],
  ["words of the marketplace", ALL, { by: "service:shop", text: "Hi" }, "Hi"],
  ["a file", BOTH, { by: "ben", text: "", attachments: [FILE] }, "📎 cut.mp4"],
  ["two files", BOTH, { by: "ben", text: "", attachments: [FILE, FILE] }, "📎 2 files"],
  ["what is gone", BOTH, { by: "ben", gone: "deleted" }, "This message was deleted."],
]) {
  test(`the preview tells of ${what}`, () => {
    const message = last && { attachments: [], gone: null, ...last };

    const said = previewOf({ participants, last: message }, "anna", new Words("en", "ltr", {}));

    assert.equal(said, preview);
  });
}

test("a title is the page's own without the total in front of it", () => {
  assert.equal(ownTitle("(3) Messages", "(3)"), "Messages");
  assert.equal(ownTitle("Messages", "(3)"), "Messages"); // the page has just changed it
  assert.equal(ownTitle("(3) Messages", ""), "(3) Messages");
  assert.equal(ownTitle("(3)", "(3)"), "");
});
