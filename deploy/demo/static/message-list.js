// The scrolling list: which elements it holds, and where it stands.

import { attemptBubble, dayMark, messageBubble, statusMark } from "./bubbles.js";
import { element } from "./element.js";
import { dayOf, isSameDay } from "./words.js";

/** Messages of one author this close to each other are shown as one group. */
const GROUP_MS = 5 * 60 * 1000;
/** This near to its end (px) the list counts as being at its end. */
const NEAR_END_PX = 40;

export class MessageList {
  #me;
  #on;
  #shown = new Map(); // key → {element, look}: an element is made anew only if its look changed
  #pinned = true; // the list stands at its end, and follows it
  #oldest = null; // position of the first item shown
  #body = element("div.qm-items");
  #earlier;
  #jump;

  /**
   * @param {string} me user id of the reader
   * @param {object} on {edit, delete, again, remove, older, file}
   */
  constructor(me, on) {
    this.#me = me;
    this.#on = on;
    const older = { type: "button", hidden: true, onclick: on.older };
    this.#earlier = element("button.qm-earlier", older);
    this.log = element(
      "div.qm-log",
      { role: "log", "aria-label": "Messages", "aria-live": "polite", tabIndex: 0 },
      this.#earlier,
      this.#body,
    );
    const jump = { type: "button", hidden: true, onclick: () => this.toEnd() };
    this.#jump = element("button.qm-jump", jump, "New messages ↓");
    this.log.onscroll = () => {
      this.#pinned = this.atEnd;
      this.#jump.hidden ||= this.#pinned;
    };
    // The box below grows with what is typed; what stood at the end stays there.
    new ResizeObserver(() => this.#pinned && this.toEnd()).observe(this.log);
    this.element = element("div.qm-list", {}, this.log, this.#jump);
  }

  get atEnd() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < NEAR_END_PX;
  }

  toEnd() {
    this.log.scrollTop = this.log.scrollHeight;
  }

  show(chat, now) {
    const { conversation } = chat;
    const below = this.log.scrollHeight - this.log.scrollTop;
    this.#earlier.hidden = conversation.complete || conversation.items.length === 0;
    this.#earlier.disabled = chat.loadingOlder;
    this.#earlier.textContent = chat.loadingOlder ? "Loading…" : "Load earlier";
    const known = new Set(this.#shown.keys());
    const rows = [...this.#rows(chat, now)];
    this.#place(rows);
    if (this.#pinned || rows.some((row) => row.mine && !known.has(row.key))) this.toEnd();
    else if (conversation.oldest < this.#oldest) {
      this.log.scrollTop = this.log.scrollHeight - below; // a page came in above
    } else if (rows.length > 0 && !known.has(rows.at(-1).key)) this.#jump.hidden = false;
    this.#oldest = conversation.oldest;
  }

  /** What the list consists of: {key, look, make, mine}; equal looks make equal elements. */
  *#rows({ conversation, outbox }, now) {
    const attempts = outbox.attempts;
    const seen = conversation.seen();
    let last = null;
    for (const item of conversation.items) {
      if (last === null || !isSameDay(last.at, item.at)) {
        const look = dayOf(item.at, now);
        const key = `day ${new Date(item.at).toDateString()}`;
        yield { key, look, make: () => dayMark(look) };
        last = null;
      }
      if (item.type === "order") {
        yield { key: item.seq, look: "", make: () => statusMark(item) };
      } else {
        const view = this.#view(item, last, conversation, attempts, seen, now);
        const make = () => messageBubble(view, this.#on);
        yield { key: item.seq, look: JSON.stringify(view), make };
      }
      last = item;
    }
    for (const attempt of attempts) {
      if (attempt.op !== "send") continue;
      const { id, state, problem } = attempt;
      const make = () => attemptBubble(attempt, this.#on);
      yield { key: id, look: state + problem, make, mine: true };
    }
  }

  #view(message, last, conversation, attempts, seen, now) {
    const own = message.by === this.#me;
    const attempt = attempts.find(({ target }) => target === message.id) ?? null;
    const free = own && !message.gone && attempt === null && conversation.canSend;
    const young = now - message.at < conversation.editWindowMs;
    return {
      message,
      own,
      author: this.#party(conversation, message.by),
      first: last?.by !== message.by || last.type !== "message" || message.at - last.at > GROUP_MS,
      seenBy: seen?.id === message.id ? this.#seenBy(seen.readers, conversation.others) : "",
      attempt,
      actions: {
        edit: free && young && conversation.canEdit,
        delete: free && young && conversation.canDelete,
      },
    };
  }

  #party({ order }, userId) {
    const party = order.participants.find(({ user_id }) => user_id === userId);
    return { user_id: userId, name: party?.name ?? "Former participant" };
  }

  #seenBy(readers, others) {
    return others.length === 1 ? "Seen" : `Seen by ${readers.map(({ name }) => name).join(", ")}`;
  }

  /** Bring the elements in line with *rows*, touching only what differs. */
  #place(rows) {
    const keys = new Set(rows.map(({ key }) => key));
    for (const [key, { element: old }] of this.#shown) {
      if (keys.has(key)) continue;
      old.remove();
      this.#shown.delete(key);
    }
    let next = this.#body.firstElementChild;
    for (const { key, look, make } of rows) {
      const old = this.#shown.get(key);
      const current = old?.look === look ? old.element : make();
      if (old && current !== old.element) {
        if (next === old.element) next = next.nextElementSibling;
        old.element.remove();
      }
      if (current === next) next = next.nextElementSibling;
      else this.#body.insertBefore(current, next);
      this.#shown.set(key, { element: current, look });
    }
  }
}
