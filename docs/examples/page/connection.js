// One websocket that is kept open: token, greeting, and coming back after a loss.

const PATIENCE_MS = 15_000; // for a token, a greeting, an answer
const BACKOFF_MS = [500, 30_000]; // the first pause at most, the longest
const FINAL = new Set([1002, 1003, 1007, 1008, 1009, 4003, 4009]); // trying again cannot help
const NOT_SIGNED_IN = "You are not signed in any more. Reload the page.";

export class Connection {
  #socket = null;
  #greeted = false;
  #losses = 0;
  #comeBackMs = null; // when the server asked us to come back
  #silenceMs = PATIENCE_MS;
  #silence;

  /** `on`: {ready, frame, lost, stopped}. `server` is the websocket's address. */
  constructor(server, tokenUrl, on) {
    Object.assign(this, { server, tokenUrl, on });
  }

  async open() {
    let token;
    try {
      const signal = AbortSignal.timeout(PATIENCE_MS);
      const answer = await fetch(this.tokenUrl, { cache: "no-store", signal });
      if (answer.status === 401) return this.stop(NOT_SIGNED_IN);
      ({ token } = await answer.json());
    } catch {
      return this.lose();
    }
    const socket = (this.#socket = new WebSocket(this.server));
    this.#silenceMs = PATIENCE_MS;
    this.#listen();
    // What an abandoned socket still says is nobody's business.
    socket.onopen = () => socket === this.#socket && this.send({ op: "hello", token });
    socket.onmessage = ({ data }) => socket === this.#socket && this.#receive(JSON.parse(data));
    socket.onclose = ({ code }) => socket === this.#socket && this.#closed(code);
  }

  send(frame) {
    this.#socket?.send(JSON.stringify(frame));
  }

  /** Drop the connection and come back with a fresh token. */
  lose() {
    this.#forget();
    this.on.lost();
    const most = Math.min(BACKOFF_MS[0] * 2 ** this.#losses, BACKOFF_MS[1]);
    setTimeout(() => this.open(), this.#comeBackMs ?? Math.random() * most);
    this.#comeBackMs = null;
    this.#losses += 1;
  }

  /** End for good, with a sentence for the reader. */
  stop(problem) {
    this.#forget();
    this.on.stopped(problem);
  }

  #receive(frame) {
    if (frame.op === "goodbye") this.#comeBackMs = frame.reconnect_after_ms;
    if (frame.op === "welcome") {
      this.#greeted = true;
      this.#losses = 0;
      this.#silenceMs = 2_000 * frame.heartbeat_s; // two beats
      this.on.ready(frame);
    }
    this.#listen();
    this.on.frame(frame);
  }

  #listen() {
    clearTimeout(this.#silence);
    if (this.#socket) this.#silence = setTimeout(() => this.lose(), this.#silenceMs);
  }

  #closed(code) {
    // A token that was good once has expired: a fresh one will do. Another never will.
    if (code === 4001 && !this.#greeted) this.stop(NOT_SIGNED_IN);
    else if (FINAL.has(code)) this.stop("The chat cannot go on here. Close other tabs, then reload.");
    else this.lose();
  }

  #forget() {
    const socket = this.#socket;
    this.#socket = null;
    this.#greeted = false;
    clearTimeout(this.#silence);
    socket?.close();
  }
}
