// What both elements share: where the chat is, who reads it and in which language, by attributes;
// a shadow root with its styles; and a card in place of the view where a page asks for what cannot
// be.

import { Attachments } from "./files/attachments.js";
import { sessionFor } from "./link/session.js";
import { Tokens } from "./link/tokens.js";
import { problemCard, problemText } from "./view/panel-parts.js";
import { element } from "./view/element.js";
import { STYLE } from "./view/style.js";
import { loadWords } from "./words/words.js";

/** A page without `token-url` has this long to call `setToken`. */
const TOKEN_PATIENCE_MS = 5_000;

let sheet = null; // the elements of a page share it

/**
 * An element of the chat. Who extends it has `mount(root, desk)`: it fills the root, which is empty
 * and in the shadow root, and answers the view, {close, focus}; or it calls `fail`, and answers
 * nothing. It may observe more attributes.
 */
export class Embedding extends HTMLElement {
  static observedAttributes = ["server", "token-url", "lang", "words-url"];

  #tokens = null; // by `setToken`
  #opened = null; // aborted when the view is closed; null while there is none
  #stale = false;
  #root = null;
  #words = null;
  #view = null;

  constructor() {
    super();
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [(sheet ??= sheetOf(STYLE))];
  }

  /**
   * Who reads: a token, or a function that gives a fresh one each time. It takes the place of
   * `token-url`; a plain token cannot be renewed.
   * @param {string | (() => Promise<string>)} source
   */
  setToken(source) {
    if (this.#tokens === null) {
      this.#tokens = new Tokens();
      this.reopen();
    }
    this.#tokens.set(source);
  }

  /** Go where one writes, or reads; a view that is still loading moves on by itself. */
  focus() {
    if (this.#view) this.#view.focus();
    else this.#root?.focus();
  }

  /** Close the view and make it anew, from the attributes as they are now. */
  reopen() {
    this.#stale = true;
    this.#settleSoon();
  }

  /** Tell the page. */
  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }

  /** Tell the page why there is no chat. */
  tellProblem(problem) {
    const message = problemText(this.#words, problem);
    this.tell("order-chat:error", { code: problem.code, message });
  }

  /** Show why there is no view, and tell the page. */
  fail(code, values) {
    this.#root.className = "panel";
    this.#root.dataset.phase = "stopped";
    this.#root.replaceChildren(problemCard(this.#words, { code, values }));
    this.tellProblem({ code, values });
  }

  connectedCallback() {
    this.#settleSoon();
  }

  disconnectedCallback() {
    this.#settleSoon();
  }

  attributeChangedCallback(name, before, now) {
    if (before !== now) this.reopen();
  }

  // Once for all that happens in a task: an element that is moved is gone and there again, and
  // attributes come one by one.
  #settleSoon() {
    queueMicrotask(() => {
      if (this.#opened && (this.#stale || !this.isConnected)) this.#close();
      if (this.isConnected && !this.#opened) this.#open();
    });
  }

  #close() {
    this.#opened.abort();
    this.#opened = null;
    this.#view?.close();
    this.#view = null;
    this.shadowRoot.replaceChildren();
  }

  async #open() {
    const { signal } = (this.#opened = new AbortController());
    this.#stale = false;
    const root = (this.#root = element("div", { tabIndex: -1 }));
    this.shadowRoot.replaceChildren(root);
    const where = this.#where();
    // The connection is made while the words are on their way.
    const session = where.problem ? null : sessionFor(where.server, where.tokens);
    signal.addEventListener("abort", () => session?.release());
    const words = await loadWords(languageOf(this), this.getAttribute("words-url"));
    this.#words = words;
    if (signal.aborted) return;
    root.lang = words.lang;
    root.dir = words.dir;
    if (where.problem) return this.fail(...where.problem);
    const { server, tokens } = where;
    const attachments = new Attachments(`${server}/v1/attachments`, tokens);
    this.#view = this.mount(root, { server, session, attachments, words });
    if (this.#view && !this.#hasToken) {
      const tooLate = setTimeout(() => this.#giveUp(), TOKEN_PATIENCE_MS);
      signal.addEventListener("abort", () => clearTimeout(tooLate));
    }
  }

  get #hasToken() {
    return this.#tokens !== null || this.hasAttribute("token-url");
  }

  #giveUp() {
    this.#view.close();
    this.#view = null;
    this.fail("no_token");
  }

  /** {server, tokens}, or {problem: [code, values]} if the attributes do not say. */
  #where() {
    // What makes ids is there on secure pages alone.
    if (!globalThis.crypto?.randomUUID) return { problem: ["insecure"] };
    const server = URL.parse(this.getAttribute("server") ?? new URL(import.meta.url).origin);
    if (!/^https?:$/.test(server?.protocol)) {
      return { problem: ["bad_server", { server: this.getAttribute("server") }] };
    }
    const url = URL.parse(this.getAttribute("token-url") ?? "", document.baseURI);
    if (url === null) return { problem: ["no_token"] };
    const tokens = this.#tokens ?? (this.#hasToken ? Tokens.at(url.href) : new Tokens());
    return { server: (server.origin + server.pathname).replace(/\/+$/, ""), tokens };
  }
}

/** The nearest language of the page, else the browser's. */
function languageOf(host) {
  return host.closest("[lang]")?.lang || navigator.language;
}

function sheetOf(text) {
  const made = new CSSStyleSheet();
  made.replaceSync(text);
  return made;
}
