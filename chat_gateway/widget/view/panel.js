// The Quick Message panel: one order's conversation as something to look at and to type into.

import { Attaching } from "../files/attaching.js";
import { Chat } from "../link/chat.js";
import { lineOf } from "./bubbles.js";
import { Composer } from "./composer.js";
import { Draft } from "./draft.js";
import { element, write } from "./element.js";
import { FileViews } from "./file-views.js";
import { MessageList } from "./message-list.js";
import { PanelHead, card, loadingCard, problemCard } from "./panel-parts.js";
import { takeDrops } from "./tray.js";

/** A loss of the connection that is shorter is not worth a word. */
const BANNER_AFTER_MS = 5_000;
/** How often is looked whether the other side is to be told that a file is coming. */
const FILE_SIGN_MS = 1_000;

export class Panel {
  #root;
  #desk;
  #on;
  #chat;
  #closing = new AbortController();
  #head;
  #banner = element("div.banner", { role: "status", part: "banner", hidden: true });
  #place = element("div.place"); // of a card
  #body = element("div.body", {}, this.#place);
  #typing = element("div.typing");
  #readOnly = element("div.readonly", { role: "note", hidden: true });
  #parts = null; // {list, composer, attaching, files}, once it is known who reads
  #restored = false; // the files that an earlier page left are here
  #card = ""; // which card is shown
  #inView = false; // the foot of the list is on the screen
  #startedAt = Date.now();
  #wake; // timer: something is to change by time alone
  #work; // timer: files are under way
  #told = { phase: null, version: null, unread: null };

  /**
   * @param {HTMLElement} root to be filled
   * @param {object} desk {server, session, attachments, words}
   * @param {string} orderId
   * @param {object} on
   * @param {(order: object) => void} on.order the header of the order, whenever it changes
   * @param {(count: number) => void} on.unread whenever it changes
   * @param {(sent: {client_id: string, id: string}) => void} on.sent an own message stands
   * @param {(phase: string, problem: ?object) => void} on.phase
   * @param {() => void} [on.back] shows a button back
   * @param {string} [on.orderUrl] shows a link there
   */
  constructor(root, desk, orderId, on) {
    this.#root = root;
    this.#desk = desk;
    this.#on = on;
    this.#head = new PanelHead(desk.words, on);
    this.#chat = new Chat(desk, orderId, () => this.#show());
    this.#chat.onSent = on.sent;
    root.classList.add("panel");
    root.part.add("panel");
    root.tabIndex = -1; // has the focus until there is something else to have it
    root.setAttribute("role", "region");
    root.setAttribute("aria-label", desk.words.say("panel.name"));
    root.append(this.#head.element, this.#banner, this.#body, this.#typing, this.#readOnly);
    this.#watchAttention();
  }

  start() {
    this.#show();
    this.#chat.start();
  }

  /** Let go of everything; what is on the screen goes with the root. */
  close() {
    this.#closing.abort();
    clearTimeout(this.#wake);
    clearInterval(this.#work);
    this.#chat.close();
    this.#parts?.composer.close();
    this.#parts?.attaching.close();
    this.#parts?.files.close();
  }

  /** Go where one writes, or reads; as soon as that is there. */
  focus() {
    if (!this.#isOpen || this.#parts === null) this.#root.focus();
    else if (this.#parts.composer.open) this.#parts.composer.focus();
    else this.#parts.list.log.focus();
  }

  /** There is a conversation to be shown. */
  get #isOpen() {
    return this.#chat.conversation.order !== null && this.#chat.phase !== "stopped";
  }

  /** Make what depends on who reads. */
  #furnish(me) {
    const { attachments, server, words } = this.#desk;
    const chat = this.#chat;
    const where = { orderId: chat.orderId, me, server };
    const attaching = new Attaching(where, attachments, () => {
      composer.filesChanged();
      this.#watchWork(attaching.uploads);
    });
    const draft = new Draft(`order-chat ${server} ${chat.orderId} ${me}`);
    const composer = new Composer(this.#desk, draft, attaching, {
      write: (text, files, reply_to) => chat.write("send", { text, files, reply_to }),
      rewrite: (text, target) => chat.write("edit", { text, target }),
      typing: () => chat.typing(attaching.uploads.isUnderWay ? "file" : "text"),
      editLast: () => this.#editLast(),
      quote: (id) => this.#quote(id),
    });
    const files = new FileViews(attachments, words);
    const list = new MessageList(this.#desk, me, {
      file: (message, attachment) => files.of(message, attachment),
      reply: (message) => composer.reply(message),
      edit: (message) => composer.edit(message),
      delete: ({ id }) => chat.write("delete", { target: id }),
      report: ({ id }, reason, note) => chat.write("report", { target: id, reason, note }),
      again: ({ id }) => chat.again(id),
      discard: ({ id }) => chat.discard(id),
      older: () => chat.loadOlder(),
      readable: () => this.#readIfSeen(),
    });
    this.#parts = { list, composer, attaching, files };
    list.log.addEventListener("keydown", ({ key }) => key === "Escape" && this.focus());
    this.#body.append(list.element);
    this.#root.append(composer.element);
    const may = () => composer.attaches;
    takeDrops(this.#root, { may, take: (dropped) => composer.take(dropped) }, words);
  }

  /** While files are under way, the other side is told. */
  #watchWork(uploads) {
    const tell = () => this.#chat.typing("file");
    if (uploads.isUnderWay) this.#work ??= setInterval(tell, FILE_SIGN_MS);
    else this.#work = clearInterval(this.#work);
  }

  #watchAttention() {
    const { signal } = this.#closing;
    const seen = () => this.#readIfSeen();
    const inView = new IntersectionObserver((entries) => {
      this.#inView = entries.at(-1).isIntersecting;
      seen();
    });
    inView.observe(this.#typing); // at the foot of the list, where the newest message stands
    signal.addEventListener("abort", () => inView.disconnect());
    globalThis.addEventListener("focus", seen, { signal });
    document.addEventListener("visibilitychange", seen, { signal });
  }

  #readIfSeen() {
    const attentive = document.visibilityState === "visible" && document.hasFocus();
    const unread = this.#isOpen && this.#chat.conversation.unread > 0;
    if (unread && attentive && this.#inView && this.#parts?.list.atEnd) this.#chat.read();
  }

  #show() {
    const { conversation, me, phase } = this.#chat;
    const now = Date.now();
    conversation.passTime(now);
    if (me !== null && this.#parts === null) this.#furnish(me);
    this.#root.dataset.phase = phase;
    this.#showCard();
    this.#showBanner(now);
    if (this.#parts) this.#showParts(now);
    this.#tell();
    this.#wakeLater(now);
  }

  #showParts(now) {
    const { conversation, limits } = this.#chat;
    const { list, composer, attaching } = this.#parts;
    const isOpen = this.#isOpen;
    const writing = composer.element.matches(":focus-within");
    const opens = isOpen && list.element.hidden;
    attaching.uploads.limits = limits;
    composer.limit = limits.text_chars;
    composer.open = isOpen && conversation.canSend;
    composer.attaches = conversation.canAttach && limits.attachments > 0;
    list.element.hidden = !isOpen;
    this.#readOnly.hidden = !isOpen || composer.open;
    this.#typing.hidden = !isOpen;
    if (!isOpen) return;
    if (!composer.open) write(this.#readOnly, this.#desk.words.readOnly(conversation));
    this.#head.show(conversation);
    list.show(this.#chat, now);
    composer.showBar();
    write(this.#typing, this.#whoIsBusy(now));
    this.#readIfSeen();
    // The messages are not kept waiting for it.
    if (opens && !this.#restored)
      attaching.restore(() => [...this.#chat.attempts, ...conversation.items]);
    this.#restored ||= opens;
    // The focus goes on if what had it is gone, or was waited for.
    const waiting = opens && this.#root.getRootNode().activeElement === this.#root;
    if (waiting || (writing && !composer.open)) this.focus();
  }

  /** What stands in place of messages. */
  #showCard() {
    const { conversation, phase, problem, attempts } = this.#chat;
    const { session, words } = this.#desk;
    const empty = conversation.n === 0 && attempts.length === 0;
    const shown = phase === "stopped" ? problem.code : !this.#isOpen ? "loading" : empty && "empty";
    if (this.#card === shown) return;
    this.#card = shown;
    const again = session.phase === "stopped" ? () => this.#chat.revive() : null;
    const made =
      phase === "stopped"
        ? problemCard(words, problem, again)
        : shown === "loading"
          ? loadingCard(words.say("panel.loading"))
          : card("empty", words.say("panel.empty"), words.say("panel.empty_why"));
    this.#place.replaceChildren(...(shown ? [made] : []));
  }

  #showBanner(now) {
    const away = this.#chat.phase !== "live" && this.#chat.phase !== "stopped";
    this.#banner.hidden = !away || now < this.#bannerAt;
    const key = this.#isOpen ? "panel.lost" : "panel.unreachable";
    write(this.#banner, this.#banner.hidden ? "" : this.#desk.words.say(key));
  }

  get #bannerAt() {
    return (this.#chat.lostAt ?? this.#startedAt) + BANNER_AFTER_MS;
  }

  /** "Ben is typing…"; empty for nobody. */
  #whoIsBusy(now) {
    const { words } = this.#desk;
    const line = (what, key) => {
      const names = this.#chat.conversation.typing(what, now).map(({ name }) => name.split(" ")[0]);
      return names.length && words.say(key, { names: words.list(names), count: names.length });
    };
    const lines = [line("file", "panel.sending_file"), line("text", "panel.typing")];
    return lines.filter(Boolean).join(" ");
  }

  #tell() {
    const { conversation, phase, problem } = this.#chat;
    const { order, unread } = conversation;
    const told = this.#told;
    this.#told = { phase, version: order?.version ?? null, unread: order ? unread : null };
    if (this.#told.version !== told.version) this.#on.order(order);
    if (this.#told.unread !== told.unread) this.#on.unread(unread);
    if (phase !== told.phase) this.#on.phase(phase, problem);
  }

  /** Look again when a loss has become long, a mute ends, or "Today" becomes "Yesterday". */
  #wakeLater(now) {
    const midnight = new Date(now).setHours(24, 0, 0, 0);
    const times = [midnight, this.#bannerAt, this.#chat.conversation.mutedUntil];
    const next = Math.min(...times.filter((at) => at > now));
    clearTimeout(this.#wake);
    this.#wake = setTimeout(() => this.#show(), next - now);
  }

  /** Edit the last own message; into the list if that cannot be. */
  #editLast() {
    const { conversation, attempts, me } = this.#chat;
    const last = conversation.items.findLast(({ type, by }) => type === "message" && by === me);
    const may =
      last && !last.gone && conversation.canEdit && attempts.length === 0 &&
      Date.now() - last.at < conversation.editWindowMs;
    if (may) this.#parts.composer.edit(last);
    else this.#parts.list.focusLast();
  }

  /** What is said of the message that is answered; null if it is not loaded. */
  #quote(id) {
    const { conversation, me } = this.#chat;
    const message = conversation.message(id);
    if (message === null) return null;
    const { by } = message;
    return {
      name: conversation.party(by)?.name ?? "",
      text: lineOf(message, this.#desk.words, by === me),
    };
  }
}
