// The number of unread messages, live, on pages that show no list of them.

import { Inbox, chatUrl, totalText } from "./inbox.js";

const badge = document.querySelector("[data-unread-total]");
const inbox = new Inbox({ url: chatUrl(), tokenUrl: badge.dataset.tokenUrl }, () => {
  const text = totalText(inbox.unreadTotal);
  badge.textContent = text;
  badge.setAttribute("aria-label", `${text} unread`);
  badge.hidden = inbox.unreadTotal === 0;
});
inbox.start();
