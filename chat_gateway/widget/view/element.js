// One way to make elements. Text is always data: it goes in as text nodes, never as markup.

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
