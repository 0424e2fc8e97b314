// Which parts of a text are links, and where they lead: `node --test tests/widget`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { segmentsOf } from "../../chat_gateway/widget/state/rich-text.js";

const links = (text) => segmentsOf(text).filter(({ href }) => href !== undefined);
const linked = (text) => links(text).map(({ text: part }) => part);

test("an address stands among the text around it", () => {
  const segments = segmentsOf("See https://shop.example/a?b=1#c now");

  assert.deepEqual(segments, [
    { text: "See " },
    { text: "https://shop.example/a?b=1#c", href: "https://shop.example/a?b=1#c" },
    { text: " now" },
  ]);
});

test("what was masked stands apart, as often as it occurs, and is no part of a link", () => {
  const segments = segmentsOf("Call ███ or ███\u2009███, see https://███ and https://a.example");

  assert.deepEqual(segments, [
    { text: "Call " },
    { text: "███", masked: true },
    { text: " or " },
    { text: "███", masked: true },
    { text: "\u2009" },
    { text: "███", masked: true },
    { text: ", see https://" },
    { text: "███", masked: true },
    { text: " and " },
    { text: "https://a.example", href: "https://a.example/" },
  ]);
});

test("fewer than three full blocks are a drawing of the writer's own", () => {
  assert.deepEqual(segmentsOf("▁▃█ ██"), [{ text: "▁▃█ ██" }]);
});

test("an empty text has no parts", () => {
  assert.deepEqual(segmentsOf(""), []);
});

test("http and https are linked in any writing, and nothing else is", () => {
  const text = [
    "http://a.example", "HTTPS://B.example", "javascript:alert(1)", "JaVaScRiPt://a.example",
    "data:text/html,x", "ftp://a.example", "file:///etc/passwd", "mailto:a@b.example",
    "//a.example", "a.example", "xhttps://a.example", "vbscript:x",
  ].join("\n");

  assert.deepEqual(linked(text), ["http://a.example", "HTTPS://B.example"]);
});

test("a bare www address leads to https", () => {
  assert.deepEqual(links("www.shop.example/a"), [
    { text: "www.shop.example/a", href: "https://www.shop.example/a" },
  ]);
});

test("what only resembles a www address stays text", () => {
  const text = "www. www.. www.shop awww.shop.example me@www.shop.example a.www.shop.example";

  assert.deepEqual(linked(text), []);
});

const TRAILING = [
  ["(see https://a.example/x)", "https://a.example/x"],
  ["https://a.example/x.", "https://a.example/x"],
  ["https://a.example/x?!…", "https://a.example/x"],
  ["“https://a.example/x”,", "https://a.example/x"],
  ["**https://a.example/x**", "https://a.example/x"],
  ["[https://a.example/x]: y", "https://a.example/x"],
  ["<https://a.example/x>", "https://a.example/x"],
  ["https://a.example/wiki/Film_(art)", "https://a.example/wiki/Film_(art)"],
  ["(https://a.example/wiki/Film_(art))", "https://a.example/wiki/Film_(art)"],
  ["https://a.example/a.b,c", "https://a.example/a.b,c"],
  ["请看https://a.example/x。谢谢", "https://a.example/x"],
  ["https://[::1]:8080/x", "https://[::1]:8080/x"],
];
for (const [text, address] of TRAILING) {
  test(`of ${text} the address alone is linked`, () => {
    assert.deepEqual(linked(text), [address]);
  });
}

test("a host that does not read as what it is is not linked", () => {
  const text = [
    "https://bank.example@evil.example", "https://bank.example:443@evil.example/x",
    "https://@evil.example", "https://bank.example%40evil.example",
    "https://bank.example\u2044login.evil.example", "https://bank.example\u2215x.evil.example",
    "https:///bank.example", "https://?bank.example",
  ].join(" ");

  assert.deepEqual(linked(text), []);
});

test("an address that nobody can survey stays text", () => {
  const long = `https://a.example/${"x".repeat(2_000 - 18)}`;

  assert.deepEqual(linked(`${long} ${long}x`), [long]);
});

test("an @ behind the host is part of the path", () => {
  assert.deepEqual(linked("https://a.example/@ben"), ["https://a.example/@ben"]);
});

const INVISIBLE = [
  "\u200b", "\u200e", "\u200f", "\u202e", "\u2066", "\u2069", "\ufeff", "\u00ad", "\u061c",
  "\u3164", "\u0000", "\u0007", "\u{e0041}",
];
for (const sign of INVISIBLE) {
  test(`U+${sign.codePointAt(0).toString(16)} ends an address`, () => {
    assert.deepEqual(linked(`https://a.example/x${sign}moc.live`), ["https://a.example/x"]);
  });
}

test("a backslash ends an address: browsers take it for a slash", () => {
  assert.deepEqual(linked("https://evil.example\\.bank.example"), ["https://evil.example"]);
});

test("a name in another script leads where the browser says it does", () => {
  assert.deepEqual(links("https://bücher.example"), [
    { text: "https://bücher.example", href: "https://xn--bcher-kva.example/" },
  ]);
});

const HOSTILE = {
  "addresses without a space": "http://".repeat(9_362),
  "addresses with a space": "http://a ".repeat(7_281),
  dots: `www.a.example${".".repeat(8_000)}`,
  "dots alone": ".".repeat(65_536),
  "brackets that close": `https://a.example/${")".repeat(65_000)}`,
  "brackets that open": `https://a.example/${"(".repeat(65_000)}`,
  "closing brackets between dots": `https://a.example/${".)".repeat(950)}`,
  "www after www": "www.".repeat(16_384),
  "at after at": `https://${"a@".repeat(32_000)}`,
  "hosts of one letter": `https://${"a.".repeat(900)}`,
  "half of a pair": "https://\ud800".repeat(5_000),
};
const HANGS_MS = 3_000; // what tries again from each sign takes longer, however fast the machine

for (const [name, text] of Object.entries(HOSTILE)) {
  test(`${name}: nothing is lost, and it does not hang`, () => {
    const before = performance.now();

    const segments = segmentsOf(text);

    assert.ok(performance.now() - before < HANGS_MS);
    assert.equal(segments.map(({ text: part }) => part).join(""), text);
  });
}

test("the time grows with the text, not with its square", () => {
  const time = (count) => {
    const text = "(http://a.example/x). www..".repeat(count);
    const runs = Array.from({ length: 5 }, () => {
      const before = performance.now();
      segmentsOf(text);
      return performance.now() - before;
    });
    return Math.min(...runs);
  };
  time(1_000); // warm

  const small = time(2_000);

  assert.ok(time(16_000) < 4 * (8 * small) + 50); // its square: 64 times
});

test("whatever is written, the parts joined are what was written", () => {
  const signs = ["http://", "https://", "www.", "a", ".", "/", "(", ")", " ", "@", "é", "\u202e"];
  for (let seed = 1; seed <= 3_000; seed += 1) {
    let dice = seed;
    const next = () => (dice = (dice * 48_271) % 2_147_483_647);
    const text = Array.from({ length: next() % 25 }, () => signs[next() % signs.length]).join("");

    const segments = segmentsOf(text);

    assert.equal(segments.map(({ text: part }) => part).join(""), text);
    assert.ok(segments.every(({ href = "http://" }) => /^https?:\/\//.test(href)), text);
  }
});
