// A token endpoint for Order Chat: it tells the chat who is signed in at the marketplace.
//
// Needs nothing but Node. Mount it on a server of node:http, or call `tokenFor` from your framework:
//
//   import { createServer } from "node:http";
//   const answer = tokenEndpoint(process.env.ORDER_CHAT_JWT_SECRET, signedInUser);
//   createServer((request, response) =>
//     request.url === "/chat-token" ? answer(request, response) : shop(request, response));

import { createHmac } from "node:crypto";

/** How long (s) a token is good. Pages fetch a new one whenever they need it. */
const LIFETIME_S = 900;

/** A token that says its bearer is `userId`. */
export function tokenFor(userId, secret) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub: userId, aud: "order-chat", iat: now, exp: now + LIFETIME_S };
  const signed = `${encoded({ alg: "HS256", typ: "JWT" })}.${encoded(claims)}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

/**
 * A request listener for `GET /chat-token`.
 * @param {string} secret what the chat verifies tokens with
 * @param {(request: import("node:http").IncomingMessage) => ?string} signedInUser finds the user's
 *   id in your own session (never in the query or the body); null if nobody is signed in
 */
export function tokenEndpoint(secret, signedInUser) {
  return (request, response) => {
    const userId = signedInUser(request);
    if (userId === null) return response.writeHead(401).end();
    const headers = { "content-type": "application/json", "cache-control": "no-store" };
    response.writeHead(200, headers).end(JSON.stringify({ token: tokenFor(userId, secret) }));
  };
}

function encoded(part) {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}
