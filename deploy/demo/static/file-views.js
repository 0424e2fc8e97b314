// Files of messages: pictures that come when they are scrolled to, and cards to download.

import { element } from "./element.js";
import { hasThumbnail, isImage, labelOf } from "./file-types.js";
import { sizeOf } from "./words.js";

/** The largest a picture is shown (px), and the smallest side one may have. */
const WIDTH_MAX = 250;
const HEIGHT_MAX = 280;
const SIDE_MIN = 56;
/** Of what is drawn of a PDF, whose page nobody has told the size of. */
const PAGE_PX = { width: WIDTH_MAX, height: 150 };
/** Pictures are fetched when they are this near (px) to being seen. */
const NEAR_PX = 300;

export class FileViews {
  #attachments;
  #views = new Map(); // "message id / attachment id" → element: it is moved, not fetched again
  #loads = new WeakMap(); // picture → what fetches it
  #inView;

  /** @param {import("./attachments.js").Attachments} attachments */
  constructor(attachments) {
    this.#attachments = attachments;
    const fetchSeen = (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        this.#inView.unobserve(target);
        this.#loads.get(target)();
      }
    };
    this.#inView = new IntersectionObserver(fetchSeen, { rootMargin: `${NEAR_PX}px` });
  }

  /** The element of a message's file, always the same one. */
  of({ id: messageId }, attachment) {
    const key = `${messageId}/${attachment.id}`;
    if (!this.#views.has(key)) this.#views.set(key, this.#make(attachment));
    return this.#views.get(key);
  }

  #make(attachment) {
    const problem = element("span.qm-file-problem", { role: "status" });
    const open = async () => {
      problem.textContent = "";
      try {
        follow(await this.#attachments.link(attachment.id, "content"), attachment);
      } catch (error) {
        problem.textContent = error.status === 404 ? "This file is not available." : error.message;
      }
    };
    if (!isImage(attachment.content_type)) return this.#card(attachment, open, problem);
    const picture = this.#picture(attachment, `Open ${attachment.name}`, open);
    return element("div.qm-file", {}, picture, problem);
  }

  #card(attachment, open, problem) {
    const { name, size, content_type: type } = attachment;
    const download = element("button.qm-link", { type: "button", onclick: open }, "Download");
    download.setAttribute("aria-label", `Download ${name}`);
    return element(
      "div.qm-file.qm-file-card",
      {},
      hasThumbnail(type) ? this.#picture(attachment, `Download ${name}`, open) : null,
      element(
        "div.qm-file-line",
        {},
        element("span.qm-badge", { "aria-hidden": "true" }, labelOf(type)),
        element(
          "div.qm-file-body",
          {},
          element("bdi.qm-file-name", { title: name }, name),
          element("span.qm-file-size", {}, sizeOf(size), " · ", download),
        ),
      ),
      problem,
    );
  }

  /** A button that shows the small picture; its place is kept before it comes. */
  #picture(attachment, label, open) {
    const image = element("img", { alt: "", decoding: "async", draggable: false });
    const note = element("span.qm-picture-note", { hidden: true }, "Preview not available. Try again");
    const button = element("button.qm-picture", { type: "button", "aria-label": label }, image, note);
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
        image.src = await this.#attachments.link(attachment.id, "thumbnail");
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

/** What an attachment's picture takes up: its own proportions, within what a message may have. */
function fit({ width, height }) {
  if (!width || !height) return PAGE_PX;
  const shrink = Math.min(1, WIDTH_MAX / width, HEIGHT_MAX / height);
  const side = (length, most) => Math.min(most, Math.max(SIDE_MIN, Math.round(length * shrink)));
  return { width: side(width, WIDTH_MAX), height: side(height, HEIGHT_MAX) };
}

/** Go where a link leads: an image shows itself in a tab of its own, all else is saved. */
function follow(href, { content_type: type }) {
  const where = isImage(type) ? { target: "_blank" } : { download: "" };
  element("a", { href, rel: "noopener noreferrer", ...where }).click();
}
