// What a reader attaches to the next message: picked, carried to the server, and kept in this
// browser meanwhile, beside the id by which the server knows it, so that it outlives a reload.
//
// One window at a time has what is kept for an order; another gets it when that one is closed, so
// that no file is sent twice.

import { Uploads, nextPart, partsOf, storedOf } from "../state/uploads.js";
import { Refusal } from "./attachments.js";

const NAME = "order-chat-uploads";
/** Nothing moved for so long: the connection is dead. */
const STALL_MS = 30_000;

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

  /** Go on with what a reload interrupted. It may have come before what went with a message was
   * forgotten: *said* gives all messages and attempts. */
  async restore(said) {
    try {
      const kept = await this.#store.open();
      const sent = said().flatMap(({ files, attachments }) => files ?? attachments ?? []);
      this.uploads.restore(kept);
      for (const one of kept) if (sent.some(({ id }) => id === one.remoteId)) this.remove(one.id);
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

/** Carries files to the server, one after the other, each in parts: a cut costs at most one part. A
 * part is posted to the object store, by a form the server has signed. */
class Uploader {
  #orderId;
  #uploads;
  #attachments;
  #on;
  #signal;
  #current = null; // {upload, ending}: ending aborts it

  /**
   * @param {object} on changed(); announced(upload): the server knows it, and by which id
   * @param {AbortSignal} signal ends everything
   */
  constructor(orderId, uploads, attachments, on, signal) {
    this.#orderId = orderId;
    this.#uploads = uploads;
    this.#attachments = attachments;
    this.#on = on;
    this.#signal = signal;
  }

  /** Carry what waits, unless something is under way. */
  async start() {
    if (this.#current !== null) return;
    for (let upload; !this.#signal.aborted && (upload = this.#uploads.next()) !== null; ) {
      const ending = new AbortController();
      this.#current = { upload, ending };
      await this.#carry(upload, AbortSignal.any([this.#signal, ending.signal]));
      this.#current = null;
      this.#on.changed();
    }
  }

  /** Let go of a file that was removed. */
  drop(id) {
    if (this.#current?.upload.id === id) this.#current.ending.abort();
  }

  /** Ends with the file ready, failed, or dropped. */
  async #carry(upload, signal) {
    while (upload.state !== "ready" && upload.state !== "failed" && !signal.aborted) {
      try {
        await this.#goOn(upload, signal);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        if (!signal.aborted) await this.#refused(upload, error, signal);
      }
    }
  }

  /** From wherever the file stands, as the server sees it. */
  async #goOn(upload, signal) {
    this.#note(() => this.#uploads.begin(upload));
    let parts = partsOf(await this.#look(upload, signal));
    this.#note(() => this.#uploads.advance(upload, storedOf(parts)));
    for (let next; (next = nextPart(parts)) !== null; ) {
      const { part, start, end } = next;
      if (part.upload === null) {
        parts = partsOf(await this.#attachments.look(upload.remoteId, signal));
        continue; // with forms for more of them
      }
      const stored = storedOf(parts);
      const onProgress = (sent) => this.#note(() => this.#uploads.advance(upload, stored, sent));
      await postForm(part.upload, upload.file.slice(start, end), onProgress, signal);
      part.stored = true;
      this.#note(() => this.#uploads.advance(upload, storedOf(parts)));
    }
    this.#note(() => this.#uploads.check(upload));
    this.#uploads.finish(upload, await this.#outcome(upload, signal));
  }

  async #look(upload, signal) {
    if (upload.remoteId !== null) return this.#attachments.look(upload.remoteId, signal);
    const view = await this.#attachments.reserve(this.#orderId, upload, signal);
    upload.remoteId = view.id;
    this.#on.announced(upload);
    return view;
  }

  async #outcome(upload, signal) {
    for (;;) {
      const outcome = await this.#attachments.complete(upload.remoteId, signal);
      if (outcome.state === "ready") return outcome;
      await pause(outcome.retry_after_ms, signal);
    }
  }

  async #refused(upload, { problem, status, passes, final, retryAfterMs }, signal) {
    const gone = status === 404 && upload.remoteId !== null;
    const incomplete = status === 409 && upload.state === "checking";
    if (gone) upload.remoteId = null; // too old: begin anew
    const again = passes || gone || incomplete;
    const delay = again ? this.#uploads.delay(upload, problem, retryAfterMs, Math.random()) : null;
    if (delay === null) return this.#uploads.fail(upload, problem, final);
    this.#on.changed();
    // What the browser knows to be offline need not be tried.
    if (!navigator.onLine) await pause(2 ** 31 - 1, signal, true);
    else await pause(delay, signal, retryAfterMs === null);
  }

  #note(change) {
    change();
    this.#on.changed();
  }
}

/** Wait, unless *signal* has enough; with *hurry*, coming online ends it early. */
function pause(ms, signal, hurry = false) {
  return new Promise((resolve) => {
    const over = new AbortController();
    const end = () => (clearTimeout(timer), over.abort(), resolve());
    const timer = setTimeout(end, signal.aborted ? 0 : ms);
    signal.addEventListener("abort", end, { signal: over.signal });
    if (hurry) globalThis.addEventListener("online", end, { signal: over.signal });
  });
}

/** Resolves once the store has *content*; rejects with `Refusal`. */
async function postForm({ url, fields }, content, onProgress, signal) {
  await checkReadable(content);
  if (signal.aborted) throw new Refusal({ key: "files.lost" });
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  body.append("file", content); // the store ignores what comes after it
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // `fetch` tells nothing of progress
    const cancel = () => request.abort();
    let stall;
    const listenOn = () => {
      clearTimeout(stall);
      stall = setTimeout(cancel, STALL_MS);
    };
    request.upload.onprogress = ({ loaded }) => {
      listenOn();
      onProgress(Math.min(loaded, content.size)); // the form's own bytes count, too
    };
    request.onloadend = () => {
      clearTimeout(stall);
      signal.removeEventListener("abort", cancel);
      const { status } = request;
      if (status >= 200 && status < 300) return resolve();
      // 403: the form's five minutes are over, and there are fresh ones.
      const passes = status === 0 || status === 403 || status === 429 || status >= 500;
      const key = status === 0 ? "files.lost" : "files.not_stored";
      reject(new Refusal({ key }, { status, passes }));
    };
    signal.addEventListener("abort", cancel);
    request.open("POST", url);
    listenOn();
    request.send(body);
  });
}

/** What was changed since it was picked cannot be read, and would fail as a lost connection does. */
async function checkReadable(content) {
  try {
    await content.slice(0, 1).arrayBuffer();
  } catch {
    throw new Refusal({ key: "files.changed" }, { final: true });
  }
}
