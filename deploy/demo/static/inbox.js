// The reader's conversations as the server tells of them: a page, then each line that changes.

import { Connection } from "./connection.js";

const PAGE = 30;

export class Inbox {
  #connection;
  #changed;
  #lines = new Map();
  #ref = 0;
  unreadTotal = 0;
  /** Null until the first page is there. */
  next = null;
  /** "connecting", "live", "offline" or "stopped" */
  phase = "connecting";
  problem = "";

  /**
   * @param {{url: string, tokenUrl: string}} where
   * @param {() => void} changed called after every change
   */
  constructor({ url, tokenUrl }, changed) {
    this.#changed = changed;
    this.#connection = new Connection(url, tokenUrl, {
      ready: () => this.#ask(null),
      frame: (frame) => this.#receive(frame),
      lost: () => this.#enter(this.phase === "connecting" ? "connecting" : "offline"),
      stopped: (problem) => {
        this.problem = problem;
        this.#enter("stopped");
      },
    });
  }

  start() {
    this.#connection.start();
  }

  /** All lines that are known, the newest first. */
  get lines() {
    return [...this.#lines.values()].sort(
      (one, other) => other.updated_at - one.updated_at || (one.order_id < other.order_id ? -1 : 1),
    );
  }

  loadMore() {
    if (this.next !== null) this.#ask(this.next);
  }

  #ask(before) {
    this.#ref += 1;
    this.#connection.send({ op: "inbox", ref: this.#ref, limit: PAGE, before });
  }

  #receive(frame) {
    if (frame.op === "inbox") this.#takePage(frame);
    else if (frame.op === "conversation") this.#takeLine(frame);
    else if (frame.op === "left") this.#takeAway(frame.order_id);
    else if (frame.op === "refused") this.#connection.restart(); // it comes back after a while
  }

  #takePage({ ref, conversations, unread_total: total, next }) {
    // Pushes may have come before the answer, and are newer or the same.
    if (this.phase !== "live") this.#lines.clear();
    for (const line of conversations) this.#lines.set(line.order_id, line);
    this.unreadTotal = total;
    if (ref === this.#ref) this.next = next;
    this.#enter("live");
  }

  #takeLine({ unread_total: total, ...line }) {
    this.#lines.set(line.order_id, line);
    this.unreadTotal = total;
    this.#changed();
  }

  /** The reader takes part no more; the total without it is in a fresh page. */
  #takeAway(orderId) {
    this.#lines.delete(orderId);
    this.#ask(null);
    this.#changed();
  }

  #enter(phase) {
    this.phase = phase;
    this.#changed();
  }
}

/** The address of the websocket on the page's own server. */
export function chatUrl() {
  const url = new URL("/v1/chat", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}

/** How a total is written: it stops at a thousand. */
export function totalText(total) {
  return total >= 1000 ? "999+" : String(total);
}
