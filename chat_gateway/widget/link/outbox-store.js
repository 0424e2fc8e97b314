// Attempts outlive the page: they are kept in this browser until the server has settled them.
//
// IndexedDB answers late, and a page may be gone before: until it has an attempt, a note of it lies in
// `localStorage`, which is written at once. A browser may forbid both; then attempts last as long as
// the page.

const NAME = "order-chat";
const NOTE = "order-chat:unsaved";
/** What was refused and never looked after is forgotten after so long. */
const KEPT_MS = 30 * 86_400_000;

export class OutboxStore {
  #reader;
  #database = null; // a promise

  /** @param {string} reader names server and user */
  constructor(reader) {
    this.#reader = reader;
  }

  /** All attempts that were kept, or those of one order: {order_id, attempt}, in their order. */
  async all(orderId = null) {
    const from = orderId === null ? [this.#reader] : [this.#reader, orderId];
    const range = () => IDBKeyRange.bound(from, [...from, []]);
    const kept = (await this.#ask("readonly", (store) => store.getAll(range()))) ?? [];
    const found = new Map(kept.map((each) => [each.id, each]));
    for (const note of this.#notes(orderId)) if (!found.has(note.id)) found.set(note.id, note);
    const young = [...found.values()].filter(({ attempt }) => Date.now() - attempt.at < KEPT_MS);
    return young.sort((one, other) => one.attempt.place - other.attempt.place);
  }

  /** Keep an attempt, or what became of it. */
  async put(orderId, attempt) {
    const kept = { reader: this.#reader, order_id: orderId, id: attempt.id, attempt };
    const note = this.#noteKey(orderId, attempt.id);
    write(note, JSON.stringify(kept));
    if ((await this.#ask("readwrite", (store) => store.put(kept))) !== null) write(note, null);
  }

  async remove(orderId, id) {
    write(this.#noteKey(orderId, id), null);
    await this.#ask("readwrite", (store) => store.delete([this.#reader, orderId, id]));
    write(this.#noteKey(orderId, id), null); // its own `put` may not have been through
  }

  close() {
    this.#database?.then((database) => database.close()).catch(() => {});
    this.#database = null;
  }

  /** What a request answers, once it cannot be lost; null if the browser does not let us. */
  async #ask(mode, request) {
    try {
      this.#database ??= openDatabase();
      const transaction = (await this.#database).transaction("attempts", mode);
      const asked = request(transaction.objectStore("attempts"));
      return await new Promise((resolve, reject) => {
        transaction.oncomplete = () => resolve(asked.result ?? true);
        transaction.onabort = () => reject(transaction.error);
      });
    } catch {
      return null;
    }
  }

  #notes(orderId) {
    const begin = this.#noteKey(orderId ?? "", "").slice(0, orderId === null ? -1 : undefined);
    try {
      const keys = Object.keys(localStorage).filter((key) => key.startsWith(begin));
      const notes = keys.map((key) => JSON.parse(localStorage.getItem(key)));
      return notes.filter(({ reader }) => reader === this.#reader);
    } catch {
      return [];
    }
  }

  #noteKey(orderId, id) {
    return `${NOTE} ${this.#reader} ${orderId} ${id}`;
  }
}

function write(key, text) {
  try {
    if (text === null) localStorage.removeItem(key);
    else localStorage.setItem(key, text);
  } catch {
    // no room, or no right
  }
}

function openDatabase() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("attempts", { keyPath: ["reader", "order_id", "id"] });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
