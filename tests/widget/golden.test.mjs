// The server's golden frames, as the conversation takes them: `node --test tests/widget`.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { ConversationLines } from "../../chat_gateway/widget/state/conversation-lines.js";
import { Conversation } from "../../chat_gateway/widget/state/conversation.js";

const FOLDER = new URL("../wire/samples/server/", import.meta.url);
const golden = (name) => JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), "utf8"));

/** What moves nobody's head. */
const APART = ["report", "flag", "review", "look"];

/** The golden story, live: every event that a party of the order is sent, in its order. */
function story() {
  const names = readdirSync(FOLDER).map((file) => file.replace(".json", ""));
  const events = [
    ...golden("joined-replay").events,
    ...names.filter((name) => /^event-(?!.*(edited|moderator|with-files))/.test(name)).map(golden),
    golden("event-message-with-files"), // as it was before it was edited
  ];
  const bySeq = new Map(events.map((event) => [event.seq, event]));
  return [...bySeq.values()].sort((one, other) => one.seq - other.seq);
}

/** Anna's conversation as she joined the order when nothing had been said. */
function opened([first]) {
  const conversation = new Conversation("u-anna");
  const { order_id, title, status, version, participants, seq: head } = first;
  const order = { order_id, title, status, version, participants };
  const answer = { order, events: [first], head, reads: [], n: 0, complete: true, reset: false };
  conversation.join({ ...golden("joined"), ...answer }, null);
  return conversation;
}

test("the golden story has no hole", () => {
  const events = story();

  assert.equal(opened(events).replay(events.slice(1)), true);
});

test("the golden story ends as the server's own samples of it show", () => {
  const events = story();
  const conversation = opened(events);

  conversation.replay(events.slice(1));

  const { items, head, n, order, muted, closed, canSend, reported } = conversation;
  assert.deepEqual(items.map(({ seq }) => seq - items[0].seq), [0, 1, 2, 3, 5, 7, 17]);
  assert.deepEqual(items[2], golden("event-message-edited"));
  assert.deepEqual(items[5], events.find(({ seq }) => seq === items[5].seq)); // taken, and back
  assert.deepEqual(items[6], golden("event-message-deleted"));
  assert.deepEqual(order, golden("joined").order);
  assert.deepEqual([head - items[0].seq, n, muted, closed, canSend], [18, 5, false, false, true]);
  assert.deepEqual([...reported], [items[5].id]);
  assert.deepEqual([conversation.readBy("u-ben"), conversation.seen().id], [5, items[2].id]);
});

test("of every golden event a second copy is old, and a later one shows the hole before it", () => {
  const events = story().filter(({ type }) => !APART.includes(type));
  const conversation = opened(events);

  const outcomes = events.slice(1).map((event, index) => {
    const later = events[index + 2];
    const early = later && conversation.take(later);
    return [early ?? "hole", conversation.take(event), conversation.take(event)];
  });

  assert.deepEqual(outcomes, events.slice(1).map(() => ["hole", "taken", "old"]));
});

test("a golden page goes in front of a golden join", () => {
  const conversation = new Conversation("u-anna");
  conversation.join(golden("joined"), null);
  const { items, head } = conversation;
  const page = golden("page");
  const before = items.length;

  conversation.addOlder(page);

  const older = page.events.filter(({ seq }) => seq < golden("joined").events[0].seq);
  assert.deepEqual(items.slice(0, items.length - before), older);
  assert.equal(conversation.head, head);
});

test("the golden inbox and push make lines", () => {
  const lines = new ConversationLines();

  lines.takePage(golden("inbox"));
  lines.takeLine(golden("conversation"));

  const { op, unread_total: total, ...line } = golden("conversation");
  assert.equal(lines.unreadTotal, total);
  assert.deepEqual(lines.visible({ search: line.title })[0], line);
});
