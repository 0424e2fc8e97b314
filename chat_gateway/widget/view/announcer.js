// What a screen reader says while one looks elsewhere: what came in just now, and nothing else. The
// list itself is silent, so that paging through it and redrawing it announce nothing.

import { spokenOf } from "./bubbles.js";
import { element } from "./element.js";

/** More than these at once are counted instead of read out. */
const SPOKEN_MAX = 3;
/** What comes within this time came at once. */
const GATHER_MS = 300;
/** What was said is taken away, so that nobody who browses the page meets it a second time. */
const KEPT_MS = 5_000;

export class Announcer {
  element = element("div.sr", { "aria-live": "polite" });

  #words;
  #me;
  #heard = null; // position up to which things are known; null before the first join
  #waiting = [];
  #timer;

  /**
   * @param {import("../words/words.js").Words} words
   * @param {string} me user id of the reader
   */
  constructor(words, me) {
    this.#words = words;
    this.#me = me;
  }

  /** Say what others said and what became of the order since the last time; false for nothing. */
  hear(conversation, names) {
    const { items, order } = conversation;
    const heard = order === null ? Infinity : (this.#heard ?? Infinity);
    if (order !== null) this.#heard = Math.max(this.#heard, items.at(-1)?.seq ?? 0);
    const since = items.slice(items.findLastIndex(({ seq }) => seq <= heard) + 1);
    const news = since.filter(({ by }) => by !== this.#me);
    for (const item of news) {
      const line = () => ({
        name: names.nameOf(item.by, conversation),
        text: spokenOf(item, this.#words),
      });
      const isStatus = item.type === "order";
      this.say(isStatus ? this.#words.statusLine(item) : this.#words.say("list.heard", line()));
    }
    return news.length > 0;
  }

  /** @param {string} text said soon, together with what else is new */
  say(text) {
    this.#waiting.push(text);
    if (this.#waiting.length > 1) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#speak(), GATHER_MS);
  }

  #speak() {
    const count = this.#waiting.length;
    const lines =
      count > SPOKEN_MAX ? [this.#words.say("list.new_count", { count })] : this.#waiting;
    this.element.replaceChildren(...lines.map((line) => element("p", {}, line)));
    this.#waiting = [];
    this.#timer = setTimeout(() => this.element.replaceChildren(), KEPT_MS);
  }
}
