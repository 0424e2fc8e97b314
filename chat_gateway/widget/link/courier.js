// Delivers what was written in any tab, of every order, one attempt after the other in each.
//
// The tab that has the connection runs it. What was written while nobody could send, or in a tab
// that is closed by now, goes as soon as some page is connected.

import { Outbox } from "../state/outbox.js";

/** An attempt nobody answered for so long counts as unknown. */
const ANSWER_MS = 15_000;
const RETRY_MS = 1_000;
/** Only to be allowed to write: the newest event is enough. */
const LIMIT = 1;

export class Courier {
  #me;
  #store;
  #on;
  #lanes = new Map(); // order id → {outbox, delivery, orderId, asking, inFlight, shown}
  #joined = new Set(); // orders that this connection has joined, whoever asked for it
  #live = false;

  /**
   * @param {string} me user id of the writer
   * @param {import("./outgoing.js").OutboxStore} store
   * @param {object} on
   * @param {(orderId: string) => boolean} on.covers whether the token is good for an order
   * @param {(frame: object) => number} on.request sends a frame, and answers its ref
   * @param {(orderId: string) => void} on.hold the order must stay joined, until `on.drop`
   * @param {(files: object[]) => Promise<object[]>} on.renew gets fresh grants for files
   * @param {() => void} on.restart makes the connection anew
   * @param {(message: object) => void} on.tell every tab: {kind: "attempt", order_id, attempt}, or
   *   {kind: "settled", order_id, id, stands}
   */
  constructor(me, store, on) {
    this.#me = me;
    this.#store = store;
    this.#on = on;
  }

  /** Take up what earlier pages left. */
  async start() {
    for (const { order_id: orderId, attempt } of await this.#store.all()) {
      const refused = attempt.state === "refused";
      // Nobody knows how far the page that wrote it came.
      const doubtful = { state: "waiting", uncertain: true, tries: 0 };
      this.take(orderId, refused ? attempt : { ...attempt, ...doubtful });
    }
  }

  close() {
    this.#live = false;
    for (const { delivery } of this.#lanes.values()) delivery.stop();
    this.#lanes.clear();
  }

  /** Deliver an attempt; one that is known already is not taken twice. */
  take(orderId, attempt) {
    if (!this.#on.covers(orderId)) return;
    const lane = this.#lane(orderId);
    if (!lane.outbox.take(attempt)) lane.shown.delete(attempt.id); // who asks again is told again
    this.#goOn(lane);
  }

  again(orderId, id) {
    const lane = this.#lane(orderId);
    const attempt = lane.outbox.again(id, crypto.randomUUID(), Date.now());
    if (attempt === null) return;
    this.#store.put(orderId, attempt);
    if (attempt.id !== id) this.#forget(lane, id);
    this.#goOn(lane);
  }

  discard(orderId, id) {
    const lane = this.#lane(orderId);
    const attempt = lane.outbox.remove(id);
    this.#forget(lane, id);
    // The server holds later sends back until this id comes again; a new connection owes nothing.
    if (attempt?.state === "stuck") this.#on.restart();
  }

  ready() {
    this.#live = true;
    for (const lane of this.#lanes.values()) this.#goOn(lane);
  }

  lost() {
    this.#live = false;
    this.#joined.clear();
    for (const lane of this.#lanes.values()) {
      lane.asking = null;
      lane.delivery.stop();
    }
  }

  /** Whatever the server says, to whomever it is said. */
  frame(frame) {
    const lane = this.#lanes.get(frame.order_id);
    switch (frame.op) {
      case "joined":
        this.#joined.add(frame.order_id);
        if (!lane) return;
        lane.asking = null;
        this.#settle(lane, frame.events);
        return this.#goOn(lane);
      case "page":
        return lane && this.#settle(lane, frame.events);
      case "event":
        return lane && this.#settle(lane, [frame]);
      case "left":
        this.#joined.delete(frame.order_id);
        return lane && this.#goOn(lane);
      default:
        return this.#answer(frame);
    }
  }

  /** Answers name no order, but the attempt or the `ref`. */
  #answer(frame) {
    for (const lane of this.#lanes.values()) {
      const { asking, inFlight } = lane;
      if (frame.ref && frame.ref === asking) return this.#notJoined(lane, frame);
      if (frame.op === "done" && frame.ref === inFlight?.ref) return this.#settleOne(lane, inFlight.id);
      if (!lane.outbox.find(frame.id)) continue;
      if (frame.op === "unknown") lane.delivery.doubt(frame);
      if (frame.op === "refused") {
        if (frame.code === "not_joined") this.#joined.delete(lane.orderId);
        lane.delivery.refuse(frame);
      }
      return this.#showAll(lane, true);
    }
  }

  #notJoined(lane, { op, code, message, retry, retry_after_ms: after }) {
    lane.asking = null;
    if (op !== "refused") return;
    if (retry) return setTimeout(() => this.#goOn(lane), after ?? RETRY_MS);
    for (const { id } of lane.outbox.attempts) lane.outbox.refuse({ id, code, message });
    this.#showAll(lane, true);
  }

  #lane(orderId) {
    let lane = this.#lanes.get(orderId);
    if (lane) return lane;
    const outbox = new Outbox();
    lane = { orderId, outbox, asking: null, inFlight: null, shown: new Map() };
    const submit = (attempt) => this.#submit(lane, attempt);
    const by = { submit, renew: this.#on.renew };
    lane.delivery = new Delivery(outbox, by, () => this.#showAll(lane, true));
    this.#lanes.set(orderId, lane);
    return lane;
  }

  #goOn(lane) {
    lane.delivery.start();
    this.#showAll(lane, false);
  }

  /** Hand an attempt over; false if it cannot be now. */
  #submit(lane, attempt) {
    if (!this.#live) return false;
    this.#on.hold(lane.orderId);
    if (!this.#joined.has(lane.orderId)) {
      const join = { op: "join", order_id: lane.orderId, after: null, limit: LIMIT };
      lane.asking ??= this.#on.request(join);
      return false;
    }
    lane.inFlight = { id: attempt.id, ref: this.#on.request(frameOf(lane.orderId, attempt)) };
    return true;
  }

  /** Own events are the outcomes of what was written. */
  #settle(lane, events) {
    for (const { by, client_id: id } of events) {
      if (by === this.#me && lane.outbox.find(id)) this.#settleOne(lane, id);
    }
  }

  #settleOne(lane, id) {
    lane.outbox.remove(id);
    this.#forget(lane, id, true);
    lane.delivery.settled();
    this.#showAll(lane, false);
  }

  #forget(lane, id, stands = false) {
    lane.shown.delete(id);
    this.#store.remove(lane.orderId, id);
    this.#on.tell({ kind: "settled", order_id: lane.orderId, id, stands });
    if (lane.outbox.attempts.length === 0) this.#on.drop(lane.orderId);
  }

  /** Tell the tabs what changed; *keep* it where only the reader can go on. */
  #showAll(lane, keep) {
    for (const { id } of lane.outbox.attempts) this.#show(lane, id, keep);
  }

  #show(lane, id, keep = false) {
    const attempt = lane.outbox.find(id);
    const look = attempt.state + JSON.stringify(attempt.problem);
    if (lane.shown.get(id) === look) return;
    lane.shown.set(id, look);
    if (keep && (attempt.state === "refused" || attempt.state === "stuck")) {
      this.#store.put(lane.orderId, attempt);
    }
    this.#on.tell({ kind: "attempt", order_id: lane.orderId, attempt: { ...attempt } });
  }
}

/** Takes attempts out of an outbox one by one, and tries again what may yet be taken. */
class Delivery {
  #outbox;
  #submit;
  #renew;
  #onChange;
  #timer = null; // runs while an attempt is in flight, and until the next try

  /**
   * @param {Outbox} outbox
   * @param {object} by
   * @param {(attempt: object) => boolean} by.submit hands an attempt over; false if it cannot now
   * @param {(files: object[]) => Promise<object[]>} by.renew gets fresh grants for files
   * @param {() => void} onChange called when an attempt changed without a frame
   */
  constructor(outbox, { submit, renew }, onChange) {
    this.#outbox = outbox;
    this.#submit = submit;
    this.#renew = renew;
    this.#onChange = onChange;
  }

  /** Send what is next, unless something is under way. */
  start() {
    const attempt = this.#outbox.next();
    if (attempt === null || this.#timer !== null || !this.#submit(attempt)) return;
    this.#outbox.sent(attempt);
    this.#timer = setTimeout(() => this.#unanswered(attempt.id), ANSWER_MS);
  }

  /** The connection is gone: nothing is sent before `start`, and what was under way is in doubt. */
  stop() {
    this.#clear();
    this.#outbox.lose();
  }

  /** An attempt has its outcome, or is wanted no more. */
  settled() {
    this.#goOn();
  }

  /** A frame `refused` that names an attempt. */
  refuse(frame) {
    const files = this.#outbox.mendable(frame);
    if (files !== null) this.#mend(frame, files);
    else if (this.#outbox.refuse(frame)) this.#goOnIn(frame.retry_after_ms ?? RETRY_MS);
    else this.#goOn();
  }

  /** A frame `unknown`. */
  doubt({ id, retry_after_ms: after }) {
    if (this.#outbox.doubt(id)) this.#goOnIn(after);
    else this.#goOn();
  }

  /** A grant may have expired. What was typed later waits meanwhile, as for any answer. */
  async #mend(frame, files) {
    const fresh = await this.#renew(files).catch(() => null);
    if (this.#outbox.mendable(frame) !== files) return; // unanswered, cut off or removed meanwhile
    if (fresh === null) this.#outbox.refuse(frame);
    else this.#outbox.mend(frame.id, fresh);
    this.#goOn();
    this.#onChange();
  }

  #unanswered(id) {
    this.#outbox.doubt(id);
    this.#goOn();
    this.#onChange();
  }

  #goOn() {
    this.#clear();
    this.start();
  }

  #goOnIn(afterMs) {
    this.#clear();
    this.#timer = setTimeout(() => this.#goOn(), afterMs);
  }

  #clear() {
    clearTimeout(this.#timer);
    this.#timer = null;
  }
}

function frameOf(orderId, { op, id, text, files, target, reply_to, reason, note, seen, uncertain }) {
  const frame = { op, order_id: orderId, id, retry: uncertain };
  switch (op) {
    case "send":
      return { ...frame, text, reply_to, seen, attachments: files.map(({ grant }) => grant) };
    case "edit":
      return { ...frame, target, text };
    case "report":
      return { ...frame, target, reason, note };
    default:
      return { ...frame, target };
  }
}
