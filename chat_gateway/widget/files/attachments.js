// The attachment service over HTTP: announcing files, completing them, links to what was sent.

import { NoToken } from "../link/tokens.js";

/** Longer than the server waits for a check. */
const ANSWER_MS = 20_000;
/** Refusals of the file itself. */
const FINAL = new Set([400, 413, 422]);

/** Something was not done. */
export class Refusal extends Error {
  /**
   * @param {object} problem {key} of the words for it, {code, message} of the server
   * @param {object} what status: 0 without an answer; passes: another try may go better by itself;
   *   final: it never will
   */
  constructor(problem, { status = 0, passes = false, final = false, retryAfterMs = null } = {}) {
    super(problem.key ?? problem.code);
    Object.assign(this, { problem, status, passes, final, retryAfterMs });
  }
}

export class Attachments {
  #url;
  #tokens;

  /** @param {string} url of the service's attachments */
  constructor(url, tokens) {
    this.#url = url;
    this.#tokens = tokens;
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

  /** An address of its "content" or "thumbnail" that works for a minute. */
  async link(id, what, signal) {
    return (await this.#ask("GET", `/${id}/${what}`, signal)).url;
  }

  /** What the service answers; rejects with `Refusal`. */
  async #ask(method, path, signal, body) {
    const ask = (token) => this.#fetch(token, method, path, signal, body);
    let answer = await ask(() => this.#tokens.get());
    if (answer.status === 401) answer = await ask(() => this.#tokens.fresh());
    const { status, ok, said, seconds } = answer;
    if (ok && said) return said;
    // Where the service is not installed, whoever else answers does not speak like it.
    const { code, message } = said?.error ?? { code: status < 500 ? "not_found" : "unavailable" };
    throw new Refusal({ key: `files.${said?.reason ?? code}`, code, message }, {
      status,
      passes: status === 429 || status >= 500,
      final: FINAL.has(status),
      retryAfterMs: seconds ? seconds * 1000 : null,
    });
  }

  async #fetch(token, method, path, signal, body) {
    try {
      const headers = { Accept: "application/json", Authorization: `Bearer ${await token()}` };
      if (body) headers["Content-Type"] = "application/json";
      const patience = AbortSignal.timeout(ANSWER_MS);
      const answer = await fetch(this.#url + path, {
        method,
        headers,
        body: body && JSON.stringify(body),
        cache: "no-store",
        credentials: "omit",
        signal: signal ? AbortSignal.any([signal, patience]) : patience,
      });
      const { status, ok } = answer;
      const seconds = Number(answer.headers.get("Retry-After"));
      return { status, ok, seconds, said: parsed(await answer.text()) };
    } catch (error) {
      if (error instanceof NoToken) throw new Refusal({ code: "signed_out" });
      throw new Refusal({ key: "files.unreachable" }, { passes: true });
    }
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
