// What stands around a conversation: the head of its panel, and cards in place of it, that there is
// nothing yet, or why there is none.

import { hueOf, initials } from "../words/words.js";
import { element, icon, portrait } from "./element.js";

/** Which order this is about, how it stands, and who takes part. */
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

/**
 * A title, a sentence, and perhaps a button.
 * @param {"empty" | "error"} kind
 */
export function card(kind, title, text, button = null) {
  return element(
    `div.card.${kind}`,
    { part: "card", role: kind === "error" ? "alert" : "status" },
    element("strong", {}, title),
    element("p", {}, text),
    button,
  );
}

/** The outlines of a conversation; *text* is for those who do not see them. */
export function loadingCard(text) {
  const bubbles = Array.from({ length: 4 }, () => element("i"));
  return element("div.loading", { role: "status" }, element("span.sr", {}, text), ...bubbles);
}

/**
 * Why there is no chat, in a sentence.
 * @param {import("../words/words.js").Words} words
 * @param {{code: string, message?: string, values?: object}} problem
 */
export function problemText(words, { code, message, values }) {
  const key = [`panel.${code}`, `error.${code}`].find((each) => words.has(each));
  return key ? words.say(key, { origin: location.origin, ...values }) : words.error(code, message);
}

/**
 * The same as a card.
 * @param {?() => void} again what "Try again" does; null where that cannot help
 */
export function problemCard(words, problem, again = null) {
  const title = `panel.title_${problem.code}`;
  const [label, onclick] =
    problem.code === "outdated"
      ? ["panel.reload", () => location.reload()]
      : ["panel.again", again];
  return card(
    "error",
    words.say(words.has(title) ? title : "panel.title_other"),
    problemText(words, problem),
    onclick && element("button.button", { onclick }, words.say(label)),
  );
}
