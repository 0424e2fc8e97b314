// What can be done with a message: its menu, and the dialog that calls a moderator's attention to it.
//
// There is one menu for the whole list, put into the message it is opened for. Redrawing the message
// does not touch it, so what is about to be chosen stays where it is.

import { element } from "./element.js";

const GAP_PX = 4;

/**
 * What may be done with a message now; the server has the last word.
 * @param {import("./bubbles.js").View} view
 * @returns {string[]}
 */
export function actionsOf({ message, own, unsent, attempts, reported }, conversation, now) {
  if (unsent || message.gone) return [];
  const { canSend, canEdit, canDelete, editWindowMs } = conversation;
  const settled = attempts.every(({ state }) => state === "refused");
  const changes = own && settled && canSend && now - message.at < editWindowMs;
  const may = {
    reply: canSend,
    copy: message.text !== "",
    edit: changes && canEdit,
    delete: changes && canDelete,
    report: !own && !reported && attempts.length === 0,
  };
  return Object.keys(may).filter((action) => may[action]);
}

export class MessageMenu {
  /** The message it is open for; null while it is closed. */
  message = null;

  #words;
  #on;
  #element;
  #opener;
  #listening;

  /**
   * @param {import("../words/words.js").Words} words
   * @param {Object<string, (message: object) => void>} on what is done, by action
   */
  constructor(words, on) {
    this.#words = words;
    this.#on = on;
    this.#element = element("div.menu", {
      role: "menu",
      popover: "manual",
      "aria-label": words.say("list.actions"),
      onkeydown: (event) => this.#press(event),
    });
    this.#element.addEventListener("focusout", ({ relatedTarget: to }) => {
      if (to !== null && to !== this.#opener && !this.#element.contains(to)) this.close();
    });
  }

  /**
   * @param {object} message
   * @param {string[]} actions "reply", "copy", "edit", "delete", "report"
   * @param {HTMLElement} opener the button it stands beside, in the message's element
   */
  open(message, actions, opener) {
    this.message = message;
    this.#opener = opener;
    opener.setAttribute("aria-expanded", "true");
    const items = actions.map((action) => this.#item(action, () => this.#choose(action)));
    this.#element.replaceChildren(...items);
    opener.after(this.#element);
    this.#element.showPopover();
    this.place();
    items[0].focus({ preventScroll: true });
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const elsewhere = (event) => {
      const path = event.composedPath();
      if (!path.includes(this.#element) && !path.includes(opener)) this.close();
    };
    addEventListener("pointerdown", elsewhere, { signal, capture: true });
    for (const moved of ["scroll", "resize"]) {
      addEventListener(moved, () => this.place(), { signal, capture: true });
    }
  }

  /** Stand beside the button, wherever it is now; without it, close. */
  place() {
    if (this.message === null) return;
    const shows = this.#element.matches(":popover-open"); // not if its message left the list
    if (!shows || this.#opener.hidden) return this.close();
    const at = this.#opener.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height, style } = this.#element;
    const below = at.bottom + GAP_PX;
    const top = below + height < innerHeight ? below : at.top - GAP_PX - height;
    const left = at.left + width < innerWidth - GAP_PX ? at.left : at.right - width;
    style.setProperty("top", `${Math.max(GAP_PX, top)}px`);
    style.setProperty("left", `${Math.max(GAP_PX, left)}px`);
  }

  /** Close it; a focus within goes to the message. */
  close() {
    if (this.message === null) return;
    const { activeElement } = this.#element.getRootNode();
    const within = this.#element.contains(activeElement);
    this.message = null;
    this.#listening.abort();
    this.#opener.setAttribute("aria-expanded", "false");
    this.#element.remove();
    if (within) this.#opener.closest("article").focus({ preventScroll: true });
  }

  #item(action, onclick) {
    const item = { role: "menuitem", tabIndex: -1, "data-action": action, onclick };
    return element("button", item, this.#words.say(`list.${action}`));
  }

  #choose(action) {
    if (action === "delete") return this.#askOnceMore();
    const { message } = this;
    this.close();
    this.#on[action](message);
  }

  /** Another item takes the place of "Delete", so that its name is read out. */
  #askOnceMore() {
    const sure = this.#item("delete_sure", ({ detail }) => {
      if (detail > 1) return; // the second click of a double click asked for nothing yet
      const { message } = this;
      this.close();
      this.#on.delete(message);
    });
    const unsure = this.#element.querySelector("[data-action=delete]");
    unsure.after(sure);
    sure.focus({ preventScroll: true });
    unsure.remove();
    this.place();
  }

  #press(event) {
    const items = [...this.#element.children];
    const place = items.indexOf(event.target);
    const { key } = event;
    let to = null;
    if (key === "ArrowDown") to = items[(place + 1) % items.length];
    else if (key === "ArrowUp") to = items.at(place - 1);
    else if (key === "Home") to = items[0];
    else if (key === "End") to = items.at(-1);
    else if (key === "Escape" || key === "Tab") {
      this.close();
      if (key === "Tab") return; // on to what follows the message, or stands before it
    } else if (key.length === 1 && key !== " ") {
      const begins = (item) => item.textContent.toLowerCase().startsWith(key.toLowerCase());
      to = [...items.slice(place + 1), ...items].find(begins);
    } else return event.stopPropagation();
    to?.focus();
    event.preventDefault();
    event.stopPropagation();
  }
}

/** As the server takes them. */
const REASONS = ["spam", "abuse", "off_platform", "other"];
const NOTE_CHARS_MAX = 1_000;

export class ReportDialog {
  #quote = element("blockquote", { dir: "auto" });
  #note = element("textarea", { name: "note", rows: 3, maxLength: NOTE_CHARS_MAX });
  #form;
  #send = null; // what to do with the answer

  /** @param {import("../words/words.js").Words} words */
  constructor(words) {
    const choice = (value, place) =>
      element(
        "label",
        {},
        element("input", { type: "radio", name: "reason", value, defaultChecked: place === 0 }),
        words.say(`list.report_${value}`),
      );
    this.#form = element(
      "form",
      { method: "dialog" },
      element("h2", { id: "report-title" }, words.say("list.report_title")),
      this.#quote,
      element(
        "fieldset",
        {},
        element("legend", {}, words.say("list.report_reason")),
        ...REASONS.map(choice),
      ),
      element("label.note", {}, words.say("list.report_note"), this.#note),
      element(
        "div.buttons",
        {},
        element("button.button", { onclick: () => this.element.close() }, words.say("list.cancel")),
        element("button.button.strong", { type: "submit" }, words.say("list.report_send")),
      ),
    );
    // Closed here, not by the form: a page's policy may forbid its forms to go anywhere.
    this.#form.onsubmit = (event) => {
      event.preventDefault();
      this.element.close();
      this.#send(new FormData(this.#form).get("reason"), this.#note.value.trim());
    };
    this.element = element(
      "dialog.reporting",
      { "aria-labelledby": "report-title", onkeydown: (event) => event.stopPropagation() },
      this.#form,
    );
  }

  /**
   * Ask why a message is reported.
   * @param {string} quote its beginning
   * @param {(reason: string, note: string) => void} send
   * @param {() => void} closed called whatever is answered
   */
  open(quote, send, closed) {
    this.#form.reset();
    this.#quote.textContent = quote;
    this.#send = send;
    this.element.onclose = closed;
    this.element.showModal();
  }
}
