// Takes attempts out of the outbox one by one, and tries again what may yet be taken.

/** An attempt nobody answered for so long counts as unknown. */
const ANSWER_MS = 15_000;
const RETRY_MS = 1_000;

export class Delivery {
  #outbox;
  #submit;
  #renew;
  #onChange;
  #timer = null; // runs while an attempt is in flight, and until the next try

  /**
   * @param {import("../state/outbox.js").Outbox} outbox
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
