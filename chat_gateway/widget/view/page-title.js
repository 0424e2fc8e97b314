// How much is unread, in the page's title: "(3) Messages". The rest of the title is the page's own:
// it may change it at any time.

import { totalText } from "../words/words.js";

const observer = globalThis.MutationObserver && new MutationObserver(() => show());
let total = 0;
let carried = ""; // what stands in front of the page's own title

/** Show a total in front of the title; 0 takes it away. */
export function carryTotal(count) {
  total = count;
  show();
  const all = { childList: true, subtree: true, characterData: true };
  if (count) observer.observe(document.head, all); // the <title> may be replaced
  else observer.disconnect();
}

function show() {
  const own = ownTitle(document.title, carried);
  carried = total ? `(${totalText(total)})` : "";
  const title = `${carried} ${own}`.trim();
  if (document.title !== title) document.title = title; // of which the observer tells, once
}

/** A title without the total in front of it, if that is still there. */
export function ownTitle(title, carried) {
  return title.startsWith(carried) ? title.slice(carried.length).trim() : title;
}
