// What a reader attaches to the next message: picked, carried to the server, and kept in this
// browser meanwhile, beside the id by which the server knows it, so that it outlives a reload.
//
// One window at a time has what is kept for an order; another gets it when that one is closed, so
// that no file is sent twice.

import { Uploads } from "../state/uploads.js";
import { Uploader } from "./uploader.js";

const NAME = "order-chat-uploads";

export class Attaching {
  #closing = new AbortController();
  #store;
  #uploader;
  #onChange;

  /**
   * @param {{orderId: string, me: string, server: string}} where
   * @param {Attachments} attachments
   * @param {() => void} onChange called after every change of a file
   */
  constructor({ orderId, me, server }, attachments, onChange) {
    const { signal } = this.#closing;
    this.uploads = new Uploads(() => crypto.randomUUID());
    this.#onChange = () => signal.aborted || onChange();
    this.#store = new Store(`${server} ${orderId} ${me}`, signal);
    const on = { changed: this.#onChange, announced: (upload) => this.#store.keep(upload) };
    this.#uploader = new Uploader(orderId, this.uploads, attachments, on, signal);
  }

  /** Go on with what a reload interrupted. */
  async restore() {
    try {
      this.uploads.restore(await this.#store.open());
    } catch {
      return; // a browser may forbid it; then files last as long as the page
    }
    for (const upload of this.uploads.list) if (!upload.final) this.#store.keep(upload);
    this.#goOn();
  }

  /** Let go of everything. What is kept in this browser is for the next one to send. */
  close() {
    this.#closing.abort();
  }

  add(files) {
    for (const file of files) {
      const upload = this.uploads.add(file);
      if (upload.state !== "failed") this.#store.keep(upload);
    }
    this.#goOn();
  }

  retry(id) {
    this.uploads.retry(id);
    this.#goOn();
  }

  remove(id) {
    this.uploads.remove(id);
    this.#uploader.drop(id);
    this.#store.forget(id);
    this.#onChange();
  }

  /** Take the files for a message; they are the outbox's from here on. */
  take() {
    for (const { id } of this.uploads.list) this.#store.forget(id);
    return this.uploads.take();
  }

  #goOn() {
    this.#uploader.start();
    this.#onChange();
  }
}

/** The files of a tray, which is named by the server, the order and its reader. */
class Store {
  #tray;
  #signal; // gives up the tray, or waiting for it
  #database = null; // null until the tray is ours, and where a browser forbids it

  constructor(tray, signal) {
    this.#tray = tray;
    this.#signal = signal;
  }

  /** Own the tray, and tell what is in it: {id, place, file, remoteId}. It may take forever. */
  async open() {
    await own(`${NAME} ${this.#tray}`, this.#signal);
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("files", { keyPath: ["tray", "id"] });
    };
    const database = await resultOf(request);
    whenAborted(this.#signal, () => database.close());
    this.#database = database;
    const all = IDBKeyRange.bound([this.#tray], [this.#tray, []]);
    return this.#ask("readonly", (files) => files.getAll(all));
  }

  /** Keep a file, or what has become known of it. */
  keep({ id, place, file, remoteId }) {
    const kept = { tray: this.#tray, id, place, file, remoteId };
    return this.#ask("readwrite", (files) => files.put(kept));
  }

  forget(id) {
    return this.#ask("readwrite", (files) => files.delete([this.#tray, id]));
  }

  async #ask(mode, request) {
    if (this.#database === null) return [];
    try {
      const transaction = this.#database.transaction("files", mode);
      return await resultOf(request(transaction.objectStore("files")));
    } catch {
      return []; // no room, or no right: the file is sent all the same
    }
  }
}

/** Resolves once nobody else holds *name*; it is ours until *signal* aborts, or the page ends. */
function own(name, signal) {
  return new Promise((resolve, reject) => {
    const hold = () => new Promise((release) => (whenAborted(signal, release), resolve()));
    navigator.locks.request(name, { signal }, hold).catch(reject);
  });
}

function whenAborted(signal, act) {
  if (signal.aborted) act();
  else signal.addEventListener("abort", act);
}

function resultOf(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
