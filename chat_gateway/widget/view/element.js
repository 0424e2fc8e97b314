// One way to make elements. Text is always data: it goes in as text nodes, never as markup. Icons are
// inline SVG, made by calls: nothing is fetched, and a page's policy has nothing to allow.

/**
 * Make an element; a button is one that submits nothing, unless *properties* say so.
 * @param {string} name tag, with classes after dots: "button.quiet"
 * @param {object} properties set on the element; those with a dash are attributes, and functions
 *   named like `onclick` are listeners
 * @param {...(Node | string | null)} children null is left out
 */
export function element(name, properties = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag);
  if (classes.length > 0) made.className = classes.join(" ");
  if (tag === "button") made.type = "button";
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role") made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Change a text; the same text is not set again, as it would be read out again. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A round portrait of initials, in a colour that stays with the person. */
export function portrait(text, hue) {
  const made = element("span.portrait", { "aria-hidden": "true" }, text);
  made.style.setProperty("--hue", hue);
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

/** Drawn with a pen of 2 on a sheet of 24 by 24. */
const PATHS = {
  attach:
    "m20.5 11.5-8.6 8.6a5.5 5.5 0 0 1-7.8-7.8l8.6-8.6a3.7 3.7 0 0 1 5.2 5.2" +
    "l-8.5 8.5a1.8 1.8 0 0 1-2.6-2.6l7.9-7.9",
  back: "M15 5l-7 7 7 7",
  check: "m4 12.5 5 5L20 6.5",
  close: "M6 6l12 12M18 6 6 18",
  down: "M12 5v14m-6-6 6 6 6-6",
  file: "M13 3H6v18h12V8zv5h5",
  more: "M12 5.5v.01M12 12v.01M12 18.5v.01",
  send: "M4 12 3 4l18 8-18 8 1-8zm0 0h7",
};

/**
 * An icon as large as the text it stands in; it says nothing, its button has a name.
 * @param {keyof typeof PATHS} name
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
