// What one order's conversation looks like from here: a pure state that takes answers and events.

/** Events outside the order's chain: they do not move its head. */
const APART = new Set(["report", "flag", "review", "look"]);
const WRITING = ["send", "attach", "edit", "delete"];

/** Receivers forget a typing sign after this long. */
export const TYPING_SHOWN_MS = 6000;

export class Conversation {
  /** Messages and `order` events, oldest first. What changes is replaced by a new object. */
  items = [];
  /** Raised by every change. */
  revision = 0;
  /** Position of the last event applied; 0 before the first join. */
  head = 0;
  /** Number of the last message. */
  n = 0;
  /** Nothing older than the items exists. */
  complete = false;
  /** {order_id, title, status, version, participants}; null before a join. */
  order = null;
  role = null;
  closed = false;
  /** Until `mutedUntil`, or for good if that is null; events tell of it, answers do not. */
  muted = false;
  mutedUntil = null;
  editWindowMs = 0;
  /** Who has the order open; null while nobody can tell. */
  online = null;
  /** Messages the reader reported, as far as that was told. */
  reported = new Set();

  #may = null; // by the policy alone; null: not known
  #messages = new Map(); // by id
  #own = []; // {n, id} of own standing messages, rising
  #reads = new Map(); // user id → n
  #typing = new Map(); // user id → {what, until}

  /** @param {string | null} me the reader; to be set before the first join */
  constructor(me) {
    this.me = me;
  }

  get canSend() { return this.#can("send"); }
  get canAttach() { return this.#can("attach"); }
  get canEdit() { return this.#can("edit"); }
  get canDelete() { return this.#can("delete"); }

  /** Pages of history lie below this position; null while there is no item. */
  get oldest() {
    return this.items[0]?.seq ?? null;
  }

  get newest() {
    return this.items.findLast((item) => item.type === "message") ?? null;
  }

  /** The parties of the order but the reader. */
  get others() {
    return (this.order?.participants ?? []).filter((party) => party.user_id !== this.me);
  }

  get unread() {
    return this.party(this.me) === null ? 0 : Math.max(0, this.n - this.readBy(this.me));
  }

  party(userId) {
    return this.order?.participants.find((party) => party.user_id === userId) ?? null;
  }

  message(id) {
    return this.#messages.get(id) ?? null;
  }

  /** Index of the item at a position, or -1. */
  indexOf(seq) {
    const index = countUpTo(this.items, "seq", seq) - 1;
    return this.items[index]?.seq === seq ? index : -1;
  }

  readBy(userId) {
    return this.#reads.get(userId) ?? 0;
  }

  /** The last own message that others have read: {id, readers}, or null. */
  seen() {
    const { others } = this;
    const read = Math.max(0, ...others.map((party) => this.readBy(party.user_id)));
    const last = this.#own[countUpTo(this.#own, "n", read) - 1];
    if (last === undefined) return null;
    return { id: last.id, readers: others.filter((party) => this.readBy(party.user_id) >= last.n) };
  }

  /** Parties who are typing a "text", or sending a "file", at *now*. */
  typing(what, now) {
    return this.others.filter(({ user_id }) => {
      const sign = this.#typing.get(user_id);
      return sign !== undefined && sign.what === what && sign.until > now;
    });
  }

  /** There is no clock here: a mute ends when it is told that its time is over. */
  passTime(now) {
    if (this.mutedUntil !== null && this.mutedUntil <= now) this.#mute(false, null);
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
    this.editWindowMs = joined.you.edit_window_ms;
    this.#takeRights(joined.you);
    this.online = joined.online === null ? null : new Set(joined.online);
    this.#reads.clear(); // a mark that was lost on its way is to be made again
    for (const { user_id, n } of joined.reads) this.#markRead(user_id, n);
    this.head = Math.max(this.head, joined.head);
    this.n = Math.max(this.n, joined.n);
    this.revision += 1;
    return "taken";
  }

  /**
   * Take a live event.
   * @returns {"taken" | "old" | "hole"} hole: something before it is missing; it was not applied
   */
  take(event) {
    if (APART.has(event.type)) {
      if (event.type === "report" && event.by === this.me) this.takeReported(event.target);
      return "taken";
    }
    if (event.seq <= this.head) return "old";
    if ((event.prev ?? 0) !== this.head) return "hole";
    this.#apply(event);
    this.head = event.seq;
    this.revision += 1;
    return "taken";
  }

  /** Take events that follow the head; false if something is missing among them. */
  replay(events) {
    return events.every((event) => this.take(event) !== "hole");
  }

  /** Take a page of older events. */
  addOlder({ events, complete }) {
    const { oldest } = this;
    const older = events.filter(({ seq }) => oldest === null || seq < oldest);
    this.items.unshift(...older);
    this.#own.unshift(...older.filter((item) => this.#isOwn(item)).map(({ n, id }) => ({ n, id })));
    for (const item of older) {
      if (item.type === "order") this.#learnRights(item);
      // A client that lies can use an id twice: what follows acts on the newer message.
      else if (!this.#messages.has(item.id)) this.#messages.set(item.id, item);
    }
    this.complete = complete;
    this.revision += 1;
  }

  takeTyping({ user_id, what }, now) {
    this.#typing.set(user_id, { what, until: now + TYPING_SHOWN_MS });
    this.revision += 1;
  }

  takePresence({ user_id, online }) {
    if (this.online === null) return;
    if (online) this.online.add(user_id);
    else this.online.delete(user_id);
    this.revision += 1;
  }

  /** An own report stands; live, only `done` tells that. */
  takeReported(id) {
    this.reported.add(id);
    this.revision += 1;
  }

  /** The server was told that *n* is read: in large orders no mark comes back. */
  takeOwnRead(n) {
    this.#markRead(this.me, n);
    this.revision += 1;
  }

  #startOver({ events, complete }) {
    this.items.length = this.#own.length = 0;
    this.#messages.clear();
    this.head = this.n = 0;
    for (const event of events) this.#apply(event);
    this.complete = complete;
  }

  #apply(event) {
    const target = this.#messages.get(event.target);
    switch (event.type) {
      case "message":
        return this.#addMessage(event);
      case "order":
        this.items.push(event);
        return this.#takeOrder(event);
      case "read":
        return this.#markRead(event.by, event.n);
      case "edit":
        // Replayed, it has its text only while that is the latest.
        return this.#change(target, { edited_at: event.at, text: event.text ?? target?.text });
      case "delete":
        return this.#change(target, { gone: "deleted", text: "", attachments: [] });
      case "redact":
        return this.#change(target, { gone: "redacted", text: "", attachments: [] });
      case "restore": {
        const { text, attachments } = event;
        return this.#change(target, { gone: null, text: text ?? target?.text, attachments });
      }
      case "mute":
      case "unmute":
        if (event.user_id === this.me) this.#mute(event.type === "mute", event.until ?? null);
        return;
      case "close":
        this.closed = true;
        return;
      case "reopen":
        this.closed = false;
        // Better an attempt that is refused than a box that stays shut.
        this.#may ??= new Set(WRITING);
        return;
      default: // of a later version: it only moves the position
    }
  }

  #addMessage(message) {
    this.items.push(message);
    this.#messages.set(message.id, message);
    if (this.#isOwn(message)) this.#own.push({ n: message.n, id: message.id });
    this.#typing.delete(message.by);
    this.#markRead(message.by, message.seen);
    this.n = Math.max(this.n, message.n);
  }

  #change(old, changes) {
    if (old === undefined) return; // not loaded
    const message = { ...old, ...changes };
    this.items[this.indexOf(old.seq)] = message;
    this.#messages.set(message.id, message);
    if (this.#isOwn(old) === this.#isOwn(message)) return;
    const index = countUpTo(this.#own, "n", message.n);
    if (message.gone) this.#own.splice(index - 1, 1);
    else this.#own.splice(index, 0, { n: message.n, id: message.id });
  }

  /** Whether an item is a standing message of the reader. */
  #isOwn({ type, by, gone }) {
    return type === "message" && by === this.me && !gone;
  }

  #markRead(userId, n) {
    this.#reads.set(userId, Math.max(this.readBy(userId), n));
  }

  #can(action) {
    return !this.closed && !this.muted && (this.#may?.has(action) ?? false);
  }

  #mute(muted, until) {
    this.muted = muted;
    this.mutedUntil = until;
    this.revision += 1;
  }

  #takeOrder({ order_id, title, status, version, participants, may, edit_window_ms: window }) {
    this.order = { order_id, title, status, version, participants };
    this.role = this.party(this.me)?.role ?? this.role;
    this.editWindowMs = window;
    this.#may = new Set(may[this.role]);
  }

  #takeRights(you) {
    const granted = WRITING.filter((action) => you[`can_${action}`]);
    this.#may = granted.length > 0 ? new Set(granted) : null;
    for (const item of this.items) this.#learnRights(item);
    // An older gateway does not say.
    this.closed = you.closed ?? false;
    this.#mute(you.muted ?? false, you.muted_until ?? null);
  }

  /** While a conversation is closed an answer grants nothing; the order's event tells the policy. */
  #learnRights({ version, may }) {
    if (this.#may === null && version === this.order.version) this.#may = new Set(may[this.role]);
  }
}

/** How many of *list*, which rises by *key*, are not above *value*. */
function countUpTo(list, key, value) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle][key] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
