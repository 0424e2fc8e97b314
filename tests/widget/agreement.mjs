// Plays what readers were sent, and compares what they see with what stands: `node agreement.mjs
// FILE`, with a life on each line, as `test_fold_agreement.py` writes them.

import assert from "node:assert/strict";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

import { Conversation } from "../../chat_gateway/widget/state/conversation.js";

const RIGHTS = { canSend: "send", canAttach: "attach", canEdit: "edit", canDelete: "delete" };

/** Take the steps of one screen; every outcome is what the server meant it to be. */
function play({ steps }, live, conversation) {
  for (const [kind, first, second] of steps) {
    if (kind === "join") assert.equal(conversation.join(second, first), "taken");
    else if (kind === "live") assert.equal(conversation.take(live[first]), "taken");
    else if (kind === "hole") assert.equal(conversation.take(live[first]), "hole");
    else if (kind === "replay") assert.equal(conversation.replay(first.events), true);
    else conversation.addOlder(first);
  }
}

function compare(screen, { joined, events, reader, muted, closed }, conversation) {
  const { items, order, oldest } = conversation;
  assert.deepEqual(items, events.filter(({ seq }) => seq >= oldest), "items");
  assert.equal(conversation.complete, screen.complete, "complete");
  if (conversation.complete) assert.equal(items.length, events.length);
  items.forEach((item, index) => assert.equal(conversation.indexOf(item.seq), index));
  assert.deepEqual(order, joined.order, "order");
  assert.deepEqual([conversation.head, conversation.n], [joined.head, joined.n], "head and n");
  assert.equal(conversation.role, joined.you.role);
  assert.equal(conversation.editWindowMs, joined.you.edit_window_ms);

  assert.equal(conversation.muted, muted, "muted");
  assert.equal(conversation.closed, closed, "closed");
  if (screen.knows_rights) {
    for (const [right, action] of Object.entries(RIGHTS)) {
      const may = joined.you[`can_${action}`] && !conversation.muted;
      assert.equal(conversation[right], may, right);
    }
  }
  const marks = new Map(joined.reads.map(({ user_id, n }) => [user_id, n]));
  for (const { user_id: userId } of order.participants) {
    const mark = marks.get(userId) ?? 0;
    if (screen.knows_reads) assert.equal(conversation.readBy(userId), mark, `read by ${userId}`);
    else assert.ok(conversation.readBy(userId) <= mark, `read by ${userId}`);
  }
  if (screen.knows_reads) assert.equal(conversation.unread, joined.unread, "unread");
  assert.deepEqual(conversation.seen(), seenByHand(conversation, reader), "seen");
}

/** The last own message that somebody else has read, looked for from the end. */
function seenByHand(conversation, reader) {
  for (const { type, by, gone, n, id } of [...conversation.items].reverse()) {
    if (type !== "message" || by !== reader || gone) continue;
    const readers = conversation.others.filter(({ user_id }) => conversation.readBy(user_id) >= n);
    if (readers.length > 0) return { id, readers };
  }
  return null;
}

for await (const line of createInterface({ input: createReadStream(process.argv[2]) })) {
  const life = JSON.parse(line);
  for (const screen of life.screens) {
    const conversation = new Conversation(life.reader);
    try {
      play(screen, life.live, conversation);
      conversation.passTime(life.now);
      compare(screen, life, conversation);
    } catch (error) {
      console.error(`In the life of seed ${life.seed}, ${screen.name}:\n${error.message}`);
      process.exitCode = 1;
    }
  }
}
