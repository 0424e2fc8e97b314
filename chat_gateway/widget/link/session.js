// A page's way to the chat: one websocket for all tabs of a browser that have the same reader.
//
// The tab that holds a lock has the connection (`leader.js`); the others reach it through a channel.
// When it is closed the lock passes on, and everybody joins again with what he has. Where the
// browser offers no locks, or who holds them does not answer, a tab connects for itself: attempts
// have ids, so nothing is doubled even then.

import { backoff } from "../state/connection.js";
import { Leader } from "./leader.js";
import { OutboxStore } from "./outgoing.js";
import { NoToken, claimsOf } from "./tokens.js";

/** A leader that says nothing for so long is none. */
const SILENT_MS = 5_000;
/** An element may be moved within the page: its session outlives it for so long. */
const LINGER_MS = 1_000;

const sessions = new WeakMap(); // tokens → {server: session}

/** The page's session with a server; `release` it when it is not needed any more. */
export function sessionFor(server, tokens) {
  if (!sessions.has(tokens)) sessions.set(tokens, {});
  const session = (sessions.get(tokens)[server] ??= new Session(server, tokens));
  session.use();
  return session;
}

export class Session {
  /** User id of the reader; null before there is a token. */
  user = null;
  /** "connecting", "live", "offline", or "stopped" with `problem` {code, message}. */
  phase = "connecting";
  problem = null;
  limits = { text_chars: 8000, attachments: 0, attachment_bytes: 0 };
  /** Where attempts are kept; null before there is a token. */
  store = null;

  #server;
  #tokens;
  #listeners = new Set();
  #shown = new Map(); // order id → by how many of this page
  #newest; // id of the order that was shown last
  #users = 0;
  #life = null; // an AbortController: ends what runs for this session
  #tab = crypto.randomUUID();
  #name;
  #claims;
  #channel = null;
  #letGo = null; // gives back the lock, or the wait for it
  #leader = null;
  #isPublic = false; // other tabs may rely on this leader
  #beatMs = 0; // after such a silence a leader is asked whether it is there
  #greeting = null; // id of the connection that this page has been told of
  #ref = 0;
  #losses = 0;
  #return; // timer: the next try to get a first token
  #silence; // timer: the leader does not answer

  constructor(server, tokens) {
    this.#server = server;
    this.#tokens = tokens;
  }

  /** One more who needs it. */
  use() {
    this.#users += 1;
    if (this.#life === null) this.#begin();
  }

  /** One less; the last one ends it, a little later. */
  release() {
    this.#users -= 1;
    setTimeout(() => this.#users === 0 && this.#end(), LINGER_MS);
  }

  /**
   * Hear of it. All methods of *listener* are optional.
   * @param {object} listener
   * @param {(user: string) => void} listener.identified
   * @param {(welcome: object) => void} listener.ready
   * @param {(frame: object) => void} listener.frame answers to this page, and all that is live
   * @param {() => void} listener.lost
   * @param {(problem: object) => void} listener.stopped
   * @param {(message: object) => void} listener.mail of attempts: see `courier.js`
   * @returns {() => void} ends it
   */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** One more on this page shows an order. */
  show(orderId) {
    this.#newest = orderId;
    this.#shown.set(orderId, (this.#shown.get(orderId) ?? 0) + 1);
  }

  /** One less; the last one leaves it. */
  hide(orderId) {
    const left = this.#shown.get(orderId) - 1;
    this.#shown.set(orderId, left);
    if (left === 0) this.request({ op: "leave", order_id: orderId });
  }

  /** Ask something; answers the `ref` that its answer will have, null if nobody can be asked. */
  request(frame) {
    const ref = ++this.#ref;
    return this.tell({ ...frame, ref }) ? ref : null;
  }

  /** Say something that has no answer; false if nobody hears it. */
  tell(frame) {
    if (this.phase === "live") this.post({ kind: "frame", frame });
    return this.phase === "live";
  }

  /** Give the leader, here or in another tab, a message. */
  post(message) {
    if (this.#leader) this.#leader.take(this.#tab, message);
    else this.#channel?.postMessage({ ...message, from: this.#tab, to: "leader" });
  }

  /** The connection is not to be trusted: an answer did not come. */
  restart() {
    this.post({ kind: "restart" });
    this.#expectLeader();
  }

  /** Try again after a stop. */
  revive() {
    if (this.#letGo !== null) return this.post({ kind: "revive" });
    this.#enter("connecting", null);
    this.#identify();
  }

  #begin() {
    const { signal } = (this.#life = new AbortController());
    const on = (target, type, react) => target.addEventListener(type, react, { signal });
    on(globalThis, "online", () => this.#hurry());
    on(globalThis, "offline", () => this.post({ kind: "restart" }));
    on(document, "visibilitychange", () => document.visibilityState === "visible" && this.#hurry());
    on(globalThis, "pagehide", () => this.#leave());
    on(globalThis, "pageshow", ({ persisted }) => persisted && this.#identify());
    signal.addEventListener("abort", this.#tokens.watch(() => this.#tokenGiven()));
    this.#identify();
  }

  #end() {
    this.#life?.abort();
    this.#life = null;
    this.#leave();
    this.phase = "connecting";
    this.#greeting = null;
  }

  #tokenGiven() {
    if (this.phase === "stopped") this.revive();
    else this.post({ kind: "renew" });
  }

  /** Let go of the connection, and of the lock. */
  #leave() {
    clearTimeout(this.#return);
    clearTimeout(this.#silence);
    this.#return = undefined;
    if (this.#channel && !this.#leader) this.post({ kind: "bye" });
    this.#leader?.close();
    this.#leader = null;
    this.#isPublic = false;
    this.#channel?.close();
    this.#channel = null;
    this.#letGo?.();
    this.#letGo = null;
    this.store?.close();
  }

  /** Who reads decides with whom the connection is shared. */
  async #identify() {
    const life = this.#life;
    try {
      this.#claims = claimsOf(await this.#tokens.get());
    } catch (error) {
      if (life !== this.#life || life === null) return;
      if (error instanceof NoToken) return this.#enter("stopped", { code: "signed_out", message: "" });
      this.#enter("offline", null);
      this.#return = setTimeout(() => this.#retry(), backoff(this.#losses++, Math.random()));
      return;
    }
    if (life !== this.#life || life === null || this.#letGo !== null) return;
    this.#losses = 0;
    const { sub, roles, orders } = this.#claims;
    const reader = `${this.#server} ${sub}`;
    this.#name = `order-chat ${reader} ${JSON.stringify([roles ?? null, orders ?? null])}`;
    if (this.user !== sub) this.store = new OutboxStore(reader);
    this.user = sub;
    this.#elect();
    this.#each((listener) => listener.identified?.(sub)); // a page is made while the lock is on its way
  }

  #retry() {
    this.#return = undefined;
    this.#identify();
  }

  #elect() {
    if (!globalThis.navigator?.locks || !globalThis.BroadcastChannel) {
      this.#letGo = () => {};
      return this.#lead();
    }
    const waiting = new AbortController();
    let giveBack = null;
    this.#letGo = () => (waiting.abort(), giveBack?.());
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#mail(data);
    navigator.locks
      .request(this.#name, { signal: waiting.signal }, () => {
        if (waiting.signal.aborted) return undefined;
        this.#isPublic = true;
        this.#lead();
        return new Promise((resolve) => (giveBack = resolve));
      })
      .catch(() => !waiting.signal.aborted && this.#lead()); // not here: `file:`, a sandbox
    this.post({ kind: "hello" });
    this.#expectLeader();
  }

  #lead() {
    clearTimeout(this.#silence);
    if (this.#leader) return this.#leader.announce(null); // it led for itself alone before
    const reader = {
      server: this.#server,
      tokens: this.#tokens,
      claims: this.#claims,
      order: () => this.#newest,
    };
    this.#leader = new Leader(reader, this.store, (message, tab) => this.#deliver(message, tab));
    this.#leader.start();
  }

  /** Without a word from the leader soon, this tab goes its own way. */
  #expectLeader() {
    clearTimeout(this.#silence);
    if (!this.#leader && this.#channel) this.#silence = setTimeout(() => this.#lead(), SILENT_MS);
  }

  /** A message of the leader in this page. */
  #deliver(message, tab) {
    if (this.#isPublic && tab !== this.#tab) {
      this.#channel.postMessage({ ...message, to: tab ?? "all" });
    }
    if (tab === null || tab === this.#tab) this.#take(message);
  }

  /** A message of another tab. */
  #mail({ to, from, ...message }) {
    if (to === "leader") {
      if (this.#isPublic) this.#leader.take(from, message);
    } else if (!this.#leader && (to === "all" || to === this.#tab)) {
      clearTimeout(this.#silence);
      this.#take(message);
      this.#expectBeat();
    }
  }

  /** A leader whose connection lives is heard of at every beat. */
  #expectBeat() {
    if (this.phase !== "live") return;
    this.#silence = setTimeout(() => this.#ask(), this.#beatMs);
  }

  #ask() {
    this.post({ kind: "hello" });
    this.#expectLeader();
  }

  #take(message) {
    if (message.kind === "status") this.#statusIs(message);
    else if (message.kind === "frame") this.#each((listener) => listener.frame?.(message.frame));
    else this.#each((listener) => listener.mail?.(message));
  }

  #statusIs({ phase, problem, welcome }) {
    const greeting = welcome?.session_id ?? null;
    if (phase === this.phase && greeting === this.#greeting) return;
    if (this.phase === "live") this.#enter("offline", null); // another connection is another one
    this.#greeting = greeting;
    if (phase !== "live") return this.#enter(phase, problem);
    this.phase = "live";
    this.problem = null;
    this.limits = welcome.limits;
    this.#beatMs = 2_000 * welcome.heartbeat_s;
    this.#each((listener) => listener.ready?.(welcome));
  }

  #enter(phase, problem) {
    this.phase = phase;
    this.problem = problem;
    if (phase === "stopped") this.#each((listener) => listener.stopped?.(problem));
    else this.#each((listener) => listener.lost?.());
  }

  #hurry() {
    if (this.#return !== undefined) {
      clearTimeout(this.#return);
      this.#retry();
    } else this.post({ kind: "hurry" });
  }

  #each(tell) {
    for (const listener of [...this.#listeners]) tell(listener);
  }
}
