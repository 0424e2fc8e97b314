// Several tabs on one connection: `node --test tests/widget`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Relay } from "../../chat_gateway/widget/state/connection.js";

const join = (orderId) => ({ op: "join", ref: 7, order_id: orderId, after: null });
const leave = (orderId) => ({ op: "leave", ref: 8, order_id: orderId });

test("an answer finds the tab that asked, with the ref it asked by", () => {
  const relay = new Relay();
  const first = relay.outgoing("one", join("o1"));
  const second = relay.outgoing("two", join("o1"));

  assert.notEqual(first.ref, second.ref);
  assert.ok(Number.isSafeInteger(second.ref));
  assert.deepEqual(relay.incoming({ op: "joined", ref: second.ref, n: 3 }), {
    frame: { op: "joined", ref: 7, n: 3 }, tab: "two",
  });
  assert.equal(relay.incoming({ op: "refused", ref: first.ref }).tab, "one");
});

test("what is no answer is for all", () => {
  const relay = new Relay();
  const event = { op: "event", order_id: "o1", seq: 3 };

  assert.deepEqual(relay.incoming(event), { frame: event, tab: null });
  assert.equal(relay.incoming({ op: "left", ref: null, order_id: "o1", code: "forbidden" }).tab, null);
});

test("an order is left when the last tab leaves it", () => {
  const relay = new Relay();
  relay.outgoing("one", join("o1"));
  relay.outgoing("two", join("o1"));

  assert.equal(relay.outgoing("one", leave("o1")), null);
  assert.equal(relay.outgoing("two", leave("o1")).op, "leave");
  assert.equal(relay.outgoing("two", leave("o1")), null, "nobody has it any more");
});

test("a closed tab leaves what nobody else needs", () => {
  const relay = new Relay();
  for (const orderId of ["o1", "o2"]) relay.outgoing("one", join(orderId));
  relay.outgoing("two", join("o2"));
  relay.hold("courier", "o3");

  assert.deepEqual(relay.gone("one"), ["o1"]);
  assert.deepEqual(relay.gone("two"), ["o2"]);
});

test("a lost connection has nothing joined", () => {
  const relay = new Relay();
  relay.outgoing("one", join("o1"));

  relay.reset();

  assert.deepEqual(relay.gone("one"), []);
});
