// The Messages area: all conversations of the reader, and the one that is open beside them.

import { Embedding } from "./embedding.js";
import { Inbox, LINES_SOUGHT } from "./link/inbox.js";
import { card, problemCard } from "./view/panel-parts.js";
import { ConversationList, carryTotal } from "./view/conversation-list.js";
import { element } from "./view/element.js";
import { Panel } from "./view/panel.js";

/** A loss of the connection that is shorter is not worth a word. */
const BANNER_AFTER_MS = 5_000;
/** Times of lines are told anew so often: "14:05" becomes "Yesterday". */
const CLOCK_MS = 60_000;

/**
 * `<order-messages token-url server order-id order-url>`; `order-id` is the open conversation,
 * `order-url` where an order's own page is: "/orders/{order_id}".
 */
export class OrderMessages extends Embedding {
  static observedAttributes = [...Embedding.observedAttributes, "order-id", "order-url"];

  #area = null;

  /** The order whose conversation is open, or null. */
  get orderId() {
    return this.getAttribute("order-id") || null;
  }

  set orderId(orderId) {
    if (orderId === null) this.removeAttribute("order-id");
    else this.setAttribute("order-id", orderId);
  }

  mount(root, desk) {
    return (this.#area = new Area(root, desk, this));
  }

  attributeChangedCallback(name, before, now) {
    if (name !== "order-id") super.attributeChangedCallback(name, before, now);
    else if (before !== now) this.#area?.open(this.orderId);
  }
}

/** What is in the element while it is in the page. */
class Area {
  #root;
  #desk;
  #host;
  #list;
  #inbox;
  #banner = element("div.banner", { role: "status", part: "banner", hidden: true });
  #place = element("div.place");
  #pane;
  #panel = null;
  #openId = null;
  #total = null;
  #closed = false;
  #clock;
  #banning; // timer: the connection has been lost for a while

  constructor(root, desk, host) {
    const { words } = desk;
    this.#root = root;
    this.#desk = desk;
    this.#host = host;
    this.#list = new ConversationList(words, {
      open: (orderId) => this.#choose(orderId),
      filter: () => this.#show(),
      older: () => this.#inbox.loadMore(),
    });
    this.#inbox = new Inbox(desk.session, () => this.#show());
    this.#pane = element("div.pane", {
      role: "group",
      ariaLabel: words.say("panel.name"),
      tabIndex: -1,
    });
    root.classList.add("messages");
    root.append(
      element("div.index", {}, this.#banner, this.#place, this.#list.element),
      this.#pane,
    );
    this.#show();
    this.#open(host.orderId);
    this.#inbox.start();
    this.#clock = setInterval(() => this.#show(), CLOCK_MS);
  }

  close() {
    this.#closed = true;
    clearInterval(this.#clock);
    clearTimeout(this.#banning);
    this.#inbox.close();
    this.#panel?.close();
    carryTotal(0);
  }

  focus() {
    if (this.#openId === null) this.#list.focus(null);
    else this.#panel.focus();
  }

  /** Show the conversation of an order, or of none; the focus stays where it is. */
  open(orderId) {
    if (this.#closed || orderId === this.#openId) return;
    this.#open(orderId);
    this.#show();
  }

  #open(orderId) {
    this.#openId = orderId;
    this.#root.toggleAttribute("data-open", orderId !== null);
    this.#panel?.close();
    this.#panel = null;
    if (orderId !== null) return this.#openPanel(orderId);
    const { words } = this.#desk;
    const why = [words.say("messages.choose"), words.say("messages.choose_why")];
    this.#pane.replaceChildren(card("empty", ...why));
  }

  #openPanel(orderId) {
    const panelRoot = element("div");
    this.#pane.replaceChildren(panelRoot);
    const template = this.#host.getAttribute("order-url");
    this.#panel = new Panel(panelRoot, this.#desk, orderId, {
      order: (order) => this.#host.tell("order-chat:order", order),
      unread: () => {}, // the list counts
      sent: (sent) => this.#host.tell("order-chat:sent", { order_id: orderId, ...sent }),
      phase: (phase, problem) => this.#panelIs(orderId, phase, problem),
      back: () => this.#back(),
      orderUrl: template?.replaceAll("{order_id}", encodeURIComponent(orderId)),
    });
    this.#panel.start();
  }

  #panelIs(orderId, phase, problem) {
    if (phase === "live") this.#host.tell("order-chat:ready", { order_id: orderId });
    // What ends the session ends the list, too, and is told once.
    if (phase === "stopped" && this.#desk.session.phase !== "stopped") {
      this.#host.tellProblem(problem);
    }
  }

  /** The reader opens a conversation, and goes on in it. */
  #choose(orderId) {
    this.#select(orderId);
    // On a telephone the keyboard would cover what was opened to be read.
    if (matchMedia("(pointer: coarse)").matches) this.#pane.focus();
    else this.#panel.focus();
  }

  #back() {
    const orderId = this.#openId;
    this.#select(null);
    this.#list.focus(orderId);
  }

  #select(orderId) {
    if (orderId === this.#openId) return;
    this.#host.orderId = orderId; // which opens it
    this.#host.tell("order-messages:select", { order_id: orderId });
  }

  #show() {
    const inbox = this.#inbox;
    this.#seek();
    this.#showPhase(inbox.phase);
    this.#list.show(inbox, this.#desk.session.user, this.#openId, Date.now());
    if (inbox.phase !== "live" || inbox.lines.unreadTotal === this.#total) return;
    this.#total = inbox.lines.unreadTotal;
    carryTotal(this.#total);
    this.#host.tell("order-chat:unread", { unread_total: this.#total });
  }

  /** What is looked for may stand further back than what is loaded. */
  #seek() {
    const { lines } = this.#inbox;
    if (this.#list.isFiltered && lines.size < LINES_SOUGHT) this.#inbox.loadMore(100);
  }

  #showPhase(phase) {
    if (this.#root.dataset.phase === phase) return;
    this.#root.dataset.phase = phase;
    clearTimeout(this.#banning);
    this.#banner.hidden = true;
    this.#place.replaceChildren();
    const { words, session } = this.#desk;
    if (phase === "offline" && this.#inbox.lines.size > 0) {
      this.#banning = setTimeout(() => {
        this.#banner.hidden = false;
        this.#banner.textContent = words.say("panel.lost");
      }, BANNER_AFTER_MS);
    }
    if (phase !== "stopped") return;
    const { problem } = this.#inbox;
    this.#place.append(problemCard(words, problem, () => session.revive()));
    this.#host.tellProblem(problem);
  }
}
