// The attachment service over HTTP: announcing files, completing them, links to what was sent.

import { NoToken, fetchToken } from "./token.js";

/** Longer than the server waits for a check. */
const ANSWER_MS = 20_000;
/** Refusals of the file itself. */
const FINAL = new Set([400, 413, 422]);
const UNREACHABLE = "The server cannot be reached.";

/** Something was not done; `message` is fit to be shown. */
export class Refusal extends Error {
  /**
   * @param {string} message
   * @param {{status?: number, passes?: boolean, final?: boolean, retryAfterMs?: ?number}} what
   *   status: 0 if there was no answer; passes: another try may go better by itself; final: it
   *   never will
   */
  constructor(message, { status = 0, passes = false, final = false, retryAfterMs = null }) {
    super(message);
    Object.assign(this, { status, passes, final, retryAfterMs });
  }
}

export class Attachments {
  #url;
  #tokenUrl;
  #token = null; // a promise: those who ask at the same time share it

  /**
   * @param {string} url of the service's attachments
   * @param {string} tokenUrl
   */
  constructor(url, tokenUrl) {
    this.#url = url;
    this.#tokenUrl = tokenUrl;
  }

  reserve(orderId, { name, type, file }, signal) {
    const wanted = { order_id: orderId, filename: name, content_type: type, size: file.size };
    return this.#ask("POST", "", signal, wanted);
  }

  look(id, signal) {
    return this.#ask("GET", `/${id}`, signal);
  }

  complete(id, signal) {
    return this.#ask("POST", `/${id}/complete`, signal);
  }

  /** The same attachments with grants of today. */
  renew(attachments) {
    const anew = async (each) => {
      const { grant } = await this.complete(each.id);
      return { ...each, grant };
    };
    return Promise.all(attachments.map(anew));
  }

  /**
   * An address that works for a minute.
   * @param {"content" | "thumbnail"} what
   */
  async link(id, what) {
    return (await this.#ask("GET", `/${id}/${what}`)).url;
  }

  async #ask(method, path, signal, body) {
    const first = await this.#fetch(method, path, signal, body);
    // The token has expired; a fresh one will do.
    if (first.status === 401) this.#token = null;
    const answer = first.status === 401 ? await this.#fetch(method, path, signal, body) : first;
    const said = await answer.json().catch(() => ({}));
    if (answer.ok) return said;
    const { status } = answer;
    const seconds = Number(answer.headers.get("Retry-After") ?? NaN);
    throw new Refusal(said.error?.message ?? UNREACHABLE, {
      status,
      passes: status === 429 || status >= 500,
      final: FINAL.has(status),
      retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : null,
    });
  }

  async #fetch(method, path, signal, body) {
    const patience = AbortSignal.timeout(ANSWER_MS);
    try {
      this.#token ??= fetchToken(this.#tokenUrl);
      const headers = { Accept: "application/json", Authorization: `Bearer ${await this.#token}` };
      if (body) headers["Content-Type"] = "application/json";
      return await fetch(this.#url + path, {
        method,
        headers,
        body: body && JSON.stringify(body),
        cache: "no-store",
        credentials: "omit",
        signal: signal ? AbortSignal.any([signal, patience]) : patience,
      });
    } catch (error) {
      this.#token = null; // perhaps it was the token that could not be had
      if (error instanceof NoToken) throw new Refusal("You are not signed in any more.", {});
      throw new Refusal(UNREACHABLE, { passes: true });
    }
  }
}
