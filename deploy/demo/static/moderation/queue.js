// What waits for moderators: reports and flags of one state, the oldest first.

import { button, element } from "./element.js";
import { REASONS, moment } from "./words.js";

const PAGE = 30;
const STATES = { open: "Open", resolved: "Resolved", dismissed: "Dismissed" };
const NOTHING = {
  open: "Nothing is waiting. What parties report and programs flag appears here.",
  resolved: "Nothing was resolved yet.",
  dismissed: "Nothing was dismissed yet.",
};
/** The queue may be a moment behind what was answered. */
const BEHIND_MS = 10_000;

export class Queue {
  /** The id of the report or flag that is open, or null. */
  selected = null;

  #api;
  #names;
  #me;
  #on;
  #state = "open";
  #pages = 1;
  #asked = 0; // only the last answer counts
  #reviews = new Map(); // id → {state, assignee, at}: what was answered just now
  #lines = [];
  #next = null;
  #look = ""; // of what is shown
  #tabs = element("div.tabs", { role: "group", "aria-label": "State" });
  #mine = element("input", { type: "checkbox", onchange: () => this.#start() });
  #list = element("ul.cases", { "aria-label": "Reports and flags" });
  #note = element("p.note.muted", { role: "status" });
  #more = button("more", "Show more", () => ((this.#pages += 1), this.refresh()));

  /**
   * @param {import("./api.js").Api} api
   * @param {import("./words.js").Names} names
   * @param {string} me user id of the moderator
   * @param {(line: object) => void} on called when a line is chosen
   */
  constructor(api, names, me, on) {
    this.#api = api;
    this.#names = names;
    this.#me = me;
    this.#on = on;
    for (const [state, name] of Object.entries(STATES)) {
      const tab = button(state, name, () => ((this.#state = state), this.#start()));
      this.#tabs.append(tab);
    }
    this.element = element(
      "section.queue",
      { "aria-label": "Queue" },
      this.#tabs,
      element("label.mine", {}, this.#mine, "Only mine"),
      this.#note,
      this.#list,
      this.#more,
    );
    this.#show();
  }

  /** Bring it up to date; what is selected stays so. */
  async refresh() {
    const asked = (this.#asked += 1);
    const query = { state: this.#state, limit: PAGE };
    if (this.#mine.checked) query.assignee = this.#me;
    const lines = [];
    let next = null;
    try {
      for (let page = 0; page < this.#pages && (page === 0 || next !== null); page += 1) {
        const answer = await this.#api.get(
          "/v1/moderation/reports",
          next === null ? query : { ...query, after: next },
        );
        if (asked !== this.#asked) return;
        lines.push(...answer.reports);
        next = answer.next;
      }
    } catch (problem) {
      if (asked === this.#asked) this.#note.textContent = `${problem.message} Trying again…`;
      return;
    }
    this.#lines = lines;
    this.#next = next;
    this.#show();
  }

  /** Show what was answered to a review, before the queue tells it. */
  learn({ target, state, assignee }) {
    this.#reviews.set(target, { state, assignee, at: Date.now() });
    this.#show();
  }

  /** Mark the line of a report or flag as the open one; null: none. */
  select(id) {
    this.selected = id;
    this.#show();
  }

  #start() {
    this.#pages = 1;
    this.#lines = [];
    this.#next = null;
    this.#show();
    this.#note.textContent = "Loading…";
    this.refresh();
  }

  #show() {
    for (const tab of this.#tabs.children) {
      tab.setAttribute("aria-pressed", String(tab.dataset.key === this.#state));
    }
    const answered = this.#lines.map((line) => this.#asAnswered(line));
    const lines = answered.filter((line) => this.#isIn(line));
    this.#note.textContent = lines.length > 0 ? "" : NOTHING[this.#state];
    this.#more.hidden = this.#next === null;
    const look = JSON.stringify([lines, this.selected]);
    if (look === this.#look) return; // under a finger nothing is made anew without need
    this.#look = look;
    const { activeElement } = document;
    const focused = this.#list.contains(activeElement) ? activeElement.dataset.key : null;
    this.#list.replaceChildren(...lines.map((line) => this.#line(line)));
    if (focused) this.#list.querySelector(`[data-key="${focused}"]`)?.focus();
  }

  #asAnswered(line) {
    const known = this.#reviews.get(line.id);
    return known && Date.now() - known.at < BEHIND_MS ? { ...line, ...known, at: line.at } : line;
  }

  #isIn({ state, assignee }) {
    return state === this.#state && (!this.#mine.checked || assignee === this.#me);
  }

  #line(line) {
    const { id, order_id: orderId, at, kind, by, reason, note, assignee } = line;
    const row = element(
      "button.case",
      { "data-key": id, onclick: () => this.#on(line) },
      element(
        "span.case-top",
        {},
        element("span.kind", { "data-kind": kind }, kind === "report" ? "Report" : "Flag"),
        element("time.muted", { dateTime: new Date(at).toISOString() }, moment(at)),
      ),
      element("strong", { dir: "auto" }, kind === "report" ? REASONS[reason] : reason),
      note ? element("span.case-note", { dir: "auto" }, note) : null,
      element("span.muted", {}, `${this.#names.user(by)} · ${this.#names.title(orderId)}`),
      assignee ? element("span.assignee", {}, `With ${this.#names.user(assignee)}`) : null,
    );
    if (id === this.selected) row.setAttribute("aria-current", "true");
    return element("li", {}, row);
  }
}
