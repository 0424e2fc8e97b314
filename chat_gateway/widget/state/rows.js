// Which rows stand in the list: a window over an order's items, and after the last of them over
// what the reader wrote that has no place among them yet. It is moved as one reads, and bounded.

/** So many rows at most, marks of days included. */
export const ROWS_MAX = 300;
/** So many entries the window grows by. */
export const STEP = 50;
/** Messages of one author this close to each other are shown as one group. */
const GROUP_MS = 5 * 60 * 1000;

/**
 * @typedef {object} Row
 * @property {string | number} key the same for the same thing, also once an own message stands
 * @property {"day" | "status" | "message" | "attempt"} kind
 * @property {number} at
 * @property {object} [item] the event of a status line or message
 * @property {object} [attempt]
 * @property {boolean} [first] of a group by one author
 */

export class Rows {
  /** Entries shown are those from `from` up to, not including, `to`. */
  from = 0;
  to = 0;
  /** @type {Row[]} */
  shown = [];

  #me;
  #items = [];
  #attempts = [];
  #oldest = null; // position of the first item, by which is seen what came before it
  #ended = true; // the window held the last entry when it was laid

  /** @param {string} me user id of the reader */
  constructor(me) {
    this.#me = me;
  }

  get length() {
    return this.#items.length + this.#attempts.length;
  }

  /** The last entry is in the window. */
  get atEnd() {
    return this.to === this.length;
  }

  /**
   * Take what there is now, and leave the window where it stands. If all is new, it is laid around
   * the item that was on the screen, or at the end.
   * @param {object} conversation
   * @param {object[]} attempts what stands after its items
   * @param {?number} [anchor] position of an item on the screen; null: follow the end
   */
  take(conversation, attempts, anchor) {
    const { items } = conversation;
    const wasAtEnd = this.#ended;
    const shift = this.#oldest === null ? 0 : conversation.indexOf(this.#oldest);
    const place = conversation.indexOf(anchor);
    this.#items = items;
    this.#attempts = attempts;
    this.#oldest = conversation.oldest;
    if (shift < 0 && place >= 0) this.around(place);
    else if (shift < 0 || (anchor === null && !wasAtEnd) || this.to === 0) this.toEnd();
    else {
      // A page of older ones is shown at once: it was asked for because its place is near.
      this.from += Math.max(0, shift - STEP);
      this.to = wasAtEnd ? this.length : Math.min(this.to + shift, this.length);
      this.#lay(anchor === null);
    }
  }

  /** Grow upward; what is too much leaves below. */
  up() {
    this.from = Math.max(0, this.from - STEP);
    this.#lay(false);
  }

  /** Grow downward; what is too much leaves above. */
  down() {
    this.to = Math.min(this.length, this.to + STEP);
    this.#lay(true);
  }

  toEnd() {
    this.around(this.length);
  }

  /** Lay the window anew around an entry. */
  around(place) {
    this.from = Math.max(0, place - 2 * STEP);
    this.to = Math.min(this.length, place + 2 * STEP);
    this.#lay(true);
  }

  /** Make the rows of the window; too many leave above if its end is kept, else below. */
  #lay(keepsEnd) {
    if (keepsEnd) this.from = Math.max(this.from, this.to - ROWS_MAX);
    else this.to = Math.min(this.to, this.from + ROWS_MAX);
    const rows = [];
    const keys = new Set();
    let last = this.#at(this.from - 1);
    let day = last && dayOf(last.at);
    for (let place = this.from; place < this.to; place += 1) {
      const entry = this.#at(place);
      const today = dayOf(entry.at);
      if (today !== day) rows.push({ key: `day ${today}`, kind: "day", at: entry.at, place });
      const key = this.#keyOf(entry);
      const first = today !== day || !this.#continues(last, entry);
      // For a moment an attempt may be here beside the message it has become.
      if (!keys.has(key)) rows.push({ key, ...this.#rowOf(entry), first, at: entry.at, place });
      keys.add(key);
      last = entry;
      day = today;
    }
    const excess = Math.max(0, rows.length - ROWS_MAX);
    if (keepsEnd) {
      rows.splice(0, excess);
      this.from = rows[0]?.place ?? 0;
    } else if (excess > 0) {
      rows.length = ROWS_MAX;
      if (rows.at(-1).kind === "day") rows.pop(); // its message left
      this.to = rows.at(-1).place + 1;
    }
    this.shown = rows;
    this.#ended = this.atEnd;
  }

  #at(place) {
    return this.#items[place] ?? this.#attempts[place - this.#items.length];
  }

  #rowOf(entry) {
    if (isAttempt(entry)) return { kind: "attempt", attempt: entry };
    return { kind: entry.type === "order" ? "status" : "message", item: entry };
  }

  /** An own message has the key of the attempt it was, and so the same element. */
  #keyOf(entry) {
    if (isAttempt(entry)) return entry.id;
    return entry.type === "message" && entry.by === this.#me ? entry.client_id : entry.seq;
  }

  #continues(last, entry) {
    if (!last || last.type === "order") return false;
    const author = (of) => (isAttempt(of) ? this.#me : of.by);
    return author(last) === author(entry) && entry.at - last.at <= GROUP_MS;
  }
}

function isAttempt({ type }) {
  return type === undefined;
}

/** The beginning of a moment's day, in the reader's zone. */
function dayOf(at) {
  return new Date(at).setHours(0, 0, 0, 0);
}
