// One way to make elements. Text is always data: it goes in as text nodes, never as markup.

/**
 * Make an element.
 * @param {string} name tag, with classes after dots: "button.quiet"
 * @param {object} properties set on the element; those with a dash are attributes, and functions
 *   named like `onclick` are listeners
 * @param {...(Node | string | null)} children null is left out
 */
export function element(name, properties = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag);
  made.className = classes.join(" ");
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role") made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** A round portrait of initials, in a colour that stays with the person. */
export function portrait(text, hue) {
  const made = element("span.qm-portrait", { "aria-hidden": "true" }, text);
  made.style.setProperty("--hue", hue);
  return made;
}
