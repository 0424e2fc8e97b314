// The events of one order, as far as they are here. A conversation that fits into one answer is
// here whole. Of a longer one the newest part is, and older pages of messages on demand; where what
// happened between them is too much for an answer, it is left out.

const PAGE = 100;
const PAGES_MAX = 40;

export class Reading {
  /** Nothing that happened since the oldest message here is missing. */
  filled = false;
  /** Nothing older exists. */
  complete = false;

  #api;
  #path;
  #events = new Map(); // by seq
  #head = 0; // up to here nothing that was asked for is missing

  /** @param {import("./api.js").Api} api */
  constructor(api, orderId) {
    this.#api = api;
    this.#path = `/v1/orders/${orderId}/messages`;
  }

  /** All that is here, rising by seq. */
  get events() {
    return [...this.#events.values()].sort((one, other) => one.seq - other.seq);
  }

  /** Raises `Problem`. */
  async load() {
    const page = await this.#get({ after: 0 });
    this.#events.clear();
    this.take(page.events);
    this.filled = this.complete = !page.reset;
    this.#head = lastOf(page.events);
    if (page.reset) await this.#fill();
  }

  /** Take what came since. Raises `Problem`. */
  async follow() {
    if (this.#events.size === 0) return this.load();
    const page = await this.#get({ after: this.#head });
    if (page.reset) return this.load();
    this.take(page.events);
    this.#head = Math.max(this.#head, lastOf(page.events));
  }

  /** Take a page of older messages. Raises `Problem`. */
  async older() {
    const page = await this.#get({ before: this.#oldest });
    this.take(page.events);
    this.complete = page.complete;
    await this.#fill();
  }

  /** Go back until a message is here, or it would take too long. Raises `Problem`. */
  async reach(messageId) {
    const isHere = () => this.events.some(({ id }) => id === messageId);
    for (let pages = 0; !this.complete && !isHere() && pages < PAGES_MAX; pages += 1) {
      await this.older();
    }
  }

  /** Take events; those that were answered elsewhere may be ahead of others. */
  take(events) {
    for (const event of events) this.#events.set(event.seq, event);
  }

  /** Take all that happened since the oldest message, if it fits into an answer. */
  async #fill() {
    const page = await this.#get({ after: this.#oldest - 1 });
    this.filled = !page.reset;
    if (this.filled) this.take(page.events);
  }

  get #oldest() {
    return Math.min(...this.#events.keys());
  }

  #get(query) {
    return this.#api.get(this.#path, { ...query, limit: PAGE });
  }
}

function lastOf(events) {
  return events.at(-1)?.seq ?? 0;
}
