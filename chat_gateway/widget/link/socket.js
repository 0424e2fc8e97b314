// One websocket that is kept open: token, greeting, heartbeat, and coming back after a loss.
//
// It knows nothing of orders. Its owner is told `ready` after every greeting and `lost` after every
// loss, and decides what to ask for again.

import { backoff } from "../state/connection.js";
import { NoToken, renewalIn } from "./tokens.js";

/** A connection that lived this long was a good one: the next back-off begins anew. */
const STEADY_AFTER_MS = 10_000;
/** The longest wait for the greeting. */
const PATIENCE_MS = 10_000;
const RENEW_AGAIN_MS = 5_000;
/** So many handshakes that fail from the beginning make one ask whether they are refused. */
const UNOPENED_MAX = 2;

/** Close codes after which trying again cannot help. */
const FINAL = { 4003: "forbidden", 4009: "too_many" };
for (const code of [1002, 1003, 1007, 1008, 1009]) FINAL[code] = "outdated";
const CLOSE_TOKEN = 4001;

export class Socket {
  #server;
  #tokens;
  #order;
  #on;
  #socket = null;
  #greeted = false;
  #stopped = false;
  #losses = 0;
  #unopened = 0;
  #since = 0;
  #heard = 0;
  #comeBackAfter = null;
  #silenceMs = PATIENCE_MS;
  #silence; // timer: nothing was heard for too long
  #renewal; // timer: the token is about to end
  #return; // timer: the next try to connect; undefined while there is none

  /**
   * @param {string} server origin of the chat
   * @param {import("./tokens.js").Tokens} tokens
   * @param {() => ?string} order id of one that will be joined: the server may have a place for it
   * @param {{ready: Function, frame: Function, lost: Function, stopped: Function}} on
   *   stopped: for good, with a code that says why
   */
  constructor(server, tokens, order, on) {
    this.#server = server;
    this.#tokens = tokens;
    this.#order = order;
    this.#on = on;
  }

  /** Connect now, whatever is left of a back-off, and even after a stop. */
  open() {
    this.#stopped = false;
    clearTimeout(this.#return);
    this.#return = undefined;
    this.#connect();
  }

  /** Hand over a frame; false if there is no connection to hand it to. */
  send(frame) {
    if (!this.#greeted) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Somebody looks at it: come back at once, and do not trust a connection that slept. */
  hurry() {
    if (this.#return !== undefined) this.open();
    else if (this.#socket && Date.now() - this.#heard > this.#silenceMs) this.restart();
  }

  /** Drop the connection and come back: a request was not answered, or must not be. */
  restart() {
    if (this.#socket) this.#lose();
  }

  /** End it, and tell nobody. */
  close() {
    this.#stopped = true;
    clearTimeout(this.#return);
    this.#forget();
  }

  /** Give the server a fresh token of the same user. */
  async renew() {
    const socket = this.#socket;
    clearTimeout(this.#renewal);
    try {
      const token = await this.#tokens.fresh();
      if (socket !== null && socket === this.#socket) this.#present("auth", token);
    } catch {
      // The server closes the connection soon after the token's end; until then there is time.
      if (socket === null || socket !== this.#socket) return;
      this.#renewal = setTimeout(() => this.renew(), RENEW_AGAIN_MS);
    }
  }

  async #connect() {
    const opening = { close() {} }; // stands for the socket until there is one
    this.#socket = opening;
    this.#heard = Date.now();
    let token;
    try {
      token = await this.#tokens.get();
      if (this.#socket === opening) this.#listen(new WebSocket(this.#address()), token);
    } catch (error) {
      if (this.#socket !== opening) return;
      if (error instanceof NoToken) this.#stop("signed_out");
      else this.#lose();
    }
  }

  #address() {
    const order = this.#order();
    const query = order ? `?order=${encodeURIComponent(order)}` : "";
    return `${this.#server.replace(/^http/, "ws")}/v1/chat${query}`;
  }

  #listen(socket, token) {
    const mine = (react) => (event) => socket === this.#socket && react(event);
    let opened = false;
    this.#socket = socket;
    this.#silenceMs = PATIENCE_MS;
    this.#hear();
    // What an abandoned socket still says is nobody's business.
    socket.onopen = mine(() => {
      opened = true;
      this.#unopened = 0;
      this.#present("hello", token);
    });
    socket.onmessage = mine(({ data }) => this.#receive(JSON.parse(data)));
    socket.onclose = mine(({ code }) => (opened ? this.#closed(code) : this.#turnedAway()));
  }

  #present(op, token) {
    this.#socket.send(JSON.stringify({ op, token }));
    this.#renewal = setTimeout(() => this.renew(), renewalIn(token, Date.now()));
  }

  #receive(frame) {
    this.#hear();
    if (frame.op === "goodbye") this.#comeBackAfter = frame.reconnect_after_ms;
    if (frame.op !== "welcome") return this.#on.frame(frame);
    this.#silenceMs = 2 * frame.heartbeat_s * 1000;
    this.#hear();
    if (this.#greeted) return; // the answer to a renewed token
    this.#greeted = true;
    this.#since = Date.now();
    this.#on.ready(frame);
  }

  #hear() {
    this.#heard = Date.now();
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lose(), this.#silenceMs);
  }

  #closed(code) {
    // A token that was good once has ended: a fresh one will do. Else it never will.
    if (code === CLOSE_TOKEN && !this.#greeted) return this.#stop("signed_out");
    if (code in FINAL) return this.#stop(FINAL[code]);
    if (code === CLOSE_TOKEN) this.#tokens.fresh().catch(() => {}); // `get` shares it
    this.#lose();
  }

  /** A handshake that is refused looks like a server that is not there: a browser tells no more. */
  async #turnedAway() {
    this.#unopened += 1;
    this.#lose();
    if (this.#unopened < UNOPENED_MAX) return;
    this.#unopened = 0;
    if (!(await isAllowed(this.#server)) && !this.#stopped && !this.#greeted) this.#stop("origin");
  }

  #stop(code) {
    this.close();
    this.#on.stopped(code);
  }

  #lose() {
    if (this.#greeted && Date.now() - this.#since > STEADY_AFTER_MS) this.#losses = 0;
    this.#forget();
    this.#on.lost();
    if (this.#stopped) return; // its owner may have had enough
    const after = this.#comeBackAfter ?? backoff(this.#losses, Math.random());
    this.#comeBackAfter = null;
    this.#losses += 1;
    clearTimeout(this.#return);
    this.#return = setTimeout(() => this.open(), after);
  }

  #forget() {
    const socket = this.#socket;
    this.#socket = null;
    this.#greeted = false;
    clearTimeout(this.#silence);
    clearTimeout(this.#renewal);
    socket?.close();
  }
}

/** Whether the server lets this page's origin in; where it cannot be asked, perhaps it does. */
async function isAllowed(server) {
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const answer = await fetch(`${server}/widget/origin`, { cache: "no-store", signal });
    return (await answer.json()).allowed !== false;
  } catch {
    return true;
  }
}
