// What stands in place of a view: that there is nothing yet, or why there is none.

import { element } from "./element.js";

/**
 * A title, a sentence, and perhaps a button.
 * @param {"empty" | "error"} kind
 */
export function card(kind, title, text, button = null) {
  return element(
    `div.card.${kind}`,
    { part: "card", role: kind === "error" ? "alert" : "status" },
    element("strong", {}, title),
    element("p", {}, text),
    button,
  );
}

/** The outlines of a conversation; *text* is for those who do not see them. */
export function loadingCard(text) {
  const bubbles = Array.from({ length: 4 }, () => element("i"));
  return element("div.loading", { role: "status" }, element("span.sr", {}, text), ...bubbles);
}

/**
 * Why there is no chat, in a sentence.
 * @param {import("../words/words.js").Words} words
 * @param {{code: string, message?: string, values?: object}} problem
 */
export function problemText(words, { code, message, values }) {
  const key = [`panel.${code}`, `error.${code}`].find((each) => words.has(each));
  return key ? words.say(key, { origin: location.origin, ...values }) : words.error(code, message);
}

/**
 * The same as a card.
 * @param {?() => void} again what "Try again" does; null where that cannot help
 */
export function problemCard(words, problem, again = null) {
  const title = `panel.title_${problem.code}`;
  const [label, onclick] =
    problem.code === "outdated"
      ? ["panel.reload", () => location.reload()]
      : ["panel.again", again];
  return card(
    "error",
    words.say(words.has(title) ? title : "panel.title_other"),
    problemText(words, problem),
    onclick && element("button.button", { onclick }, words.say(label)),
  );
}
