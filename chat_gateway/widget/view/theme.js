// The look both elements share: colours, and the few things that look the same everywhere.
//
// A page sets `--order-chat-…` on the element, or outside of it; all styles within use the short
// names. Pairs are for light and dark pages; text on its ground has a contrast of 4.5 or more, the
// edge of a field 3 or more. Text is as large as the reader wants it, whatever a page takes for its
// rem: all is in em of the host's size. What has one line is wrapped and clamped, in a box no wider
// than it: so it begins where the reader's lines begin, and is cut at its end, whatever its script.

const shown = (name, light, dark) =>
  `--${name}: var(--order-chat-${name}, light-dark(${light}, ${dark}));`;

export const THEME = `
:host {
  display: block;
  height: 640px;
  min-height: 320px;
  color-scheme: light dark;
  ${shown("accent", "#2f5d50", "#79b8a3")}
  ${shown("accent-text", "#fff", "#10211b")}
  ${shown("accent-soft", "#e4eeea", "#24362f")}
  ${shown("ground", "#f6f5f2", "#15181a")}
  ${shown("surface", "#fff", "#1d2124")}
  ${shown("line", "#e3e0d9", "#363d42")}
  ${shown("text", "#22262a", "#e8eaeb")}
  ${shown("muted", "#636970", "#9fa7ad")}
  ${shown("warn", "#8f4313", "#f0b088")}
  ${shown("warn-soft", "#fbeadf", "#3d2a1e")}
  ${shown("danger", "#b3261e", "#ff8a80")}
  --edge: color-mix(in srgb, var(--muted) 75%, var(--surface));
  --radius: var(--order-chat-radius, 14px);
  color: var(--text);
  font: max(15px, 0.94rem)/1.5 var(--order-chat-font, system-ui, sans-serif);
}
:host([hidden]), [hidden] { display: none !important; }
:host([theme="light"]) { color-scheme: light; }
:host([theme="dark"]) { color-scheme: dark; }
@media (prefers-contrast: more) {
  :host {
    --muted: var(--text);
    --line: color-mix(in srgb, var(--text) 60%, var(--surface));
  }
}

* { box-sizing: border-box; }
h2, p, ul { margin: 0; padding: 0; }
ul { list-style: none; }
button, input, select, textarea { margin: 0; font: inherit; color: inherit; }
button { cursor: pointer; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }

.sr {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}
.icon {
  display: block;
  flex: none;
  width: 1.3em;
  height: 1.3em;
  fill: none;
  stroke: currentColor;
  stroke-width: 2;
  stroke-linecap: round;
  stroke-linejoin: round;
}
[dir="rtl"] :is(.icon-back, .icon-send) { scale: -1 1; }
.icon-button {
  display: grid;
  flex: none;
  place-items: center;
  width: 38px;
  height: 38px;
  padding: 0;
  border: 1px solid transparent;
  border-radius: 10px;
  background: none;
  color: var(--muted);
}
.icon-button:hover { background: var(--accent-soft); color: var(--accent); }
.link {
  padding: 0;
  border: 0;
  background: none;
  color: var(--accent);
  font-weight: 600;
  text-decoration: underline;
  text-underline-offset: 2px;
}
.button {
  padding: 7px 16px;
  border: 1px solid var(--line);
  border-radius: 10px;
  background: var(--surface);
  color: var(--text);
  font-weight: 600;
}
.button:hover { border-color: var(--accent); }
.portrait {
  display: grid;
  flex: none;
  place-items: center;
  width: 36px;
  height: 36px;
  border-radius: 50%;
  background: light-dark(hsl(var(--hue) 38% 86%), hsl(var(--hue) 25% 30%));
  color: light-dark(hsl(var(--hue) 45% 26%), hsl(var(--hue) 45% 88%));
  font-size: 13px;
  font-weight: 650;
}
.order-status {
  flex: none;
  padding: 2px 10px;
  border: 1px solid transparent;
  border-radius: 999px;
  background: var(--accent-soft);
  color: var(--accent);
  font-size: 0.85em;
  font-weight: 600;
  white-space: nowrap;
}
[data-status]:is([data-status="disputed"], [data-status="declined"], [data-status="cancelled"]) {
  background: var(--warn-soft);
  color: var(--warn);
}
.about h2, .parties > :first-child, .names, .subject, .preview, .file-name,
.quoted, .quoted-author, .quoted-text {
  display: -webkit-box;
  width: fit-content;
  min-width: 0;
  max-width: 100%;
  overflow: hidden;
  -webkit-box-orient: vertical;
  -webkit-line-clamp: 1;
  word-break: break-all;
}
.card {
  max-width: 23em;
  margin: auto;
  padding: 24px;
  color: var(--muted);
  text-align: center;
}
.card strong { display: block; margin-block-end: 4px; color: var(--text); }
.card.error strong { color: var(--danger); }
.card .button { margin-block-start: 14px; }

@media (prefers-reduced-motion: reduce) {
  *, ::before, ::after { animation: none !important; transition: none !important; }
}
`;
