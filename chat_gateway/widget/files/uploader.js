// Carries files to the server, one after the other, each in parts: a cut costs at most one part. A
// part is posted to the object store, by a form the server has signed.

import { nextPart, partsOf, storedOf } from "../state/uploads.js";
import { Refusal } from "./attachments.js";

/** Nothing moved for so long: the connection is dead. */
const STALL_MS = 30_000;

export class Uploader {
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
