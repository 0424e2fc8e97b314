// What the list's rows show: of the order's conversation, and of what is not settled yet.

/** @typedef {import("./bubbles.js").View} View */

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
