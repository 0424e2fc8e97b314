// Which message the keyboard is at. Of all of them the Tab key leads to one, and arrows go from one
// to the next; what is within a message can be reached while the keyboard is at it.

import { Bubble } from "./bubbles.js";

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
