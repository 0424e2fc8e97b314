// Shows an order's chat in the element that names it, and takes what is typed.

import { OrderChat } from "./order-chat.js";

const root = document.querySelector("#chat");
const [log, notice, form, box] = root.querySelectorAll("ol, p, form, textarea");
const { server, tokenUrl, orderId } = root.dataset;
const chat = new OrderChat({ server, tokenUrl, orderId }, show);

function show() {
  const said = chat.conversation.items.map((item) => line(item.by, textOf(item), item.type));
  const mine = chat.outbox.map((entry) => line(chat.me, textOfAttempt(entry), entry.state));
  log.replaceChildren(...said, ...mine);
  root.dataset.phase = chat.phase;
  notice.textContent = chat.problem || (chat.phase === "offline" ? "Reconnecting…" : "");
  form.hidden = !chat.you?.can_send || chat.phase === "stopped";
  if (document.hasFocus()) chat.read();
}

function line(by, text, kind) {
  const item = document.createElement("li");
  item.className = kind;
  item.textContent = kind === "order" ? text : `${by}: ${text}`; // never innerHTML
  return item;
}

function textOf(item) {
  if (item.type === "order") return `Order: ${item.status.replaceAll("_", " ")}`;
  if (item.gone) return "(removed)";
  return item.edited_at ? `${item.text} (edited)` : item.text;
}

function textOfAttempt({ text, state, problem }) {
  return state === "refused" ? `${text} (not sent: ${problem})` : `${text} (sending)`;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (box.value) chat.send(box.value);
  box.value = "";
});
box.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});
globalThis.addEventListener("focus", () => chat.read());
chat.connection.open();
