// What the widget says, in the reader's language: texts by key, times, numbers, names of things.

import { ENGLISH } from "./en.js";

/** The languages that lie beside this module as JSON files. */
export const LANGUAGES = ["ar", "de", "es"];
/** A page is not kept waiting longer for its language. */
const PATIENCE_MS = 5000;

const DATES = {
  time: { timeStyle: "short" },
  moment: { dateStyle: "full", timeStyle: "short" },
  day: { weekday: "long", day: "numeric", month: "long" },
  dayOfYear: { weekday: "long", day: "numeric", month: "long", year: "numeric" },
  when: { day: "numeric", month: "short" },
  whenOfYear: { dateStyle: "short" },
};
const SIZES = ["kilobyte", "megabyte", "gigabyte"];
/** Signs written from right to left, or that turn round what stands beside them. */
const TURNING = /[\u0590-\u08ff\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc]/;

/**
 * The words of a language; English if it cannot be had.
 * @param {string} lang BCP 47: for "de-AT" the texts are those of "de", the dates Austrian
 * @param {?string} url of a JSON file of the page's own
 */
export async function loadWords(lang, url = null) {
  const english = /^en\b/i.test(lang) ? lang : "en";
  const [language] = lang.toLowerCase().split("-");
  const file = LANGUAGES.includes(language) ? new URL(`${language}.json`, import.meta.url) : null;
  try {
    if ((url ?? file) === null) return new Words(english, "ltr", {});
    const answer = await fetch(url ?? file, { signal: AbortSignal.timeout(PATIENCE_MS) });
    const { lang: own, dir, messages } = await answer.json();
    const isSame = language === new Intl.Locale(own).language;
    const usable = Object.entries(messages).filter(([, text]) => isText(text));
    return new Words(isSame ? lang : own, dir === "rtl" ? dir : "ltr", Object.fromEntries(usable));
  } catch {
    return new Words("en", "ltr", {}); // whatever is wrong with the file, or with *lang*
  }
}

/** Whether it can be said; a marketplace may name statuses and roles of its own by more keys. */
function isText(text) {
  return typeof (text?.other ?? text) === "string";
}

export class Words {
  #messages;
  #plural;
  #dates = {};

  /**
   * @param {string} lang BCP 47
   * @param {"ltr" | "rtl"} dir
   * @param {object} messages texts by key; what is missing is said in English
   */
  constructor(lang, dir, messages) {
    this.lang = lang;
    this.dir = dir;
    this.#messages = { ...ENGLISH, ...messages };
    this.#plural = new Intl.PluralRules(lang);
    this.time(0); // dear the first time: better now, while the connection is made
  }

  has(key) {
    return Object.hasOwn(this.#messages, key);
  }

  /** The text of a key, which is the answer where there is none, with *values* in its places. */
  say(key, values = {}) {
    const text = this.has(key) ? this.#messages[key] : key;
    const form = typeof text === "string" ? text : this.#formOf(text, values.count);
    return form.replace(/\{(\w+)\}/g, (place, name) =>
      Object.hasOwn(values, name) ? this.#write(values[name]) : place,
    );
  }

  /** What a reader is told of an error; *message* is the server's, in English. */
  error(code, message = "") {
    if (this.has(`error.${code}`)) return this.say(`error.${code}`);
    return message || this.say("error.internal");
  }

  time(at) {
    return this.#date("time", at);
  }

  moment(at) {
    return this.#date("moment", at);
  }

  /** Heading of a day: "Today", "Yesterday", or a date. */
  day(at, now) {
    return this.#nearDay(at, now) ?? this.#date(isSameYear(at, now) ? "day" : "dayOfYear", at);
  }

  /** As short as can be: a time, "Yesterday", or a date. */
  when(at, now) {
    if (isSameDay(at, now)) return this.time(at);
    return this.#nearDay(at, now) ?? this.#date(isSameYear(at, now) ? "when" : "whenOfYear", at);
  }

  size(bytes) {
    const power = bytes < 1e6 ? 0 : bytes < 1e9 ? 1 : 2;
    const value = bytes / 1000 ** (power + 1);
    const digits = power === 0 ? 0 : 1;
    return (power === 0 ? Math.ceil(value) : value).toLocaleString(this.lang, {
      style: "unit",
      unit: SIZES[power],
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    });
  }

  number(n) {
    return n.toLocaleString(this.lang);
  }

  list(names) {
    if (names.length < 2) return names.join(); // the formatter is dear to make: 15 ms
    return new Intl.ListFormat(this.lang).format(names);
  }

  /** "In progress"; marketplaces may have statuses and roles of their own. */
  status(status) {
    return this.#named("status", status);
  }

  role(role) {
    return this.#named("role", role);
  }

  /** What an `order` event tells the parties. */
  statusLine({ status, previous_status: previous }) {
    const isFirst = previous === null && status === "pending";
    if (previous === status || (previous === null && !isFirst)) return this.say("change.details");
    const keys = [`change.${status}.${previous}`, `change.${status}`];
    const key = keys.find((each) => this.has(each)) ?? "change.other";
    return this.say(key, { status: this.status(status) });
  }

  readOnly({ order, closed, muted, mutedUntil }) {
    if (closed) return this.say("read_only.closed");
    if (muted && mutedUntil) return this.say("read_only.until", { time: this.moment(mutedUntil) });
    if (muted) return this.say("read_only.muted");
    const key = `read_only.${order.status}`;
    return this.say(this.has(key) ? key : "read_only.other");
  }

  gone(gone, own) {
    return this.say(gone === "redacted" ? "gone.redacted" : own ? "gone.own" : "gone.deleted");
  }

  #formOf(forms, count) {
    return forms[this.#plural.select(count)] ?? forms.other;
  }

  /** A value in a sentence: one of the other direction must not turn round what is beside it. */
  #write(value) {
    if (typeof value === "number") return this.number(value);
    return this.dir === "rtl" || TURNING.test(value) ? `\u2068${value}\u2069` : value;
  }

  #named(area, name) {
    const key = `${area}.${name}`;
    return this.has(key) ? this.say(key) : capitalized(name.replaceAll("_", " "));
  }

  #nearDay(at, now) {
    const yesterday = new Date(now);
    yesterday.setDate(yesterday.getDate() - 1); // not 24 hours: clocks change
    const days = isSameDay(at, now) ? 0 : isSameDay(at, yesterday) ? -1 : null;
    if (days === null) return null;
    const near = new Intl.RelativeTimeFormat(this.lang, { numeric: "auto" });
    return capitalized(near.format(days, "day"));
  }

  #date(kind, at) {
    this.#dates[kind] ??= new Intl.DateTimeFormat(this.lang, DATES[kind]); // dear to make
    return this.#dates[kind].format(at);
  }
}

export function isSameDay(one, other) {
  return new Date(one).toDateString() === new Date(other).toDateString();
}

function isSameYear(one, other) {
  return new Date(one).getFullYear() === new Date(other).getFullYear();
}

/** "AK" for "Anna Keller". */
export function initials(name) {
  const words = name.split(" ").filter(Boolean);
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words;
  return ends.map((word) => [...word][0]).join("");
}

/** A hue of 0 to 359 that stays with a user. */
export function hueOf(userId) {
  return [...userId].reduce((hue, letter) => (hue * 31 + letter.codePointAt(0)) % 360, 7);
}

/** How a total of unread messages is written: it stops at a thousand. */
export function totalText(total) {
  return total >= 1000 ? "999+" : String(total);
}

function capitalized(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
