// Elements of the conversation's list: messages, attempts, status lines, days.

import { element, portrait } from "./element.js";
import { goneText, hueOf, initials, momentOf, sizeOf, statusLine, timeOf } from "./words.js";

export function dayMark(text) {
  return element("div.qm-day", { role: "separator" }, element("span", {}, text));
}

export function statusMark(event) {
  return element(
    `div.qm-status.qm-status-${event.status}`,
    { title: momentOf(event.at) },
    element("span.qm-status-text", {}, statusLine(event)),
    element("span.qm-time", {}, timeOf(event.at)),
  );
}

/**
 * A message that stands.
 * @param {object} view what to show: {message, own, author, first, seenBy, attempt, actions}
 *   author: {name, user_id}; first: of a group by the same author; attempt: an edit or delete under
 *   way, or null; actions: {edit, delete} tell which are allowed
 * @param {object} on what buttons do: {edit, delete, again, remove}; file: makes the element of a
 *   message's attachment
 */
export function messageBubble({ message, own, author, first, seenBy, attempt, actions }, on) {
  const text = message.gone ? goneText(message.gone, own) : message.text;
  const side = own ? "own" : "other";
  return element(
    `article.qm-message.qm-${side}${message.gone ? ".qm-gone" : ""}${first ? ".qm-first" : ""}`,
    { "aria-label": `${own ? "You" : author.name}, ${momentOf(message.at)}` },
    own ? null : first ? portrait(initials(author.name), hueOf(author.user_id)) : null,
    first && !own ? element("div.qm-author", {}, author.name) : null,
    element(
      "div.qm-row",
      {},
      element(
        "div.qm-bubble",
        { dir: "auto" },
        text || null,
        ...message.attachments.map((attachment) => on.file(message, attachment)),
      ),
      actions.edit || actions.delete ? menu(message, actions, on) : null,
    ),
    element(
      "div.qm-meta",
      {},
      element("time.qm-time", { title: momentOf(message.at) }, timeOf(message.at)),
      message.edited_at && !message.gone
        ? element("span.qm-edited", { title: momentOf(message.edited_at) }, "edited")
        : null,
      seenBy ? element("span.qm-seen", {}, seenBy) : null,
    ),
    attempt ? attemptNote(attempt, on) : null,
  );
}

/** A message of one's own that is not settled yet. */
export function attemptBubble(attempt, on) {
  return element(
    `article.qm-message.qm-own.qm-first.qm-${attempt.state}`,
    { "aria-label": "You, not sent yet" },
    element(
      "div.qm-row",
      {},
      element("div.qm-bubble", { dir: "auto" }, attempt.text || null, ...attempt.files.map(fileLine)),
    ),
    attemptNote(attempt, on),
  );
}

const UNDER_WAY = { send: "Sending…", edit: "Saving…", delete: "Deleting…" };

function attemptNote(attempt, on) {
  if (attempt.state === "waiting" || attempt.state === "sent") {
    return element("div.qm-meta", {}, element("span.qm-pending", {}, UNDER_WAY[attempt.op]));
  }
  const unsaved = attempt.op === "edit" ? ` Your text: “${attempt.text}”` : "";
  return element(
    "div.qm-problem",
    { role: "alert" },
    element("span", {}, attempt.problem + unsaved),
    element("button.qm-link", { type: "button", onclick: () => on.again(attempt) }, "Try again"),
    element("button.qm-link", { type: "button", onclick: () => on.remove(attempt) }, "Remove"),
  );
}

function fileLine({ name, size }) {
  return element("div.qm-file-size", {}, "📎 ", element("bdi", {}, name), ` · ${sizeOf(size)}`);
}

/** "⋯" beside an own message: opens Edit and Delete, the latter asks once more. */
function menu(message, actions, on) {
  const choices = element("span.qm-choices", { hidden: true });
  const opener = element(
    "button.qm-more",
    { type: "button", "aria-label": "Edit or delete", "aria-expanded": "false" },
    "⋯",
  );
  const toggle = (open) => {
    choices.hidden = !open;
    opener.setAttribute("aria-expanded", String(open));
    if (!open) return;
    choices.querySelector("button").focus();
    choices.scrollIntoView({ block: "nearest" });
  };
  opener.onclick = () => toggle(choices.hidden);
  const holder = element("div.qm-menu", {}, opener, choices);
  holder.onkeydown = ({ key }) => {
    if (key !== "Escape" || choices.hidden) return;
    toggle(false);
    opener.focus();
  };
  holder.onfocusout = ({ relatedTarget }) => {
    if (relatedTarget !== null && !holder.contains(relatedTarget)) toggle(false);
  };
  if (actions.edit) {
    const edit = () => (toggle(false), on.edit(message));
    choices.append(element("button", { type: "button", onclick: edit }, "Edit"));
  }
  if (actions.delete) {
    const sure = element("button.qm-danger", { type: "button", hidden: true }, "Delete for all?");
    const remove = element("button", { type: "button" }, "Delete");
    sure.onclick = () => (toggle(false), on.delete(message));
    remove.onclick = () => {
      sure.hidden = false;
      sure.focus();
      remove.hidden = true;
    };
    choices.append(remove, sure);
  }
  return holder;
}
