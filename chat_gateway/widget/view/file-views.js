// Files of messages: pictures that come when they are scrolled to, and cards to download.

import { hasThumbnail, isImage, labelOf } from "../state/uploads.js";
import { element, icon } from "./element.js";

/** The largest a picture is shown (px), and the smallest side one may have. */
const WIDTH_MAX = 250;
const HEIGHT_MAX = 280;
const SIDE_MIN = 56;
/** Of what is drawn of a PDF, whose page nobody has told the size of. */
const PAGE_PX = { width: WIDTH_MAX, height: 150 };
/** Pictures are fetched when they are this near to being seen. */
const NEAR = "300px";
/** So many views are kept for when they are scrolled back to. */
const KEPT = 600;

export class FileViews {
  #attachments;
  #words;
  #closing = new AbortController();
  #views = new Map(); // "message id / attachment id" → element: it is moved, not fetched again
  #loads = new WeakMap(); // picture → what fetches it
  #inView;

  /**
   * @param {Attachments} attachments
   * @param {Words} words
   */
  constructor(attachments, words) {
    this.#attachments = attachments;
    this.#words = words;
    const fetchSeen = (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        this.#inView.unobserve(target);
        this.#loads.get(target)();
      }
    };
    const near = { rootMargin: NEAR, scrollMargin: NEAR };
    this.#inView = new IntersectionObserver(fetchSeen, near);
  }

  /** The element of a message's file, the same one as long as it is on the page. */
  of({ id: messageId }, attachment) {
    const key = `${messageId}/${attachment.id}`;
    if (!this.#views.has(key)) {
      this.#forgetOne();
      this.#views.set(key, this.#make(attachment));
    }
    return this.#views.get(key);
  }

  close() {
    this.#closing.abort();
    this.#inView.disconnect();
    this.#views.clear();
  }

  /** The oldest view makes room, unless it is on the page. */
  #forgetOne() {
    if (this.#views.size < KEPT) return;
    const [[key, view]] = this.#views;
    this.#views.delete(key);
    if (view.isConnected) this.#views.set(key, view);
  }

  #link(attachment, what) {
    return this.#attachments.link(attachment.id, what, this.#closing.signal);
  }

  #make(attachment) {
    const words = this.#words;
    const { name, size, content_type: type } = attachment;
    const problem = element("span.file-problem", { role: "status" });
    const open = async () => {
      problem.textContent = "";
      try {
        follow(await this.#link(attachment, "content"), type);
      } catch ({ status, problem: why }) {
        problem.textContent = problemText(status === 404 ? { key: "files.gone" } : why, words);
      }
    };
    if (isImage(type)) {
      const label = words.say("files.open_name", { name });
      return element("div.file", {}, this.#picture(attachment, label, open), problem);
    }
    const label = words.say("files.download_name", { name });
    const download = element(
      "button.link",
      { "aria-label": label, onclick: open },
      words.say("files.download"),
    );
    return element(
      "div.file.file-card",
      {},
      hasThumbnail(type) ? this.#picture(attachment, label, open) : null,
      element(
        "div.file-line",
        {},
        typeBadge(type),
        element(
          "div.file-body",
          {},
          fileName(name),
          element("span.file-size", {}, words.size(size), " · ", download),
        ),
      ),
      problem,
    );
  }

  /** A button that shows the small picture; its place is kept before it comes. */
  #picture(attachment, label, open) {
    const image = element("img", { alt: "", decoding: "async", draggable: false });
    const failed = this.#words.say("files.no_picture");
    const note = element("span.picture-note", { hidden: true }, failed);
    const button = element("button.picture", { "aria-label": label }, image, note);
    const { width, height } = fit(attachment);
    button.style.setProperty("--width", `${width}px`);
    button.style.setProperty("--ratio", `${width} / ${height}`);
    const show = (state) => {
      button.dataset.state = state;
      note.hidden = state !== "failed";
    };
    let again = true; // a link lives for a minute, and the picture may be asked for later
    const load = async () => {
      show("loading");
      try {
        image.src = await this.#link(attachment, "thumbnail");
      } catch (error) {
        // Of some documents no page can be drawn: the card says enough.
        if (error.status === 404 && !isImage(attachment.content_type)) button.remove();
        else show("failed");
      }
    };
    image.onload = () => show("there");
    image.onerror = () => {
      if (!again) return show("failed");
      again = false;
      load();
    };
    button.onclick = () => (button.dataset.state === "failed" ? load() : open());
    this.#loads.set(button, load);
    this.#inView.observe(button);
    return button;
  }
}

/** What stands for a file of a type: "PDF", or a sheet of paper. */
export function typeBadge(type) {
  return element("span.file-type", { "aria-hidden": "true" }, labelOf(type) ?? icon("file"));
}

/** A name on a line of its own. */
export function fileName(name) {
  return element("div.file-name", { title: name, dir: "auto" }, name);
}

/** Why something was not done; ours if we have words for it, else the server's. */
export function problemText({ key, values, code, message }, words) {
  if (!words.has(key)) return words.error(code, message);
  return words.say(key, { ...values, size: values?.bytes && words.size(values.bytes) });
}

/** What an attachment's picture takes up: its own proportions, within what a message may have. */
function fit({ width, height }) {
  if (!width || !height) return PAGE_PX;
  const shrink = Math.min(1, WIDTH_MAX / width, HEIGHT_MAX / height);
  const side = (length, most) => Math.min(most, Math.max(SIDE_MIN, Math.round(length * shrink)));
  return { width: side(width, WIDTH_MAX), height: side(height, HEIGHT_MAX) };
}

/** Go where a link leads: an image shows itself in a tab of its own, all else is saved. */
function follow(href, type) {
  const where = isImage(type) ? { target: "_blank" } : { download: "" };
  element("a", { href, rel: "noopener noreferrer", ...where }).click();
}
