// The reader's conversations as the server tells of them: pages, then each line that changes.

import { ConversationLines } from "../state/conversation-lines.js";
import { backoff } from "../state/connection.js";
import { sessionFor } from "./session.js";
import { Tokens } from "./tokens.js";

const PAGE = 30;
const PAGE_MAX = 100;
/** As many lines are fetched by themselves: again after a loss, and in search of something. */
export const LINES_SOUGHT = 500;
/** The longest wait for a page. */
const PATIENCE_MS = 10_000;

export class Inbox {
  #session;
  #changed;
  #page;
  #unsubscribe = () => {};
  #fresh = null; // the lines as they are told anew, until they are as many as are shown
  #asked = null; // {ref, before, limit}; the ref is null while a failed question waits
  #timer;
  lines = new ConversationLines();
  /** Where the next page begins; null while there is none. */
  next = null;
  /** The session's, but "live" only once the first page is there. */
  phase = "connecting";
  /** How often in a row a page was asked for in vain. */
  failures = 0;

  /** *changed* is called after every change; *page* lines are wanted at first. */
  constructor(session, changed, page = PAGE) {
    this.#session = session;
    this.#changed = changed;
    this.#page = page;
  }

  start() {
    this.#unsubscribe = this.#session.subscribe({
      ready: () => this.#refill(),
      frame: (frame) => this.#receive(frame),
      lost: () => this.#enter(this.#session.phase),
      stopped: () => this.#enter("stopped"),
    });
    if (this.#session.phase === "stopped") this.#enter("stopped");
    if (this.#session.phase === "live") this.#refill();
  }

  close() {
    this.#unsubscribe();
    clearTimeout(this.#timer);
  }

  /** When stopped: why, as {code, message}. */
  get problem() {
    return this.#session.problem;
  }

  get isLoading() {
    return this.#asked !== null;
  }

  /** Ask for older lines; without effect while there are none, or an answer is awaited. */
  loadMore(limit = PAGE) {
    if (this.phase === "live" && this.next !== null && !this.isLoading) this.#ask(this.next, limit);
  }

  /** Fetch what is shown once more: what was not heard is in it, and nothing that is gone. */
  #refill() {
    this.#fresh = new ConversationLines();
    this.#ask(null, Math.max(this.#page, this.#missing));
  }

  /** How many lines that are shown have not been told anew. */
  get #missing() {
    return Math.min(LINES_SOUGHT, this.lines.size) - this.#fresh.size;
  }

  #ask(before, limit) {
    clearTimeout(this.#timer);
    const frame = { op: "inbox", limit: Math.min(PAGE_MAX, limit), before };
    const ref = this.#session.request(frame);
    this.#asked = { ref, before, limit };
    // Without a connection there is no answer to wait for: `ready` comes.
    if (ref !== null) this.#timer = setTimeout(() => this.#askAgain({}), PATIENCE_MS);
  }

  #receive(frame) {
    const answers = this.#asked !== null && frame.ref === this.#asked.ref;
    if (frame.op === "inbox" && answers) this.#takePage(frame);
    else if (frame.op === "refused" && answers) this.#askAgain(frame);
    else if (frame.op === "conversation") this.#each((lines) => lines.takeLine(frame));
    else if (frame.op === "left" && frame.code) this.#takeAway(frame.order_id);
  }

  /** Change what is shown and what is about to be. */
  #each(change) {
    change(this.lines);
    if (this.#fresh) change(this.#fresh);
    this.#changed();
  }

  #takePage(frame) {
    clearTimeout(this.#timer);
    this.#asked = null;
    this.failures = 0;
    (this.#fresh ?? this.lines).takePage(frame);
    if (this.#fresh && frame.next !== null && this.#missing > 0) {
      this.#ask(frame.next, this.#missing);
      return;
    }
    this.lines = this.#fresh ?? this.lines;
    this.#fresh = null;
    this.next = frame.next;
    this.#enter("live");
  }

  /** The reader takes part no more; the total without it is in a fresh page. */
  #takeAway(orderId) {
    this.#each((lines) => lines.remove(orderId));
    this.#refill();
  }

  #askAgain({ retry = true, retry_after_ms: atLeast }) {
    const { before, limit } = this.#asked;
    const after = backoff(this.failures, Math.random());
    this.failures += 1;
    this.#asked.ref = null; // a late answer is none
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      // A place the server does not know any more: from the beginning.
      () => (retry || before === null ? this.#ask(before, limit) : this.#refill()),
      Math.max(after, atLeast ?? 0),
    );
    this.#changed();
  }

  #enter(phase) {
    this.phase = phase;
    if (phase !== "live") {
      clearTimeout(this.#timer);
      this.#asked = null;
    }
    this.#changed();
  }
}

/**
 * Tell *listener* how much the reader has not read in all orders, now and whenever it changes; for
 * pages without a list of conversations. Answers how to end it.
 * @param {{server?: string, tokenUrl?: string, token?: string | (() => Promise<string>)}} where
 * @param {(total: number) => void} listener
 */
export function watchUnread({ server, tokenUrl, token }, listener) {
  const tokens = token ? new Tokens() : Tokens.at(new URL(tokenUrl, document.baseURI).href);
  if (token) tokens.set(token);
  const session = sessionFor(server ?? new URL(import.meta.url).origin, tokens);
  let told = null;
  const tell = () => {
    const { unreadTotal } = inbox.lines;
    if (inbox.phase === "live" && unreadTotal !== told) listener((told = unreadTotal));
  };
  const inbox = new Inbox(session, tell, 1);
  inbox.start();
  return () => {
    inbox.close();
    session.release();
  };
}
