// The dialog that calls a moderator's attention to a message.

import { element } from "./element.js";

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
        element(
          "button.button",
          { type: "button", onclick: () => this.element.close() },
          words.say("list.cancel"),
        ),
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
