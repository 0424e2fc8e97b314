// The files a reader is about to send: how far each has come, and what stands in the way.
//
// A pure state: `files/uploader.js` carries the files to the server and notes here what came of it.

import { backoff } from "./connection.js";

/** After so many tries that brought a file no further the reader is asked. */
const TRIES_MAX = 8;

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

  /** A file was picked. It may fail at once: too large, one too many. */
  add(file) {
    const place = (this.#uploads.at(-1)?.place ?? 0) + 1;
    const upload = fresh({ id: this.#makeId(), place, file, remoteId: null });
    this.#uploads.push(upload);
    this.#judge(upload);
    return upload;
  }

  /** Put back what was kept from before a reload; it goes on from what the server has of it. */
  restore(kept) {
    const back = kept.filter(({ id }) => !this.#find(id)).map(fresh);
    this.#uploads = [...back, ...this.#uploads].sort((one, other) => one.place - other.place);
  }

  /** What to carry next; one at a time, so that a cut costs little. */
  next() {
    return this.#uploads.find(({ state }) => state === "waiting") ?? null;
  }

  begin(upload) {
    Object.assign(upload, { state: "sending", problem: null });
  }

  /** *stored* bytes lie in the store, and *onTheWay* more are being sent. */
  advance(upload, stored, onTheWay = 0) {
    upload.sent = stored + onTheWay;
    if (stored > upload.reached) Object.assign(upload, { reached: stored, tries: 0 });
  }

  check(upload) {
    upload.state = "checking";
  }

  finish(upload, { id, grant, name, content_type, size }) {
    const attachment = { id, grant, name, content_type, size };
    Object.assign(upload, { state: "ready", problem: null, attachment });
  }

  fail(upload, problem, final) {
    Object.assign(upload, { state: "failed", problem, final });
  }

  /**
   * How long (ms) to wait before another try, null if that is for the reader to decide.
   * @param {?number} retryAfterMs what the server asked for
   * @param {number} random 0 to 1
   */
  delay(upload, problem, retryAfterMs, random) {
    if (upload.tries >= TRIES_MAX) return null;
    const delay = retryAfterMs ?? backoff(upload.tries, random);
    Object.assign(upload, { problem, tries: upload.tries + 1 });
    return delay;
  }

  /** The reader asks for another try. */
  retry(id) {
    const upload = this.#find(id);
    if (upload?.state !== "failed" || upload.final) return;
    Object.assign(upload, { state: "waiting", tries: 0, problem: null });
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

  #find(id) {
    return this.#uploads.find((upload) => upload.id === id);
  }

  #judge(upload) {
    const { attachments: count, attachment_bytes: bytes } = this.limits;
    const place = this.#uploads.indexOf(upload);
    const before = this.#uploads.slice(0, place).filter(({ state }) => state !== "failed");
    const fail = (what, values) =>
      this.fail(upload, { key: `files.${what}`, values }, what !== "too_many");
    if (upload.type === null) fail("unknown_type");
    else if (upload.file.size === 0) fail("empty");
    else if (upload.file.size > bytes) fail("too_big", { bytes });
    else if (before.length >= count) fail("too_many", { count });
  }
}

function fresh({ id, place, file, remoteId }) {
  return {
    id,
    place, // files are sent in the order they were picked
    file,
    name: file.name,
    type: typeOf(file), // null if no such file can be sent
    remoteId, // names it on the server, once it is announced there
    state: "waiting", // then "sending", "checking", "ready"; or "failed"
    sent: 0, // bytes on their way or there
    reached: 0, // the most bytes that ever lay in the store for certain
    tries: 0, // since `reached` last grew
    problem: null, // why it does not go on: {key, values} of words; {code, message} of the server
    final: false, // another try of the same file would fail alike
    attachment: null, // what a message carries
  };
}

export function percentOf({ sent, file }) {
  return Math.min(100, Math.floor((100 * sent) / file.size));
}

/** The stretches of a file as the server told of them: {size, stored, upload}, in their order. */
export function partsOf({ state, size, parts, upload }) {
  // What is looked at, or has passed, has nothing left to send.
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

// Which files can be sent, and what each is called. The server decides by what is in a file; this
// only says early, and by name where a browser knows no type or an odd one, what it would refuse.

const OOXML = "application/vnd.openxmlformats-officedocument.";

/** The types that are taken, by the extensions that stand for each; the first is its label. */
const TYPES = {
  "image/jpeg": "jpg jpeg jfif",
  "image/png": "png",
  "image/gif": "gif",
  "image/webp": "webp",
  "application/pdf": "pdf",
  "video/mp4": "mp4 m4v",
  "video/quicktime": "mov",
  "video/webm": "webm",
  "audio/mpeg": "mp3",
  "audio/mp4": "m4a",
  "audio/wav": "wav",
  "audio/ogg": "ogg oga opus",
  "application/zip": "zip",
  [`${OOXML}wordprocessingml.document`]: "docx",
  [`${OOXML}spreadsheetml.sheet`]: "xlsx",
  [`${OOXML}presentationml.presentation`]: "pptx",
  "text/plain": "txt log md",
  "text/csv": "csv",
};

const EXTENSIONS = new Map(Object.entries(TYPES).map(([type, all]) => [type, all.split(" ")]));
const TYPE_OF = new Map(
  [...EXTENSIONS].flatMap(([type, all]) => all.map((extension) => [extension, type])),
);

/** For a file dialogue: extensions too, since it may know a file by nothing else. */
export const ACCEPT = [
  ...EXTENSIONS.keys(),
  ...[...TYPE_OF.keys()].map((extension) => `.${extension}`),
].join();

/** The type to declare for a file; null if it cannot be sent. */
export function typeOf({ name, type }) {
  const [declared] = type.toLowerCase().split(";");
  // A spreadsheet program may have made "text/plain" of a list of values.
  const named = TYPE_OF.get(name.split(".").at(-1).toLowerCase()) ?? null;
  if (declared === "text/plain" && named === "text/csv") return named;
  return EXTENSIONS.has(declared) ? declared : named;
}

/** What to write on the card of a file: "PDF"; null for a type of tomorrow. */
export function labelOf(type) {
  return EXTENSIONS.get(type)?.[0].toUpperCase() ?? null;
}

export function isImage(type) {
  return type.startsWith("image/");
}

/** Whether the server makes a small picture of such a file. */
export function hasThumbnail(type) {
  return isImage(type) || type === "application/pdf";
}
