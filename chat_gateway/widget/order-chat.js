// The script of a page with a chat: it defines `<order-chat>` and `<order-messages>`.

import { Embedding } from "./embedding.js";
import { OrderMessages } from "./order-messages.js";
import { Panel } from "./view/panel.js";

export { watchUnread } from "./link/inbox.js";

/** `<order-chat order-id token-url server>`: the conversation of one order. */
export class OrderChat extends Embedding {
  static observedAttributes = [...Embedding.observedAttributes, "order-id"];

  mount(root, desk) {
    const orderId = this.getAttribute("order-id");
    if (!orderId) return this.fail("no_order");
    const panel = new Panel(root, desk, orderId, {
      order: (order) => this.tell("order-chat:order", order),
      unread: (unread) => this.tell("order-chat:unread", { order_id: orderId, unread }),
      sent: (sent) => this.tell("order-chat:sent", { order_id: orderId, ...sent }),
      phase: (phase, problem) => {
        if (phase === "live") this.tell("order-chat:ready", { order_id: orderId });
        if (phase === "stopped") this.tellProblem(problem);
      },
    });
    panel.start();
    return panel;
  }
}

// Another version of this script may be on the page already; the first one stays.
if (!customElements.get("order-chat")) customElements.define("order-chat", OrderChat);
if (!customElements.get("order-messages")) customElements.define("order-messages", OrderMessages);
