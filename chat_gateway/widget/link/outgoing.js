// What this reader has written and the server has not settled: what every tab shows of an order, and
// what this browser keeps of it until it is settled.
//
// The courier, here or in another tab, delivers it and tells what becomes of it.
//
// IndexedDB answers late, and a page may be gone before: until it has an attempt, a note of it lies in
// `localStorage`, which is written at once. A browser may forbid both; then attempts last as long as
// the page.

import { attemptOf } from "../state/outbox.js";

const NAME = "order-chat";
const NOTE = "order-chat:unsaved";
/** What was refused and never looked after is forgotten after so long. */
const KEPT_MS = 30 * 86_400_000;

export class Outgoing {
  #session;
  #orderId;
  #onChange;
  #attempts = new Map(); // id → attempt
  #stood = new Map(); // those whose event is held back, and has yet to be told to the page
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
    if (!stands || settled === null) return null;
    if (settled.op === "send") this.#stood.set(id, settled);
    return settled;
  }

  /** It stands, or is wanted no more. Answers the attempt if it was here. */
  settle(id) {
    const attempt = this.#attempts.get(id) ?? this.#stood.get(id) ?? null;
    this.#stood.delete(id);
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

/** Where attempts outlive the page. */
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
    const stored = (await this.#ask("readonly", (store) => store.getAll(range()))) ?? [];
    const found = new Map(stored.map((each) => [each.id, each]));
    for (const note of this.#notes(orderId)) if (!found.has(note.id)) found.set(note.id, note);
    const isOld = ({ attempt }) => Date.now() - attempt.at > KEPT_MS;
    const all = [...found.values()];
    for (const old of all.filter(isOld)) this.remove(old.order_id, old.id);
    const kept = all.filter((each) => !isOld(each));
    return kept.sort((one, other) => one.attempt.place - other.attempt.place);
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
