// One order's chat: joins, closes holes, and sends what is in the outbox; nothing is sent twice.

import { Connection } from "./connection.js";
import { Conversation } from "./conversation.js";

const ANSWER_MS = 15_000; // what takes longer is not coming: the connection is made anew
const [JOIN, SEND] = [1, 2]; // what the `ref` of an answer says it is to
const RIGHTS = new Set(["order", "mute", "unmute", "close", "reopen"]); // who may write may change

export class OrderChat {
  phase = "connecting"; // "live", "offline", or "stopped" for good, with `problem` saying why
  problem = "";
  me = null; // my user id
  you = null; // what I may do, as the last answer to a join says
  conversation = new Conversation();
  outbox = []; // {id, text, state, doubt, problem}, in order; "waiting", "sent" or "refused"
  #asked; // the position a join under way asks from; undefined while there is none
  #read = 0; // number of the last message I said I have read
  #joinTimer;
  #sendTimer = null; // runs while an attempt is in flight, and until the next try

  /** `changed` is called after every change. */
  constructor({ server, tokenUrl, orderId }, changed) {
    Object.assign(this, { orderId, changed });
    this.connection = new Connection(server, tokenUrl, {
      ready: ({ user_id }) => ((this.me = user_id), this.#join()),
      frame: (frame) => (this.#receive(frame), changed()),
      lost: () => (this.#lost("offline", ""), changed()),
      stopped: (problem) => (this.#lost("stopped", problem), changed()),
    });
  }

  send(text) {
    const id = crypto.randomUUID(); // the same at every try
    this.outbox.push({ id, text, state: "waiting", doubt: false, problem: "" });
    this.#next();
    this.changed();
  }

  /** Take a refused text out. Its id is used up: said again, it is another message. */
  remove(entry) {
    this.outbox = this.outbox.filter((other) => other !== entry);
    this.changed();
  }

  /** Everything on the screen has been seen. */
  read() {
    const { newest } = this.conversation;
    if (this.phase !== "live" || !newest || newest.n <= this.#read) return;
    this.#read = newest.n;
    this.connection.send({ op: "read", order_id: this.orderId, up_to: newest.seq });
  }

  #receive(frame) {
    const entry = this.outbox.find(({ id }) => id === frame.id);
    if (frame.op === "joined") this.#joined(frame);
    else if (frame.op === "event") this.#heard(frame);
    else if (frame.op === "beat" && frame.heads[this.orderId] > this.conversation.head) this.#join();
    else if (frame.op === "unknown" && entry) this.#again(entry, frame.retry_after_ms, true);
    else if (frame.op === "refused") this.#refused(frame, entry);
    else if (frame.op === "left") this.connection.stop("You no longer take part in this order.");
  }

  /** Ask for what came after the head; null asks for the newest page. */
  #join(after = this.conversation.head || null) {
    if (this.#asked !== undefined) return; // its answer will tell
    clearTimeout(this.#joinTimer);
    this.#asked = after;
    this.connection.send({ op: "join", ref: JOIN, order_id: this.orderId, after });
    this.#joinTimer = setTimeout(() => this.connection.lose(), ANSWER_MS);
  }

  #joined(answer) {
    clearTimeout(this.#joinTimer);
    const startOver = answer.reset || this.#asked === null;
    this.#asked = undefined;
    if (startOver) this.conversation.startOver(answer);
    else if (!answer.events.every((event) => this.conversation.follow(event))) this.#join(null);
    this.phase = "live";
    this.you = answer.you;
    this.#settle(answer.events);
  }

  #heard(event) {
    const granted = event.seq > this.conversation.head && RIGHTS.has(event.type);
    // The answer to a join brings what is missing, and what I may do now.
    if (!this.conversation.follow(event) || granted) this.#join();
    this.#settle([event]);
  }

  /** My own events are the outcomes of what I sent. */
  #settle(events) {
    const mine = new Set(events.map((event) => event.by === this.me && event.client_id));
    if (this.outbox.some(({ id, state }) => mine.has(id) && state === "sent")) this.#rest();
    this.outbox = this.outbox.filter(({ id }) => !mine.has(id));
    this.#next();
  }

  #refused(frame, entry) {
    if (frame.code === "token_expired") this.connection.lose(); // and back with a fresh one
    else if (entry && frame.retry) this.#again(entry, frame.retry_after_ms, entry.doubt);
    else if (entry) {
      Object.assign(entry, { state: "refused", problem: frame.message });
      this.#rest();
      this.#next();
    } else if (frame.ref === JOIN && frame.retry) {
      clearTimeout(this.#joinTimer);
      this.#asked = undefined;
      this.#joinTimer = setTimeout(() => this.#join(), frame.retry_after_ms);
    } else if (frame.ref === JOIN) this.connection.stop(frame.message);
  }

  /** Hand over the first that waits, one at a time: so the order is kept whatever happens. */
  #next() {
    const entry = this.outbox.find(({ state }) => state === "waiting");
    if (!entry || this.phase !== "live" || this.#sendTimer !== null) return;
    entry.state = "sent";
    const { id, text, doubt } = entry;
    const seen = this.conversation.newest?.n ?? 0;
    const frame = { op: "send", ref: SEND, order_id: this.orderId, id, text, seen, retry: doubt };
    this.connection.send(frame);
    this.#sendTimer = setTimeout(() => this.connection.lose(), ANSWER_MS);
  }

  /** The same id again, after a while; `doubt`: a copy of it may stand already. */
  #again(entry, afterMs, doubt) {
    Object.assign(entry, { state: "waiting", doubt });
    this.#rest();
    this.#sendTimer = setTimeout(() => (this.#rest(), this.#next()), afterMs);
  }

  #rest() {
    clearTimeout(this.#sendTimer);
    this.#sendTimer = null;
  }

  #lost(phase, problem) {
    Object.assign(this, { phase, problem });
    clearTimeout(this.#joinTimer);
    this.#asked = undefined;
    this.#rest();
    for (const entry of this.outbox) {
      if (entry.state === "sent") Object.assign(entry, { state: "waiting", doubt: true });
    }
  }
}
