// Asks a moderator why, and has it done: one dialog for whatever needs a reason.

import { element } from "./element.js";

const REASON_CHARS_MAX = 1000;

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {string} about what it is done to
 * @property {string} does what the button says
 * @property {string} [label] of the box for the reason
 * @property {boolean} [optional] whether the reason may be left out
 * @property {[string, string][]} [choices] value and name of each; one is chosen
 * @property {(reason: string, choice: ?string) => object} attempt what is to be written
 * @property {(answer: object) => void} done called with what was answered
 * @property {(problem: import("./api.js").Problem) => void} failed called if nobody sees it here
 */

export class Dialog {
  element = element("dialog.asking", { "aria-labelledby": "asking-title" });

  #api;
  #question;
  #attempt = null; // what may have been written already: nothing else can be asked for meanwhile
  #title = element("h2", { id: "asking-title" });
  #about = element("blockquote", { dir: "auto" });
  #label = element("span");
  #reason = element("textarea", { rows: 3, maxLength: REASON_CHARS_MAX });
  #choices = element("select");
  #choice = element("label", {}, element("span", {}, "For how long"), this.#choices);
  #problem = element("p.problem", { role: "alert" });
  #does = element("button.button.strong", { type: "submit" });

  /** @param {import("./api.js").Api} api */
  constructor(api) {
    this.#api = api;
    const form = element(
      "form",
      { onsubmit: (event) => (event.preventDefault(), this.#submit()) },
      this.#title,
      this.#about,
      this.#choice,
      element("label", {}, this.#label, this.#reason),
      this.#problem,
      element(
        "div.buttons",
        {},
        element("button.button", { onclick: () => this.element.close() }, "Cancel"),
        this.#does,
      ),
    );
    this.element.append(form);
  }

  /** @param {Question} question */
  open(question) {
    const { title, about, does, label = "Why", optional = false, choices = [] } = question;
    this.#question = question;
    this.#attempt = null;
    this.#title.textContent = title;
    this.#about.textContent = about;
    this.#about.hidden = about === "";
    this.#does.textContent = does;
    this.#label.textContent = optional ? `${label} (optional)` : label;
    this.#reason.required = !optional;
    this.#reason.value = this.#problem.textContent = "";
    this.#choices.replaceChildren(
      ...choices.map(([value, name]) => element("option", { value }, name)),
    );
    this.#choice.hidden = choices.length === 0;
    this.#lock(false);
    this.element.showModal();
    this.#reason.focus();
  }

  async #submit() {
    const question = this.#question;
    const reason = this.#reason.value.trim();
    if (reason === "" && this.#reason.required) {
      this.#problem.textContent = "Say why: other moderators read it.";
      return this.#reason.focus();
    }
    const attempt = (this.#attempt ??= question.attempt(reason, this.#choices.value || null));
    this.#problem.textContent = "";
    this.#lock(true);
    this.#does.disabled = true;
    let answer = null;
    try {
      answer = await this.#api.write(attempt);
    } catch (problem) {
      if (this.#attempt === attempt && this.element.open) this.#refused(problem);
      else question.failed(problem);
      return;
    }
    if (this.#attempt === attempt) this.element.close();
    question.done(answer);
  }

  #refused({ message, isOpen }) {
    if (!isOpen) this.#attempt = null;
    this.#lock(isOpen);
    const again = "It is not known whether this was done. Try again: it is never done twice.";
    this.#problem.textContent = isOpen ? `${message} ${again}` : message;
    this.#does.focus();
  }

  #lock(locked) {
    this.#reason.readOnly = locked;
    this.#choices.disabled = locked;
    this.#does.disabled = false;
  }
}
