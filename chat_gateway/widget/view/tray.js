// What is attached to the message being written: files are picked by a button, dropped or pasted, and
// each is a chip.

import { ACCEPT, isImage, percentOf } from "../state/uploads.js";
import { element, icon } from "./element.js";
import { fileName, problemText, typeBadge } from "./file-views.js";

/** How wide a chip's picture is drawn; it is shown smaller, and cut to a square. */
const PICTURE_PX = 128;

export class Tray {
  #attaching;
  #words;
  #chips = new Map(); // id → {element, show}
  #drawn = Promise.resolve(); // pictures are drawn one by one: an open one may fill 200 MB
  #list;
  #said = element("div.sr", { role: "status" });
  #input = element("input", {
    type: "file", multiple: true, accept: ACCEPT, hidden: true, tabIndex: -1, "aria-hidden": "true",
  });

  /**
   * @param {Attaching} attaching
   * @param {Words} words
   * @param {(files: File[]) => void} take what becomes of files that are picked
   */
  constructor(attaching, words, take) {
    this.#attaching = attaching;
    this.#words = words;
    this.#list = element("ul.chips", { role: "list", "aria-label": words.say("files.list") });
    const attach = words.say("files.attach");
    this.button = element(
      "button.icon-button.attach",
      {
        part: "attach", "aria-label": attach, title: attach, hidden: true,
        onclick: () => this.#input.click(),
      },
      icon("attach"),
    );
    this.#input.onchange = () => {
      take([...this.#input.files]);
      this.#input.value = ""; // the same file may be picked again
    };
    this.element = element("div.tray", {}, this.#input, this.#list, this.#said);
  }

  show() {
    const uploads = this.#attaching.uploads.list;
    this.#list.hidden = uploads.length === 0;
    const ids = new Set(uploads.map(({ id }) => id));
    for (const [id, chip] of this.#chips) {
      if (ids.has(id)) continue;
      chip.element.remove();
      this.#chips.delete(id);
    }
    uploads.forEach((upload, place) => {
      const { element: chip } = this.#chips.get(upload.id) ?? this.#add(upload);
      // The order they were picked in; what is in its place is left alone, and keeps the focus.
      const there = this.#list.children[place] ?? null;
      if (there !== chip) this.#list.insertBefore(chip, there);
    });
    const news = [...this.#chips.values()].map(({ show }) => show()).filter(Boolean);
    // Even the same text would be read out again.
    if (news.length > 0) this.#said.textContent = news.join(". ");
  }

  #add(upload) {
    const chip = chipOf(upload, this.#words, {
      retry: () => this.#attaching.retry(upload.id),
      remove: () => this.#remove(upload.id),
    });
    if (isImage(upload.type ?? "")) this.#draw(upload.file, chip.badge);
    this.#chips.set(upload.id, chip);
    return chip;
  }

  /** A picture of what is in the file; the badge stays if its name promised more than that. */
  #draw(file, badge) {
    this.#drawn = this.#drawn
      .then(async () => badge.isConnected && badge.replaceWith(await pictureOf(file)))
      .catch(() => {});
  }

  /** The button that had the focus goes: the next chip gets it, or where one would attach anew. */
  #remove(id) {
    const { element: chip } = this.#chips.get(id);
    const neighbour = chip.nextElementSibling ?? chip.previousElementSibling;
    this.#attaching.remove(id);
    (neighbour?.querySelector(".chip-remove") ?? this.button).focus();
  }
}

/** A file on its way; `show` brings it up to date and answers what is worth telling. */
function chipOf(upload, words, on) {
  const { name, file, type } = upload;
  const badge = typeBadge(type);
  const bar = element("div.progress", {
    role: "progressbar", "aria-label": name, "aria-valuemin": 0, "aria-valuemax": 100,
  });
  const state = element("span.chip-state");
  const retryName = words.say("files.retry_name", { name });
  const retry = element(
    "button.link",
    { onclick: on.retry, "aria-label": retryName },
    words.say("files.retry"),
  );
  const remove = element("button.icon-button.chip-remove", { onclick: on.remove }, icon("close"));
  const chip = element(
    "li.chip",
    {},
    badge,
    element(
      "div.file-body",
      {},
      fileName(name),
      element("div.chip-line", {}, state, retry),
      bar,
    ),
    remove,
  );
  let before = null;
  const show = () => {
    const { state: now, problem } = upload;
    const value = percentOf(upload);
    const percent = words.say("files.percent", { percent: value });
    state.textContent = lineOf(upload, percent, words);
    bar.hidden = now !== "sending" && now !== "waiting";
    bar.setAttribute("aria-valuenow", value);
    bar.setAttribute("aria-valuetext", percent);
    bar.style.setProperty("--done", `${value}%`);
    if (now === before) return "";
    before = now;
    chip.dataset.state = now;
    retry.hidden = now !== "failed" || upload.final;
    const verb = now === "ready" || now === "failed" ? "remove" : "cancel";
    remove.title = words.say(`files.${verb}`);
    remove.setAttribute("aria-label", words.say(`files.${verb}_name`, { name }));
    if (now === "failed") {
      chip.scrollIntoView({ block: "nearest" });
      return words.say("files.failed_name", { name, problem: problemText(problem, words) });
    }
    return now === "ready" ? words.say("files.ready_name", { name }) : "";
  };
  return { element: chip, badge, show };
}

/** "104 MB · 55 %" */
function lineOf({ state, file, problem }, percent, words) {
  const why = problem && problemText(problem, words);
  if (state === "failed") return why;
  const again = why && words.say("files.again", { problem: why });
  const how = again ?? (state === "sending" ? percent : words.say(`files.${state}`));
  return `${words.size(file.size)} · ${how}`;
}

/** Drawn, not shown from an address: a page's policy need not allow `blob:`, and none is left. */
async function pictureOf(file) {
  const image = await createImageBitmap(file, { resizeWidth: PICTURE_PX, resizeQuality: "high" });
  const { width, height } = image;
  const canvas = element("canvas.chip-picture", { width, height, "aria-hidden": "true" });
  canvas.getContext("bitmaprenderer").transferFromImageBitmap(image);
  return canvas;
}

/**
 * Take what is dropped on *root*. Where it cannot be taken it does nothing, and least of all does the
 * browser leave the page for it.
 * @param {HTMLElement} root
 * @param {{may: () => boolean, take: (files: File[]) => void}} on
 * @param {Words} words
 */
export function takeDrops(root, { may, take }, words) {
  const text = words.say("files.drop");
  const zone = element("div.drop", { hidden: true, "aria-hidden": "true" }, text);
  root.append(zone);
  let depth = 0; // of elements entered and not left: each fires on its own
  const show = (change) => {
    depth = Math.max(0, depth + change);
    zone.hidden = depth === 0 || !may();
  };
  const listen = (type, react) =>
    root.addEventListener(type, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return; // a text dragged into the box
      event.preventDefault();
      react(event);
    });
  listen("dragenter", () => show(1));
  listen("dragleave", () => show(-1));
  listen("dragover", ({ dataTransfer }) => (dataTransfer.dropEffect = may() ? "copy" : "none"));
  listen("drop", ({ dataTransfer }) => {
    show(-depth);
    if (may()) take([...dataTransfer.files]);
  });
}

/** The files of a paste; none if it is a text that also comes as a picture of itself. */
export function pastedFiles({ types, files }) {
  const isText = types.includes("text/plain") && types.includes("text/html");
  return isText ? [] : [...files];
}
