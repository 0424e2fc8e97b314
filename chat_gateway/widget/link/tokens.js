// The reader's tokens: from the marketplace's own address, with its cookies, or from the page.

/** The longest wait for a token. */
const PATIENCE_MS = 10_000;
const RENEW_BEFORE_END_MS = 60_000;
/** A token is never renewed more often than this. */
const RENEW_AGAIN_MS = 5_000;

/** The marketplace gives none: the reader is not signed in, and asking again would not change it. */
export class NoToken extends Error {}

export class Tokens {
  static #byUrl = new Map();

  #give;
  #asked = null; // a promise: those who ask at the same time share it
  #renewAt = 0;
  #watchers = new Set();
  #begin; // resolves once there is somebody to ask

  /** The tokens of a URL, the same for all who ask on this page. */
  static at(url) {
    if (!Tokens.#byUrl.has(url)) Tokens.#byUrl.set(url, new Tokens(() => fetchToken(url)));
    return Tokens.#byUrl.get(url);
  }

  /** @param {?() => Promise<string>} give without it, the first `set` is waited for */
  constructor(give = null) {
    this.#give = give ?? (() => begun.then(() => this.#give()));
    const begun = new Promise((resolve) => (this.#begin = resolve));
  }

  /** @param {string | (() => Promise<string>)} source a plain token cannot be renewed */
  set(source) {
    this.#give = typeof source === "function" ? () => inTime(source()) : async () => source;
    this.#asked = null;
    this.#begin();
    for (const watch of this.#watchers) watch();
  }

  /** Be told when the page sets another source. Answers how to end it. */
  watch(watcher) {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** The present token, or a new one if it is about to end. Rejects with `NoToken`, or if there is
   * no answer. */
  get() {
    return this.#asked !== null && Date.now() < this.#renewAt ? this.#asked : this.fresh();
  }

  /** A new token in any case. */
  fresh() {
    const asked = this.#ask().catch((error) => {
      if (this.#asked === asked) this.#asked = null;
      throw error;
    });
    this.#asked = asked;
    this.#renewAt = Infinity; // until it is there
    return asked;
  }

  async #ask() {
    const token = await this.#give();
    this.#renewAt = Date.now() + renewalIn(token, Date.now());
    return token;
  }
}

/** What a token says of its bearer; nothing here depends on it being true. */
export function claimsOf(token) {
  try {
    const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(payload), (letter) => letter.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new NoToken("what the marketplace gave is no token");
  }
}

/** How long (ms) a token may be used before a fresh one is due. */
export function renewalIn(token, now) {
  const left = claimsOf(token).exp * 1000 - now;
  // A token that lives for less than two such margins is renewed at half its life.
  return Math.max(RENEW_AGAIN_MS, left - Math.min(RENEW_BEFORE_END_MS, left / 2));
}

/** Who gives a token may never answer. */
function inTime(token) {
  const late = (_, reject) => setTimeout(() => reject(new Error("no token in time")), PATIENCE_MS);
  return Promise.race([token, new Promise(late)]);
}

/** @param {string} url answers {"token": "…"} */
async function fetchToken(url) {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const answer = await fetch(url, { credentials: "include", cache: "no-store", signal });
  if (answer.status >= 400 && answer.status < 500) throw new NoToken();
  if (!answer.ok) throw new Error(`the token URL answered ${answer.status}`);
  const { token } = await answer.json().catch(() => ({})); // a page to sign in on, perhaps
  return token;
}
