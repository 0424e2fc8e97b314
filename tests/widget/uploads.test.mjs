// The files a reader is about to send: `node --test tests/widget`.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  Uploads, nextPart, partsOf, percentOf, storedOf,
} from "../../chat_gateway/widget/state/uploads.js";
import { ENGLISH } from "../../chat_gateway/widget/words/en.js";

const MIB = 1 << 20;
const CUT = { key: "files.lost" };
const BUSY = { key: "files.busy", code: "busy", message: "Too much is under way." };
const READY = { id: "a1", grant: "g", name: "a.png", content_type: "image/png", size: 3, width: 1 };

function fileOf(name, size = 1000, type = "") {
  return { name, size, type };
}

function uploadsOf(...files) {
  let made = 0;
  const uploads = new Uploads(() => `u${++made}`);
  uploads.limits = { attachments: 3, attachment_bytes: 100 * MIB };
  for (const file of files) uploads.add(file);
  return uploads;
}

function statesOf(uploads) {
  return uploads.list.map(({ state }) => state);
}

test("a file waits until it is carried, and the files are ready when all are", () => {
  const uploads = uploadsOf(fileOf("a.png"), fileOf("b.png"));
  const [one, two] = uploads.list;

  assert.equal(uploads.next(), one);
  uploads.begin(one);
  assert.equal(uploads.next(), two);
  uploads.check(one);
  uploads.finish(one, READY);
  assert.equal(uploads.isReady, false);
  assert.equal(uploads.isUnderWay, true);
  uploads.finish(two, { ...READY, id: "a2" });

  assert.equal(uploads.isReady, true);
  assert.equal(uploads.isUnderWay, false);
  assert.deepEqual(uploads.take().map(({ id }) => id), ["a1", "a2"]);
  assert.ok(uploads.isEmpty);
});

test("what a message carries is known without its picture's size", () => {
  const uploads = uploadsOf(fileOf("a.png"));

  uploads.finish(uploads.next(), READY);

  const expected = { id: "a1", grant: "g", name: "a.png", content_type: "image/png", size: 3 };
  assert.deepEqual(uploads.take(), [expected]);
});

test("what can never be sent says so at once, and is not tried again", () => {
  const uploads = uploadsOf(
    fileOf("page.html"), fileOf("void.png", 0), fileOf("film.mp4", 101 * MIB),
  );

  uploads.list.forEach(({ id }) => uploads.retry(id));

  assert.deepEqual(
    uploads.list.map(({ problem }) => problem),
    [
      { key: "files.unknown_type", values: undefined },
      { key: "files.empty", values: undefined },
      { key: "files.too_big", values: { bytes: 100 * MIB } },
    ],
  );
  for (const { problem } of uploads.list) assert.ok(ENGLISH[problem.key], problem.key);
  assert.deepEqual(statesOf(uploads), ["failed", "failed", "failed"]);
  assert.equal(uploads.next(), null);
  assert.ok(uploads.isBlocked);
});

test("one file too many can be sent once another is removed", () => {
  const uploads = uploadsOf(fileOf("a.png"), fileOf("b.png"), fileOf("c.png"), fileOf("d.png"));
  const last = uploads.list[3];
  assert.deepEqual(last.problem, { key: "files.too_many", values: { count: 3 } });

  uploads.retry(last.id);
  assert.equal(last.state, "failed");
  uploads.remove(uploads.list[0].id);
  uploads.retry(last.id);

  assert.equal(last.state, "waiting");
  assert.equal(last.problem, null);
});

test("tries that bring a file no further end, with growing pauses between them", () => {
  const uploads = uploadsOf(fileOf("a.png"));
  const upload = uploads.next();

  const delays = Array.from({ length: 9 }, () => uploads.delay(upload, CUT, null, 1));

  assert.deepEqual(delays, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, null]);
  assert.equal(upload.problem, CUT);
});

test("a part that got through earns new tries; the same one stored again does not", () => {
  const uploads = uploadsOf(fileOf("film.mp4", 40 * MIB));
  const upload = uploads.next();
  for (let tries = 0; tries < 8; tries += 1) uploads.delay(upload, CUT, null, 0);

  uploads.advance(upload, 16 * MIB);
  assert.equal(upload.tries, 0);
  uploads.delay(upload, CUT, null, 0);
  uploads.advance(upload, 16 * MIB);

  assert.equal(upload.tries, 1);
});

test("the server says how long to wait, but not for ever", () => {
  const uploads = uploadsOf(fileOf("a.png"));
  const upload = uploads.next();

  const delays = Array.from({ length: 9 }, () => uploads.delay(upload, BUSY, 7000, 0.5));

  assert.deepEqual(delays, [...Array(8).fill(7000), null]);
});

test("what went wrong is forgotten once the file goes on", () => {
  const uploads = uploadsOf(fileOf("a.png"));
  const upload = uploads.next();
  uploads.delay(upload, BUSY, null, 0);

  uploads.begin(upload);

  assert.equal(upload.problem, null);
});

test("a file that failed for now is carried again when the reader asks", () => {
  const uploads = uploadsOf(fileOf("a.png"));
  const upload = uploads.next();
  uploads.fail(upload, BUSY, false);
  assert.ok(uploads.isBlocked);
  assert.equal(uploads.next(), null);

  uploads.retry(upload.id);

  assert.equal(uploads.next(), upload);
  assert.equal(upload.problem, null);
});

test("what was kept comes back in its place, before what was picked meanwhile", () => {
  const uploads = uploadsOf();
  const kept = [
    { id: "k2", place: 2, file: fileOf("b.png"), remoteId: null },
    { id: "k1", place: 1, file: fileOf("a.png"), remoteId: "a1" },
  ];
  uploads.restore(kept);
  const { id, place } = uploads.add(fileOf("c.png"));

  uploads.restore(kept);

  assert.deepEqual(uploads.list.map((upload) => upload.id), ["k1", "k2", id]);
  assert.equal(place, 3);
  assert.deepEqual(statesOf(uploads), ["waiting", "waiting", "waiting"]);
  assert.equal(uploads.list[0].remoteId, "a1");
});

test("a file's progress counts what is on its way", () => {
  const uploads = uploadsOf(fileOf("film.mp4", 32 * MIB));
  const upload = uploads.next();

  uploads.advance(upload, 16 * MIB, 8 * MIB);

  assert.equal(percentOf(upload), 75);
});

test("only parts that are not stored are sent, each from its own place", () => {
  const parts = partsOf({
    state: "uploading", size: 40, upload: null,
    parts: [
      { number: 1, size: 16, stored: true, upload: null },
      { number: 2, size: 16, stored: false, upload: { url: "/two", fields: {} } },
      { number: 3, size: 8, stored: false, upload: { url: "/three", fields: {} } },
    ],
  });

  const { part, start, end } = nextPart(parts);

  assert.deepEqual([part.number, start, end], [2, 16, 32]);
  assert.equal(storedOf(parts), 16);
});

test("a small file is one part, which is there once it has no form", () => {
  const form = { url: "/one", fields: {} };

  const missing = partsOf({ state: "reserved", size: 5, upload: form, parts: null });
  const stored = partsOf({ state: "uploading", size: 5, upload: null, parts: null });

  assert.deepEqual([nextPart(missing).start, nextPart(missing).end], [0, 5]);
  assert.equal(nextPart(stored), null);
  assert.equal(nextPart(partsOf({ state: "checking", size: 5, upload: null, parts: null })), null);
});
