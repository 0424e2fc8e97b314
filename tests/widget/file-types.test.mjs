// What is declared for a file, whatever a browser makes of it: `node --test tests/widget`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ACCEPT, labelOf, typeOf } from "../../chat_gateway/widget/state/uploads.js";

const DECLARED = [
  ["photo.png", "image/png", "image/png"],
  ["photo.PNG", "", "image/png"],
  ["brief.md", "", "text/plain"],
  ["notes.txt", "text/plain;charset=utf-8", "text/plain"],
  ["prices.csv", "application/vnd.ms-excel", "text/csv"],
  ["prices.csv", "text/plain", "text/csv"],
  ["cuts.zip", "application/x-zip-compressed", "application/zip"],
  ["take.wav", "audio/x-wav", "audio/wav"],
  ["take.m4a", "audio/x-m4a", "audio/mp4"],
  ["take.mp3", "audio/mp3", "audio/mpeg"],
];

test("an odd or empty type is made good by the name", () => {
  for (const [name, type, expected] of DECLARED) assert.equal(typeOf({ name, type }), expected, name);
});

test("what a browser may run, and what nobody knows, has no type to be sent as", () => {
  const files = [
    ["page.html", "text/html"],
    ["logo.svg", "image/svg+xml"],
    ["setup.exe", "application/x-msdownload"],
    ["Makefile", ""],
    ["constructor", "constructor"],
  ];

  for (const [name, type] of files) assert.equal(typeOf({ name, type }), null, name);
});

test("a file dialogue offers types and extensions", () => {
  assert.ok(ACCEPT.includes("image/png,"));
  assert.ok(ACCEPT.split(",").includes(".md"));
});

test("a type that is known has a label", () => {
  assert.equal(labelOf("application/pdf"), "PDF");
  assert.equal(labelOf("image/jpeg"), "JPG");
  assert.equal(labelOf("application/x-of-tomorrow"), null);
  assert.equal(labelOf(null), null);
});
