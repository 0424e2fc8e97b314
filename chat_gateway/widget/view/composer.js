// Where the reader types: a draft, which may answer a message, or another text for an own one.
//
// A message whose files are not all there yet is held: it goes by itself once they are, unless
// something about it is changed meanwhile.

import { element, icon, write } from "./element.js";
import { Tray, pastedFiles } from "./tray.js";

/** From here on (code points left) the reader is told how many are left. */
const NEAR_LIMIT = 200;
/** What the key code of a key says that an input method has taken. */
const TAKEN_KEY = 229;
const GROWS = CSS.supports("field-sizing", "content");

export class Composer {
  #words;
  #draft;
  #attaching;
  #tray;
  #on;
  #editing = null; // the message being edited
  #held = false;
  #mayAttach = false;
  #limit = Infinity;
  #box;
  #send;
  #count = element("span.count", { id: "count" });
  #title = element("strong");
  #quoted = element("div.quoted", { dir: "auto" });
  #bar;
  #waiting = element("span", { role: "status" });
  #release;

  /**
   * @param {{words: import("../words/words.js").Words}} desk
   * @param {import("./draft.js").Draft} draft
   * @param {import("../files/attaching.js").Attaching} attaching
   * @param {object} on
   * @param {(text: string, files: object[], replyTo: ?string) => void} on.write
   * @param {(text: string, target: string) => void} on.rewrite
   * @param {() => void} on.typing
   * @param {() => void} on.editLast ArrowUp in an empty box
   * @param {(id: string) => ?{name: string, text: string}} on.quote what is said of a message
   */
  constructor({ words }, draft, attaching, on) {
    this.#words = words;
    this.#draft = draft;
    this.#attaching = attaching;
    this.#tray = new Tray(attaching, words, (files) => this.take(files));
    this.#on = on;
    this.#box = element("textarea", {
      part: "input", rows: 1, dir: "auto", enterKeyHint: "send", value: draft.text,
      placeholder: words.say("composer.placeholder"),
      "aria-label": words.say("composer.label"), "aria-describedby": "count",
    });
    this.#send = element("button.send", { type: "submit", part: "send", disabled: true });
    this.#release = element(
      "button.link",
      { hidden: true, onclick: () => (this.#hold(false), this.focus()) },
      words.say("composer.not_yet"),
    );
    const cancel = words.say("composer.cancel");
    this.#bar = element(
      "div.bar",
      { hidden: true },
      element("div.bar-text", {}, this.#title, this.#quoted),
      element(
        "button.icon-button",
        { title: cancel, "aria-label": cancel, onclick: () => this.#cancel() },
        icon("close"),
      ),
    );
    this.element = element(
      "form.composer",
      { hidden: true, part: "composer" },
      this.#bar,
      this.#tray.element,
      element("div.waiting", {}, this.#waiting, this.#release),
      element("div.field", {}, this.#tray.button, this.#box, this.#send),
      element("div.foot", {}, element("span.hint", {}, words.say("composer.hint")), this.#count),
    );
    this.element.onsubmit = (event) => (event.preventDefault(), this.#submit());
    this.#box.onkeydown = (event) => this.#pressed(event);
    this.#box.onpaste = (event) => this.#pasted(event);
    this.#box.oninput = () => this.#typed();
    draft.onChange = () => this.#showDraft();
    this.#showMode();
  }

  /** Whether there is anything to type into. */
  get open() {
    return !this.element.hidden;
  }

  set open(open) {
    if (this.open === open) return;
    this.element.hidden = !open;
    this.#fit(); // what is hidden has no height to measure
    this.filesChanged(); // perhaps they were waited for
  }

  /** Whether files can be attached now. */
  get attaches() {
    return this.#mayAttach && this.#editing === null && this.open;
  }

  set attaches(may) {
    this.#mayAttach = may;
    this.#tray.button.hidden = !this.attaches;
  }

  /** Code points a message may have. */
  set limit(codePoints) {
    if (this.#limit === codePoints) return;
    this.#limit = codePoints;
    this.#showCount();
  }

  focus() {
    this.#box.focus();
  }

  /** Write *message* anew; the draft waits meanwhile. */
  edit(message) {
    this.#hold(false);
    this.#editing = message;
    this.#showMode();
    this.#fill(message.text);
    this.focus();
  }

  /** Let the draft answer *message*. */
  reply({ id }) {
    if (this.#editing) this.#stopEditing();
    this.#draft.replyTo = id;
    this.#showMode();
    this.focus();
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
    if (this.#held && uploads.isReady && this.open) this.#submit();
    this.#showWaiting();
  }

  close() {
    this.#draft.close();
  }

  #stopEditing() {
    this.#editing = null;
    this.#showDraft(); // it was left as it stood
  }

  /** Take back what is above the box: first an edit, else the reply. */
  #cancel() {
    if (this.#editing) this.#stopEditing();
    else this.#draft.replyTo = null;
    this.#showMode();
    this.focus();
  }

  #showDraft() {
    if (this.#editing) return;
    this.#hold(false);
    this.#showMode();
    if (this.#box.value !== this.#draft.text) this.#fill(this.#draft.text);
  }

  #showMode() {
    const editing = this.#editing !== null;
    const name = this.#words.say(editing ? "composer.save" : "composer.send");
    if (this.#send.title !== name) {
      this.#send.title = name;
      this.#send.setAttribute("aria-label", name);
      this.#send.replaceChildren(icon(editing ? "check" : "send"));
    }
    this.#tray.element.hidden = editing;
    this.attaches = this.#mayAttach;
    this.showBar();
    this.#showWaiting();
  }

  /** Say what is edited or answered; an answered message may change, or come in only now. */
  showBar() {
    const { replyTo } = this.#draft;
    this.#bar.hidden = this.#editing === null && replyTo === null;
    if (this.#bar.hidden) return;
    const quote = this.#editing ?? this.#on.quote(replyTo);
    const key = this.#editing ? "editing" : quote ? "replying" : "replying_earlier";
    write(this.#title, this.#words.say(`composer.${key}`, { name: quote?.name }));
    write(this.#quoted, quote?.text ?? "");
  }

  #pressed(event) {
    // While an input method composes a word, keys belong to it.
    if (event.isComposing || event.keyCode === TAKEN_KEY) return;
    const { key } = event;
    if (key === "Enter" && !event.shiftKey) this.#submit();
    else if (key === "Escape" && !this.#bar.hidden) this.#cancel();
    else if (key === "ArrowUp" && !this.#box.value && !this.#editing) this.#on.editLast();
    else return;
    event.preventDefault();
  }

  #pasted(event) {
    const files = pastedFiles(event.clipboardData);
    if (files.length === 0 || !this.attaches) return;
    event.preventDefault();
    this.take(files);
  }

  #typed() {
    if (!this.#editing) this.#draft.text = this.#box.value;
    if (this.#box.value.trim()) this.#on.typing();
    this.#hold(false);
    this.#fit();
  }

  #submit() {
    const text = this.#box.value.trim();
    if (this.#send.disabled) return;
    if (this.#editing) {
      const { id, text: before } = this.#editing;
      if (text !== before) this.#on.rewrite(text, id);
      this.#stopEditing();
    } else if (!this.#attaching.uploads.isReady) {
      this.#hold(true);
    } else {
      this.#held = false;
      this.#on.write(text, this.#attaching.take(), this.#draft.replyTo);
      this.#draft.clear();
      this.#fill("");
      this.#showMode();
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
    const key = blocked ? "composer.blocked" : this.#held && "composer.held";
    write(this.#waiting, key ? this.#words.say(key) : "");
    this.#release.hidden = !this.#held;
    this.#showSend();
  }

  #showSend() {
    const { uploads } = this.#attaching;
    const nothing = !this.#box.value.trim() && (this.#editing !== null || uploads.isEmpty);
    const blocked = this.#editing === null && uploads.isBlocked;
    this.#send.disabled = nothing || blocked || this.#left() < 0;
  }

  /** Code points that may still be typed. */
  #left() {
    return this.#limit - [...this.#box.value.trim().normalize()].length;
  }

  #fill(text) {
    this.#box.value = text;
    this.#fit();
  }

  /** Grow with the text, and say when it comes near its limit. */
  #fit() {
    this.#showCount();
    if (GROWS) return;
    this.#box.style.setProperty("height", "auto");
    this.#box.style.setProperty("height", `${this.#box.scrollHeight}px`);
  }

  #showCount() {
    const left = this.#left();
    const key = left < 0 ? "composer.too_many" : left < NEAR_LIMIT && "composer.left";
    this.#count.textContent = key ? this.#words.say(key, { count: Math.abs(left) }) : "";
    this.#count.classList.toggle("over", left < 0);
    this.#box.setAttribute("aria-invalid", String(left < 0));
    this.#showSend();
  }
}
