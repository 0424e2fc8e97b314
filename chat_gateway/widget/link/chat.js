// One order's conversation in this page: joins, closes holes, pages back, and keeps what is written.

import { Conversation, TYPING_SHOWN_MS } from "../state/conversation.js";
import { Outgoing } from "./outgoing.js";

const PAGE = 50;
/** An answer that takes longer is not coming: the connection is made anew. */
const ANSWER_MS = 15_000;
const RETRY_MS = 1_000;
/** A chain still broken after so many fresh starts is left to a new connection. */
const REPAIRS_MAX = 3;
/** Live events held back while a hole is filled; beyond this, starting over is cheaper. */
const HELD_MAX = 500;
/** Repeated at most this often while the reader types. */
const TYPING_EVERY_MS = 3_000;

const GONE_FOR_GOOD = new Set(["not_found", "forbidden"]);

export class Chat {
  /** "connecting", "live", "offline", or "stopped" with `problem` {code, message} saying why. */
  phase = "connecting";
  problem = null;
  /** When the connection was lost (ms); null while it is there. */
  lostAt = null;
  loadingOlder = false;
  conversation = new Conversation(null);
  /** Told when a message of this reader stands: {client_id, id}. */
  onSent = () => {};

  #desk;
  #onChange;
  #leave = null; // ends hearing of the session
  #outgoing = null;
  #asked = null; // the join or replay being waited for: {ref, after, before}
  #olderRef = null;
  #held = []; // live events above a hole, until it is filled
  #repairs = 0;
  #answerTimer;
  #retryTimer;
  #typingTimer;
  #lastTyping = 0;
  #lastRead = 0;

  /**
   * @param {object} desk {session, …}
   * @param {string} orderId
   * @param {() => void} onChange called after every change of what is shown
   */
  constructor(desk, orderId, onChange) {
    this.#desk = desk;
    this.orderId = orderId;
    this.#onChange = onChange;
  }

  /** User id of the reader; null until it is known. */
  get me() {
    return this.conversation.me;
  }

  /** As the server greets with them. */
  get limits() {
    return this.#desk.session.limits;
  }

  get attempts() {
    return this.#outgoing?.attempts ?? [];
  }

  start() {
    const { session } = this.#desk;
    session.show(this.orderId);
    this.#leave = session.subscribe({
      identified: (user) => this.#identified(user),
      ready: () => this.#join(this.conversation.head || null),
      frame: (frame) => this.#receive(frame),
      lost: () => this.#lost(),
      stopped: (problem) => this.#stop(problem),
      mail: (message) => this.#mailed(message),
    });
    if (session.user !== null) this.#identified(session.user);
    if (session.phase === "live") this.#join(null);
    if (session.phase === "stopped") this.#stop(session.problem);
  }

  close() {
    this.#leave?.();
    this.#leave = null;
    this.#forgetQuestions();
    clearTimeout(this.#typingTimer);
    this.#desk.session.hide(this.orderId);
  }

  // What the reader does.

  /** Send, edit, delete or report; it shows as under way until the server has settled it. */
  write(op, what) {
    this.#lastTyping = 0;
    const id = this.#outgoing.add({ op, ...what, seen: this.conversation.n, at: Date.now() });
    this.#onChange();
    return id;
  }

  again(id) {
    this.#outgoing.again(id);
  }

  discard(id) {
    this.#outgoing.discard(id);
  }

  loadOlder() {
    const before = this.conversation.oldest;
    if (this.loadingOlder || before === null || this.conversation.complete) return;
    this.#olderRef = this.#request("history", { before, limit: PAGE });
    this.loadingOlder = this.#olderRef !== null;
    this.#onChange();
  }

  /** @param {"text" | "file"} what the reader is at */
  typing(what) {
    const now = Date.now();
    if (now - this.#lastTyping < TYPING_EVERY_MS || this.phase !== "live") return;
    this.#lastTyping = now;
    this.#tell("typing", { what });
  }

  /** What is on the screen has been seen. */
  read() {
    const { newest, me } = this.conversation;
    if (newest === null || this.phase !== "live") return;
    if (newest.seq <= this.#lastRead || newest.n <= this.conversation.readBy(me)) return;
    this.#lastRead = newest.seq;
    this.conversation.takeOwnRead(newest.n);
    this.#tell("read", { up_to: newest.seq });
    queueMicrotask(this.#onChange); // it may be called while that is at work
  }

  /** Try again after a stop. */
  revive() {
    this.phase = "connecting";
    this.problem = null;
    const { session } = this.#desk;
    if (session.phase === "live") this.#join(this.conversation.head || null);
    else session.revive();
    this.#onChange();
  }

  // What the session tells.

  #identified(user) {
    if (this.me === user) return;
    this.conversation.me = user;
    this.#outgoing = new Outgoing(this.#desk.session, this.orderId, this.#onChange);
    this.#outgoing.open();
    this.#onChange();
  }

  #mailed(message) {
    if (message.order_id !== this.orderId) return;
    const settled = this.#outgoing.take(message);
    if (settled?.op === "report") this.conversation.takeReported(settled.target);
    this.#onChange();
  }

  #lost() {
    this.#forgetQuestions();
    if (this.phase === "stopped" && GONE_FOR_GOOD.has(this.problem.code)) return;
    this.conversation.online = null;
    this.phase = this.conversation.order === null ? "connecting" : "offline";
    this.problem = null;
    this.lostAt ??= Date.now();
    this.#onChange();
  }

  #stop(problem) {
    this.#forgetQuestions();
    this.phase = "stopped";
    this.problem = problem;
    this.#onChange();
  }

  #receive(frame) {
    if (frame.order_id !== undefined && frame.order_id !== this.orderId) return;
    if (this.phase === "stopped") return;
    switch (frame.op) {
      case "joined":
        this.#joined(frame);
        break;
      case "event":
        this.#heard(frame);
        break;
      case "page":
        this.#paged(frame);
        break;
      case "typing":
        this.conversation.takeTyping(frame, Date.now());
        clearTimeout(this.#typingTimer);
        this.#typingTimer = setTimeout(this.#onChange, TYPING_SHOWN_MS);
        break;
      case "presence":
        this.conversation.takePresence(frame);
        break;
      case "beat":
        return this.#compareHead(frame.heads[this.orderId]);
      case "refused":
        this.#refused(frame);
        break;
      case "left":
        if (frame.code) return this.#stop({ code: "forbidden", message: "" });
        break;
      default:
        return; // another's answer, or a frame of a later version
    }
    this.#onChange();
  }

  #joined(frame) {
    if (!this.#isAwaited(frame)) return;
    const { after } = this.#asked;
    this.#answered();
    this.#olderRef = null; // a page asked for before may not connect to what is shown now
    this.loadingOlder = false;
    if (this.conversation.join(frame, after) === "hole") return this.#repair();
    this.phase = "live";
    this.lostAt = null;
    this.#settle(frame.events);
    this.#outgoing.handOver();
    this.#release();
  }

  #heard(event) {
    if (this.#asked && event.seq > this.conversation.head) {
      this.#held.push(event); // its place is after what is being fetched
      if (this.#held.length > HELD_MAX) this.#desk.session.restart();
    } else if (this.conversation.take(event) === "hole") {
      this.#held.push(event);
      this.#fill(event.seq);
    } else {
      this.#repairs = 0;
      this.#settle([event]);
    }
  }

  #paged(page) {
    if (page.ref === this.#olderRef) {
      this.#olderRef = null;
      this.loadingOlder = false;
      this.conversation.addOlder(page);
    } else if (this.#isAwaited(page)) {
      const { before } = this.#asked;
      this.#answered();
      const followed = this.conversation.replay(page.events);
      this.#settle(page.events);
      const stuck = page.events.length === 0 && !page.complete;
      if (!followed || stuck) this.#repair();
      else if (!page.complete) this.#fill(before);
      else this.#release();
    }
  }

  /** Take what was held back; what does not even follow now is beyond mending by a replay. */
  #release() {
    const held = this.#held;
    this.#held = [];
    if (!this.conversation.replay(held)) return this.#repair();
    this.#settle(held);
  }

  /** Own events are the outcomes of what was written here. */
  #settle(events) {
    for (const { by, type, id, client_id: clientId } of events) {
      if (by !== this.me || !clientId) continue;
      const mine = this.#outgoing.settle(clientId);
      if (mine && type === "message") this.onSent({ client_id: clientId, id });
    }
  }

  /** What came does not connect to what is here: begin anew with the newest page. */
  #repair() {
    this.#repairs += 1;
    if (this.#repairs > REPAIRS_MAX) this.#desk.session.restart();
    else this.#join(null);
  }

  #compareHead(head) {
    if (head > this.conversation.head && !this.#asked && this.phase === "live") this.#fill(null);
  }

  #refused({ ref, code, message, retry_after_ms: after }) {
    if (ref === this.#olderRef) {
      this.#olderRef = null;
      this.loadingOlder = false;
    } else if (this.#isAwaited({ ref })) {
      this.#answered();
      if (GONE_FOR_GOOD.has(code)) return this.#stop({ code, message });
      clearTimeout(this.#retryTimer);
      this.#retryTimer = setTimeout(() => this.#join(this.conversation.head || null), after ?? RETRY_MS);
    }
  }

  // What is asked.

  #join(after) {
    this.#ask("join", { after, limit: PAGE });
  }

  /** Fetch what lies between the head and *before* (null: everything above the head). */
  #fill(before) {
    this.#ask("history", { after: this.conversation.head, before, limit: PAGE });
  }

  /** Ask for what must be here before live events go on. */
  #ask(op, fields) {
    const ref = this.#request(op, fields);
    if (ref === null) return;
    this.#asked = { ref, ...fields };
    clearTimeout(this.#answerTimer);
    this.#answerTimer = setTimeout(() => this.#desk.session.restart(), ANSWER_MS);
  }

  #isAwaited({ ref }) {
    return this.#asked !== null && ref === this.#asked.ref;
  }

  #answered() {
    this.#asked = null;
    clearTimeout(this.#answerTimer);
  }

  #request(op, fields) {
    return this.#desk.session.request({ op, order_id: this.orderId, ...fields });
  }

  #tell(op, fields) {
    this.#desk.session.tell({ op, order_id: this.orderId, ...fields });
  }

  #forgetQuestions() {
    this.#answered();
    clearTimeout(this.#retryTimer);
    this.#lastRead = 0;
    this.#repairs = 0;
    this.#held = [];
    this.#olderRef = null;
    this.loadingOlder = false;
  }
}
