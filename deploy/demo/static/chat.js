// One order's chat over one connection: joins, closes holes, and sends what is in the outbox.

import { Connection } from "./connection.js";
import { Conversation, TYPING_SHOWN_MS } from "./conversation.js";
import { Delivery } from "./delivery.js";
import { Outbox } from "./outbox.js";

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
  /** "connecting", "live", "offline", or "stopped" with `problem` saying why. */
  phase = "connecting";
  problem = "";
  loadingOlder = false;
  /** As the server greets with them. */
  limits = { text_chars: 8000, attachments: 0, attachment_bytes: 0 };

  #orderId;
  #me;
  #onChange;
  #connection;
  #ref = 0;
  #asked = null; // the join or replay being waited for: {ref, after, before}
  #olderRef = null;
  #held = []; // live events above a hole, until it is filled
  #repairs = 0;
  #answerTimer;
  #retryTimer;
  #delivery;
  #lastTyping = 0;
  #lastRead = 0;

  /**
   * @param {{orderId: string, me: string, url: string, tokenUrl: string}} where
   * @param {import("./attachments.js").Attachments} attachments
   * @param {() => void} onChange called after every change of what is shown
   */
  constructor({ orderId, me, url, tokenUrl }, attachments, onChange) {
    this.#orderId = orderId;
    this.#me = me;
    this.#onChange = onChange;
    this.conversation = new Conversation(me);
    this.outbox = new Outbox(() => crypto.randomUUID());
    const submit = (attempt) => this.#submit(attempt);
    const renew = (files) => attachments.renew(files);
    this.#delivery = new Delivery(this.outbox, { submit, renew }, onChange);
    this.#connection = new Connection(url, tokenUrl, {
      ready: ({ limits }) => this.#greeted(limits),
      frame: (frame) => this.#receive(frame),
      lost: () => this.#lost(),
      stopped: (problem) => this.#stopped(problem),
    });
  }

  start() {
    this.#connection.start();
  }

  // What the reader does.

  /** Send, edit or delete; it shows as being sent until its own event comes back. */
  write(op, what) {
    this.outbox.add({ op, ...what, at: Date.now() });
    this.#lastTyping = 0;
    this.#delivery.start();
    this.#onChange();
  }

  again(id) {
    this.outbox.again(id);
    this.#delivery.start();
    this.#onChange();
  }

  remove(id) {
    const attempt = this.outbox.remove(id);
    // The server holds later sends back until this id comes again; a new connection owes nothing.
    if (attempt?.state === "stuck") this.#connection.restart();
    this.#onChange();
  }

  loadOlder() {
    const before = this.conversation.oldest;
    if (this.loadingOlder || before === null) return;
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
    const newest = this.conversation.newest;
    if (newest === null || this.phase !== "live") return;
    const told = newest.seq <= this.#lastRead || newest.n <= this.conversation.readBy(this.#me);
    if (told) return;
    this.#lastRead = newest.seq;
    this.#tell("read", { up_to: newest.seq });
  }

  // What the connection tells.

  #greeted(limits) {
    this.limits = limits;
    this.#join(this.conversation.head || null);
  }

  #lost() {
    this.#forgetQuestions();
    this.conversation.online = null;
    this.phase = "offline";
    this.#onChange();
  }

  #stopped(problem) {
    this.#forgetQuestions();
    this.phase = "stopped";
    this.problem = problem;
    this.#onChange();
  }

  #receive(frame) {
    if (frame.order_id !== undefined && frame.order_id !== this.#orderId) return;
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
        setTimeout(this.#onChange, TYPING_SHOWN_MS);
        break;
      case "presence":
        this.conversation.takePresence(frame);
        break;
      case "beat":
        this.#compareHead(frame.heads[this.#orderId]);
        break;
      case "refused":
        this.#refused(frame);
        break;
      case "unknown":
        this.#delivery.doubt(frame);
        break;
      case "left":
        if (frame.code) this.#connection.stop("You no longer have access to this conversation.");
        break;
      default: // a frame of a later version
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
    this.#settle(frame.events);
    this.#release();
    this.#delivery.start();
  }

  #heard(event) {
    if (this.#asked && event.seq > this.conversation.head) {
      this.#held.push(event); // its place is after what is being fetched
      if (this.#held.length > HELD_MAX) this.#connection.restart();
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
    const own = events.filter(({ by, client_id }) => by === this.#me && client_id);
    this.#delivery.settle(own.map(({ client_id }) => client_id));
  }

  /** What came does not connect to what is here: begin anew with the newest page. */
  #repair() {
    this.#repairs += 1;
    if (this.#repairs > REPAIRS_MAX) this.#connection.restart();
    else this.#join(null);
  }

  #compareHead(head) {
    if (head > this.conversation.head && !this.#asked && this.phase === "live") this.#fill(null);
  }

  #refused(frame) {
    if (frame.code === "token_expired") this.#connection.renew();
    if (frame.id) {
      this.#delivery.refuse(frame);
    } else if (frame.ref === this.#olderRef) {
      this.#olderRef = null;
      this.loadingOlder = false;
    } else if (this.#isAwaited(frame)) {
      this.#answered();
      if (GONE_FOR_GOOD.has(frame.code)) return this.#connection.stop(frame.message);
      clearTimeout(this.#retryTimer);
      const again = () => this.#join(this.conversation.head || null);
      this.#retryTimer = setTimeout(again, frame.retry_after_ms ?? RETRY_MS);
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
    this.#answerTimer = setTimeout(() => this.#connection.restart(), ANSWER_MS);
  }

  #isAwaited({ ref }) {
    return this.#asked !== null && ref === this.#asked.ref;
  }

  #answered() {
    this.#asked = null;
    clearTimeout(this.#answerTimer);
  }

  #request(op, fields) {
    const ref = ++this.#ref;
    return this.#connection.send({ op, ref, order_id: this.#orderId, ...fields }) ? ref : null;
  }

  #tell(op, fields) {
    this.#connection.send({ op, order_id: this.#orderId, ...fields });
  }

  /** Hand an attempt to the connection; false if there is none that is live. */
  #submit({ id, op, text, files, target, uncertain }) {
    const frame = { id, retry: uncertain };
    if (op !== "delete") frame.text = text;
    if (op !== "send") frame.target = target;
    else Object.assign(frame, { attachments: files.map(({ grant }) => grant), seen: this.conversation.n });
    return this.phase === "live" && this.#request(op, frame) !== null;
  }

  #forgetQuestions() {
    this.#answered();
    clearTimeout(this.#retryTimer);
    this.#delivery.stop();
    this.#lastRead = 0;
    this.#repairs = 0;
    this.#held = [];
    this.#olderRef = null;
    this.loadingOlder = false;
  }
}
