// Elements of the list's rows. Each is made once and then brought in line with what it shows, by
// parts: what did not change is not touched, and keeps the focus, the selection and its pictures.

import { MASK, segmentsOf } from "../state/rich-text.js";
import { hueOf, initials } from "../words/words.js";
import { element, icon, portrait, write } from "./element.js";

/** So much of a message is repeated where it is quoted or read out. */
const LINE_CHARS = 160;

export class Day {
  #words;
  #at;
  #text = element("span");

  constructor(words, at) {
    this.#words = words;
    this.#at = at;
    this.element = element("div.day", { role: "separator" }, this.#text);
  }

  show(now) {
    write(this.#text, this.#words.day(this.#at, now));
  }
}

export class StatusLine {
  constructor(words, event) {
    this.element = element(
      "div.status",
      { "data-status": event.status },
      element("span", {}, words.statusLine(event)),
      timeOf(words, event.at),
    );
  }

  show() {} // it never changes
}

/**
 * @typedef {object} View what a bubble shows
 * @property {object} message as it stands; of an attempt that is to become one, what it will be
 * @property {boolean} own
 * @property {boolean} unsent
 * @property {boolean} first of a group by one author
 * @property {string} author
 * @property {string} seen who has seen it, in words
 * @property {boolean} reported by the reader
 * @property {object[]} attempts on it that are not settled
 * @property {?{id: string, author: string, message: ?object}} quote what it replies to; its message
 *   is null while it is not here
 */

export class Bubble {
  #words;
  #on;
  #drawn = {}; // part → what it was drawn for
  #changed = false;
  #side = element("div.side");
  #author = element("div.author");
  #quote = element("div.quoting");
  #text = element("div.text", { dir: "auto" });
  #files = element("div.files");
  #meta = element("div.meta");
  #notes = element("div.notes");
  #bubble = element("div.bubble", { part: "bubble" }, this.#quote, this.#text, this.#files);

  /**
   * @param {import("../words/words.js").Words} words
   * @param {object} on {file(message, attachment) → element, menu(bubble), find(messageId),
   *   again(attempt), discard(attempt)}
   */
  constructor(words, on) {
    this.#words = words;
    this.#on = on;
    this.opener = element(
      "button.more",
      {
        title: words.say("list.actions"),
        "aria-label": words.say("list.actions"),
        "aria-haspopup": "menu",
        "aria-expanded": "false",
        onclick: () => on.menu(this),
      },
      icon("more"),
    );
    this.element = element(
      "article",
      { tabIndex: -1, part: "message" },
      this.#side,
      this.#author,
      element("div.row", {}, this.#bubble, this.opener),
      this.#meta,
      this.#notes,
    );
  }

  /** @param {View} view */
  show(view) {
    this.view = view;
    const { message, own, unsent, first, author, attempts, quote } = view;
    const { gone, text } = message;
    this.#part("class", [own, unsent, first, gone], () => {
      const { classList } = this.element;
      classList.add("message", own ? "own" : "other");
      classList.toggle("gone", Boolean(gone));
      classList.toggle("first", first);
      classList.toggle("unsent", unsent);
      this.opener.hidden = unsent || Boolean(gone);
    });
    this.#part("author", [first, own, author], () => {
      const named = first && !own;
      this.#side.replaceChildren(...(named ? [portrait(initials(author), hueOf(message.by))] : []));
      this.#author.textContent = named ? author : "";
    });
    this.#part("quote", [quote?.id, quote?.author, quote?.message], () => this.#drawQuote(quote));
    this.#part("text", [text, gone], () => {
      const said = gone ? [this.#words.gone(gone, own)] : richly(text, this.#words);
      this.#text.replaceChildren(...said);
    });
    this.#part("files", [unsent, ...message.attachments], () => {
      const file = (attachment) =>
        unsent ? this.#fileLine(attachment) : this.#on.file(message, attachment);
      this.#files.replaceChildren(...message.attachments.map(file));
    });
    this.#part("meta", [unsent, message.edited_at, gone, view.seen, view.reported], () =>
      this.#drawMeta(view),
    );
    this.#part("notes", attempts.map(lookOf), () =>
      this.#notes.replaceChildren(...attempts.map((attempt) => this.#note(attempt))),
    );
    this.#part("label", [unsent, text, gone, author], () => {
      const name = own ? this.#words.say("list.you") : author;
      const time = unsent ? this.#words.say("list.unsent") : this.#words.time(message.at);
      const values = { name, time, text: spokenOf(message, this.#words, own) };
      this.element.setAttribute("aria-label", this.#words.say("list.message", values));
    });
    if (this.#changed) this.rove(this.element.tabIndex === 0);
    this.#changed = false;
  }

  /** Say whether the Tab key leads into it; of all messages it leads into one. */
  rove(is) {
    this.element.tabIndex = is ? 0 : -1;
    this.opener.tabIndex = this.element.tabIndex;
    for (const inner of this.#bubble.querySelectorAll("a, button")) {
      inner.tabIndex = this.element.tabIndex;
    }
  }

  /** Draw a part unless it was drawn for the same *values*. */
  #part(name, values, draw) {
    const drawn = this.#drawn[name];
    const same = (value, place) => value === drawn[place];
    if (drawn?.length === values.length && values.every(same)) return;
    this.#drawn[name] = values;
    this.#changed = true;
    draw();
  }

  #drawQuote(quote) {
    if (quote === null) return this.#quote.replaceChildren();
    const { id, message, author } = quote;
    const line = message ? lineOf(message, this.#words) : this.#words.say("list.earlier_message");
    const jump = element(
      "button.quote",
      { onclick: () => this.#on.find(id) },
      message ? element("bdi.quoted-author", {}, author) : null,
      element("span.quoted-text", { dir: "auto" }, ...richly(line, this.#words, false)),
    );
    jump.classList.toggle("quiet", !message || Boolean(message.gone));
    this.#quote.replaceChildren(jump);
  }

  #drawMeta({ message, unsent, seen, reported }) {
    const words = this.#words;
    const { at, edited_at: editedAt, gone } = message;
    const marks = [
      unsent ? null : timeOf(words, at),
      editedAt && !gone &&
        element("span.edited", { title: words.moment(editedAt) }, words.say("list.edited")),
      seen && element("span.seen", {}, seen),
      reported && element("span.reported", {}, words.say("list.reported")),
    ];
    this.#meta.replaceChildren(...marks.filter(Boolean));
  }

  #fileLine({ name, size }) {
    return element(
      "div.file-line",
      {},
      icon("file"),
      element("bdi", {}, name),
      element("span", {}, this.#words.size(size)),
    );
  }

  #note(attempt) {
    const words = this.#words;
    const { op, state, problem, text } = attempt;
    if (state === "waiting" || state === "sent") {
      return element("div.pending", {}, words.say(`list.pending_${op}`));
    }
    const button = (key, onclick) =>
      element("button.link", { onclick }, words.say(key));
    return element(
      "div.problem",
      { role: "alert" },
      element("span", {}, words.error(problem?.code, problem?.message)),
      op === "edit" ? element("div.unsaved", {}, element("q", { dir: "auto" }, text)) : null,
      element(
        "span.choices",
        {},
        button("list.again", () => this.#on.again(attempt)),
        button("list.remove", () => this.#on.discard(attempt)),
      ),
    );
  }
}

/** A message in one line: what it says, or the names of its files. */
export function lineOf({ text, attachments, gone }, words, own = false) {
  if (gone) return words.gone(gone, own);
  const line = text || words.list(attachments.map(({ name }) => name));
  return line.length > LINE_CHARS ? `${line.slice(0, LINE_CHARS)}…` : line;
}

/** The same for who listens. */
export function spokenOf(message, words, own) {
  return lineOf(message, words, own).replace(MASK, words.say("list.masked"));
}

/** What decides how an attempt is shown. */
export function lookOf({ id, op, state, problem }) {
  return `${id} ${op} ${state} ${problem?.code} ${problem?.message}`;
}

/** A text with its links, unless it stands in a button, and with what was masked in it. */
function richly(text, words, linked = true) {
  const name = words.say("list.masked");
  return segmentsOf(text).map(({ text: part, href, masked }) => {
    if (masked) return element("span.masked", { role: "img", title: name }, part);
    if (!href || !linked) return part;
    return element("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, part);
  });
}

function timeOf(words, at) {
  const dateTime = new Date(at).toISOString();
  return element("time", { dateTime, title: words.moment(at) }, words.time(at));
}

/** What rows show: of the order's conversation, and of what is not settled yet. */
export class RowViews {
  #words;
  #me;

  /**
   * @param {import("../words/words.js").Words} words
   * @param {string} me user id of the reader
   */
  constructor(words, me) {
    this.#words = words;
    this.#me = me;
  }

  /** @returns {(row: object) => View} for rows of *chat* as it is now */
  for({ conversation, attempts }) {
    const seen = conversation.seen();
    return ({ item, attempt, first }) => {
      const message = item ?? this.#messageOf(attempt);
      const { id, by, reply_to: replyTo } = message;
      return {
        message,
        own: by === this.#me,
        unsent: !item,
        first,
        author: this.nameOf(by, conversation),
        seen: seen !== null && seen.id === id ? this.#seenBy(seen.readers, conversation) : "",
        reported: conversation.reported.has(id),
        attempts: item ? attempts.filter(({ target }) => target === id) : [attempt],
        quote: replyTo && this.#quoteOf(replyTo, conversation),
      };
    };
  }

  nameOf(userId, conversation) {
    const other = userId.startsWith("service:") ? "list.marketplace" : "list.former";
    return conversation.party(userId)?.name ?? this.#words.say(other);
  }

  /** What an attempt will be; of one on a message that is not loaded, what is known of it. */
  #messageOf({ id, op, text, files, reply_to, at }) {
    const said = op === "send" || op === "edit" ? text : this.#words.say("list.earlier_message");
    return { id, by: this.#me, at, text: said, attachments: files, reply_to, gone: null };
  }

  #quoteOf(id, conversation) {
    const message = conversation.message(id);
    return { id, message, author: message && this.nameOf(message.by, conversation) };
  }

  #seenBy(readers, { others }) {
    if (others.length === 1) return this.#words.say("list.seen");
    const names = this.#words.list(readers.map(({ name }) => name));
    return this.#words.say("list.seen_by", { names });
  }
}
