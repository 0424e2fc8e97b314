// Files dropped anywhere on the panel, or pasted into the box.

import { element } from "./element.js";

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
