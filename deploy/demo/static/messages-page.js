// The Messages area: a line for each conversation, live.

import { element, portrait } from "./element.js";
import { Inbox, chatUrl, totalText } from "./inbox.js";
import { dayOf, goneText, hueOf, initials, isSameDay, statusName, timeOf } from "./words.js";

const root = document.querySelector("[data-messages]");
const { userId, tokenUrl } = root.dataset;
const list = element("ul.lines", { "aria-label": "Conversations" });
const state = element("div.lines-state", { role: "status" });
const more = element("button.button", { type: "button", hidden: true }, "Show older conversations");
const total = document.querySelector("[data-unread-total]");
const title = document.title;

const inbox = new Inbox({ url: chatUrl(), tokenUrl }, show);
more.addEventListener("click", () => inbox.loadMore());
root.append(state, list, more);
show();
inbox.start();

function show() {
  const { phase, lines, unreadTotal } = inbox;
  root.dataset.phase = phase;
  state.replaceChildren(...stateOf(phase, lines.length));
  state.hidden = state.childNodes.length === 0;
  list.replaceChildren(...lines.map(lineOf));
  list.hidden = lines.length === 0;
  more.hidden = phase !== "live" || inbox.next === null;
  document.title = unreadTotal ? `(${totalText(unreadTotal)}) ${title}` : title;
  total.textContent = totalText(unreadTotal);
  total.setAttribute("aria-label", `${totalText(unreadTotal)} unread`);
  total.hidden = unreadTotal === 0;
}

function stateOf(phase, count) {
  if (phase === "stopped") return [element("strong", {}, "Messages are not available"), inbox.problem];
  if (phase === "offline") return ["Connection lost. Reconnecting…"];
  if (phase === "connecting") return ["Loading conversations…"];
  if (count > 0) return [];
  return [
    element("strong", {}, "No conversations yet"),
    "Once you place or take an order, you will find its conversation here.",
  ];
}

function lineOf(line) {
  const others = line.participants.filter(({ user_id }) => user_id !== userId);
  const [first] = others;
  const link = element(
    `a.line${line.unread ? ".line-unread" : ""}`,
    { href: `/demo/orders/${encodeURIComponent(line.order_id)}?as=${encodeURIComponent(userId)}` },
    first ? portrait(initials(first.name), hueOf(first.user_id)) : null,
    element(
      "span.line-body",
      {},
      element(
        "span.line-top",
        {},
        element("strong.line-who", {}, others.map(({ name }) => name).join(", ") || "Only you"),
        element("time", { dateTime: new Date(line.updated_at).toISOString() }, whenOf(line)),
      ),
      element(
        "span.line-order",
        {},
        element("span.line-title", {}, line.title),
        element("span.chip", { "data-status": line.status }, statusName(line.status)),
      ),
      element(
        "span.line-bottom",
        {},
        element("span.line-preview", {}, previewOf(line)),
        line.unread
          ? element("span.badge", { "aria-label": `${line.unread} unread` }, totalText(line.unread))
          : null,
      ),
    ),
  );
  return element("li", {}, link);
}

function whenOf({ updated_at: at }) {
  const now = Date.now();
  if (isSameDay(at, now)) return timeOf(at);
  const day = dayOf(at, now);
  if (day === "Yesterday") return day;
  return new Date(at).toLocaleDateString([], { day: "numeric", month: "short" });
}

function previewOf({ last, participants }) {
  if (last === null) return "No messages yet";
  const own = last.by === userId;
  if (last.gone) return goneText(last.gone, own);
  const name = participants.find(({ user_id }) => user_id === last.by)?.name.split(" ")[0];
  const what = last.text || filesOf(last.attachments);
  return own ? `You: ${what}` : name && participants.length > 2 ? `${name}: ${what}` : what;
}

/** The isolates keep a name from turning round what stands beside it. */
function filesOf(attachments) {
  const [first] = attachments;
  return attachments.length === 1 ? `📎 \u2068${first.name}\u2069` : `📎 ${attachments.length} files`;
}
