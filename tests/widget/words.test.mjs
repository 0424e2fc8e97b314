// What the widget says, in every language it knows: `node --test tests/widget`.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import { test } from "node:test";

import { ENGLISH } from "../../chat_gateway/widget/words/en.js";
import {
  LANGUAGES, Words, hueOf, initials, isSameDay, loadWords, totalText,
} from "../../chat_gateway/widget/words/words.js";

process.env.TZ = "Europe/Berlin"; // clocks change there

const WIDGET = new URL("../../chat_gateway/widget/", import.meta.url);
const english = new Words("en", "ltr", {});
const at = (text) => new Date(text).getTime();
const plain = (text) => text.replaceAll("\u202f", " "); // before "PM", in newer tables

// Keys.

const sources = readdirSync(WIDGET, { recursive: true })
  .filter((name) => name.endsWith(".js"))
  .map((name) => [name, readFileSync(new URL(name, WIDGET), "utf8")]);

test("every key that a module says is in English", () => {
  const missing = sources.flatMap(([name, source]) =>
    [...source.matchAll(/\b(?:say|has)\(\s*"([\w.]+)"/g)]
      .map(([, key]) => key)
      .filter((key) => key.includes(".") && !Object.hasOwn(ENGLISH, key))
      .map((key) => `${name}: ${key}`),
  );

  assert.deepEqual(missing, []);
});

test("every error a reader can meet has words", () => {
  const codes = [
    "invalid", "too_large", "unauthenticated", "token_expired", "not_found", "not_joined",
    "forbidden", "read_only", "conflict", "contact_details", "rate_limited", "busy", "unavailable", "unknown",
    "internal", "signed_out", "too_many", "outdated", "origin",
  ];

  assert.deepEqual(codes.filter((code) => !english.has(`error.${code}`)), []);
});

test("every key names its area and what it is", () => {
  const odd = Object.keys(ENGLISH).filter((key) => !/^[a-z_]+(\.[a-z0-9_]+)+$/.test(key));

  assert.deepEqual(odd, []);
});

test("every key is in English once", () => {
  const source = readFileSync(new URL("words/en.js", WIDGET), "utf8");

  const keys = [...source.matchAll(/^ {2}"([\w.]+)":/gm)].map(([, key]) => key);

  assert.deepEqual(keys, Object.keys(ENGLISH));
});

test("English has the forms that its plural rules need", () => {
  assert.deepEqual(oddForms("en", ENGLISH), []);
});

// Languages.

const files = readdirSync(new URL("words/", WIDGET)).filter((name) => name.endsWith(".json"));
const ISOLATE = /\u2068[^\u2068\u2069]+\u2069/g;
const SEVERAL = ["few", "many", "other"];

test("the languages that are offered are those that have a file", () => {
  assert.deepEqual([...LANGUAGES].sort(), files.map((name) => name.replace(".json", "")).sort());
});

for (const file of files) {
  const read = () => readFile(file);

  test(`${file} names its language and direction`, () => {
    const { lang } = read();

    assert.equal(`${lang}.json`, file);
    assert.equal(read().dir, ["ar", "fa", "he", "ur"].includes(lang) ? "rtl" : "ltr");
  });

  test(`${file} has exactly the keys of English`, () => {
    assert.deepEqual(Object.keys(read().messages).sort(), Object.keys(ENGLISH).sort());
  });

  test(`${file} has the places of English in every text`, () => {
    const { messages } = read();

    const odd = Object.keys(ENGLISH).filter(
      (key) => String(placesOf(messages[key])) !== String(placesOf(ENGLISH[key])),
    );

    assert.deepEqual(odd, []);
  });

  test(`${file} has the forms that its plural rules need`, () => {
    const { lang, messages } = read();

    assert.deepEqual(oddForms(lang, messages), []);
    assert.deepEqual(
      Object.keys(ENGLISH).filter((key) => typeof messages[key] !== typeof ENGLISH[key]), [],
    );
  });

  test(`${file} says the number in every form that stands for several`, () => {
    const { messages } = read();

    const odd = Object.entries(messages).flatMap(([key, text]) =>
      SEVERAL.filter((form) => Object.hasOwn(Object(text), form))
        .filter((form) => String(placesOf(text[form])) !== String(placesOf(ENGLISH[key].other)))
        .map((form) => `${key}, ${form}`),
    );

    assert.deepEqual(odd, []);
  });

  test(`${file} ends its texts as English does, and has no space too many`, () => {
    const { messages } = read();

    const odd = Object.keys(ENGLISH).filter((key) =>
      formsOf(messages[key]).some(
        (text) => endOf(text) !== endOf(formsOf(ENGLISH[key])[0]) || /^\s|\s{2}|\s$|^$/.test(text),
      ),
    );

    assert.deepEqual(odd, []);
  });

  test(`${file} closes every isolate that it opens`, () => {
    const texts = Object.values(read().messages).flatMap(formsOf);

    const odd = texts.filter((text) => /[\u2068\u2069]/.test(text.replace(ISOLATE, "")));

    assert.deepEqual(odd, []);
  });
}

const FORMS = [
  ["de", [[1, "1 ungelesene Nachricht"], [2, "2 ungelesene Nachrichten"]]],
  ["es", [
    [1, "1 mensaje no leído"], [2, "2 mensajes no leídos"],
    [1_000_000, "1.000.000 de mensajes no leídos"],
  ]],
  ["ar", [
    [1, "رسالة واحدة غير مقروءة"], [2, "رسالتان غير مقروءتين"], [3, "3 رسائل غير مقروءة"],
    [11, "11 رسالة غير مقروءة"], [100, "100 رسالة غير مقروءة"],
  ]],
];
for (const [lang, counted] of FORMS) {
  test(`the file of ${lang} counts unread messages as its language does`, () => {
    const words = wordsOf(lang);

    const said = counted.map(([count]) => words.say("messages.unread_count", { count }));

    assert.deepEqual(said, counted.map(([, text]) => text));
  });
}

test("in Arabic a name, a role and a status do not turn what is beside them", () => {
  const words = wordsOf("ar");
  const parts = { name: "Ben (shop)", role: words.role("advertiser") };

  assert.equal(words.say("panel.party", parts), "\u2068Ben (shop)\u2069 (\u2068المُعلِن\u2069)");
  assert.equal(
    words.statusLine({ status: "on_hold", previous_status: "pending" }),
    "حالة الطلب: \u2068On hold\u2069",
  );
});

/** The words of a language that lies beside the module. */
function wordsOf(language) {
  const { lang, dir, messages } = readFile(`${language}.json`);
  return new Words(lang, dir, messages);
}

function readFile(name) {
  return JSON.parse(readFileSync(new URL(`words/${name}`, WIDGET), "utf8"));
}

function formsOf(text) {
  return typeof text === "string" ? [text] : Object.values(text);
}

/** What ends a text: a full stop, an ellipsis, a question mark, or none of them. */
function endOf(text) {
  return text.match(/[.…?؟]$/)?.[0].replace("؟", "?");
}


/** The places of a text; of forms all that any of them has, since "one" may leave out the count. */
function placesOf(text) {
  const places = formsOf(text).flatMap((form) => form.match(/\{\w+\}/g) ?? []);
  return [...new Set(places)].sort();
}

function oddForms(lang, messages) {
  const needed = new Intl.PluralRules(lang).resolvedOptions().pluralCategories;
  return Object.keys(messages).filter(
    (key) =>
      typeof messages[key] !== "string" &&
      String(Object.keys(messages[key]).sort()) !== String([...needed].sort()),
  );
}

// Loading.

/** A server of one page, and its address. */
async function serve(body) {
  const server = createServer((_, answer) => answer.end(body)).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, url: `http://127.0.0.1:${server.address().port}/words.json` };
}

test("a language of the page's own is taken from its file, in the reader's region", async () => {
  const messages = { "composer.send": "Senden" };
  const { server, url } = await serve(JSON.stringify({ lang: "de", dir: "ltr", messages }));

  const words = await loadWords("de-AT", url);
  server.close();

  assert.deepEqual([words.lang, words.dir, words.say("composer.send")], ["de-AT", "ltr", "Senden"]);
  assert.equal(words.say("gone.own"), "You deleted this message.");
});

test("of a file what is no text is not taken, and what says more than English is", async () => {
  const messages = {
    "composer.send": 5, "composer.save": null, "composer.left": "Noch {count}",
    "composer.too_many": { one: "x" }, "composer.cancel": "Abbrechen", "status.in_review": "In Prüfung",
  };
  const { server, url } = await serve(JSON.stringify({ lang: "de", dir: "ltr", messages }));

  const words = await loadWords("de", url);
  server.close();

  const keys = ["composer.send", "composer.save", "composer.cancel"];
  assert.deepEqual(keys.map((key) => words.say(key)), ["Send", "Save", "Abbrechen"]);
  assert.equal(words.say("composer.left", { count: 2 }), "Noch 2");
  assert.equal(words.status("in_review"), "In Prüfung");
  assert.equal(words.say("composer.too_many", { count: 1 }), "1 character too many");
});

test("a file in another language than asked for names its own", async () => {
  const { server, url } = await serve(JSON.stringify({ lang: "he", dir: "rtl", messages: {} }));

  const words = await loadWords("en-US", url);
  server.close();

  assert.deepEqual([words.lang, words.dir], ["he", "rtl"]);
});

for (const body of ["<html>", "null", "{}", '{"lang":"no such language","messages":{}}']) {
  test(`instead of a file that holds ${body} there is English`, async () => {
    const { server, url } = await serve(body);

    const words = await loadWords("de", url);
    server.close();

    assert.deepEqual([words.lang, words.say("status.pending")], ["en", "Pending"]);
  });
}

for (const [lang, loaded] of [["en-GB", "en-GB"], ["tlh", "en"], ["", "en"], ["en_x", "en"]]) {
  test(`for "${lang}" there is English with the dates of ${loaded}`, async () => {
    const words = await loadWords(lang);

    assert.deepEqual([words.lang, words.dir], [loaded, "ltr"]);
  });
}

// Sentences.

test("values stand in their places, and an unknown key says itself", () => {
  const words = new Words("en", "ltr", { "a.b": "{who} wrote {what}, {who}. {none}" });

  assert.equal(words.say("a.b", { who: "Ben", what: "$&" }), "Ben wrote $&, Ben. {none}");
  assert.equal(words.say("no.key"), "no.key");
  assert.equal(words.has("toString"), false);
});

test("a number chooses the form, and is written as the language does", () => {
  const text = { "a.b": { one: "{count} file", other: "{count} files" } };
  const words = new Words("de", "ltr", text);

  const said = [1, 2, 12_000].map((count) => words.say("a.b", { count }));

  assert.deepEqual(said, ["1 file", "2 files", "12.000 files"]);
});

test("a form that a fallback to English does not have is its other one", () => {
  const words = new Words("ar", "rtl", {});

  assert.match(words.say("panel.count_online", { count: 3 }), /online$/);
});

test("a value of the other direction is kept apart from its sentence", () => {
  const here = new Words("en", "ltr", { "a.b": "{name} is typing…" });
  const there = new Words("ar", "rtl", { "a.b": "{name} يكتب…" });

  assert.equal(here.say("a.b", { name: "Ben" }), "Ben is typing…");
  assert.equal(here.say("a.b", { name: "بن" }), "\u2068بن\u2069 is typing…");
  assert.equal(there.say("a.b", { name: "Ben" }), "\u2068Ben\u2069 يكتب…");
});

test("an error without words says what the server says, or that something went wrong", () => {
  assert.equal(english.error("read_only", "x"), "This order is closed for this.");
  assert.equal(english.error("brand_new", "Try the other door."), "Try the other door.");
  assert.equal(english.error("brand_new"), "Something went wrong. Try again.");
});

// Things.

test("a status has its name, and one of a marketplace's own is named by itself", () => {
  assert.equal(english.status("in_progress"), "In progress");
  assert.equal(english.status("on_hold"), "On hold");
  assert.equal(english.role("creator"), "Creator");
  assert.equal(english.role("art_director"), "Art director");
});

const CHANGES = [
  ["pending", null, "Order placed"],
  ["in_progress", "pending", "Order accepted"],
  ["in_progress", "delivered", "Revision requested"],
  ["in_progress", "disputed", "Dispute settled, work goes on"],
  ["delivered", "in_progress", "Order delivered"],
  ["completed", "delivered", "Order completed"],
  ["completed", "disputed", "Dispute settled, order completed"],
  ["cancelled", "pending", "Order cancelled"],
  ["cancelled", "disputed", "Dispute settled, order cancelled"],
  ["declined", "pending", "Order declined"],
  ["disputed", "delivered", "Dispute opened"],
  ["delivered", "delivered", "Order details updated"],
  ["delivered", null, "Order details updated"],
  ["on_hold", "pending", "Order status: On hold"],
];
for (const [status, previous, line] of CHANGES) {
  test(`from ${previous} to ${status}: ${line}`, () => {
    assert.equal(english.statusLine({ status, previous_status: previous }), line);
  });
}

test("why one cannot write is said: closed, muted, until when, finished, or not allowed", () => {
  const why = (changes) =>
    plain(
      english.readOnly({
        order: { status: "delivered" }, closed: false, muted: false, mutedUntil: null, ...changes,
      }),
    );

  assert.match(why({ closed: true, muted: true }), /^This conversation was closed by a moderator/);
  assert.match(why({ muted: true }), /^You cannot write here at the moment/);
  assert.match(
    why({ muted: true, mutedUntil: at("2026-11-26T14:05") }),
    /^You cannot write here until Thursday, November 26, 2026 at 2:05 PM\. /,
  );
  assert.match(why({ order: { status: "completed" } }), /^This order is completed/);
  assert.match(why({}), /^You can read this conversation, but not write/);
});

test("what is gone says who took it", () => {
  assert.equal(english.gone("deleted", true), "You deleted this message.");
  assert.equal(english.gone("deleted", false), "This message was deleted.");
  assert.equal(english.gone("redacted", true), "This message was removed by a moderator.");
});

// Times.

const NOW = at("2026-11-26T14:05");
const DAYS = [
  ["2026-11-26T00:00", "Today", "12:00 AM"],
  ["2026-11-25T23:59", "Yesterday", "Yesterday"],
  ["2026-11-24T23:59", "Tuesday, November 24", "Nov 24"],
  ["2025-11-26T12:00", "Wednesday, November 26, 2025", "11/26/25"],
];
for (const [moment, day, when] of DAYS) {
  test(`on 26 November 2026, ${moment} is ${day}, in short ${when}`, () => {
    assert.equal(english.day(at(moment), NOW), day);
    assert.equal(plain(english.when(at(moment), NOW)), when);
  });
}

test("the day before a day of 25 hours is yesterday until its end", () => {
  const lateOnTheLongDay = at("2026-10-25T23:30");

  assert.equal(english.day(at("2026-10-24T12:00"), lateOnTheLongDay), "Yesterday");
});

test("times and days are said as the language does", () => {
  const german = new Words("de", "ltr", {});

  assert.equal(german.time(NOW), "14:05");
  assert.equal(german.day(NOW, NOW), "Heute");
  assert.equal(german.day(at("2026-11-20T12:00"), NOW), "Freitag, 20. November");
  assert.match(german.moment(NOW), /^Donnerstag, 26\. November 2026 um 14:05$/);
});

test("a size is written as people read it", () => {
  const sizes = [1, 482_113, 999_999, 1_000_000, 104_857_600, 5_000_000_000];

  assert.deepEqual(
    sizes.map((bytes) => english.size(bytes)),
    ["1 kB", "483 kB", "1,000 kB", "1.0 MB", "104.9 MB", "5.0 GB"],
  );
});

test("names make a list, a portrait and a colour that stays", () => {
  assert.equal(english.list(["Anna", "Ben"]), "Anna and Ben");
  assert.equal(english.list([]), "");
  assert.deepEqual(["Anna Keller", "Ben", "", "😀 x"].map(initials), ["AK", "B", "", "😀x"]);
  assert.equal(hueOf("anna"), hueOf("anna"));
  assert.notEqual(hueOf("anna"), hueOf("ben"));
});

test("a total stops at a thousand", () => {
  assert.deepEqual([0, 999, 1000].map(totalText), ["0", "999", "999+"]);
});

test("days are the reader's", () => {
  assert.equal(isSameDay(at("2026-11-26T00:00"), at("2026-11-26T23:59")), true);
  assert.equal(isSameDay(at("2026-11-26T23:59"), at("2026-11-27T00:00")), false);
});
