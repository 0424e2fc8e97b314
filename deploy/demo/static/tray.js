// What is attached to the message being written: a button to pick files, and a chip for each.

import { element } from "./element.js";
import { ACCEPT, isImage, labelOf } from "./file-types.js";
import { percentOf } from "./uploads.js";
import { sizeOf } from "./words.js";

export class Tray {
  #attaching;
  #chips = new Map(); // id → {element, show, release}
  #list = element("ul.qm-chips", { "aria-label": "Files to send" });
  #said = element("div.qm-sr", { role: "status" });
  #input = element("input", {
    type: "file", multiple: true, accept: ACCEPT, hidden: true, tabIndex: -1, "aria-hidden": "true",
  });

  /**
   * @param {import("./attaching.js").Attaching} attaching
   * @param {(files: File[]) => void} take what becomes of files that are picked
   */
  constructor(attaching, take) {
    this.#attaching = attaching;
    this.button = element("button.qm-attach", {
      type: "button", "aria-label": "Attach files", title: "Attach files", hidden: true,
      onclick: () => this.#input.click(),
    });
    this.#input.onchange = () => {
      take([...this.#input.files]);
      this.#input.value = ""; // the same file may be picked again
    };
    this.element = element("div.qm-tray", {}, this.#input, this.#list, this.#said);
  }

  show() {
    const uploads = this.#attaching.uploads.list;
    this.#list.hidden = uploads.length === 0;
    const ids = new Set(uploads.map(({ id }) => id));
    for (const [id, chip] of this.#chips) {
      if (ids.has(id)) continue;
      chip.release();
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
    const chip = chipOf(upload, {
      retry: () => this.#attaching.retry(upload.id),
      remove: () => this.#remove(upload.id),
    });
    this.#chips.set(upload.id, chip);
    return chip;
  }

  /** The button that had the focus goes: the next chip gets it, or where one would attach anew. */
  #remove(id) {
    const { element: chip } = this.#chips.get(id);
    const neighbour = chip.nextElementSibling ?? chip.previousElementSibling;
    this.#attaching.remove(id);
    (neighbour?.querySelector(".qm-chip-remove") ?? this.button).focus();
  }
}

/** A file on its way; `show` brings it up to date and answers what is worth telling. */
function chipOf(upload, on) {
  const { name, file, type } = upload;
  const badge = element("span.qm-badge", { "aria-hidden": "true" }, labelOf(type));
  const picture = element("img.qm-chip-picture", { alt: "" });
  picture.onerror = () => picture.replaceWith(badge); // the name promised more than is in it
  const preview = isImage(type ?? "") ? URL.createObjectURL(file) : null;
  if (preview) picture.src = preview;
  const bar = element("div.qm-bar", {
    role: "progressbar", "aria-label": name, "aria-valuemin": 0, "aria-valuemax": 100,
  });
  const state = element("span.qm-chip-state");
  const retry = element("button.qm-link", { type: "button", onclick: on.retry }, "Retry");
  retry.setAttribute("aria-label", `Retry ${name}`);
  const remove = element("button.qm-chip-remove", { type: "button", onclick: on.remove }, "✕");
  const chip = element(
    "li.qm-chip",
    {},
    preview ? picture : badge,
    element(
      "div.qm-chip-body",
      {},
      element("bdi.qm-chip-name", { title: name }, name),
      element("div.qm-chip-line", {}, state, retry),
      bar,
    ),
    remove,
  );
  let before = null;
  const show = () => {
    const { state: now, problem } = upload;
    const percent = percentOf(upload);
    state.textContent = wordsOf(upload, percent);
    bar.hidden = now !== "sending" && now !== "waiting";
    bar.setAttribute("aria-valuenow", percent);
    bar.setAttribute("aria-valuetext", `${percent} %`);
    bar.style.setProperty("--done", `${percent}%`);
    retry.hidden = now !== "failed" || upload.final;
    const verb = now === "ready" || now === "failed" ? "Remove" : "Cancel";
    remove.title = verb;
    remove.setAttribute("aria-label", `${verb} ${name}`);
    if (now === before) return "";
    before = now;
    chip.dataset.state = now;
    if (now === "failed") {
      chip.scrollIntoView({ block: "nearest" });
      return `${name}: ${problem}`;
    }
    return now === "ready" ? `${name} is ready to be sent` : "";
  };
  const release = () => {
    chip.remove();
    if (preview) URL.revokeObjectURL(preview);
  };
  return { element: chip, show, release };
}

function wordsOf({ state, file, problem }, percent) {
  const size = sizeOf(file.size);
  switch (state) {
    case "failed":
      return problem;
    case "ready":
      return `${size} · Ready`;
    case "checking":
      return `${size} · ${problem || "Checking…"}`;
    case "sending":
      return `${size} · ${problem ? `${problem} Trying again…` : `${percent} %`}`;
    default:
      return `${size} · Waiting`;
  }
}
