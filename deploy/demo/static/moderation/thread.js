// A conversation as moderators see it: a pure fold of an order's events. Nothing is taken away in
// it: a message keeps every text it had, and says who took it back or removed it.

/**
 * @typedef {object} Said a message
 * @property {"message"} type with the fields of its event
 * @property {?string} gone "deleted" or "redacted"
 * @property {?object} taken the event that took it, if that is among the events
 * @property {{id: ?string, at: number, text: string}[]} versions all its texts, the last stands;
 *   the id is that of the message or edit, null where the edit is not among the events
 */

export class Thread {
  /** The last `order` event; null if there is none. */
  order = null;
  /** Messages, changes of the order, and what parties and moderators did about them. */
  items = [];
  /** `look` events. */
  looks = [];
  closed = false;
  /** User id → until when (ms), or null: until unmuted; of those who are muted now. */
  muted = new Map();

  #byId = new Map();
  #edits;

  /**
   * @param {object[]} events of one order, rising by seq; some may be missing
   * @param {number} now ms
   */
  constructor(events, now) {
    const edits = events.filter(({ type }) => type === "edit");
    this.#edits = new Set(edits.map(({ target, at }) => `${target} ${at}`));
    for (const event of events) this.#take(event);
    for (const [userId, until] of this.muted) {
      if (until !== null && until <= now) this.muted.delete(userId);
    }
  }

  /** The message, report or flag of an id, or undefined. */
  find(id) {
    return this.#byId.get(id);
  }

  #take(event) {
    const { type, target, user_id: userId } = event;
    const subject = this.#byId.get(target);
    switch (type) {
      case "read":
        return;
      case "look":
        this.looks.push(event);
        return;
      case "message":
        return this.#add({ ...event, taken: null, versions: this.#versionsOf(event) });
      case "report":
      case "flag":
        return this.#add({ ...event, state: "open", assignee: null });
      case "order":
        this.order = event;
        break;
      case "edit":
        subject?.versions.push({ id: event.id, at: event.at, text: event.text });
        return;
      case "delete":
        if (subject) Object.assign(subject, { gone: "deleted", taken: event });
        break;
      case "redact":
        if (subject) Object.assign(subject, { gone: "redacted", taken: event });
        break;
      case "restore":
        if (subject) Object.assign(subject, { gone: null, taken: null });
        break;
      case "review":
        if (subject) Object.assign(subject, { state: event.state, assignee: event.assignee });
        break;
      case "mute":
        this.muted.set(userId, event.until);
        break;
      case "unmute":
        this.muted.delete(userId);
        break;
      case "close":
      case "reopen":
        this.closed = type === "close";
        break;
      default: // of a later version
        return;
    }
    this.items.push(event);
  }

  #add(item) {
    this.items.push(item);
    this.#byId.set(item.id, item);
  }

  /** Its texts as far as its own event tells them; edits among the events add theirs. */
  #versionsOf({ id, at, text, first_text: first, edited_at: editedAt }) {
    const versions = [{ id, at, text: first ?? text }];
    const isTold = editedAt === null || this.#edits.has(`${id} ${editedAt}`);
    return isTold ? versions : [...versions, { id: null, at: editedAt, text }];
  }
}
