// What the reader has written and the server has not settled: `node --test tests/widget`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Outbox, attemptOf } from "../../chat_gateway/widget/state/outbox.js";

let made = 0;

function write(outbox, what) {
  made += 1;
  const attempt = attemptOf({ op: "send", id: `id-${made}`, place: made, at: 0, seen: 0, ...what });
  outbox.take(attempt);
  return attempt;
}

function outboxOf(...texts) {
  const outbox = new Outbox();
  for (const text of texts) write(outbox, { text });
  return outbox;
}

function sendNext(outbox) {
  const attempt = outbox.next();
  outbox.sent(attempt);
  return attempt;
}

test("one attempt is in flight at a time, in the order typed", () => {
  const outbox = outboxOf("one", "two");
  const first = sendNext(outbox);

  assert.equal(outbox.next(), null);

  outbox.remove(first.id);
  assert.equal(outbox.next().text, "two");
});

test("what was in flight when the connection was lost is sent again under the same id", () => {
  const outbox = outboxOf("one", "two");
  const { id } = sendNext(outbox);

  outbox.lose();

  assert.equal(outbox.next().id, id);
  assert.ok(outbox.next().uncertain);
});

test("what was never handed over is no retry", () => {
  const outbox = outboxOf("one");

  outbox.lose();

  assert.equal(outbox.next().uncertain, false);
});

test("an unknown outcome holds later attempts back", () => {
  const outbox = outboxOf("one", "two");
  const { id } = sendNext(outbox);

  assert.ok(outbox.doubt(id));

  assert.equal(outbox.next().id, id);
  assert.ok(outbox.next().uncertain);
});

test("a refusal that may pass is tried again under the same id, as a first try", () => {
  const outbox = outboxOf("one");
  const { id } = sendNext(outbox);

  assert.ok(outbox.refuse({ id, code: "busy", message: "Wait a moment.", retry: true }));

  assert.equal(outbox.next().id, id);
  assert.equal(outbox.next().uncertain, false);
});

test("a refusal for good keeps the text, and lets later attempts pass", () => {
  const outbox = outboxOf("one", "two");
  const { id } = sendNext(outbox);

  outbox.refuse({ id, code: "invalid", message: "Too long.", retry: false });

  assert.equal(outbox.attempts[0].text, "one");
  assert.deepEqual(outbox.attempts[0].problem, { code: "invalid", message: "Too long." });
  assert.equal(outbox.next().text, "two");
});

test("trying again after a refusal for good takes a new id", () => {
  const outbox = outboxOf("one");
  const { id } = sendNext(outbox);
  outbox.refuse({ id, code: "invalid", message: "Too long.", retry: false });

  outbox.again(id, "new", 1000);

  assert.equal(outbox.next().text, "one");
  assert.notEqual(outbox.next().id, id);
});

test("trying by itself ends, and then the reader decides", () => {
  const outbox = outboxOf("one", "two");
  const { id } = outbox.next();
  const goesOn = () => (outbox.sent(outbox.next()), outbox.doubt(id));

  let tries = 1;
  while (goesOn()) tries += 1;

  assert.equal(tries, 8);
  assert.equal(outbox.next(), null, "what comes after it waits");
  outbox.again(id, "new", 1000);
  assert.equal(outbox.next().id, id);
});

const FILE = { id: "a1", grant: "old", name: "cut.mp4", content_type: "video/mp4", size: 5 };

test("a refused message with files is sent again once under its id, with fresh grants", () => {
  const outbox = outboxOf();
  const { id } = write(outbox, { files: [FILE] });
  sendNext(outbox);

  assert.deepEqual(outbox.mendable({ id, code: "invalid" }), [FILE]);
  outbox.mend(id, [{ ...FILE, grant: "new" }]);

  const again = sendNext(outbox);
  assert.deepEqual([again.id, again.uncertain, again.files[0].grant], [id, false, "new"]);
  assert.equal(outbox.mendable({ id, code: "invalid" }), null);
});

test("fresh grants mend nothing that is refused for another reason, or has no files", () => {
  const outbox = outboxOf("one");
  const text = sendNext(outbox);
  assert.equal(outbox.mendable({ id: text.id, code: "invalid" }), null);
  outbox.remove(text.id);
  const { id } = write(outbox, { files: [FILE] });
  sendNext(outbox);

  assert.equal(outbox.mendable({ id, code: "read_only" }), null);
});

test("a try the reader asks for has its files, and may get fresh grants once more", () => {
  const outbox = outboxOf();
  const { id } = write(outbox, { files: [FILE] });
  sendNext(outbox);
  outbox.mend(id, [{ ...FILE, grant: "new" }]);
  sendNext(outbox);
  outbox.refuse({ id, code: "invalid", message: "No.", retry: false });

  outbox.again(id, "new", 1000);

  const again = sendNext(outbox);
  assert.notEqual(again.id, id);
  assert.equal(outbox.mendable({ id: again.id, code: "invalid" })[0].grant, "new");
});

test("an attempt is taken once, and stands where it was written", () => {
  const outbox = outboxOf();
  const late = attemptOf({ op: "send", id: "b", place: 2, text: "two" });
  const early = attemptOf({ op: "send", id: "a", place: 1, text: "one" });

  const taken = [outbox.take(late), outbox.take(early), outbox.take(late)];

  assert.deepEqual(taken, [true, true, false]);
  assert.deepEqual(outbox.attempts.map(({ text }) => text), ["one", "two"]);
});
