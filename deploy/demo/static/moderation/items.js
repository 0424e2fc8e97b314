// What stands in a conversation: messages with all their texts, and between them what parties and
// moderators did.

import { button, element, isMasked, textOf } from "./element.js";
import { REASONS, moment, statusOf } from "./words.js";

/** So much of a message is in the name of what is done to it. */
const NAME_CHARS = 60;

/** @typedef {object} Look at a conversation: {thread, names, target, caseId, originals, on} */

/** The element of an item of a thread. */
export function itemOf(item, look) {
  return item.type === "message" ? messageOf(item, look) : lineOf(item, look);
}

function messageOf(message, look) {
  const { id, at, by, gone, taken, attachments, versions } = message;
  const { names, thread, target, on } = look;
  const name = names.user(by, thread.order);
  const isReported = id === target;
  const standing = versions.at(-1);
  const what = standing.text || attachments.map((file) => file.name).join(", ");
  const files = attachments.map((file) => {
    const key = `file ${id} ${file.id}`;
    return button(key, `📎 ${file.name}`, () => on.file(file), `Open ${file.name}`);
  });
  const made = element(
    "article.said",
    { tabIndex: -1, "data-item": id, "aria-label": `${isReported ? "Reported: " : ""}${name}` },
    element(
      "div.said-top",
      {},
      element("strong", { dir: "auto" }, name),
      time(at),
      versions.length > 1 ? element("span.mark", {}, "edited") : null,
      isReported ? element("span.mark.of-report", {}, "Reported") : null,
      gone ? element("span.mark.of-gone", {}, takenBy(gone, taken, look)) : null,
      actsOf(message, what, on),
    ),
    textOfVersion(standing, look, gone ? "del.text" : "p.text"),
    files.length > 0 ? element("div.acts", { dir: "auto" }, ...files) : null,
    earlierOf(message, look),
  );
  made.classList.toggle("reported", isReported);
  return made;
}

/** What can be done about a message; *what* it says. */
function actsOf({ id, gone }, what, on) {
  const act = (action, text) => {
    const onclick = () => on.verdict(action, { target: id }, what);
    const name = what.length > NAME_CHARS ? `${what.slice(0, NAME_CHARS)}…` : what;
    return button(`${action} ${id}`, text, onclick, `${text}: ${name}`);
  };
  return element(
    "div.acts",
    {},
    gone === "redacted" ? null : act("redact", "Remove"),
    gone ? act("restore", "Restore") : null,
    act("flag", "Flag"),
  );
}

/** Who took a message away, as its mark says. */
function takenBy(gone, taken, { names, thread }) {
  if (gone === "deleted") return "Deleted by its writer";
  return taken ? `Removed by ${names.user(taken.by, thread.order)}` : "Removed";
}

function earlierOf({ id, versions }, look) {
  if (versions.length < 2) return null;
  const earlier = versions.slice(0, -1);
  return element(
    "details",
    { "data-key": `earlier ${id}` },
    element("summary", {}, earlier.length > 1 ? "Earlier versions" : "Earlier version"),
    ...earlier.map((version) =>
      element("div.version", {}, time(version.at), textOfVersion(version, look, "p.text")),
    ),
  );
}

/** A text; of one with something masked, what was sent, or the way to it. */
function textOfVersion({ id, text }, { originals, on }, as) {
  const shown = element(as, { dir: "auto" }, ...textOf(text));
  if (id === null || !isMasked(text)) return shown;
  const original = originals.get(id);
  const way =
    original === undefined
      ? button(`original ${id}`, "Open original", () => on.original(id, text))
      : element("p.original", { dir: "auto" }, element("strong", {}, "Original: "), original);
  return element("div", {}, shown, way);
}

function lineOf(item, look) {
  const { thread, names, caseId } = look;
  const nameOf = (id) => names.user(id, thread.order);
  const why = [REASONS[item.reason] ?? item.reason, item.note].filter(Boolean).join(": ");
  const made = element(
    `div.line.of-${item.type}`,
    { "data-item": item.id ?? item.seq },
    element("span", { dir: "auto" }, sentenceOf(item, nameOf, thread)),
    why ? element("q", { dir: "auto" }, why) : null,
    time(item.at),
  );
  made.classList.toggle("chosen", item.id === caseId);
  return made;
}

function sentenceOf(item, nameOf, thread) {
  const { type, by, target, user_id: userId, until, status, previous_status: before } = item;
  const who = nameOf(by);
  const about = thread.find(target);
  const whose = about?.type === "message" ? `a message of ${nameOf(about.by)}` : "a message";
  switch (type) {
    case "order":
      if (before === status) return "The order’s details changed";
      return before === null ? "Order placed" : `Order: ${statusOf(status)}`;
    case "delete":
      return `${who} deleted a message`;
    case "report":
      return `${who} reported ${whose}`;
    case "flag":
      return `${who} flagged ${whose}`;
    case "redact":
      return `${who} removed ${whose}`;
    case "restore":
      return `${who} restored ${whose}`;
    case "mute":
      return `${who} muted ${nameOf(userId)} until ${until === null ? "unmuted" : moment(until)}`;
    case "unmute":
      return `${who} unmuted ${nameOf(userId)}`;
    case "close":
      return `${who} closed the conversation`;
    case "reopen":
      return `${who} reopened the conversation`;
    default:
      return reviewed(item, who, about?.type ?? "report", nameOf);
  }
}

function reviewed({ state, assignee, by }, who, what, nameOf) {
  if (state !== "open") return `${who} ${state} the ${what}`;
  if (assignee === null) return `${who} put the ${what} back into the queue`;
  if (assignee === by) return `${who} took the ${what}`;
  return `${who} gave the ${what} to ${nameOf(assignee)}`;
}

function time(at) {
  return element("time.muted", { dateTime: new Date(at).toISOString() }, moment(at));
}
