// What is live on the order page besides the chat: the order's status, the buttons that change it,
// and how much is unread elsewhere.

import { watchUnread } from "/widget/order-chat.js";

const STAGES = ["pending", "in_progress", "delivered", "completed"];
/** Where on the way an order stands whose status is off it. */
const DETOURS = { declined: "pending", disputed: "delivered", cancelled: "in_progress" };

const order = document.querySelector("[data-order]");
const chat = document.querySelector("order-chat");
const chip = document.querySelector(".chip");
const badge = document.querySelector("[data-unread-total]");
const problem = document.querySelector(".play-problem");

function showStatus(status) {
  const words = status.replaceAll("_", " ");
  order.dataset.status = status;
  chip.textContent = words[0].toUpperCase() + words.slice(1);
  chip.dataset.status = status;
  const reached = STAGES.indexOf(DETOURS[status] ?? status);
  for (const [index, step] of document.querySelectorAll(".stepper li").entries()) {
    step.classList.toggle("done", index < reached || status === "completed");
    if (index === reached) step.setAttribute("aria-current", "step");
    else step.removeAttribute("aria-current");
  }
  let open = 0;
  for (const button of document.querySelectorAll("button[data-from]")) {
    button.hidden = button.dataset.from !== status;
    open += button.hidden ? 0 : 1;
  }
  document.querySelector(".play-end").hidden = open > 0;
}

async function change(status) {
  problem.textContent = "";
  try {
    const answer = await fetch(order.dataset.statusUrl, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ status }),
      signal: AbortSignal.timeout(10_000),
    });
    if (!answer.ok) problem.textContent = (await answer.json()).error.message;
    else showStatus((await answer.json()).status);
  } catch {
    problem.textContent = "The marketplace did not answer. Try again.";
  }
}

for (const button of document.querySelectorAll("button[data-from]")) {
  button.addEventListener("click", () => change(button.dataset.to));
}
chat.addEventListener("order-chat:order", ({ detail }) => showStatus(detail.status));
showStatus(order.dataset.status);
watchUnread({ tokenUrl: chat.getAttribute("token-url") }, (total) => {
  badge.textContent = total < 1000 ? total : "999+";
  badge.hidden = total === 0;
});
