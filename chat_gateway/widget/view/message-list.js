// The scrolling list. Of a history as long as it may be, only the rows around what one reads are in
// the page.

import { Rows, STEP } from "../state/rows.js";
import { Announcer } from "./announcer.js";
import { Bubble, Day, RowViews, StatusLine, lineOf, lookOf } from "./bubbles.js";
import { element, icon, write } from "./element.js";
import { ListPlace, Roving } from "./list-place.js";
import { MessageMenu, ReportDialog, actionsOf } from "./message-menu.js";

/** A message that is looked for is given up after so many pages. */
const PAGES_MAX = 40;

export class MessageList {
  #words;
  #on;
  #chat = null;
  #now = 0;
  #look = ""; // of what was shown last
  #rows;
  #rowViews;
  #shown = new Map(); // key → Day, StatusLine or Bubble
  #views = new WeakMap(); // its element → the same
  #roving;
  #sends = new Set(); // ids of what is being sent
  #news = false; // something came that was not on the screen yet
  #sought = null; // a message being looked for in older pages: {id, pages}
  #body = element("div.rows");
  #earlier;
  #pill;
  #pillText = element("span");
  #place;
  #announcer;
  #menu;
  #dialog;
  #bubbleOn;

  /**
   * @param {object} desk
   * @param {string} me user id of the reader
   * @param {object} on {file, reply, edit, delete, report, again, discard, older, readable};
   *   readable: the end has come onto the screen
   */
  constructor({ words }, me, on) {
    this.#words = words;
    this.#on = on;
    this.#rows = new Rows(me);
    this.#rowViews = new RowViews(words, me);
    this.#announcer = new Announcer(words, me);
    this.#dialog = new ReportDialog(words);
    this.#menu = new MessageMenu(words, {
      ...on,
      copy: (message) => this.#copy(message),
      report: (message) => this.#report(message),
    });
    this.#bubbleOn = {
      ...on,
      menu: (bubble) => this.#openMenu(bubble),
      find: (id) => {
        this.#sought = { id, pages: 0 };
        this.#seek();
      },
    };
    const button = (name, onclick, ...children) =>
      element(`button.${name}`, { hidden: true, onclick }, ...children);
    this.#earlier = button("earlier", () => this.#showEarlier());
    this.#pill = button("pill", () => this.#toNewest(), icon("down"), this.#pillText);
    const log = { role: "log", part: "log", "aria-label": words.say("list.label") };
    this.log = element("div.log", { ...log, "aria-live": "off" }, this.#earlier, this.#body);
    this.log.onscroll = () => this.#scrolled();
    this.#roving = new Roving(this.log, {
      bubbles: () => this.#bubbles,
      open: (bubble) => this.#openMenu(bubble),
      toStart: () => this.#toStart(),
      toEnd: () => this.focusLast(),
    });
    this.#place = new ListPlace(this.log, this.#body, this.#rows, () => this.#draw());
    this.element = element(
      "div.list",
      {},
      this.log,
      this.#pill,
      this.#announcer.element,
      this.#dialog.element,
    );
    // The box below grows with what is typed, and a picture that does not come shrinks its row.
    const sizes = new ResizeObserver(() => this.#keep());
    sizes.observe(this.log);
    sizes.observe(this.#body);
  }

  /** The newest message is on the screen. */
  get atEnd() {
    return this.#place.atEnd;
  }

  toEnd() {
    if (!this.#rows.atEnd) {
      this.#rows.toEnd();
      this.#draw();
    }
    this.#place.pinned = true;
    this.#keep();
    this.#settle();
    this.#on.readable();
  }

  /** Bring a message onto the screen; false if it is not loaded. */
  scrollTo(messageId) {
    const { conversation } = this.#chat;
    const message = conversation.message(messageId);
    if (message === null) return false;
    const at = conversation.indexOf(message.seq);
    if (at < this.#rows.from || at >= this.#rows.to) {
      this.#rows.around(at);
      this.#draw();
    }
    const row = this.#bubble(messageId).element;
    this.#place.center(row);
    this.#scrolled();
    this.#body.querySelector(".found")?.classList.remove("found");
    row.classList.add("found");
    return true;
  }

  /** Go to the newest message by keyboard. */
  focusLast() {
    if (!this.atEnd) this.toEnd();
    this.#bubbles.at(-1)?.element.focus();
  }

  /** Show how things stand, touching only what changed. */
  show(chat, now) {
    const { conversation, attempts } = chat;
    const today = new Date(now).toDateString();
    const state = [conversation.revision, chat.phase, chat.loadingOlder, today];
    const look = [...state, ...attempts.map(lookOf)].join();
    this.#chat = chat;
    this.#now = now;
    if (look === this.#look) return;
    this.#look = look;
    // Edits and the like show at their message, or at the end if it is not loaded.
    const isApart = ({ op, target }) => op === "send" || !conversation.message(target);
    const last = attempts.filter(isApart);
    const place = this.#place;
    place.look();
    const follows = this.#follows(last);
    place.note();
    this.#rows.take(conversation, last, follows ? null : this.#views.get(place.anchor?.row)?.seq);
    this.#draw();
    place.pinned = follows || (this.#rows.atEnd && !place.anchor?.row.isConnected);
    this.#news ||= this.#announcer.hear(conversation, this.#rowViews);
    this.#keep();
    place.pinned = this.atEnd;
    this.#settle();
    this.#seek();
    this.#reach();
  }

  /** Whether the end is to be shown: one stands there, or has just sent something. */
  #follows(last) {
    const sends = last.filter(({ op }) => op === "send").map(({ id }) => id);
    const sent = sends.some((id) => !this.#sends.has(id));
    this.#sends = new Set(sends);
    // A message with an open menu does not move away.
    return (this.#place.pinned || sent) && this.#menu.message === null;
  }

  // What the rows show.

  get #bubbles() {
    return [...this.#shown.values()].filter((view) => view instanceof Bubble);
  }

  #bubble(messageId) {
    return this.#bubbles.find(({ view }) => view.message.id === messageId);
  }

  #draw() {
    const { conversation } = this.#chat;
    const { activeElement } = this.element.getRootNode();
    const focused = this.log.contains(activeElement) ? activeElement : null;
    const viewOf = this.#rowViews.for(this.#chat);
    const shown = new Map();
    for (const row of this.#rows.shown) {
      const view = this.#shown.get(row.key) ?? this.#make(row);
      view.seq = row.item?.seq;
      view.show(row.kind === "day" ? this.#now : viewOf(row));
      shown.set(row.key, view);
    }
    for (const [key, view] of this.#shown) if (!shown.has(key)) view.element.remove();
    let next = this.#body.firstElementChild;
    for (const view of shown.values()) {
      if (view.element === next) next = next.nextElementSibling;
      else this.#body.insertBefore(view.element, next);
    }
    this.#shown = shown;
    this.#drawEarlier(conversation);
    this.#menu.place();
    this.#keepFocus(focused);
  }

  #make(row) {
    const made =
      row.kind === "day"
        ? new Day(this.#words, row.at)
        : row.kind === "status"
          ? new StatusLine(this.#words, row.item)
          : new Bubble(this.#words, this.#bubbleOn);
    this.#views.set(made.element, made);
    return made;
  }

  #drawEarlier({ complete, items }) {
    const loading = this.#chat.loadingOlder;
    this.#earlier.hidden = items.length === 0 || (complete && this.#rows.from === 0);
    // Not `disabled`: that would take the focus from whoever presses it again and again.
    this.#earlier.setAttribute("aria-disabled", String(loading));
    write(this.#earlier, this.#words.say(loading ? "list.loading" : "list.earlier"));
  }

  /** What had the focus has it still; if it left, its message or the list has. */
  #keepFocus(focused) {
    if (focused === null) return;
    const { row } = this.#roving;
    const gone = !focused.isConnected || focused.hidden;
    const next = !gone ? focused : row?.isConnected ? row : this.log;
    if (next !== this.element.getRootNode().activeElement) next.focus({ preventScroll: true });
  }

  // Where the list stands.

  #scrolled() {
    const { pinned } = this.#place;
    this.#place.scrolled();
    this.#settle();
    this.#menu.place();
    this.#reach();
    if (this.#place.pinned && !pinned) this.#on.readable();
  }

  #keep() {
    this.#place.keep();
    this.#menu.place();
  }

  /** Remember where it stands, and show what goes with that. */
  #settle() {
    const { pinned } = this.#place;
    this.#place.note();
    this.#news &&= !pinned;
    this.#pill.hidden = pinned;
    this.#pill.classList.toggle("news", this.#news);
    write(this.#pillText, this.#words.say(this.#news ? "list.new" : "list.newest"));
    const reading = this.log.contains(this.element.getRootNode().activeElement);
    if (!reading || !this.#roving.row?.isConnected) {
      this.#roving.to(pinned ? null : this.#views.get(this.#place.anchor?.row));
    }
  }

  #reach() {
    this.#place.reach();
    if (this.#place.isNearTop && this.#rows.from < STEP) this.#askOlder();
  }

  #askOlder() {
    const { conversation, loadingOlder, phase } = this.#chat;
    if (!conversation.complete && !loadingOlder && phase === "live") this.#on.older();
  }

  /** Whoever presses the button is at the beginning, wherever the list stands. */
  #showEarlier() {
    this.#place.pinned = false;
    this.log.scrollTop = 0;
    this.#scrolled();
  }

  #toNewest() {
    this.toEnd();
    this.focusLast(); // the button that had the focus is gone
  }

  /** Go to the message that is sought, or on to older pages. */
  #seek() {
    const { conversation, loadingOlder, phase } = this.#chat;
    const sought = this.#sought;
    if (sought === null || loadingOlder) return;
    if (this.scrollTo(sought.id)) {
      this.#sought = null;
      this.#bubble(sought.id).element.focus({ preventScroll: true });
    } else if (conversation.complete || phase !== "live" || sought.pages === PAGES_MAX) {
      this.#sought = null;
      this.#announcer.say(this.#words.say("list.not_found"));
    } else {
      sought.pages += 1;
      this.#askOlder();
    }
  }

  // What is done with a message.

  #openMenu(bubble) {
    const { view, opener } = bubble;
    const again = this.#menu.message?.id === view.message.id;
    this.#menu.close();
    const actions = actionsOf(view, this.#chat.conversation, Date.now());
    if (again || actions.length === 0) return;
    this.#roving.to(bubble);
    this.#menu.open(view.message, actions, opener);
  }

  async #copy({ id, text }) {
    try {
      await navigator.clipboard.writeText(text);
      this.#announcer.say(this.#words.say("list.copied"));
    } catch {
      // The browser does not let this page copy: selected, the text is one key away.
      const row = this.#bubble(id)?.element;
      if (row) getSelection().selectAllChildren(row.querySelector(".text"));
    }
  }

  #report(message) {
    const send = (reason, note) => this.#on.report(message, reason, note);
    this.#dialog.open(lineOf(message, this.#words), send, () => this.#roving.row?.focus());
  }

  #toStart() {
    this.#place.pinned = false;
    this.#rows.around(0);
    this.#draw();
    this.#bubbles[0]?.element.focus();
    this.log.scrollTop = 0;
  }
}
