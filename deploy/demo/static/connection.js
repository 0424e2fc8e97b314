// One websocket that is kept open: token, greeting, heartbeat, and coming back after a loss.
//
// It knows nothing of orders. Its owner is told `ready` after every greeting and `lost` after every
// loss, and decides what to ask for again.

import { NoToken, fetchToken } from "./token.js";

const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 30_000;
/** A connection that lived this long was a good one: the next back-off begins anew. */
const STEADY_AFTER_MS = 10_000;
/** The longest wait for the greeting. */
const PATIENCE_MS = 10_000;
const RENEW_BEFORE_EXPIRY_MS = 60_000;
const RENEW_AGAIN_MS = 5_000;

/** Close codes after which trying again cannot help, with what the reader is told. */
const FINAL = new Map([
  [1002, "This page is out of date. Reload it."],
  [1003, "This page is out of date. Reload it."],
  [1007, "This page is out of date. Reload it."],
  [1008, "This page sent something that was not understood. Reload it."],
  [1009, "This page sent something too large. Reload it."],
  [4003, "You have no access to this chat."],
  [4009, "The chat is open in too many windows. Close one and reload this page."],
]);
const NOT_SIGNED_IN = "You are not signed in any more. Reload the page.";
const CLOSE_TOKEN = 4001;

export class Connection {
  #url;
  #tokenUrl;
  #on;
  #socket = null;
  #greeted = false;
  #stopped = false;
  #losses = 0;
  #since = 0;
  #comeBackAfter = null;
  #silenceMs = PATIENCE_MS;
  #silence; // timer: nothing was heard for too long
  #renewal; // timer: the token is about to expire
  #return; // timer: the next try to connect

  /**
   * @param {string} url of the websocket
   * @param {string} tokenUrl answers {"token": "…"}
   * @param {{ready: Function, frame: Function, lost: Function, stopped: Function}} on
   */
  constructor(url, tokenUrl, on) {
    this.#url = url;
    this.#tokenUrl = tokenUrl;
    this.#on = on;
    globalThis.addEventListener("online", () => this.#hurry());
  }

  start() {
    this.#open();
  }

  /** Hand over a frame; false if there is no connection to hand it to. */
  send(frame) {
    if (!this.#greeted) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Drop the connection and come back: a request was not answered, or must not be. */
  restart() {
    if (this.#socket) this.#lose();
  }

  /** End for good, with a sentence for the reader. */
  stop(problem) {
    this.#stopped = true;
    this.#forget();
    clearTimeout(this.#return);
    this.#on.stopped(problem);
  }

  /** Give the server a fresh token of the same user. */
  async renew() {
    const socket = this.#socket;
    clearTimeout(this.#renewal);
    try {
      const token = await fetchToken(this.#tokenUrl);
      if (socket === this.#socket) this.#present("auth", token);
    } catch {
      // The server closes the connection soon after the token's end; until then there is time.
      if (socket !== this.#socket) return;
      this.#renewal = setTimeout(() => this.renew(), RENEW_AGAIN_MS);
    }
  }

  async #open() {
    let token;
    try {
      token = await fetchToken(this.#tokenUrl);
    } catch (error) {
      if (error instanceof NoToken) this.stop(NOT_SIGNED_IN);
      else this.#lose();
      return;
    }
    if (this.#stopped) return;
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#silenceMs = PATIENCE_MS;
    this.#listenOn();
    // What an abandoned socket still says is nobody's business.
    socket.onopen = () => socket === this.#socket && this.#present("hello", token);
    socket.onmessage = ({ data }) => socket === this.#socket && this.#receive(JSON.parse(data));
    socket.onclose = ({ code }) => socket === this.#socket && this.#closed(code);
  }

  #present(op, token) {
    this.#socket.send(JSON.stringify({ op, token }));
    this.#renewal = setTimeout(() => this.renew(), renewalIn(token, Date.now()));
  }

  #receive(frame) {
    this.#listenOn();
    if (frame.op === "goodbye") this.#comeBackAfter = frame.reconnect_after_ms;
    if (frame.op !== "welcome") return this.#on.frame(frame);
    this.#silenceMs = 2 * frame.heartbeat_s * 1000;
    this.#listenOn();
    if (this.#greeted) return; // the answer to a renewed token
    this.#greeted = true;
    this.#since = Date.now();
    this.#on.ready(frame);
  }

  #listenOn() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lose(), this.#silenceMs);
  }

  #closed(code) {
    // A token that was good once has expired: a fresh one will do. Else it never will.
    if (code === CLOSE_TOKEN && !this.#greeted) this.stop(NOT_SIGNED_IN);
    else if (FINAL.has(code)) this.stop(FINAL.get(code));
    else this.#lose();
  }

  #lose() {
    if (this.#greeted && Date.now() - this.#since > STEADY_AFTER_MS) this.#losses = 0;
    this.#forget();
    this.#on.lost();
    this.#comeBack();
  }

  #forget() {
    const socket = this.#socket;
    this.#socket = null;
    this.#greeted = false;
    clearTimeout(this.#silence);
    clearTimeout(this.#renewal);
    socket?.close();
  }

  #comeBack() {
    if (this.#stopped) return;
    const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** this.#losses);
    const after = this.#comeBackAfter ?? Math.random() * ceiling;
    this.#comeBackAfter = null;
    this.#losses += 1;
    clearTimeout(this.#return);
    this.#return = setTimeout(() => this.#returnNow(), after);
  }

  #returnNow() {
    this.#return = undefined;
    this.#open();
  }

  /** The browser is online again: the rest of the back-off is not worth waiting for. */
  #hurry() {
    if (this.#return === undefined) return;
    clearTimeout(this.#return);
    this.#returnNow();
  }
}

/** How long (ms) a token may be used before a fresh one is due. */
function renewalIn(token, now) {
  const [, payload] = token.split(".");
  const { exp } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
  const left = exp * 1000 - now;
  // A token that lives for less than two such margins is renewed at half its life.
  return Math.max(RENEW_AGAIN_MS, left - Math.min(RENEW_BEFORE_EXPIRY_MS, left / 2));
}
