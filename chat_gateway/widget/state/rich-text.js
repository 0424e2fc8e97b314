// Web addresses in what people write, and what was masked in it. The text of a link never says
// another place than it leads to.

const ADDRESS_CHARS_MAX = 2000;
const START = /(?<!\w)https?:\/\/|(?<![\w@./-])www\./giu;
// What is invisible, turns text around, encloses, or ends a CJK sentence ends an address. So does
// a backslash: browsers take it for a slash, and readers do not.
const RUN =
  /[^\s\p{C}\p{DI}<>"“”«»`^|\\\u3000-\u303f\uff01-\uff0f\uff1a-\uff20\uff5b-\uff65]+/uy;
// Neither https://bank.example@evil.example nor a sign in a host that only looks like a slash.
const HOST = /^(?:https?:\/\/|(?=www))[\p{L}\p{M}\p{N}._:[\]-]+(?:[/?#]|$)/iu;
const TRAILING = new Set(".,:;!?'’*~…");
const OPENING = { ")": "(", "]": "[", "}": "{" };
/** What the server puts in the place of contact details. */
export const MASK = /(█{3,})/g;

/**
 * Cut a text into what is linked, what is masked and what is neither, in linear time.
 * @returns {{text: string, href?: string, masked?: true}[]} joined, their texts are *text*
 */
export function segmentsOf(text) {
  const segments = [];
  let done = 0;
  START.lastIndex = 0;
  for (let start; (start = START.exec(text)) !== null; ) {
    RUN.lastIndex = start.index;
    const [run] = RUN.exec(text);
    const address = withoutTrailing(run);
    const href = hrefOf(address);
    if (href !== null) {
      segments.push(...unlinked(text.slice(done, start.index)), { text: address, href });
      done = start.index + address.length;
    }
    START.lastIndex = start.index + run.length; // what is no address holds none: no second look
  }
  return [...segments, ...unlinked(text.slice(done))];
}

function unlinked(text) {
  const parts = text.split(MASK); // every second one is masked
  const made = parts.map((part, index) => ({ text: part, ...(index % 2 && { masked: true }) }));
  return made.filter((part) => part.text);
}

/** An address without the punctuation of the sentence around it; a balanced bracket is its own. */
function withoutTrailing(run) {
  const count = (sign) => run.split(sign).length - 1;
  const surplus = {};
  for (const [close, open] of Object.entries(OPENING)) surplus[close] = count(close) - count(open);
  let end = run.length;
  for (; end > 0; end -= 1) {
    const last = run[end - 1];
    if (surplus[last] > 0) surplus[last] -= 1;
    else if (!TRAILING.has(last)) break;
  }
  return run.slice(0, end);
}

/** Where an address leads; null if it is none, or if its host does not read as what it is. */
function hrefOf(address) {
  if (address.length > ADDRESS_CHARS_MAX || !HOST.test(address)) return null;
  const bare = /^www\./i.test(address);
  try {
    const { hostname, href } = new URL(bare ? `https://${address}` : address);
    return bare && !/^www\.[^.]+\.[^.]/.test(hostname) ? null : href;
  } catch {
    return null;
  }
}
