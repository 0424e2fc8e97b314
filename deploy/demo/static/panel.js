// The Quick Message panel: a chat as something to look at and to type into.

import { Attaching } from "./attaching.js";
import { Chat } from "./chat.js";
import { Composer } from "./composer.js";
import { takeDrops } from "./dropping.js";
import { element, portrait } from "./element.js";
import { FileViews } from "./file-views.js";
import { MessageList } from "./message-list.js";
import { hueOf, initials, readOnlyReason, statusName } from "./words.js";

const UNREACHABLE = "The chat cannot be reached. Trying again…";
/** How often is looked whether the other side is to be told that a file is coming. */
const FILE_SIGN_MS = 1_000;

export class Panel {
  #root;
  #chat;
  #list;
  #attaching;
  #composer;
  #visible = false;
  #orderVersion = 0;
  #head = element("header.qm-head");
  #notice = element("div.qm-notice", { role: "status", hidden: true });
  #typing = element("div.qm-typing", { "aria-live": "polite" });
  #card = element("div.qm-card");
  #readOnly = element("div.qm-readonly", { role: "note", hidden: true });

  /**
   * Fill *root* with the panel of an order. It tells of the order's changes by an event
   * `order-changed`, whose detail is the order's header.
   * @param {HTMLElement} root
   * @param {{orderId: string, me: string, url: string, tokenUrl: string}} where
   * @param {import("./attachments.js").Attachments} attachments
   */
  constructor(root, where, attachments) {
    this.#root = root;
    const show = () => this.#show();
    const chat = (this.#chat = new Chat(where, attachments, show));
    const attaching = (this.#attaching = new Attaching(where, attachments, () => {
      composer.filesChanged();
      this.#tellWork();
    }));
    const draft = `order-chat:${where.orderId}:${where.me}`;
    const composer = (this.#composer = new Composer(draft, attaching, {
      write: (text, files) => chat.write("send", { text, files }),
      rewrite: (text, target) => chat.write("edit", { text, target }),
      typing: () => chat.typing(attaching.uploads.isUnderWay ? "file" : "text"),
    }));
    const files = new FileViews(attachments);
    this.#list = new MessageList(where.me, {
      file: (message, attachment) => files.of(message, attachment),
      edit: (message) => composer.edit(message),
      // These take away the button that has the focus: it goes where the reader goes on.
      delete: ({ id }) => (composer.focus(), chat.write("delete", { target: id })),
      again: ({ id }) => (composer.focus(), chat.again(id)),
      remove: ({ id }) => (composer.focus(), chat.remove(id)),
      older: () => chat.loadOlder(),
    });
    root.classList.add("qm");
    root.append(
      this.#head, this.#notice, this.#card, this.#list.element,
      this.#typing, this.#readOnly, this.#composer.element,
    );
    takeDrops(root, { may: () => composer.attaches, take: (dropped) => composer.take(dropped) });
    this.#watchAttention();
  }

  start() {
    this.#show();
    this.#chat.start();
    this.#attaching.restore();
    setInterval(() => this.#tellWork(), FILE_SIGN_MS);
  }

  /** The other side sees that a file is on its way. */
  #tellWork() {
    if (this.#attaching.uploads.isUnderWay) this.#chat.typing("file");
  }

  #watchAttention() {
    const seen = () => this.#readIfSeen();
    new IntersectionObserver(([entry]) => {
      this.#visible = entry.isIntersecting;
      seen();
    }).observe(this.#typing); // the foot of the list, where the newest message stands
    globalThis.addEventListener("focus", seen);
    document.addEventListener("visibilitychange", seen);
    this.#list.log.addEventListener("scroll", seen);
  }

  #readIfSeen() {
    const attentive = document.visibilityState === "visible" && document.hasFocus();
    if (attentive && this.#visible && this.#list.atEnd) this.#chat.read();
  }

  #show() {
    const { conversation, phase } = this.#chat;
    const opened = conversation.order !== null && phase !== "stopped";
    this.#root.dataset.phase = phase;
    this.#list.element.hidden = !opened;
    this.#showCard(opened);
    this.#notice.hidden = !(opened && phase === "offline");
    this.#notice.textContent = "Connection lost. Reconnecting…";
    this.#attaching.uploads.limits = this.#chat.limits;
    this.#composer.open = opened && conversation.canSend;
    this.#composer.attaches = conversation.canAttach && this.#chat.limits.attachments > 0;
    this.#readOnly.hidden = !opened || conversation.canSend;
    if (!opened) return;
    if (!conversation.canSend) this.#readOnly.textContent = readOnlyReason(conversation);
    this.#composer.limit = this.#chat.limits.text_chars;
    this.#showHead(conversation);
    this.#list.show(this.#chat, Date.now());
    this.#showTyping(conversation);
    this.#tellOrder(conversation.order);
    this.#readIfSeen();
  }

  /** What stands in place of the list: loading, empty, or an error that ended the chat. */
  #showCard(opened) {
    const { conversation, phase, problem, outbox } = this.#chat;
    const spoken = conversation.items.some(({ type }) => type === "message");
    const empty = opened && !spoken && outbox.attempts.length === 0 && conversation.complete;
    const [kind, title, text] =
      phase === "stopped"
        ? ["error", "This chat is not available", problem]
        : opened
          ? ["empty", "No messages yet", "Say hello and agree on the details."]
          : ["loading", "", phase === "offline" ? UNREACHABLE : "Loading messages…"];
    this.#card.hidden = opened && !empty;
    if (this.#card.textContent === title + text) return;
    this.#card.className = `qm-card qm-${kind}`;
    this.#card.setAttribute("role", kind === "error" ? "alert" : "status");
    this.#card.replaceChildren(title ? element("strong", {}, title) : "", element("p", {}, text));
  }

  #showHead({ others, online }) {
    const [first] = others;
    const there = others.filter(({ user_id }) => online?.has(user_id));
    const names = others.map(({ name }) => name).join(", ");
    const presence =
      there.length === 0 ? "offline" : others.length === 1 ? "online" : `${there.length} online`;
    const look = JSON.stringify([others, online && [...online]]);
    if (this.#head.dataset.look === look) return;
    this.#head.dataset.look = look;
    this.#head.replaceChildren(
      first ? portrait(initials(first.name), hueOf(first.user_id)) : "",
      element(
        "div.qm-who",
        {},
        element("h2", {}, names || "Quick Message"),
        element("span.qm-role", {}, others.map(({ role }) => statusName(role)).join(", ")),
      ),
      online === null
        ? ""
        : element(`span.qm-presence${there.length ? ".qm-online" : ""}`, {}, presence),
    );
  }

  #showTyping(conversation) {
    const now = Date.now();
    const text = [
      workLine(conversation.typing("file", now), "sending a file…"),
      workLine(conversation.typing("text", now), "typing…"),
    ].filter(Boolean).join(" ");
    if (this.#typing.textContent !== text) this.#typing.textContent = text;
  }

  #tellOrder(order) {
    if (order.version === this.#orderVersion) return;
    this.#orderVersion = order.version;
    this.#root.dispatchEvent(new CustomEvent("order-changed", { detail: order }));
  }
}

/** "Ben is typing…"; empty for nobody. */
function workLine(parties, doing) {
  const names = parties.map(({ name }) => name.split(" ")[0]);
  if (names.length === 0) return "";
  return `${names.join(" and ")} ${names.length > 1 ? "are" : "is"} ${doing}`;
}
