// One way to make elements. Text is always data: it goes in as text nodes, never as markup.

/**
 * Make an element; a button is one that submits nothing, unless *properties* say so.
 * @param {string} name tag, with classes after dots: "p.muted"
 * @param {object} properties set on the element; those with a dash are attributes
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
  fill(made, ...children);
  return made;
}

/** Put *children* in the place of what is in an element; null is left out. */
export function fill(parent, ...children) {
  parent.replaceChildren(...children.filter((child) => child !== null));
}

/** A button that stays the same one for who has its focus when all around it is made anew. */
export function button(key, text, onclick, name = text) {
  return element("button.button", { "data-key": key, "aria-label": name, onclick }, text);
}

const MASK = /(█{3,})/;

/** What was written, with what was masked in it. */
export function textOf(text) {
  return text.split(MASK).map((part, index) => {
    const name = "hidden contact details";
    return index % 2 ? element("span.masked", { role: "img", title: name }, part) : part;
  });
}

export function isMasked(text) {
  return MASK.test(text);
}
