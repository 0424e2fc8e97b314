// What is being typed, as it is kept in a browser: `node --test tests/widget`.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Draft } from "../../chat_gateway/widget/view/draft.js";

const KEY = "order-chat https://chat.example o1 anna";
const page = new EventTarget();
globalThis.addEventListener = page.addEventListener.bind(page);
globalThis.removeEventListener = page.removeEventListener.bind(page);

beforeEach(() => {
  const kept = new Map();
  globalThis.localStorage = {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
  };
});

/** Another tab changes something, of which the browser tells this one. */
function changed(key, value) {
  if (value === null) localStorage.removeItem(key);
  else localStorage.setItem(key, value);
  tell(key, value);
}

function tell(key, newValue) {
  page.dispatchEvent(Object.assign(new Event("storage"), { key, newValue }));
}

test("a draft is there again after a reload, with what it answers", () => {
  const draft = new Draft(KEY);
  draft.text = "Half a thought";
  draft.replyTo = "m1";
  draft.close();

  const later = new Draft(KEY);

  assert.equal(later.text, "Half a thought");
  assert.equal(later.replyTo, "m1");
  later.close();
});

test("a draft that was sent leaves nothing behind", () => {
  const draft = new Draft(KEY);
  draft.text = "Done";

  draft.clear();

  assert.equal(draft.text, "");
  assert.equal(localStorage.getItem(KEY), null);
  draft.close();
});

test("what another tab types is the draft here, too", () => {
  const draft = new Draft(KEY);
  const told = [];
  draft.onChange = () => told.push(draft.text);

  changed(KEY, JSON.stringify({ text: "From there", reply_to: null }));
  changed(KEY, null);

  assert.deepEqual(told, ["From there", ""]);
  draft.close();
});

test("news from another tab that comes late does not undo what was typed since", () => {
  const draft = new Draft(KEY);
  draft.text = "Typed since";

  tell(KEY, null);

  assert.equal(draft.text, "Typed since");
  draft.close();
});

test("drafts of other orders are none of its business", () => {
  const draft = new Draft(KEY);
  draft.text = "Mine";

  changed("order-chat https://chat.example o2 anna", JSON.stringify({ text: "Other" }));

  assert.equal(draft.text, "Mine");
  draft.close();
});

test("who closed a draft hears of it no more", () => {
  const draft = new Draft(KEY);
  let told = 0;
  draft.onChange = () => (told += 1);

  draft.close();
  changed(KEY, null);

  assert.equal(told, 0);
});

for (const kept of ["Half a thought", "7", "null", '{"text":5}', "[]"]) {
  test(`what is no draft is taken for none: ${kept}`, () => {
    localStorage.setItem(KEY, kept);

    const draft = new Draft(KEY);

    assert.equal(draft.text, "");
    assert.equal(draft.replyTo, null);
    draft.close();
  });
}

test("where storage is forbidden a draft lasts as long as the page", () => {
  const forbid = () => {
    throw new DOMException("denied", "SecurityError");
  };
  globalThis.localStorage = { getItem: forbid, setItem: forbid, removeItem: forbid };
  const draft = new Draft(KEY);

  draft.text = "Still here";

  assert.equal(draft.text, "Still here");
  draft.close();
});
