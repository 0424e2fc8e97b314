// What was written in any tab gets out once, in its order: `node --test tests/widget`.
//
// The server is played by hand; the store is the one of a browser that keeps nothing.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { Courier } from "../../chat_gateway/widget/link/courier.js";
import { OutboxStore } from "../../chat_gateway/widget/link/outgoing.js";
import { attemptOf } from "../../chat_gateway/widget/state/outbox.js";

const couriers = [];

afterEach(() => couriers.splice(0).forEach((courier) => courier.close())); // their timers end

function desk({ covers = () => true } = {}) {
  const sent = [];
  const told = [];
  const dropped = [];
  const restarts = [];
  const courier = new Courier("anna", new OutboxStore("anna"), {
    covers,
    request: (frame) => sent.push(frame),
    hold: () => {},
    drop: (orderId) => dropped.push(orderId),
    renew: async (files) => files.map((file) => ({ ...file, grant: "new" })),
    restart: () => restarts.push("restart"),
    tell: (message) => told.push(message),
  });
  couriers.push(courier);
  return { courier, sent, told, dropped, restarts };
}

const attempt = (id, place, what = {}) =>
  attemptOf({ op: "send", id, place, text: `text ${id}`, at: 0, seen: 4, ...what });
const joined = (orderId, ref) => ({ op: "joined", ref, order_id: orderId, events: [] });
const event = (orderId, clientId, by = "anna") =>
  ({ op: "event", type: "message", order_id: orderId, by, client_id: clientId });

test("an order is joined before anything is sent to it", () => {
  const { courier, sent } = desk();
  courier.ready();

  courier.take("o1", attempt("a", 1));
  assert.deepEqual(sent, [{ op: "join", order_id: "o1", after: null, limit: 1 }]);

  courier.frame(joined("o1", 1));
  assert.deepEqual(sent[1], {
    op: "send", order_id: "o1", id: "a", retry: false, text: "text a", reply_to: null, seen: 4, attachments: [],
  });
});

test("a tab's own join will do", () => {
  const { courier, sent } = desk();
  courier.ready();
  courier.frame(joined("o1"));

  courier.take("o1", attempt("a", 1));

  assert.deepEqual(sent.map(({ op }) => op), ["send"]);
});

test("one goes after the other, in each order, and the tabs hear of each", () => {
  const { courier, sent, told, dropped } = desk();
  courier.ready();
  for (const orderId of ["o1", "o2"]) courier.frame(joined(orderId));

  for (const [place, id] of ["a", "b"].entries()) courier.take("o1", attempt(id, place));
  courier.take("o2", attempt("c", 3));
  assert.deepEqual(sent.map(({ id }) => id), ["a", "c"]);

  courier.frame(event("o1", "a"));
  assert.deepEqual(sent.map(({ id }) => id), ["a", "c", "b"]);
  courier.frame(event("o1", "b"));
  assert.deepEqual(told.filter(({ kind }) => kind === "settled").map(({ id }) => id), ["a", "b"]);
  assert.deepEqual(dropped, ["o1"]);
});

test("another's event with the same id settles nothing", () => {
  const { courier, told } = desk();
  courier.ready();
  courier.frame(joined("o1"));
  courier.take("o1", attempt("a", 1));

  courier.frame(event("o1", "a", "ben"));

  assert.deepEqual(told.filter(({ kind }) => kind === "settled"), []);
});

test("after a lost connection it joins anew and asks whether it stands", () => {
  const { courier, sent } = desk();
  courier.ready();
  courier.frame(joined("o1"));
  courier.take("o1", attempt("a", 1));

  courier.lost();
  courier.ready();
  courier.frame(joined("o1", 2));

  assert.deepEqual(sent.map(({ op, retry }) => [op, retry]), [
    ["send", false], ["join", undefined], ["send", true],
  ]);
});

test("an attempt that two tabs bring is sent once", () => {
  const { courier, sent } = desk();
  courier.ready();
  courier.frame(joined("o1"));

  courier.take("o1", attempt("a", 1));
  courier.take("o1", { ...attempt("a", 1), uncertain: true });

  assert.equal(sent.length, 1);
});

test("a refusal for good is told with its text kept, and again is another attempt", () => {
  const { courier, sent, told } = desk();
  courier.ready();
  courier.frame(joined("o1"));
  courier.take("o1", attempt("a", 1));

  courier.frame({ op: "refused", ref: 1, id: "a", code: "read_only", message: "No.", retry: false });
  const refused = told.at(-1).attempt;
  assert.deepEqual([refused.state, refused.text, refused.problem.code], ["refused", "text a", "read_only"]);

  courier.again("o1", "a");
  assert.equal(sent.at(-1).text, "text a");
  assert.notEqual(sent.at(-1).id, "a");
  assert.ok(told.some(({ kind, id }) => kind === "settled" && id === "a"));
});

test("an order that cannot be joined refuses what was written in it", () => {
  const { courier, told } = desk();
  courier.ready();
  courier.take("o1", attempt("a", 1));

  courier.frame({ op: "refused", ref: 1, id: null, code: "not_found", message: "No.", retry: false });

  assert.equal(told.at(-1).attempt.problem.code, "not_found");
});

test("a report has `done` as its outcome", () => {
  const { courier, told } = desk();
  courier.ready();
  courier.frame(joined("o1"));
  courier.take("o1", attempt("a", 1, { op: "report", target: "m1", reason: "spam", note: "" }));

  courier.frame({ op: "done", ref: 1, seq: 9 });

  assert.deepEqual(told.at(-1), {
    kind: "settled", order_id: "o1", id: "a", stands: true,
  });
});

test("what a narrow token does not cover is left for another page", () => {
  const { courier, sent } = desk({ covers: (orderId) => orderId === "o1" });
  courier.ready();

  courier.take("o2", attempt("a", 1));

  assert.deepEqual(sent, []);
});

test("who drops what is in doubt gets a new connection", () => {
  const { courier, restarts, sent } = desk();
  courier.ready();
  courier.frame(joined("o1"));
  courier.take("o1", { ...attempt("a", 1), tries: 7 });
  courier.frame({ op: "unknown", ref: 1, id: "a", retry_after_ms: 1 });

  courier.discard("o1", "a");

  assert.deepEqual(restarts, ["restart"]);
  assert.equal(sent.length, 1);
});
