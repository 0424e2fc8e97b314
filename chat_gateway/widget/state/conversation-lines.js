// The lines of the Messages area: what pages and pushes told of each conversation, and what of it
// a reader looks for.

export class ConversationLines {
  /** How many messages are unread in all conversations, those not listed here too. */
  unreadTotal = 0;

  #lines = new Map(); // order id → line
  #sorted = null; // null: to be sorted again

  /** How many lines are known. */
  get size() {
    return this.#lines.size;
  }

  /** The statuses that lines have, each once. */
  get statuses() {
    return [...new Set([...this.#lines.values()].map(({ status }) => status))].sort();
  }

  /** Take a page: an answer to `inbox`. It is never older than what was pushed before it. */
  takePage({ conversations, unread_total: total }) {
    for (const line of conversations) this.#put(line);
    this.unreadTotal = total;
  }

  /** Take a pushed `conversation`. */
  takeLine({ op, unread_total: total, ...line }) {
    this.#put(line);
    this.unreadTotal = total;
  }

  /** The reader takes part no more. Only the next answer tells the total without it. */
  remove(orderId) {
    this.#lines.delete(orderId);
    this.#sorted = null;
  }

  /**
   * The lines that match everything asked for, the last active first.
   * @param {object} wish
   * @param {string} wish.search words that all occur in title or names, in any writing
   * @param {boolean} wish.unreadOnly
   * @param {?string} wish.status empty: any
   * @param {?string} wish.kept order whose line stays though it has been read meanwhile
   */
  visible({ search = "", unreadOnly = false, status = "", kept = null } = {}) {
    this.#sorted ??= [...this.#lines.values()].sort(byActivity);
    const sought = fold(search).split(/\s+/);
    return this.#sorted.filter((line) => {
      if (unreadOnly && line.unread === 0 && line.order_id !== kept) return false;
      if (status && line.status !== status) return false;
      const text = fold([line.title, ...line.participants.map(({ name }) => name)].join("\n"));
      return sought.every((word) => text.includes(word));
    });
  }

  /** A line that says what it said before stays the same object. */
  #put(line) {
    const old = this.#lines.get(line.order_id);
    if (JSON.stringify(old) === JSON.stringify(line)) return;
    this.#lines.set(line.order_id, line);
    this.#sorted = null;
  }
}

/** As the server sorts its pages. */
function byActivity(one, other) {
  return other.updated_at - one.updated_at || (one.order_id < other.order_id ? -1 : 1);
}

/** Without case and accents: "Müller" is found by "muller". */
function fold(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().trim();
}
