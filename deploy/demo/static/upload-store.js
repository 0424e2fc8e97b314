// Files that are being sent outlive a reload: they are kept in this browser, beside the id by which
// the server knows them.
//
// One window at a time owns what is kept for an order; another gets it when that one is closed, so
// that no file is sent twice.

const NAME = "order-chat-uploads";

export class UploadStore {
  #tray;
  #database = null; // null until this window owns the tray, and where a browser forbids it

  /** @param {string} tray names the order and its reader */
  constructor(tray) {
    this.#tray = tray;
  }

  /** Become the owner, and tell what was kept: {id, place, file, remoteId}. It may take forever. */
  async open() {
    await own(`${NAME}:${this.#tray}`);
    this.#database = await openDatabase();
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
      return await resultOf(request(this.#database.transaction("files", mode).objectStore("files")));
    } catch {
      return []; // no room, or no right: the file is sent all the same
    }
  }
}

/** Resolves once no other window holds *name*; it is ours as long as the page lives. */
function own(name) {
  return new Promise((resolve, reject) => {
    navigator.locks.request(name, () => (resolve(), new Promise(() => {}))).catch(reject);
  });
}

function openDatabase() {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("files", { keyPath: ["tray", "id"] });
  };
  return resultOf(request);
}

function resultOf(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
