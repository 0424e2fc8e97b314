// Carries files to the server, one after the other, each in parts: a cut costs at most one part.

import { Refusal } from "./attachments.js";
import { postForm } from "./post-form.js";
import { nextPart, partsOf, storedOf } from "./uploads.js";

export class Uploader {
  #orderId;
  #uploads;
  #attachments;
  #on;
  #current = null; // {upload, ending}: ending aborts it

  /**
   * @param {string} orderId
   * @param {import("./uploads.js").Uploads} uploads
   * @param {import("./attachments.js").Attachments} attachments
   * @param {{changed: () => void, announced: (upload: object) => void}} on
   *   announced: the server knows the file, and by which id
   */
  constructor(orderId, uploads, attachments, on) {
    this.#orderId = orderId;
    this.#uploads = uploads;
    this.#attachments = attachments;
    this.#on = on;
  }

  /** Carry what waits, unless something is under way. */
  async start() {
    if (this.#current !== null) return;
    for (let upload; (upload = this.#uploads.next()) !== null; ) {
      const ending = new AbortController();
      this.#current = { upload, ending };
      await this.#carry(upload, ending.signal);
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
    const outcome = await this.#outcome(upload, signal);
    this.#uploads.finish(upload, outcome);
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

  async #refused(upload, { status, message, passes, final, retryAfterMs }, signal) {
    const gone = status === 404 && upload.remoteId !== null;
    const incomplete = status === 409 && upload.state === "checking";
    if (gone) upload.remoteId = null; // too old: begin anew
    const again = passes || gone || incomplete;
    const delay = again ? this.#uploads.delay(upload, message, retryAfterMs, Math.random()) : null;
    if (delay === null) return this.#uploads.fail(upload, message, final);
    this.#on.changed();
    // What the browser knows to be offline need not be tried.
    if (!navigator.onLine) await online(signal);
    else await pause(delay, signal, { hurry: retryAfterMs === null });
  }

  #note(change) {
    change();
    this.#on.changed();
  }
}

/** Wait; with *hurry*, coming online ends it early. */
function pause(ms, signal, { hurry = false } = {}) {
  return new Promise((resolve) => {
    const over = new AbortController();
    const end = () => (clearTimeout(timer), over.abort(), resolve());
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { signal: over.signal });
    if (hurry) globalThis.addEventListener("online", end, { signal: over.signal });
  });
}

function online(signal) {
  return pause(2 ** 31 - 1, signal, { hurry: true });
}
