// The head of a panel: which order this is about, how it stands, and who takes part.

import { hueOf, initials } from "../words/words.js";
import { element, portrait } from "./element.js";
import { icon } from "./icons.js";

export class PanelHead {
  #words;
  #who = element("div.who");
  #look = "";

  /**
   * @param {import("../words/words.js").Words} words
   * @param {{back?: () => void, orderUrl?: string}} on shows a button back, and a link to the order
   */
  constructor(words, { back, orderUrl }) {
    this.#words = words;
    const label = words.say("panel.back");
    this.element = element(
      "header.head",
      { part: "header" },
      back
        ? element(
            "button.icon-button.back",
            { title: label, "aria-label": label, onclick: () => back() },
            icon("back"),
          )
        : null,
      this.#who,
      orderUrl ? element("a.link", { href: orderUrl }, words.say("panel.order")) : null,
    );
  }

  /** @param {import("../state/conversation.js").Conversation} conversation with its order */
  show({ order, others, online }) {
    const look = JSON.stringify([order.title, order.status, others, online && [...online]]);
    if (this.#look === look) return;
    this.#look = look;
    const [first] = others;
    this.#who.replaceChildren(
      first ? portrait(initials(first.name), hueOf(first.user_id)) : "",
      element(
        "div.about",
        {},
        element("h2", { title: order.title, dir: "auto" }, order.title),
        element("p.parties", {}, ...this.#parties(others), this.#presence(others, online)),
      ),
      element(
        "span.order-status",
        { "data-status": order.status },
        this.#words.status(order.status),
      ),
    );
  }

  #parties(others) {
    const party = ({ name, role }) =>
      this.#words.say("panel.party", { name, role: this.#words.role(role) });
    return others.length > 0 ? [element("span", {}, this.#words.list(others.map(party)))] : [];
  }

  /** Who is there, unless nobody can tell. */
  #presence(others, online) {
    if (online === null || others.length === 0) return "";
    const count = others.filter(({ user_id }) => online.has(user_id)).length;
    const key = count === 0 ? "offline" : others.length === 1 ? "online" : "count_online";
    const text = this.#words.say(`panel.${key}`, { count });
    return element(`span.presence${count > 0 ? ".there" : ""}`, {}, text);
  }
}
