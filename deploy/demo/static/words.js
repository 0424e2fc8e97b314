// Everything the panel says about times, statuses and reasons, in one place.

/** What a change is called where its target alone does not say it: by new status, by old. */
const CHANGES = {
  in_progress: {
    pending: "Order accepted",
    delivered: "Revision requested",
    disputed: "Dispute settled, work goes on",
  },
  completed: { disputed: "Dispute settled, order completed" },
  cancelled: { disputed: "Dispute settled, order cancelled" },
};

const DAY_MS = 86_400_000;

/** "in_progress" → "In progress". */
export function statusName(status) {
  const words = status.replaceAll("_", " ");
  return words[0].toUpperCase() + words.slice(1);
}

/** What an `order` event tells the parties. */
export function statusLine({ status, previous_status: previous }) {
  if (previous === status) return "Order details updated";
  if (previous === null) return status === "pending" ? "Order placed" : "Order details updated";
  if (status === "disputed") return "Dispute opened";
  return CHANGES[status]?.[previous] ?? `Order ${statusName(status).toLowerCase()}`;
}

/** Why the reader cannot write. */
export function readOnlyReason({ order, closed, muted }) {
  if (closed) return "This conversation was closed by a moderator. You can still read it.";
  if (muted) return "You cannot write here at the moment. You can still read everything.";
  if (["completed", "cancelled", "declined"].includes(order.status)) {
    return `This order is ${order.status}. You can still read the conversation.`;
  }
  return "You can read this conversation, but not write in it.";
}

export function goneText(gone, own) {
  if (gone === "redacted") return "This message was removed by a moderator.";
  return own ? "You deleted this message." : "This message was deleted.";
}

export function timeOf(at) {
  return new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

export function momentOf(at) {
  return new Date(at).toLocaleString([], { dateStyle: "full", timeStyle: "short" });
}

/** Heading of a day: "Today", "Yesterday", or a date, in the reader's zone. */
export function dayOf(at, now) {
  const day = new Date(at);
  if (isSameDay(at, now)) return "Today";
  if (isSameDay(at, now - DAY_MS)) return "Yesterday";
  const year = day.getFullYear() === new Date(now).getFullYear() ? undefined : "numeric";
  return day.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long", year });
}

export function isSameDay(one, other) {
  return new Date(one).toDateString() === new Date(other).toDateString();
}

/** "AK" for "Anna Keller". */
export function initials(name) {
  const words = name.split(" ").filter(Boolean);
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words;
  return ends.map((word) => [...word][0]).join("");
}

/** A hue of 0 to 359 that stays with a user. */
export function hueOf(userId) {
  return [...userId].reduce((hue, letter) => (hue * 31 + letter.codePointAt(0)) % 360, 7);
}

export function sizeOf(bytes) {
  if (bytes < 1_000_000) return `${Math.ceil(bytes / 1000)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
