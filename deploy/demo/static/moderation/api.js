// The gateway's HTTP API, as a moderator uses it. What is written has an id of its own, made once:
// it is sent under it until there is an answer, and so is written once.

const PATIENCE_MS = 10_000;
const TRIES_MAX = 4;
const PAUSE_MS = 500;

export class Problem extends Error {
  /**
   * @param {string} message fit for a reader
   * @param {number} status of HTTP; 0: there was no answer
   */
  constructor(message, status) {
    super(message);
    this.status = status;
  }

  /** Whether it may have been done, or may be done by the same request again. */
  get isOpen() {
    return this.status === 0 || this.status >= 500;
  }
}

export class Api {
  #tokenUrl;
  #token = null;

  /** @param {string} tokenUrl answers `{"token": "…"}` */
  constructor(tokenUrl) {
    this.#tokenUrl = tokenUrl;
  }

  /** Raises `Problem`. */
  get(path, query = {}) {
    return this.#ask(`${path}?${new URLSearchParams(query)}`);
  }

  /**
   * Write what an attempt says, trying several times. Raises `Problem`; if that is open, the same
   * attempt may be written again.
   * @param {{path: string, body: object}} attempt see `attemptOf`
   */
  async write({ path, body }) {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#ask(path, { method: "POST", body: JSON.stringify(body) });
      } catch (problem) {
        if (!problem.isOpen || tries === TRIES_MAX) throw problem;
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * 2 ** tries));
    }
  }

  async #ask(path, options = {}) {
    let answer = await this.#fetch(path, options);
    if (answer.status === 401) {
      this.#token = null; // it may have run out
      answer = await this.#fetch(path, options);
    }
    const said = await answer.json().catch(() => null);
    if (answer.ok && said) return said;
    throw new Problem(said?.error?.message ?? "The server did not answer.", answer.status);
  }

  async #fetch(path, options) {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    try {
      this.#token ??= (await (await fetch(this.#tokenUrl, { signal })).json()).token;
      const headers = {
        accept: "application/json",
        authorization: `Bearer ${this.#token}`,
        ...(options.body && { "content-type": "application/json" }),
      };
      return await fetch(path, { ...options, headers, signal });
    } catch {
      throw new Problem("The server did not answer.", 0);
    }
  }
}

/** Something to be written under an id that no other has. */
export function attemptOf(path, body) {
  return { path, body: { id: crypto.randomUUID(), ...body } };
}
