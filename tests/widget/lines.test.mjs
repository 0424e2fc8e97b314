// The lines of the Messages area: `node --test tests/widget`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ConversationLines } from "../../chat_gateway/widget/state/conversation-lines.js";

const ANNA = { user_id: "anna", role: "creator", name: "Anna Keller" };
const BEN = { user_id: "ben", role: "advertiser", name: "Ben Müller" };

function line(orderId, changes = {}) {
  return {
    order_id: orderId, title: `Order ${orderId}`, status: "pending", participants: [ANNA, BEN],
    last: null, n: 0, unread: 0, updated_at: 1000, ...changes,
  };
}

function page(...conversations) {
  return { op: "inbox", ref: 1, conversations, unread_total: 3, next: null };
}

function pushed(orderId, changes) {
  return { op: "conversation", unread_total: 4, ...line(orderId, changes) };
}

function listing(...conversations) {
  const lines = new ConversationLines();
  lines.takePage(page(...conversations));
  return lines;
}

const ids = (lines) => lines.map(({ order_id: id }) => id);

test("lines stand by activity, and by order where that is the same", () => {
  const lines = listing(line("o3"), line("o1"), line("o2", { updated_at: 2000 }));

  assert.deepEqual(ids(lines.visible()), ["o2", "o1", "o3"]);
});

test("a push moves its line, and changes the total", () => {
  const lines = listing(line("o1", { updated_at: 2000 }), line("o2"));

  lines.takeLine(pushed("o2", { updated_at: 3000, unread: 1 }));

  assert.deepEqual(ids(lines.visible()), ["o2", "o1"]);
  assert.deepEqual([lines.visible()[0].unread, lines.unreadTotal], [1, 4]);
});

test("a further page adds to what is known", () => {
  const lines = listing(line("o1"));

  lines.takePage(page(line("o2")));

  assert.deepEqual([lines.size, ids(lines.visible())], [2, ["o1", "o2"]]);
});

test("a line that changes is another object, and one that does not stays the same", () => {
  const lines = listing(line("o1"), line("o2"));
  const [first, second] = lines.visible();

  lines.takePage(page(line("o1"), line("o2", { unread: 1 })));

  assert.equal(lines.visible()[0], first);
  assert.notEqual(lines.visible()[1], second);
  assert.equal(second.unread, 0);
});

test("a pushed line is the same as the one a page has", () => {
  const lines = listing(line("o1"));
  const [first] = lines.visible();

  lines.takeLine(pushed("o1"));

  assert.equal(lines.visible()[0], first);
});

test("a conversation without the reader is gone", () => {
  const lines = listing(line("o1"), line("o2"));
  assert.deepEqual(ids(lines.visible()), ["o1", "o2"]);

  lines.remove("o1");

  assert.deepEqual([lines.size, ids(lines.visible())], [1, ["o2"]]);
});

test("the statuses are those that lines have", () => {
  const lines = listing(
    line("o1", { status: "pending" }), line("o2", { status: "delivered" }), line("o3"),
  );

  assert.deepEqual(lines.statuses, ["delivered", "pending"]);
});

const SEARCHES = [
  ["", ["o1", "o2"]],
  ["film", ["o1"]],
  ["FILM", ["o1"]],
  ["resume", ["o2"]],
  ["Résumé", ["o2"]],
  ["muller", ["o1"]],
  ["müller film", ["o1"]],
  ["  film  ben ", ["o1"]],
  ["film cara", []],
  ["filmanna", []],
  ["(", []],
];
for (const [search, found] of SEARCHES) {
  test(`a search for "${search}" finds ${found.join(" and ") || "nothing"}`, () => {
    const cara = { user_id: "cara", role: "support", name: "Cara Díaz" };
    const lines = listing(
      line("o1", { title: "Summer film" }),
      line("o2", { title: "Re\u0301sume\u0301", participants: [ANNA, cara] }),
    );

    assert.deepEqual(ids(lines.visible({ search })), found);
  });
}

test("filters and search must all match", () => {
  const lines = listing(
    line("o1", { unread: 1, status: "delivered" }), line("o2", { unread: 1 }),
    line("o3", { status: "delivered" }),
  );

  assert.deepEqual(ids(lines.visible({ unreadOnly: true })), ["o1", "o2"]);
  assert.deepEqual(ids(lines.visible({ status: "delivered" })), ["o1", "o3"]);
  assert.deepEqual(
    ids(lines.visible({ unreadOnly: true, status: "delivered", search: "o1" })), ["o1"],
  );
});

test("the conversation that is being read stays among the unread ones", () => {
  const lines = listing(line("o1"), line("o2", { unread: 1 }), line("o3"));

  assert.deepEqual(ids(lines.visible({ unreadOnly: true, kept: "o3" })), ["o2", "o3"]);
});
