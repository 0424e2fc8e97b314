// Where the list stands. Whatever comes, goes or grows, what one reads stays where it is: the end,
// or the first row on the screen. Near an end of its window the window moves on.

import { Bubble } from "./bubbles.js";

/** This near to its end (px) the list counts as being at its end. */
const NEAR_END_PX = 40;
/** So much (px), or a screen, is there to be scrolled to. */
const AHEAD_PX = 800;

export class ListPlace {
  /** It stands at the end, and follows it. */
  pinned = true;
  /** Where it stands otherwise: {row, end}, an element and how far below the top it ends. What the
   * first row on the screen gains or loses is then above what is read. */
  anchor = null;

  #log;
  #body;
  #rows;
  #draw;
  #size = ""; // the list's own and its content's height when it was last looked at

  /**
   * @param {HTMLElement} log what scrolls
   * @param {HTMLElement} body holds the elements of the rows
   * @param {import("../state/rows.js").Rows} rows
   * @param {() => void} draw puts into the body what the rows are now
   */
  constructor(log, body, rows, draw) {
    this.#log = log;
    this.#body = body;
    this.#rows = rows;
    this.#draw = draw;
  }

  /** The last row is on the screen. */
  get atEnd() {
    return this.#rows.atEnd && this.#below < NEAR_END_PX;
  }

  get isNearTop() {
    return this.#log.scrollTop < this.#ahead;
  }

  get #below() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    return scrollHeight - scrollTop - clientHeight;
  }

  get #sizeNow() {
    return `${this.#log.clientHeight} ${this.#log.scrollHeight}`;
  }

  get #ahead() {
    return Math.min(this.#log.clientHeight, AHEAD_PX); // 0 while it is not on the page
  }

  /** Remember where it stands. */
  note() {
    const rows = this.#body.children;
    if (rows.length === 0 || this.#log.clientHeight === 0) return; // not to be laid out for that
    this.#size = this.#sizeNow;
    let [low, high] = [0, rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#end(rows[middle]) > 0) high = middle;
      else low = middle + 1;
    }
    // A day's mark moves when older messages of the day come; what follows it does not.
    const row = rows[low]?.role === "separator" ? rows[low + 1] : rows[low];
    this.anchor = row ? { row, end: this.#end(row) } : null;
  }

  /** After a change, stand where it stood. */
  keep() {
    const { pinned, anchor } = this;
    if (pinned) {
      this.#log.scrollTop = this.#log.scrollHeight;
      this.#size = this.#sizeNow;
    } else if (anchor?.row.isConnected && this.#log.clientHeight > 0) {
      this.#log.scrollTop += this.#end(anchor.row) - anchor.end;
    }
  }

  /** It has been scrolled: by the reader, unless heights changed since it was looked at. Then the
   * box below has grown or shrunk, which is no wish to leave the end. */
  scrolled() {
    if (this.pinned && this.#size !== this.#sizeNow) this.keep();
    this.pinned = this.atEnd;
  }

  /** The reader may have scrolled away, a moment before the event that tells of it. */
  look() {
    if (this.#size === this.#sizeNow && this.#below >= NEAR_END_PX) this.pinned = false;
  }

  /** Bring a row into the middle. */
  center(row) {
    this.#log.scrollTop += this.#top(row) - (this.#log.clientHeight - row.offsetHeight) / 2;
  }

  /** Move the window on until there is enough to be scrolled to. */
  reach() {
    while (this.isNearTop && this.#rows.from > 0) this.up();
    while (this.#below < this.#ahead && !this.#rows.atEnd) {
      this.#rows.down();
      this.#drawAgain();
    }
  }

  up() {
    this.#rows.up();
    this.#drawAgain();
  }

  #drawAgain() {
    this.#draw();
    this.keep();
    this.note();
  }

  #top(row) {
    return row.getBoundingClientRect().top - this.#log.getBoundingClientRect().top;
  }

  #end(row) {
    return row.getBoundingClientRect().bottom - this.#log.getBoundingClientRect().top;
  }
}

/**
 * Which message the keyboard is at. Of all of them the Tab key leads to one, and arrows go from one to
 * the next; what is within a message can be reached while the keyboard is at it.
 */
export class Roving {
  /** The element of the message; null while there is none. */
  row = null;

  #log;
  #on;
  #bubble = null;

  /**
   * @param {HTMLElement} log
   * @param {object} on {bubbles, open(bubble), toStart, toEnd}; bubbles: those in the list
   */
  constructor(log, on) {
    this.#log = log;
    this.#on = on;
    log.onkeydown = (event) => this.#press(event);
    log.addEventListener("focusin", ({ target }) => this.to(this.#around(target)));
  }

  /** Go to a bubble; to the last one if it is none. */
  to(bubble) {
    const next = bubble instanceof Bubble ? bubble : this.#on.bubbles().at(-1);
    this.#log.tabIndex = next ? -1 : 0; // what scrolls must be within reach
    if (next === this.#bubble) return;
    this.#bubble?.rove(false);
    next?.rove(true);
    this.#bubble = next;
    this.row = next?.element ?? null;
  }

  #around(target) {
    return this.#on.bubbles().find(({ element }) => element.contains(target));
  }

  #press(event) {
    const { key, target, shiftKey } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const bubble = this.#around(target);
    if (bubble && target !== bubble.element) {
      if (key !== "Escape") return; // links and buttons know their keys
      bubble.element.focus({ preventScroll: true });
      event.stopPropagation();
    } else if (key === "ArrowUp") this.#step(bubble, -1);
    else if (key === "ArrowDown") this.#step(bubble, 1);
    else if (key === "Home") this.#on.toStart();
    else if (key === "End") this.#on.toEnd();
    else if (bubble && (key === "Enter" || key === "ContextMenu" || (key === "F10" && shiftKey))) {
      this.#on.open(bubble);
    } else return;
    event.preventDefault();
  }

  #step(bubble, by) {
    const bubbles = this.#on.bubbles();
    const next = bubble ? bubbles[bubbles.indexOf(bubble) + by] : this.#bubble;
    next?.element.focus();
  }
}
