// What this reader has written in one order and the server has not settled: what every tab shows.
//
// The courier, here or in another tab, delivers it and tells what becomes of it; this only keeps
// account, and keeps what is written safe.

import { attemptOf } from "../state/outbox.js";

export class Outgoing {
  #session;
  #orderId;
  #onChange;
  #attempts = new Map(); // id → attempt
  #settled = new Set(); // ids that are not to come back by what was read before
  #listed = null;
  #lastPlace = 0;

  constructor(session, orderId, onChange) {
    this.#session = session;
    this.#orderId = orderId;
    this.#onChange = onChange;
  }

  /** In the order they were written. */
  get attempts() {
    this.#listed ??= [...this.#attempts.values()].sort((one, other) => one.place - other.place);
    return this.#listed;
  }

  /** Take up what was kept. */
  async open() {
    for (const { attempt } of await this.#session.store.all(this.#orderId)) {
      if (!this.#attempts.has(attempt.id)) this.#put(attempt);
    }
    this.handOver();
    this.#onChange();
  }

  /** Write something: `what` as in `outbox.js`. Answers its id. */
  add(what) {
    const id = crypto.randomUUID();
    this.#lastPlace = Math.max(this.#lastPlace + 1, what.at);
    const attempt = attemptOf({ ...what, id, place: this.#lastPlace });
    this.#put(attempt);
    this.#session.store.put(this.#orderId, attempt);
    this.#post({ kind: "write", attempt });
    return id;
  }

  again(id) {
    this.#post({ kind: "again", id });
  }

  discard(id) {
    this.#post({ kind: "discard", id });
  }

  /** There is another courier, which may not have heard of all. */
  handOver() {
    for (const attempt of this.attempts) {
      this.#post({ kind: "write", attempt: { ...attempt, uncertain: true } });
    }
  }

  /** What the courier tells of an attempt. Answers the attempt if it stands. */
  take({ kind, attempt, id, stands }) {
    if (kind === "attempt") this.#put(attempt);
    const settled = kind === "settled" ? this.settle(id) : null;
    return stands ? settled : null;
  }

  /** It stands, or is wanted no more. Answers the attempt if it was here. */
  settle(id) {
    const attempt = this.#attempts.get(id) ?? null;
    this.#settled.add(id);
    this.#attempts.delete(id);
    this.#listed = null;
    return attempt;
  }

  #put(attempt) {
    if (this.#settled.has(attempt.id)) return;
    this.#attempts.set(attempt.id, attempt);
    this.#lastPlace = Math.max(this.#lastPlace, attempt.place);
    this.#listed = null;
  }

  #post(message) {
    this.#session.post({ ...message, order_id: this.#orderId });
  }
}
