// Where the reader types: a draft that survives a reload, or another text for an own message.
//
// A message whose files are not all there yet is held: it goes by itself once they are, unless
// something about it is changed meanwhile.

import { pastedFiles } from "./dropping.js";
import { element } from "./element.js";
import { Tray } from "./tray.js";

/** Upper and lower border of the box, which its `scrollHeight` leaves out. */
const BORDERS_PX = 2;
const HINT = "Enter to send · Shift + Enter for a new line";
const HELD = "Sends when the files are ready";
const BLOCKED = "Remove the files that cannot be sent, or retry them.";

export class Composer {
  #key;
  #attaching;
  #tray;
  #on;
  #editing = null; // the message being edited
  #held = false;
  #attaches = false;
  #box = element("textarea", { id: "qm-text", rows: 1, placeholder: "Write a message…" });
  #button = element("button.qm-send", { type: "submit", disabled: true }, "Send");
  #count = element("span.qm-count", { role: "status", hidden: true });
  #bar = element("div.qm-bar-top", { hidden: true });
  #waiting = element("span", { role: "status" });
  #release = element("button.qm-link", { type: "button", hidden: true }, "Not yet");
  #limit = 8000;

  /**
   * @param {string} key under which the draft is kept in this browser
   * @param {import("./attaching.js").Attaching} attaching
   * @param {{write: Function, rewrite: Function, typing: Function}} on
   */
  constructor(key, attaching, on) {
    this.#key = key;
    this.#attaching = attaching;
    this.#tray = new Tray(attaching, (files) => this.take(files));
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
      this.#tray.element,
      element("div.qm-bar-top", {}, this.#waiting, this.#release),
      element("label.qm-sr", { htmlFor: "qm-text" }, "Message"),
      element("div.qm-field", {}, this.#tray.button, this.#box, this.#button),
      element("div.qm-hint", {}, element("span", {}, HINT), this.#count),
    );
    this.element.onsubmit = (event) => (event.preventDefault(), this.#submit());
    this.#release.onclick = () => (this.#hold(false), this.focus());
    this.#box.onkeydown = (event) => this.#pressed(event);
    this.#box.onpaste = (event) => this.#pasted(event);
    this.#box.oninput = () => this.#typed();
    this.#box.value = read(key);
  }

  /** Whether there is anything to type into. */
  set open(open) {
    if (this.element.hidden === !open) return;
    this.element.hidden = !open;
    this.#fit(); // what is hidden has no height to measure
    this.filesChanged(); // perhaps they were waited for
  }

  /** Whether files can be attached now. */
  get attaches() {
    return this.#attaches && this.#editing === null && !this.element.hidden;
  }

  set attaches(attaches) {
    this.#attaches = attaches;
    this.#tray.button.hidden = !this.attaches;
  }

  /** Code points a message may have. */
  set limit(codePoints) {
    this.#limit = codePoints;
  }

  focus() {
    this.#box.focus();
  }

  edit(message) {
    this.#hold(false);
    this.#setEditing(message);
    this.#box.value = message.text;
    this.#fit();
    this.#box.focus();
  }

  /** Attach files that were picked, pasted or dropped. */
  take(files) {
    this.#attaching.add(files);
    this.#hold(false);
  }

  /** The files have come further, or there are others. */
  filesChanged() {
    const { uploads } = this.#attaching;
    this.#tray.show();
    if (uploads.isBlocked) this.#held = false;
    if (this.#held && uploads.isReady && !this.element.hidden) this.#submit();
    this.#showWaiting();
  }

  #setEditing(message) {
    const editing = message !== null;
    this.#editing = message;
    this.#bar.hidden = !editing;
    this.#tray.element.classList.toggle("qm-aside", editing);
    this.#button.textContent = editing ? "Save" : "Send";
    this.attaches = this.#attaches;
    this.#showWaiting();
  }

  #stopEditing() {
    this.#setEditing(null);
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

  #pasted(event) {
    const files = pastedFiles(event.clipboardData);
    if (files.length === 0 || !this.attaches) return;
    event.preventDefault();
    this.take(files);
  }

  #typed() {
    if (!this.#editing) keep(this.#key, this.#box.value);
    if (this.#box.value.trim()) this.#on.typing();
    this.#hold(false);
    this.#fit();
  }

  #submit() {
    const text = this.#box.value.trim();
    if (this.#button.disabled) return;
    if (this.#editing) {
      const { id, text: before } = this.#editing;
      if (text !== before) this.#on.rewrite(text, id);
      this.#stopEditing();
    } else if (!this.#attaching.uploads.isReady) {
      this.#hold(true);
    } else {
      this.#held = false;
      this.#on.write(text, this.#attaching.take());
      keep(this.#key, "");
      this.#box.value = "";
      this.#fit();
      this.filesChanged();
    }
  }

  #hold(held) {
    this.#held = held;
    this.#showWaiting();
  }

  /** Say what the message waits for. */
  #showWaiting() {
    const blocked = !this.#editing && this.#attaching.uploads.isBlocked;
    const text = blocked ? BLOCKED : this.#held ? HELD : "";
    if (this.#waiting.textContent !== text) this.#waiting.textContent = text;
    this.#waiting.parentElement.hidden = text === "";
    this.#release.hidden = !this.#held;
    this.#showButton();
  }

  #showButton() {
    const { uploads } = this.#attaching;
    const nothing = !this.#box.value.trim() && (this.#editing !== null || uploads.isEmpty);
    const blocked = this.#editing === null && uploads.isBlocked;
    this.#button.disabled = nothing || blocked || this.#excess() > 0;
  }

  #excess() {
    return [...this.#box.value.trim().normalize()].length - this.#limit;
  }

  /** Grow with the text, and say when it is too long. */
  #fit() {
    const excess = this.#excess();
    this.#count.hidden = excess <= 0;
    this.#count.textContent = `${excess} too many`;
    this.#showButton();
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
