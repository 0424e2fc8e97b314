// The files a reader is about to send: how far each has come, and what stands in the way.
//
// A pure state: `uploader.js` carries the files to the server and notes here what became of them.

import { typeOf } from "./file-types.js";
import { sizeOf } from "./words.js";

/** After so many tries that brought a file no further the reader is asked. */
const TRIES_MAX = 6;
const BACKOFF_FIRST_MS = 1_000;
const BACKOFF_MAX_MS = 30_000;

/**
 * @typedef {object} Upload
 * @property {string} id names it in this browser
 * @property {number} place files are sent in the order they were picked
 * @property {File} file
 * @property {string} name
 * @property {?string} type what is declared; null if no such file can be sent
 * @property {"waiting" | "sending" | "checking" | "ready" | "failed"} state
 * @property {?string} remoteId names it on the server, once it is announced there
 * @property {number} sent bytes on their way or there
 * @property {number} reached the most bytes that ever lay in the store for certain
 * @property {number} tries since `reached` last grew
 * @property {string} problem why it failed or does not go on, for the reader
 * @property {boolean} final another try of the same file would fail alike
 * @property {?object} attachment what a message carries: {id, grant, name, content_type, size}
 */

export class Uploads {
  /** Limits as the server greets with them; no files are taken before. */
  limits = { attachments: 0, attachment_bytes: 0 };

  #uploads = [];
  #makeId;

  /** @param {() => string} makeId */
  constructor(makeId) {
    this.#makeId = makeId;
  }

  get list() {
    return [...this.#uploads];
  }

  get isEmpty() {
    return this.#uploads.length === 0;
  }

  /** Nothing stands in the way of sending; so it is without files, too. */
  get isReady() {
    return this.#uploads.every(({ state }) => state === "ready");
  }

  /** Something needs the reader before the files can be sent. */
  get isBlocked() {
    return this.#uploads.some(({ state }) => state === "failed");
  }

  get isUnderWay() {
    return this.#uploads.some(({ state }) => state !== "ready" && state !== "failed");
  }

  find(id) {
    return this.#uploads.find((upload) => upload.id === id) ?? null;
  }

  /** @returns {Upload} it may have failed at once: too large, one too many */
  add(file) {
    const upload = {
      ...FRESH, id: this.#makeId(), place: (this.#uploads.at(-1)?.place ?? 0) + 1,
      file, name: file.name, type: typeOf(file), remoteId: null,
    };
    this.#uploads.push(upload);
    this.#judge(upload);
    return upload;
  }

  /** Put back what was kept from before a reload; it goes on from what the server has of it. */
  restore(kept) {
    const here = new Set(this.#uploads.map(({ id }) => id));
    const back = kept
      .filter(({ id }) => !here.has(id))
      .map(({ id, place, file, remoteId }) => ({
        ...FRESH, id, place, file, name: file.name, type: typeOf(file), remoteId,
      }));
    this.#uploads = [...back, ...this.#uploads].sort((one, other) => one.place - other.place);
  }

  /** What to carry next; one at a time, so that a cut costs little. */
  next() {
    return this.#uploads.find(({ state }) => state === "waiting") ?? null;
  }

  begin(upload) {
    Object.assign(upload, { state: "sending", problem: "" });
  }

  /** *stored* bytes lie in the store, and *onTheWay* more are being sent. */
  advance(upload, stored, onTheWay = 0) {
    upload.sent = stored + onTheWay;
    if (stored <= upload.reached) return;
    upload.reached = stored;
    upload.tries = 0;
  }

  check(upload) {
    upload.state = "checking";
  }

  finish(upload, { id, grant, name, content_type, size }) {
    Object.assign(upload, { state: "ready", problem: "" });
    upload.attachment = { id, grant, name, content_type, size };
  }

  fail(upload, problem, final) {
    Object.assign(upload, { state: "failed", problem, final });
  }

  /**
   * How long (ms) to wait before another try, null if that is for the reader to decide.
   * @param {string} problem why it did not go on
   * @param {?number} retryAfterMs what the server asked for
   * @param {number} random 0 to 1
   */
  delay(upload, problem, retryAfterMs, random) {
    if (upload.tries >= TRIES_MAX) return null;
    const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** upload.tries);
    upload.tries += 1;
    upload.problem = problem;
    return retryAfterMs ?? Math.round(((1 + random) / 2) * ceiling);
  }

  /** The reader asks for another try. */
  retry(id) {
    const upload = this.find(id);
    if (upload?.state !== "failed" || upload.final) return;
    Object.assign(upload, { state: "waiting", tries: 0, problem: "" });
    this.#judge(upload);
  }

  remove(id) {
    this.#uploads = this.#uploads.filter((upload) => upload.id !== id);
  }

  /** Take the files, which must be ready, for a message. */
  take() {
    const taken = this.#uploads;
    this.#uploads = [];
    return taken.map(({ attachment }) => attachment);
  }

  #judge(upload) {
    const { attachments: most, attachment_bytes: bytesMax } = this.limits;
    const place = this.#uploads.indexOf(upload);
    const before = this.#uploads.slice(0, place).filter(({ state }) => state !== "failed");
    if (upload.type === null) this.fail(upload, "Files of this type cannot be sent.", true);
    else if (upload.file.size === 0) this.fail(upload, "The file is empty.", true);
    else if (upload.file.size > bytesMax) {
      this.fail(upload, `Too large: a file has at most ${sizeOf(bytesMax)}.`, true);
    } else if (before.length >= most) {
      this.fail(upload, `A message takes at most ${most} files.`, false);
    }
  }
}

const FRESH = {
  state: "waiting", sent: 0, reached: 0, tries: 0, problem: "", final: false, attachment: null,
};

export function percentOf({ sent, file }) {
  return Math.min(100, Math.floor((100 * sent) / file.size));
}

/**
 * The stretches of a file as the server told of them: {size, stored, upload}, in their order.
 * What is looked at, or has passed, has none left to send.
 */
export function partsOf({ state, size, parts, upload }) {
  if (state !== "reserved" && state !== "uploading") return [{ size, stored: true, upload: null }];
  return parts ?? [{ size, stored: upload === null, upload }];
}

/** The first stretch that is not there, with where it begins in the file; null if all is. */
export function nextPart(parts) {
  let start = 0;
  for (const part of parts) {
    if (!part.stored) return { part, start, end: start + part.size };
    start += part.size;
  }
  return null;
}

export function storedOf(parts) {
  return parts.reduce((sum, { size, stored }) => sum + (stored ? size : 0), 0);
}
