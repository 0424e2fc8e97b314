// Entry point: puts the panel into every element that asks for it.
//
//   <section data-quick-message data-order-id="o1" data-user-id="u1" data-token-url="/token">

import { Attachments } from "./attachments.js";
import { Panel } from "./panel.js";

for (const root of document.querySelectorAll("[data-quick-message]")) {
  const { orderId, userId, tokenUrl } = root.dataset;
  const url = new URL("/v1/chat", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const attachments = new Attachments("/v1/attachments", tokenUrl);
  new Panel(root, { orderId, me: userId, url: url.href, tokenUrl }, attachments).start();
}
