// What one order's conversation looks like from here: a pure state that takes answers and events.
//
// Nothing in this module waits, draws or talks to a server. `take` checks that live events follow
// each other; whoever calls it fetches what is missing when the answer is "hole".

/** Events outside the order's chain: they neither show in the conversation nor move its head. */
const APART = new Set(["report", "flag"]);

/** Receivers forget a typing sign after this long. */
export const TYPING_SHOWN_MS = 6000;

export class Conversation {
  /** Position of the last event applied; 0 before the first join. */
  head = 0;
  /** Number of the last message. */
  n = 0;
  /** Nothing older than what is shown exists. */
  complete = false;
  /** Header of the order: {order_id, title, status, version, participants}; null before a join. */
  order = null;
  role = null;
  canSend = false;
  canAttach = false;
  canEdit = false;
  canDelete = false;
  closed = false;
  muted = false;
  editWindowMs = 0;
  /** User ids of those who have the order open; null while nobody can tell. */
  online = null;

  #me;
  #may = new Set(["send", "attach"]); // what the policy allows, mutes and closings aside
  #items = new Map(); // seq → message or status line
  #messages = new Map(); // id → message
  #reads = new Map(); // user id → number of the last message read
  #typing = new Map(); // user id → {what, until}: in ms, when the sign is forgotten

  /** @param {string} me user id of the reader */
  constructor(me) {
    this.#me = me;
  }

  /** Messages and status lines, oldest first. */
  get items() {
    return [...this.#items.values()].sort((one, other) => one.seq - other.seq);
  }

  /** Position of the oldest item: pages of history lie below it. Null while there is none. */
  get oldest() {
    return this.#items.size === 0 ? null : Math.min(...this.#items.keys());
  }

  /** The newest message of all; null while there is none. */
  get newest() {
    return this.items.findLast((item) => item.type === "message") ?? null;
  }

  /** The parties of the order but the reader. */
  get others() {
    return (this.order?.participants ?? []).filter((party) => party.user_id !== this.#me);
  }

  message(id) {
    return this.#messages.get(id) ?? null;
  }

  readBy(userId) {
    return this.#reads.get(userId) ?? 0;
  }

  /** The last own message that somebody else has read, and who; null if there is none. */
  seen() {
    for (const item of this.items.reverse()) {
      if (item.type !== "message" || item.by !== this.#me || item.gone) continue;
      const readers = this.others.filter((party) => this.readBy(party.user_id) >= item.n);
      if (readers.length > 0) return { id: item.id, readers };
    }
    return null;
  }

  /**
   * Parties who are typing, or sending a file, at *now* (ms).
   * @param {"text" | "file"} what
   */
  typing(what, now) {
    return this.others.filter(({ user_id }) => {
      const sign = this.#typing.get(user_id);
      return sign !== undefined && sign.what === what && sign.until > now;
    });
  }

  /**
   * Take the answer to a join that asked for everything after *after* (null: the newest page);
   * "hole" if its events do not follow what is here already.
   */
  join(joined, after) {
    if (after === null || joined.reset) this.#startOver(joined);
    else if (!this.replay(joined.events)) return "hole";
    this.order = joined.order;
    this.role = joined.you.role;
    this.closed = this.muted = false;
    for (const item of this.items) if (item.type === "order") this.#takeRights(item);
    // The answer knows of mutes and closings that the policy's rights leave out.
    this.canSend = joined.you.can_send;
    this.canAttach = joined.you.can_attach;
    this.canEdit = joined.you.can_edit;
    this.canDelete = joined.you.can_delete;
    this.editWindowMs = joined.you.edit_window_ms;
    this.online = joined.online === null ? null : new Set(joined.online);
    for (const { user_id, n } of joined.reads) this.#markRead(user_id, n);
    this.head = Math.max(this.head, joined.head);
    this.n = Math.max(this.n, joined.n);
    return "taken";
  }

  /**
   * Take a live event.
   * @returns {"taken" | "old" | "hole"} old: it was here already; hole: something before it is
   *   missing, and it was not applied.
   */
  take(event) {
    if (APART.has(event.type)) return "taken";
    if (event.seq <= this.head) return "old";
    if ((event.prev ?? 0) !== this.head) return "hole";
    this.#apply(event);
    this.head = event.seq;
    return "taken";
  }

  /** Take events that follow the head, oldest first; false if something is missing among them. */
  replay(events) {
    return events.every((event) => this.take(event) !== "hole");
  }

  /** Take a page of older events, which show how they stand now. */
  addOlder(page) {
    for (const event of page.events) this.#apply(event);
    this.complete = page.complete;
  }

  takeTyping({ user_id, what }, now) {
    this.#typing.set(user_id, { what, until: now + TYPING_SHOWN_MS });
  }

  takePresence({ user_id, online }) {
    if (this.online === null) return;
    if (online) this.online.add(user_id);
    else this.online.delete(user_id);
  }

  #startOver(joined) {
    this.#items.clear();
    this.#messages.clear();
    this.head = 0;
    this.n = 0;
    for (const event of joined.events) this.#apply(event);
    this.complete = joined.complete;
  }

  #apply(event) {
    const target = this.#messages.get(event.target);
    switch (event.type) {
      case "message":
        return this.#addMessage(event);
      case "order":
        this.#items.set(event.seq, event);
        return this.#takeRights(event);
      case "read":
        return this.#markRead(event.by, event.n);
      case "edit":
        // A replayed edit carries its text only while it is the latest.
        if (target) Object.assign(target, { edited_at: event.at, text: event.text ?? target.text });
        return;
      case "delete":
        return this.#take(target, "deleted");
      case "redact":
        return this.#take(target, "redacted");
      case "restore":
        if (target) {
          const { text, attachments } = event;
          Object.assign(target, { gone: null, text: text ?? target.text, attachments });
        }
        return;
      case "mute":
      case "unmute":
        if (event.user_id === this.#me) this.muted = event.type === "mute";
        return this.#decideSending();
      case "close":
      case "reopen":
        this.closed = event.type === "close";
        return this.#decideSending();
      default: // an event of a later version only moves the position
    }
  }

  #addMessage(event) {
    const message = { ...event };
    this.#items.set(message.seq, message);
    this.#messages.set(message.id, message);
    this.#typing.delete(message.by);
    this.#markRead(message.by, message.seen);
    this.n = Math.max(this.n, message.n);
  }

  #take(message, gone) {
    if (message) Object.assign(message, { gone, text: "", attachments: [] });
  }

  #markRead(userId, n) {
    this.#reads.set(userId, Math.max(this.readBy(userId), n));
  }

  /** What an `order` event grants, unless a later one has been taken. */
  #takeRights(event) {
    if (this.order === null || event.version < this.order.version) return;
    const { order_id, title, status, version, participants } = event;
    this.order = { order_id, title, status, version, participants };
    this.role = participants.find((party) => party.user_id === this.#me)?.role ?? this.role;
    this.editWindowMs = event.edit_window_ms;
    const may = event.may[this.role] ?? [];
    this.canEdit = may.includes("edit");
    this.canDelete = may.includes("delete");
    this.#may = new Set(may);
    this.#decideSending();
  }

  #decideSending() {
    const open = !this.closed && !this.muted;
    this.canSend = open && this.#may.has("send");
    this.canAttach = open && this.#may.has("attach");
  }
}
