// Where the reader types: a draft that survives a reload, or another text for an own message.

import { element } from "./element.js";

/** Upper and lower border of the box, which its `scrollHeight` leaves out. */
const BORDERS_PX = 2;
const HINT = "Enter to send · Shift + Enter for a new line";

export class Composer {
  #key;
  #on;
  #editing = null; // the message being edited
  #box = element("textarea", { id: "qm-text", rows: 1, placeholder: "Write a message…" });
  #button = element("button.qm-send", { type: "submit", disabled: true }, "Send");
  #count = element("span.qm-count", { role: "status", hidden: true });
  #bar = element("div.qm-editing", { hidden: true });
  #limit = 8000;

  /**
   * @param {string} key under which the draft is kept in this browser
   * @param {{write: Function, rewrite: Function, typing: Function}} on
   */
  constructor(key, on) {
    this.#key = key;
    this.#on = on;
    const stop = () => this.#stopEditing();
    this.#bar.append(
      element("span", {}, "Editing your message"),
      element("button.qm-link", { type: "button", onclick: stop }, "Cancel"),
    );
    this.element = element(
      "form.qm-composer",
      { hidden: true },
      this.#bar,
      element("label.qm-sr", { htmlFor: "qm-text" }, "Message"),
      element("div.qm-field", {}, this.#box, this.#button),
      element("div.qm-hint", {}, element("span", {}, HINT), this.#count),
    );
    this.element.onsubmit = (event) => (event.preventDefault(), this.#submit());
    this.#box.onkeydown = (event) => this.#pressed(event);
    this.#box.oninput = () => this.#typed();
    this.#box.value = read(key);
  }

  /** Whether there is anything to type into. */
  set open(open) {
    if (this.element.hidden === !open) return;
    this.element.hidden = !open;
    this.#fit(); // what is hidden has no height to measure
  }

  /** Code points a message may have. */
  set limit(codePoints) {
    this.#limit = codePoints;
  }

  focus() {
    this.#box.focus();
  }

  edit(message) {
    this.#editing = message;
    this.#bar.hidden = false;
    this.#box.value = message.text;
    this.#button.textContent = "Save";
    this.#fit();
    this.#box.focus();
  }

  #stopEditing() {
    this.#editing = null;
    this.#bar.hidden = true;
    this.#button.textContent = "Send";
    this.#box.value = read(this.#key); // the draft was left as it stood
    this.#fit();
    this.#box.focus();
  }

  #pressed(event) {
    // While an input method composes a word, Enter belongs to it.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "Escape" && this.#editing) this.#stopEditing();
  }

  #typed() {
    if (!this.#editing) keep(this.#key, this.#box.value);
    if (this.#box.value.trim()) this.#on.typing();
    this.#fit();
  }

  #submit() {
    const text = this.#box.value.trim();
    if (!text || this.#excess() > 0) return;
    if (this.#editing) {
      const { id, text: before } = this.#editing;
      if (text !== before) this.#on.rewrite(text, id);
      this.#stopEditing();
    } else {
      this.#on.write(text);
      keep(this.#key, "");
      this.#box.value = "";
      this.#fit();
    }
  }

  #excess() {
    return [...this.#box.value.trim().normalize()].length - this.#limit;
  }

  /** Grow with the text, and say when it is too long. */
  #fit() {
    const excess = this.#excess();
    this.#count.hidden = excess <= 0;
    this.#count.textContent = `${excess} too many`;
    this.#button.disabled = excess > 0 || !this.#box.value.trim();
    this.#box.style.height = "auto";
    this.#box.style.height = `${this.#box.scrollHeight + BORDERS_PX}px`;
  }
}

// A browser may forbid storage; then a draft lasts as long as the page.

function read(key) {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

function keep(key, text) {
  try {
    if (text) localStorage.setItem(key, text);
    else localStorage.removeItem(key);
  } catch {
    // the draft stays in the box
  }
}
