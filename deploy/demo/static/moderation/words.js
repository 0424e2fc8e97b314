// How the desk calls people, orders, reasons and times.

export const REASONS = {
  spam: "Spam or advertising",
  abuse: "Insults or threats",
  off_platform: "Asks to pay or talk elsewhere",
  other: "Something else",
};

const MOMENT = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

export function moment(at) {
  return MOMENT.format(at);
}

/** "In progress" for "in_progress". */
export function statusOf(status) {
  const words = status.replaceAll("_", " ");
  return words[0].toUpperCase() + words.slice(1);
}

export class Names {
  #users;
  #titles;

  /**
   * @param {object} users names by id: who is known before an order tells its parties
   * @param {object} titles of orders, likewise
   */
  constructor(users, titles) {
    this.#users = users;
    this.#titles = titles;
  }

  /** A user's name in an order, by its last `order` event (null: not known). */
  user(id, order = null) {
    if (id.startsWith("service:")) return "The marketplace";
    const party = order?.participants.find(({ user_id: userId }) => userId === id);
    return party?.name ?? this.#users[id] ?? id;
  }

  title(orderId) {
    return this.#titles[orderId] ?? orderId;
  }
}
