// What stands in the box of an order and is not sent: it survives a reload, and is the same in all
// tabs.

const NOTHING = { text: "", reply_to: null };

export class Draft {
  /** Called when another tab changed it. */
  onChange = () => {};

  #key;
  #value;
  #hear = (event) => {
    // A storage that was cleared as a whole names no key.
    if (event.key !== this.#key && event.key !== null) return;
    this.#value = parse(read(this.#key)); // an event may be late: what was typed since has its place
    this.onChange();
  };

  /** @param {string} key under which it is kept in this browser */
  constructor(key) {
    this.#key = key;
    this.#value = parse(read(key));
    globalThis.addEventListener("storage", this.#hear);
  }

  get text() {
    return this.#value.text;
  }

  set text(text) {
    this.#keep({ ...this.#value, text });
  }

  /** Id of the message it answers, or null. */
  get replyTo() {
    return this.#value.reply_to;
  }

  set replyTo(id) {
    this.#keep({ ...this.#value, reply_to: id });
  }

  clear() {
    this.#keep(NOTHING);
  }

  close() {
    globalThis.removeEventListener("storage", this.#hear);
  }

  // A browser may forbid storage, or have no room; then a draft lasts as long as the page.
  #keep(value) {
    this.#value = value;
    try {
      if (value.text || value.reply_to) localStorage.setItem(this.#key, JSON.stringify(value));
      else localStorage.removeItem(this.#key);
    } catch {
      // it stays in the box
    }
  }
}

function read(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Whatever else stands there is no draft. */
function parse(kept) {
  try {
    const { text, reply_to } = JSON.parse(kept);
    return typeof text === "string" ? { text, reply_to: reply_to ?? null } : NOTHING;
  } catch {
    return NOTHING;
  }
}
