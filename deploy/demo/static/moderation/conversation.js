// The conversation that a report or a flag is about, in context, with what a moderator can do.

import { button, element, fill } from "./element.js";
import { itemOf } from "./items.js";
import { REASONS, moment, statusOf } from "./words.js";

const LOOKS_SHOWN = 6;

export class ConversationView {
  element = element("section.conversation", { "aria-label": "Conversation", hidden: true });

  #names;
  #me;
  #on;
  #head = element("header");
  #parties = element("ul.parties", { "aria-label": "Parties" });
  #case = element("div.case-bar", { role: "group", "aria-label": "The report" });
  #thread = element("div.thread", { role: "region", "aria-label": "Messages", tabIndex: 0 });
  #looks = element("section.looks", { "aria-label": "Who looked" });

  /**
   * @param {import("./words.js").Names} names
   * @param {string} me user id of the moderator
   * @param {object} on {verdict(action, {target?, user_id?}, about), review(state, assignee, ask),
   *   original(id, text), file(attachment), older(), back()}
   */
  constructor(names, me, on) {
    this.#names = names;
    this.#me = me;
    this.#on = on;
    this.element.append(this.#head, this.#parties, this.#case, this.#thread, this.#looks);
  }

  /**
   * @param {string} orderId
   * @param {import("./thread.js").Thread} thread
   * @param {object} shown {caseId, target: the message reported, originals: texts by id, filled,
   *   complete: see `Reading`}
   */
  show(orderId, thread, shown) {
    this.#keeping(() => {
      this.#showHead(orderId, thread);
      this.#showParties(thread);
      this.#showCase(thread.find(shown.caseId), thread.order);
      this.#showThread(thread, shown);
      this.#showLooks(thread);
    });
    this.element.hidden = false;
  }

  /** Bring what was reported onto the screen. */
  seek() {
    this.#thread.querySelector(".reported")?.scrollIntoView({ block: "center" });
  }

  /** Make all anew, but for what a reader has opened, scrolled to, or is at. */
  #keeping(make) {
    const { scrollTop } = this.#thread;
    const items = [...this.#thread.querySelectorAll("[data-item]")];
    const anchor = items.find(({ offsetTop }) => offsetTop >= scrollTop);
    const offset = anchor?.offsetTop;
    const opened = [...this.#thread.querySelectorAll("details[open]")].map(keyOf);
    const { activeElement } = document;
    const focused = this.element.contains(activeElement) ? activeElement : null;
    const item = focused?.closest("[data-item]")?.dataset.item;
    const [key] = focused ? [keyOf(focused.closest("[data-key]"))] : [];
    make();
    const all = (attribute, value) =>
      [...this.element.querySelectorAll("[data-key], [data-item]")].find(
        ({ dataset }) => dataset[attribute] === value,
      );
    for (const each of opened) {
      const details = all("key", each);
      if (details) details.open = true;
    }
    const anew = anchor && all("item", anchor.dataset.item);
    this.#thread.scrollTop = scrollTop + (anew ? anew.offsetTop - offset : 0);
    if (focused && !focused.isConnected) (all("key", key) ?? all("item", item))?.focus();
  }

  #showHead(orderId, { order, closed }) {
    const close = closed ? ["reopen", "Reopen conversation"] : ["close", "Close conversation"];
    fill(
      this.#head,
      button("back", "Back to the queue", () => this.#on.back()),
      element("h2", { dir: "auto" }, order?.title ?? this.#names.title(orderId)),
      element("span.muted", {}, orderId),
      order && element("span.chip", { "data-status": order.status }, statusOf(order.status)),
      closed ? element("span.mark.of-gone", {}, "Closed") : null,
      button(close[0], close[1], () => this.#on.verdict(close[0], {}, "")),
    );
    this.#head.firstChild.classList.add("back");
  }

  #showParties(thread) {
    const parties = thread.order?.participants ?? [];
    fill(
      this.#parties,
      ...parties.map(({ user_id: userId, name, role }) => {
        const until = thread.muted.get(userId);
        const [action, text] = until === undefined ? ["mute", "Mute"] : ["unmute", "Unmute"];
        const state = until === null ? "Muted" : until && `Muted until ${moment(until)}`;
        return element(
          "li",
          {},
          element("strong", { dir: "auto" }, name),
          element("span.muted", {}, role),
          state ? element("span.mark.of-gone", {}, state) : null,
          button(
            `${action} ${userId}`,
            text,
            () => this.#on.verdict(action, { user_id: userId }, name),
            `${text} ${name}`,
          ),
        );
      }),
    );
  }

  #showCase(item, order) {
    this.#case.hidden = item === undefined;
    if (item === undefined) return;
    const { type, reason, note, by, at, state, assignee } = item;
    const name = (id) => this.#names.user(id, order);
    const on = (key, text, ...review) => button(key, text, () => this.#on.review(...review));
    const mine = assignee === this.#me;
    fill(
      this.#case,
      element(
        "p",
        {},
        element("span.kind", { "data-kind": type }, type === "report" ? "Report" : "Flag"),
        element("strong", { dir: "auto" }, REASONS[reason] ?? reason),
        note ? element("q", { dir: "auto" }, note) : null,
      ),
      element(
        "p.muted",
        {},
        `${statusOf(state)} · by ${name(by)}, ${moment(at)} · ` +
          (assignee === null ? "with nobody yet" : `with ${name(assignee)}`),
      ),
      element(
        "div.acts",
        {},
        mine
          ? on("assign", "Release", state, null, false)
          : on("assign", "Assign to me", state, this.#me, false),
        ...(state === "open"
          ? [on("resolve", "Resolve", "resolved", this.#me, true),
            on("dismiss", "Dismiss", "dismissed", this.#me, true)]
          : [on("again", "Open again", "open", assignee, true)]),
      ),
    );
  }

  #showThread(thread, { caseId, target, originals, filled, complete }) {
    const { items } = thread;
    const look = { thread, names: this.#names, target, caseId, originals, on: this.#on };
    const older = button("older", "Show earlier messages", () => this.#on.older());
    const partly =
      "This conversation is long: of its older part, edits and verdicts may be missing here.";
    fill(
      this.#thread,
      complete ? null : older,
      filled ? null : element("p.muted", {}, partly),
      ...items.map((item) => itemOf(item, look)),
    );
  }

  #showLooks({ looks, order }) {
    const lines = looks.slice(-LOOKS_SHOWN).reverse().map(({ by, at, what, reason }) => {
      const opened = what === "original" ? `, and opened an original: ${reason}` : "";
      return element("li", {}, `${this.#names.user(by, order)}, ${moment(at)}${opened}`);
    });
    fill(
      this.#looks,
      element("h3", {}, "Last looks into this conversation"),
      element("ul", {}, ...lines),
    );
  }
}

function keyOf(each) {
  return each?.dataset.key;
}
