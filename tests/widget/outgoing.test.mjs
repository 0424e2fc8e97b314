// What a tab shows of what is not settled: `node --test tests/widget`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Outgoing, OutboxStore } from "../../chat_gateway/widget/link/outgoing.js";

function desk() {
  const posted = [];
  const session = { store: new OutboxStore("anna"), post: (message) => posted.push(message) };
  return { outgoing: new Outgoing(session, "o1", () => {}), posted };
}

const say = (outgoing, text, at) => outgoing.add({ op: "send", text, at, seen: 0 });
const texts = (outgoing) => outgoing.attempts.map(({ text }) => text);

test("what is written in the same moment keeps its order", () => {
  const { outgoing, posted } = desk();

  for (const text of ["one", "two", "three"]) say(outgoing, text, 5);

  assert.deepEqual(texts(outgoing), ["one", "two", "three"]);
  assert.deepEqual(posted.map(({ kind, order_id: orderId }) => [kind, orderId]), Array(3).fill(["write", "o1"]));
});

test("a courier that is new gets all of it, as what may have been sent", () => {
  const { outgoing, posted } = desk();
  say(outgoing, "one", 5);
  posted.length = 0;

  outgoing.handOver();

  assert.deepEqual(posted.map(({ attempt }) => [attempt.text, attempt.uncertain]), [["one", true]]);
});

test("what is settled does not come back by what was read before", () => {
  const { outgoing } = desk();
  const id = say(outgoing, "one", 5);
  const [attempt] = outgoing.attempts;

  outgoing.settle(id);
  outgoing.take({ kind: "attempt", attempt });

  assert.deepEqual(outgoing.attempts, []);
});

test("its event tells once which attempt stands, whether it or the courier comes first", () => {
  const { outgoing } = desk();
  const [first, second] = [say(outgoing, "one", 5), say(outgoing, "two", 6)];

  outgoing.take({ kind: "settled", id: first, stands: true });
  const told = [outgoing.settle(first), outgoing.settle(first), outgoing.settle(second)];
  outgoing.take({ kind: "settled", id: second, stands: true });

  assert.deepEqual(told.map((attempt) => attempt?.text), ["one", undefined, "two"]);
  assert.equal(outgoing.settle(second), null);
});

test("what the reader took back stands nowhere", () => {
  const { outgoing } = desk();
  const id = say(outgoing, "one", 5);

  const stands = outgoing.take({ kind: "settled", id, stands: false });

  assert.deepEqual([stands, outgoing.settle(id), outgoing.attempts], [null, null, []]);
});
