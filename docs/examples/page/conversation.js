// What an order's conversation looks like: a state that takes answers and events in their order.

/** Events outside the order's chain: they do not move the position. */
const APART = new Set(["report", "flag"]);

export class Conversation {
  items = []; // messages and `order` events as they stand, oldest first
  head = 0; // position of the last event applied; 0 before the first join

  /** The newest message; undefined while there is none. */
  get newest() {
    return this.items.findLast(({ type }) => type === "message");
  }

  /** Take the newest page, whatever was here before. */
  startOver({ events, head }) {
    this.items = [];
    for (const event of events) this.#apply(event);
    this.head = head;
  }

  /** Apply an event if it comes next; false if something before it is missing. */
  follow(event) {
    if (event.seq <= this.head || APART.has(event.type)) return true;
    if ((event.prev ?? 0) !== this.head) return false;
    this.#apply(event);
    this.head = event.seq;
    return true;
  }

  #apply(event) {
    const target = this.items.find(({ id }) => event.target !== undefined && id === event.target);
    switch (event.type) {
      case "message":
      case "order":
        this.items.push({ ...event });
        break;
      case "edit": // one that comes again has its text only while it is the latest
        if (target) Object.assign(target, { edited_at: event.at, text: event.text ?? target.text });
        break;
      case "delete":
        if (target) Object.assign(target, { gone: "deleted", text: "" });
        break;
      case "redact":
        if (target) Object.assign(target, { gone: "redacted", text: "" });
        break;
      case "restore":
        if (target) Object.assign(target, { gone: null, text: event.text ?? target.text });
        break;
      default: // read marks, and events of later versions, only move the position
    }
  }
}
