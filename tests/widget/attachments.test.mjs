// What the attachment service answers, and what answers in its place: `node --test tests/widget`.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";

import { Attachments } from "../../chat_gateway/widget/files/attachments.js";
import { NoToken, Tokens } from "../../chat_gateway/widget/link/tokens.js";
import { ENGLISH } from "../../chat_gateway/widget/words/en.js";

const FILE = { name: "a.png", type: "image/png", file: { size: 3 } };

let made = 0;

/** A token that lives for an hour, another one at each call. */
async function token() {
  const claims = { exp: Date.now() / 1000 + 3600, jti: ++made };
  return `h.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.s`;
}

/** Attachments of a server that answers each request as it is told, and what it was asked. */
async function serving(t, answers, tokens = new Tokens(token)) {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push({ method: request.method, url: request.url, ...request.headers });
    const { status, body, headers = {} } = answers.shift();
    response.writeHead(status, headers);
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => (server.closeAllConnections(), server.close()));
  const url = `http://127.0.0.1:${server.address().port}/v1/attachments`;
  return { attachments: new Attachments(url, tokens), asked };
}

function refusalOf(promise) {
  return promise.then(assert.fail, ({ problem, status, passes, final, retryAfterMs }) => ({
    problem, status, passes, final, retryAfterMs,
  }));
}

test("a file is announced with its name, type and size", async (t) => {
  const { attachments, asked } = await serving(t, [{ status: 201, body: { id: "a1" } }]);

  const view = await attachments.reserve("o1", FILE);

  assert.deepEqual(view, { id: "a1" });
  assert.equal(`${asked[0].method} ${asked[0].url}`, "POST /v1/attachments");
});

test("a token that is not good any more is renewed once", async (t) => {
  const expired = { status: 401, body: { error: { code: "token_expired", message: "Expired." } } };
  const { attachments, asked } = await serving(t, [
    expired, { status: 200, body: { url: "/there" } }, expired, expired,
  ]);

  const link = await attachments.link("a1", "content");
  const refusal = await refusalOf(attachments.link("a1", "content"));

  assert.equal(link, "/there");
  assert.notEqual(asked[0].authorization, asked[1].authorization);
  assert.equal(refusal.problem.code, "token_expired");
  assert.equal(asked.length, 4);
});

test("a file that was rejected is told so by its reason, for good", async (t) => {
  const error = { code: "invalid", message: "The file is not of the type it claims to be." };
  const body = { id: "a1", state: "rejected", reason: "type", error };
  const { attachments } = await serving(t, [{ status: 422, body }]);

  const refusal = await refusalOf(attachments.complete("a1"));

  const problem = { key: "files.type", ...error };
  const expected = { problem, status: 422, passes: false, final: true, retryAfterMs: null };
  assert.deepEqual(refusal, expected);
  assert.ok(ENGLISH["files.type"]);
});

test("a busy server says when to come again", async (t) => {
  const error = { code: "busy", message: "Too many files." };
  const headers = { "Retry-After": "7" };
  const { attachments } = await serving(t, [{ status: 503, body: { error }, headers }]);

  const { passes, retryAfterMs } = await refusalOf(attachments.complete("a1"));

  assert.deepEqual([passes, retryAfterMs], [true, 7000]);
});

test("where the service is not, the reader is told, and may try again", async (t) => {
  const page = "<!doctype html><title>Not found</title>";
  const { attachments } = await serving(t, [
    { status: 404, body: page }, { status: 200, body: page }, { status: 502, body: page },
  ]);

  const refusals = [];
  for (let round = 0; round < 3; round += 1) {
    refusals.push(await refusalOf(attachments.reserve("o1", FILE)));
  }

  assert.deepEqual(
    refusals.map(({ problem: { key }, passes, final }) => [key, passes, final]),
    [
      ["files.not_found", false, false],
      ["files.not_found", false, false],
      ["files.unavailable", true, false],
    ],
  );
  assert.ok(ENGLISH["files.not_found"]);
});

test("a server that cannot be reached is tried again", async () => {
  const attachments = new Attachments("http://127.0.0.1:9/v1/attachments", new Tokens(token));

  const { problem, status, passes } = await refusalOf(attachments.look("a1"));

  assert.deepEqual([problem, status, passes], [{ key: "files.unreachable" }, 0, true]);
});

test("who is signed out is told so", async (t) => {
  const none = new Tokens(() => Promise.reject(new NoToken()));
  const { attachments, asked } = await serving(t, [], none);

  const { problem, passes } = await refusalOf(attachments.look("a1"));

  assert.deepEqual([problem, passes, asked], [{ code: "signed_out" }, false, []]);
});

test("grants are renewed with all else as it was", async (t) => {
  const { attachments, asked } = await serving(t, [{ status: 200, body: { grant: "new" } }]);

  const renewed = await attachments.renew([{ id: "a1", grant: "old", name: "a.png" }]);

  assert.deepEqual(renewed, [{ id: "a1", grant: "new", name: "a.png" }]);
  assert.equal(asked[0].url, "/v1/attachments/a1/complete");
});
