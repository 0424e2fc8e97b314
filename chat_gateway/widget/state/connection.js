// One connection for several tabs: which of them an answer is for, which orders one still needs, and
// when it is worth another try.

const FIRST_MS = 500;
const MAX_MS = 30_000;
/** A tab's number stands above its own refs in the refs on the wire: nothing need be remembered. */
const REFS = 2 ** 32;

export class Relay {
  #tabs = [];
  #holders = new Map(); // order id → those who need it joined

  /** What to send for a tab's frame; null if nothing is: an order is left by the last who needs it. */
  outgoing(tab, frame) {
    if (frame.op === "join") this.hold(tab, frame.order_id);
    if (frame.op === "leave" && !this.release(tab, frame.order_id)) return null;
    return frame.ref === undefined ? frame : { ...frame, ref: this.#number(tab) * REFS + frame.ref };
  }

  /**
   * Whose a frame is, as it is to be handed on.
   * @returns {{frame: object, tab: ?string}} tab: null for all of them
   */
  incoming(frame) {
    if (frame.op === "left" && frame.code) this.#holders.delete(frame.order_id);
    const { ref } = frame;
    if (ref === undefined || ref === null) return { frame, tab: null };
    return { frame: { ...frame, ref: ref % REFS }, tab: this.#tabs[Math.floor(ref / REFS)] ?? null };
  }

  /** A tab needs an order joined. */
  hold(tab, orderId) {
    if (!this.#holders.has(orderId)) this.#holders.set(orderId, new Set());
    this.#holders.get(orderId).add(tab);
  }

  /** A tab is closed. Answers the orders that nobody needs any more. */
  gone(tab) {
    return [...this.#holders.keys()].filter((orderId) => this.release(tab, orderId));
  }

  /** The connection is lost, and everything joined with it. */
  reset() {
    this.#holders.clear();
  }

  /** Tells whether *tab* was the last who needed the order. */
  release(tab, orderId) {
    const holders = this.#holders.get(orderId);
    if (!holders?.delete(tab) || holders.size > 0) return false;
    return this.#holders.delete(orderId);
  }

  #number(tab) {
    const place = this.#tabs.indexOf(tab);
    return place < 0 ? this.#tabs.push(tab) - 1 : place;
  }
}

/**
 * How long to wait before another try: a random time below a ceiling that doubles ("full jitter"), so
 * that those who were cut off together do not come back together.
 * @param {number} losses tries that failed before, in a row
 * @param {number} random 0 to 1
 * @returns {number} ms
 */
export function backoff(losses, random) {
  return random * Math.min(MAX_MS, FIRST_MS * 2 ** losses);
}
