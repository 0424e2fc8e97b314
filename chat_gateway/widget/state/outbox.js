// What this reader has written in one order and the server has not settled yet, in the order it was
// typed.
//
// One attempt is in flight at a time and the rest wait behind it, so the order is kept whatever
// becomes of it. An attempt leaves by its own event coming back, or by the reader removing it.

/** After so many tries without an outcome the reader is asked; trying by itself ends. */
const TRIES_MAX = 8;

/**
 * @typedef {object} Attempt
 * @property {string} id the client id, the same at every try
 * @property {number} place later attempts have higher ones
 * @property {"send" | "edit" | "delete" | "report"} op
 * @property {string} text
 * @property {object[]} files what a message carries: {id, grant, name, content_type, size}
 * @property {?string} target the message acted on
 * @property {?string} reply_to
 * @property {?string} reason of a report, with `note`
 * @property {number} seen number of the last message on the writer's screen
 * @property {number} at when it was written (ms)
 * @property {"waiting" | "sent" | "refused" | "stuck"} state
 * @property {boolean} uncertain a copy of it may be in the log already
 * @property {number} tries
 * @property {boolean} renewed its files have fresh grants
 * @property {?{code: string, message: string}} problem why it is refused or stuck
 */

const FRESH = {
  state: "waiting",
  uncertain: false,
  tries: 0,
  renewed: false,
  problem: null,
};

/** An attempt before its first try: *what* the reader wrote, and when. */
export function attemptOf(what) {
  const nothing = { text: "", files: [], target: null, reply_to: null, reason: null, note: "" };
  return { ...nothing, ...what, ...FRESH };
}

export class Outbox {
  #attempts = [];

  get attempts() {
    return [...this.#attempts];
  }

  /** Put an attempt where it belongs; false if it is here. */
  take(attempt) {
    if (this.find(attempt.id)) return false;
    const later = this.#attempts.findIndex(({ place }) => place > attempt.place);
    this.#attempts.splice(later < 0 ? this.#attempts.length : later, 0, { ...attempt });
    return true;
  }

  find(id) {
    return this.#attempts.find((attempt) => attempt.id === id) ?? null;
  }

  /** The attempt to send now; null while one is in flight or stuck, or nothing waits. */
  next() {
    const first = this.#attempts.find((attempt) => attempt.state !== "refused");
    return first?.state === "waiting" ? first : null;
  }

  /** Note that an attempt is handed to the connection. */
  sent(attempt) {
    attempt.state = "sent";
    attempt.tries += 1;
  }

  /** The server refused; tells whether trying the same id again is up to us. */
  refuse({ id, code, message, retry }) {
    const attempt = this.find(id);
    if (!attempt) return false;
    attempt.problem = { code, message };
    if (retry) return this.#wait(attempt);
    attempt.state = "refused";
    return false;
  }

  /** The files of a refused attempt, if fresh grants for them may mend it; null if not. */
  mendable({ id, code }) {
    const attempt = this.find(id);
    const may = code === "invalid" && attempt?.state === "sent" && !attempt.renewed;
    return may && attempt.files.length > 0 ? attempt.files : null;
  }

  /** The files of an attempt have fresh grants: the same id may be sent again. */
  mend(id, files) {
    const attempt = this.find(id);
    if (attempt) Object.assign(attempt, { files, renewed: true, state: "waiting" });
  }

  /** No outcome in time; tells whether trying the same id again is up to us. */
  doubt(id) {
    const attempt = this.find(id);
    if (!attempt) return false;
    attempt.uncertain = true;
    attempt.problem = { code: "unknown", message: "" };
    return this.#wait(attempt);
  }

  /** The connection is gone, and with it the outcome of what was in flight. */
  lose() {
    for (const attempt of this.#attempts) {
      if (attempt.state === "sent") Object.assign(attempt, { state: "waiting", uncertain: true });
    }
  }

  /** The reader asks for another try. An id that was refused for good is used up: *newId* and
   * *place* stand for it then. Answers the attempt that waits now; null if there is none. */
  again(id, newId, place) {
    const attempt = this.find(id);
    if (attempt?.state === "stuck") {
      return Object.assign(attempt, { state: "waiting", tries: 0, problem: null });
    }
    if (attempt?.state !== "refused") return null;
    this.remove(id);
    this.take({ ...attempt, ...FRESH, id: newId, place });
    return this.find(newId);
  }

  /** Take an attempt out, and answer it; null if it is not here. */
  remove(id) {
    const place = this.#attempts.findIndex((attempt) => attempt.id === id);
    return place < 0 ? null : this.#attempts.splice(place, 1)[0];
  }

  #wait(attempt) {
    attempt.state = attempt.tries < TRIES_MAX ? "waiting" : "stuck";
    return attempt.state === "waiting";
  }
}
