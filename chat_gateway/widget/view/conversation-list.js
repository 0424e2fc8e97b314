// The left half of the Messages area: search, filters, and a line for each conversation, live.

import { LINES_SOUGHT } from "../link/inbox.js";
import { hueOf, initials, totalText } from "../words/words.js";
import { element, portrait } from "./element.js";

const STEPS = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };

export class ConversationList {
  /** What is looked for; empty where there is no wish. */
  filter = { search: "", unreadOnly: false, status: "" };

  #words;
  #on;
  #lines = new Map(); // by order id
  #stop; // the line that Tab reaches; arrow keys reach the others
  #search;
  #unread;
  #status;
  #statuses;
  #note = element("div.why", { role: "status" });
  #noted;
  #list;
  #older;

  /**
   * @param {import("../words/words.js").Words} words
   * @param {{open: (orderId: string) => void, filter: () => void, older: () => void}} on
   */
  constructor(words, on) {
    const say = (key) => words.say(`messages.${key}`);
    const onkeydown = (event) => this.#keyPressed(event);
    this.#words = words;
    this.#on = on;
    this.#search = element("input", {
      type: "search",
      placeholder: say("search"),
      ariaLabel: say("search"),
      oninput: () => this.#wish({ search: this.#search.value.trim() }),
      onkeydown,
    });
    this.#unread = element(
      "button.filter",
      { ariaPressed: false, onclick: () => this.#wish({ unreadOnly: !this.filter.unreadOnly }) },
      say("unread"),
    );
    this.#status = element("select.filter", {
      ariaLabel: say("status"),
      onchange: () => this.#wish({ status: this.#status.value }),
    });
    this.#list = element("ul", { ariaLabel: say("list"), onkeydown });
    this.#older = element("button.button", { onclick: on.older }, say("older"));
    this.element = element(
      "div.conversations",
      { part: "list" },
      element("div.filters", {}, this.#search, this.#unread, this.#status),
      element("div.lines", {}, this.#note, this.#list, this.#older),
    );
  }

  get isFiltered() {
    return Object.values(this.filter).some(Boolean);
  }

  /**
   * Bring the list in line with what is known; lines that stay keep their elements, and the focus.
   * @param {import("../link/inbox.js").Inbox} inbox
   * @param {string} me
   * @param {?string} open the order whose conversation is open
   * @param {number} now
   */
  show(inbox, me, open, now) {
    const shown = inbox.lines.visible({ ...this.filter, kept: open });
    this.#showStatuses(inbox.lines.statuses);
    this.#arrange(shown.map((line) => this.#lineOf(line, me, open, now)));
    this.#showNote(...this.#noteOf(inbox, shown.length));
    this.#older.hidden = inbox.next === null || inbox.isLoading || inbox.phase !== "live";
  }

  /** Put the focus on a conversation's line; if it is not there, to the search. */
  focus(orderId) {
    (this.#lines.get(orderId)?.button ?? this.#search).focus();
  }

  #wish(changes) {
    Object.assign(this.filter, changes);
    this.#unread.ariaPressed = this.filter.unreadOnly;
    this.#on.filter();
  }

  #clear() {
    this.#search.value = "";
    this.#status.value = "";
    this.#search.focus(); // the button that did it goes
    this.#wish({ search: "", unreadOnly: false, status: "" });
  }

  #lineOf(line, me, open, now) {
    let made = this.#lines.get(line.order_id);
    if (!made) {
      made = new Line(line.order_id, this.#words);
      made.button.onclick = () => this.#on.open(made.orderId);
      made.button.onfocus = () => this.#stopAt(made);
      this.#lines.set(made.orderId, made);
    }
    made.show(line, me, line.order_id === open, now);
    return made;
  }

  /** Only lines that left their order are moved: one that is moved loses the focus. */
  #arrange(lines) {
    const focused = this.#list.getRootNode().activeElement;
    const gone = new Set(this.#lines.values());
    let next = this.#list.firstElementChild;
    for (const line of lines) {
      gone.delete(line);
      if (line.element === next) next = next.nextElementSibling;
      else this.#list.insertBefore(line.element, next);
    }
    for (const { element: item, orderId } of gone) {
      item.remove();
      this.#lines.delete(orderId);
    }
    if (this.#list.contains(focused)) focused.focus({ preventScroll: true });
    if (!lines.includes(this.#stop)) this.#stopAt(lines[0]);
  }

  #stopAt(line) {
    if (this.#stop) this.#stop.button.tabIndex = -1;
    if (line) line.button.tabIndex = 0;
    this.#stop = line;
  }

  #showStatuses(known) {
    const { status } = this.filter;
    const offered = [...new Set([...known, status])].filter(Boolean);
    if (this.#statuses === offered.join()) return;
    this.#statuses = offered.join();
    this.#status.replaceChildren(
      element("option", { value: "" }, this.#words.say("messages.any_status")),
      ...offered.map((value) => element("option", { value }, this.#words.status(value))),
    );
    this.#status.value = status;
  }

  #showNote(title, text) {
    if (this.#noted === title + text) return;
    this.#noted = title + text;
    const clear = { onclick: () => this.#clear() };
    this.#note.replaceChildren(
      title && element("strong", {}, title),
      text && element("p", {}, text),
      title && this.isFiltered
        ? element("button.button", clear, this.#words.say("messages.clear"))
        : "",
    );
  }

  /** Why there is nothing, or not all: a title, and a sentence. */
  #noteOf(inbox, count) {
    const say = (key, values) => this.#words.say(`messages.${key}`, values);
    const { search, status } = this.filter;
    const { size } = inbox.lines;
    if (size === 0 && inbox.phase !== "live") {
      return ["", say(inbox.failures > 1 || inbox.phase === "offline" ? "unreachable" : "loading")];
    }
    if (!this.isFiltered) return count > 0 ? ["", ""] : [say("none"), say("none_why")];
    if (inbox.isLoading) return ["", say("searching")];
    const bound = inbox.next !== null && size >= LINES_SOUGHT;
    const sought = bound ? say("sought", { count: size }) : "";
    if (count > 0) return ["", sought];
    if (search) return [say("no_match", { search }), sought];
    if (status) return [say("no_status", { status: this.#words.status(status) }), sought];
    return [say("all_read"), sought];
  }

  #keyPressed(event) {
    const { key, target } = event;
    const inSearch = target === this.#search; // where most of these keys move the caret
    if (!(key in STEPS) || event.isComposing || (inSearch && key !== "ArrowDown")) return;
    const buttons = [...this.#list.querySelectorAll("button")];
    const place = buttons.indexOf(target) + STEPS[key];
    event.preventDefault();
    buttons[Math.max(0, Math.min(buttons.length - 1, place))]?.focus();
  }
}

/** A conversation's line. Its parts are made once, and changed where what they say has changed. */
class Line {
  #words;
  #shown = {};
  #face = element("span");
  #who = element("strong.names", { dir: "auto" });
  #time = element("time");
  #title = element("span.subject", { dir: "auto" });
  #status = element("span.order-status");
  #preview = element("span.preview", { dir: "auto" });
  #badge = element("span.badge", { part: "badge", ariaHidden: true });
  #spoken = element("span.sr");

  constructor(orderId, words) {
    this.orderId = orderId;
    this.#words = words;
    this.button = element(
      "button.conversation",
      { part: "conversation", tabIndex: -1 },
      this.#face,
      element("span.cells", {}, this.#who, this.#time),
      element("span.cells", {}, this.#title, this.#status),
      element("span.cells", {}, this.#preview, this.#badge, this.#spoken),
    );
    this.element = element("li", {}, this.button);
  }

  show(line, me, open, now) {
    const when = this.#words.when(line.updated_at, now); // "14:05", later "Yesterday"
    this.button.ariaCurrent = open ? "true" : null;
    if (this.#time.textContent !== when) this.#time.textContent = when;
    if (line === this.#shown) return;
    this.#shown = line;
    const { status, unread: count } = line;
    const others = line.participants.filter(({ user_id: userId }) => userId !== me);
    this.#showFace(others);
    const names = this.#words.list(others.map(({ name }) => name));
    this.#who.textContent = names || this.#words.say("messages.only_you");
    this.#title.textContent = line.title;
    this.#status.textContent = this.#words.status(status);
    this.#status.dataset.status = status;
    this.#preview.textContent = previewOf(line, me, this.#words);
    this.button.classList.toggle("unread", count > 0);
    this.#badge.hidden = count === 0;
    this.#badge.textContent = totalText(count);
    this.#spoken.textContent = count ? this.#words.say("messages.unread_count", { count }) : "";
  }

  #showFace([party]) {
    const face = portrait(initials(party?.name ?? ""), hueOf(party?.user_id ?? ""));
    this.#face.replaceWith(face);
    this.#face = face;
  }
}

/** One line of what was said last. */
export function previewOf({ last, participants }, me, words) {
  if (last === null) return words.say("messages.silent");
  const { attachments, by, gone } = last;
  if (gone) return words.gone(gone, by === me);
  const files = () =>
    words.say(attachments.length === 1 ? "messages.file" : "messages.files", {
      name: attachments[0].name,
      count: attachments.length,
    });
  const text = last.text || files();
  if (by === me) return words.say("messages.you", { text });
  const name = participants.find(({ user_id: userId }) => userId === by)?.name.split(" ")[0];
  return name && participants.length > 2 ? words.say("messages.by", { name, text }) : text;
}

// How much is unread, in the page's title: "(3) Messages". The rest of the title is the page's own: it
// may change it at any time.

const observer = globalThis.MutationObserver && new MutationObserver(() => show());
let total = 0;
let carried = ""; // what stands in front of the page's own title

/** Show a total in front of the title; 0 takes it away. */
export function carryTotal(count) {
  total = count;
  show();
  const all = { childList: true, subtree: true, characterData: true };
  if (count) observer.observe(document.head, all); // the <title> may be replaced
  else observer.disconnect();
}

function show() {
  const own = ownTitle(document.title, carried);
  carried = total ? `(${totalText(total)})` : "";
  const title = `${carried} ${own}`.trim();
  if (document.title !== title) document.title = title; // of which the observer tells, once
}

/** A title without the total in front of it, if that is still there. */
export function ownTitle(title, carried) {
  return title.startsWith(carried) ? title.slice(carried.length).trim() : title;
}
