// What a paste brings: `node --test tests/widget`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { pastedFiles } from "../../chat_gateway/widget/view/tray.js";

const FILE = { name: "image.png" };

test("files that are pasted are attached, though their name comes as a text", () => {
  assert.deepEqual(pastedFiles({ types: ["text/plain", "Files"], files: [FILE] }), [FILE]);
});

test("a picture copied from a page is attached", () => {
  assert.deepEqual(pastedFiles({ types: ["text/html", "Files"], files: [FILE] }), [FILE]);
});

test("a text is a text, even if an office program sends a picture of it along", () => {
  const types = ["text/plain", "text/html", "text/rtf", "Files"];

  assert.deepEqual(pastedFiles({ types, files: [FILE] }), []);
});
