// How both elements look, in one sheet: so it is sent once, and a third smaller than in five.
//
// A page sets `--order-chat-…` on the element, or outside of it; all styles within use the short
// names. Pairs are for light and dark pages; text on its ground has a contrast of 4.5 or more, the
// edge of a field 3 or more. Text is as large as the reader wants it, whatever a page takes for its
// rem: all is in em of the host's size. What has one line is wrapped and clamped, in a box no wider
// than it: so it begins where the reader's lines begin, and is cut at its end, whatever its script.

const shown = (name, light, dark) =>
  `--${name}: var(--order-chat-${name}, light-dark(${light}, ${dark}));`;

const THEME = `
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

// The panel around its list: head, banner, notes, and where one types. It fills whatever it is put
// in, and goes by its own width, not by the window's. An empty field has the direction of its
// placeholder: dir="auto" takes it from a text alone.
const PANEL = `
.panel {
  container: panel / inline-size;
  position: relative;
  display: flex;
  flex-direction: column;
  height: 100%;
  overflow: hidden;
  border: 1px solid var(--line);
  border-radius: var(--radius);
  background: var(--surface);
}
.head {
  display: flex;
  flex: none;
  align-items: center;
  gap: 8px 12px;
  min-height: 64px;
  padding: 10px 16px;
  border-block-end: 1px solid var(--line);
}
.who:empty::before {
  width: 45%;
  height: 1em;
  border-radius: 8px;
  background: var(--ground);
  content: "";
}
[data-phase="stopped"] > .head:not(:has(.back)), [data-phase="stopped"] .who { display: none; }
.head .back { margin-inline-start: -8px; }
.head > .link { margin-inline-start: auto; font-size: 0.91em; white-space: nowrap; }
.who { display: flex; flex: 1; align-items: center; gap: 12px; min-width: 0; }
.about { flex: 1; min-width: 0; }
.about h2 { font-size: 1.07em; line-height: 1.35; }
.parties { display: flex; flex-wrap: wrap; gap: 0 10px; color: var(--muted); font-size: 0.87em; }
.presence { flex: none; }
.presence::before {
  content: "";
  display: inline-block;
  width: 8px;
  height: 8px;
  margin-inline-end: 5px;
  border: 1.5px solid var(--muted);
  border-radius: 50%;
}
.presence.there::before { border-color: #2fa36b; background: #2fa36b; forced-color-adjust: none; }

.banner {
  flex: none;
  padding: 6px 16px;
  background: var(--warn-soft);
  color: var(--warn);
  font-size: 0.93em;
  text-align: center;
}
.body { position: relative; display: flex; flex: 1; flex-direction: column; min-height: 0; }
.place:empty { display: none; }
.place { display: flex; flex: 1; min-height: 0; overflow: auto; }
.place:has(.empty) { position: absolute; inset: 0; pointer-events: none; }
.loading { display: grid; flex: 1; gap: 14px; align-content: end; padding: 16px; }
.loading i {
  width: 58%;
  height: 40px;
  border-radius: 16px;
  background: var(--ground);
  animation: breathe 1.6s ease-in-out infinite;
}
.loading i:nth-of-type(2n) { width: 44%; justify-self: end; }
.loading i:nth-of-type(3) { width: 70%; height: 62px; }
@keyframes breathe { 50% { opacity: 0.45; } }
.typing {
  flex: none;
  min-height: 1.6em;
  padding: 0 16px 2px;
  color: var(--muted);
  font-size: 0.87em;
}
.readonly {
  flex: none;
  padding: 14px 18px;
  border-block-start: 1px solid var(--line);
  background: var(--ground);
  color: var(--muted);
  font-size: 0.96em;
  text-align: center;
}

.composer { flex: none; padding: 10px 14px; border-block-start: 1px solid var(--line); }
.field { display: flex; align-items: flex-end; gap: 8px; }
.field textarea {
  flex: 1;
  min-width: 0;
  min-height: 42px;
  max-height: 160px;
  padding: 9px 13px;
  border: 1px solid var(--edge);
  border-radius: 14px;
  background: var(--ground);
  line-height: 1.45;
  resize: none;
  field-sizing: content;
}
.field :placeholder-shown { direction: inherit; }
.field ::placeholder { overflow: hidden; color: var(--muted); opacity: 1; white-space: nowrap; }
.field textarea:focus-visible { outline-offset: -1px; }
.send {
  display: grid;
  flex: none;
  place-items: center;
  width: 46px;
  height: 42px;
  padding: 0;
  border: 1px solid transparent;
  border-radius: 14px;
  background: var(--accent);
  color: var(--accent-text);
}
.send:disabled {
  border-color: var(--line);
  background: var(--ground);
  color: var(--muted);
  cursor: default;
}
.foot {
  display: flex;
  justify-content: space-between;
  gap: 12px;
  padding: 5px 4px 0;
  color: var(--muted);
  font-size: 0.81em;
}
.count:not(:empty) { margin-inline-start: auto; font-variant-numeric: tabular-nums; }
.count.over { color: var(--danger); font-weight: 600; }
.waiting:not(:has(:first-child:empty)) {
  display: flex;
  justify-content: space-between;
  gap: 12px;
  padding: 0 4px 6px;
  color: var(--muted);
  font-size: 0.9em;
}
.tray:has(li) { margin-block-end: 8px; }
.bar {
  display: flex;
  align-items: center;
  gap: 8px;
  margin-block-end: 8px;
  padding-inline-start: 10px;
  border-inline-start: 3px solid var(--accent);
  font-size: 0.9em;
}
.bar-text { flex: 1; min-width: 0; }
.bar-text strong { display: block; color: var(--accent); }
.quoted { color: var(--muted); }

@container panel (width < 28em) {
  .head { flex-wrap: wrap; padding-inline: 12px; }
  .who { flex-basis: 70%; }
  .about h2 { -webkit-line-clamp: 2; word-break: normal; overflow-wrap: anywhere; }
  .hint { display: none; }
  .foot:has(.count:empty) { display: none; }
  .composer { padding: 8px 10px; }
}
@container panel (width < 23em) {
  .about + .order-status, .who > .portrait { display: none; }
}
@media (hover: none) { .hint { display: none; } }
`;

// The list: messages, status lines, the menu of a message, the dialog of a report.
const LIST = `
.list { position: relative; display: flex; flex: 1; flex-direction: column; min-height: 0; }
.log {
  flex: 1;
  min-height: 0;
  padding: 14px;
  overflow: hidden auto;
  overflow-anchor: none; /* the list keeps its place itself */
  overscroll-behavior: contain;
}
.rows { display: flow-root; }

.earlier, .pill {
  display: flex;
  align-items: center;
  gap: 5px;
  margin: 0 auto 10px;
  padding: 4px 14px;
  border: 1px solid var(--line);
  border-radius: 99px;
  background: var(--surface);
  color: var(--muted);
  font-size: 0.87em;
}
.earlier:hover, .pill:hover { border-color: var(--accent); color: var(--accent); }
.pill {
  position: absolute;
  inset-inline: 0;
  bottom: 0;
  width: fit-content;
  box-shadow: 0 2px 10px rgb(0 0 0 / 0.16);
}
.pill.news { border-color: transparent; background: var(--accent); color: var(--accent-text); }

.day, .status { font-size: 0.85em; font-weight: 600; }
.day {
  display: flex;
  align-items: center;
  gap: 10px;
  margin: 16px 0 8px;
  color: var(--muted);
}
.day::before, .day::after { content: ""; flex: 1; border-top: 1px solid var(--line); }
.day:first-child { margin-top: 0; }
.status {
  display: flex;
  justify-content: center;
  align-items: baseline;
  gap: 8px;
  width: fit-content;
  margin: 12px auto;
  padding: 4px 14px;
  border-radius: 99px;
  background: var(--accent-soft);
  color: var(--accent);
}
.status time { font-weight: 400; }

.message {
  position: relative;
  display: flex;
  flex-direction: column;
  align-items: flex-start;
  margin-top: 3px;
  padding-inline-start: 44px;
  border-radius: 12px;
}
.message.first { margin-top: 12px; }
.message.own { align-items: flex-end; padding-inline-start: 0; }
.message:focus { outline-offset: 3px; }
.message.found { animation: found 2.4s; }
@keyframes found { 20%, 60% { background: var(--accent-soft); } }
.message > .side { position: absolute; inset-inline-start: 0; top: 20px; }
.author { padding-inline: 2px; color: var(--muted); font-size: 0.85em; }
.row { display: flex; align-items: center; gap: 2px; max-width: 90%; }
.own .row { flex-direction: row-reverse; }
.bubble {
  min-width: 0;
  max-width: 40em;
  padding: 7px 13px;
  border: 1px solid transparent; /* seen where colours are forced */
  border-radius: 16px;
  border-end-start-radius: 5px;
  background: var(--ground);
  overflow-wrap: anywhere;
  white-space: pre-wrap;
}
.own .bubble {
  border-radius: 16px;
  border-end-end-radius: 5px;
  background: var(--accent);
  color: var(--accent-text);
}
.bubble a { color: inherit; text-underline-offset: 2px; }
.bubble :focus-visible { outline-color: currentColor; }
.gone .bubble {
  border: 1px dashed var(--line);
  background: none;
  color: var(--muted);
}
.unsent .bubble { background: var(--accent-soft); color: var(--text); }
.unsent:has(.problem) .bubble { border-color: var(--danger); background: var(--warn-soft); }
.quote {
  display: grid;
  width: 100%;
  margin: 1px 0 5px;
  padding: 3px 9px;
  border: 0;
  border-inline-start: 3px solid;
  border-radius: 6px;
  background: rgb(127 127 127 / 0.14);
  font-size: 0.9em;
  text-align: start;
}
.masked { font-size: 0.8em; }
.quoted-author { font-weight: 600; }
.meta { display: flex; flex-wrap: wrap; gap: 0 8px; padding: 1px 4px 0; }
.meta, .pending { color: var(--muted); font-size: 0.8em; }
.seen { color: var(--accent); font-weight: 600; }
.reported { color: var(--warn); }
.pending { padding: 1px 4px 0; }
.notes:not(:empty) { margin-bottom: 6px; }
.problem {
  display: flex;
  flex-wrap: wrap;
  gap: 0 12px;
  padding: 3px 4px 0;
  color: var(--danger);
  font-size: 0.87em;
}
.own .problem { justify-content: flex-end; }
.unsaved { display: grid; flex-basis: 100%; justify-items: end; color: var(--text); }
.unsaved q { overflow-wrap: anywhere; white-space: pre-wrap; }
.choices { display: flex; gap: 12px; }

.more {
  flex: none;
  padding: 5px 3px;
  border: 0;
  border-radius: 8px;
  background: none;
  color: var(--muted);
  opacity: 0;
}
.message:is(:hover, :focus-within) .more, .more[aria-expanded="true"] { opacity: 1; }
@media (hover: none) { .more { opacity: 1; } }
.more:hover { background: var(--ground); color: var(--text); }
.menu {
  inset: auto;
  min-width: 150px;
  margin: 0;
  padding: 5px;
  border: 1px solid var(--line);
  border-radius: 12px;
  background: var(--surface);
  color: var(--text);
  box-shadow: 0 6px 24px rgb(0 0 0 / 0.18);
}
.menu button {
  display: block;
  width: 100%;
  padding: 7px 12px;
  border: 0;
  border-radius: 8px;
  background: none;
  text-align: start;
}
.menu button:is(:hover, :focus) { outline: none; background: var(--accent-soft); }
.menu :is([data-action^="delete"], [data-action="report"]) { color: var(--danger); }
.menu [data-action="delete_sure"] { font-weight: 600; }

.reporting {
  width: min(28em, calc(100vw - 24px));
  padding: 20px;
  border: 1px solid var(--line);
  border-radius: var(--radius);
  background: var(--surface);
  color: var(--text);
}
.reporting::backdrop { background: rgb(0 0 0 / 0.45); }
.reporting form, .reporting fieldset, .reporting .note { display: grid; gap: 12px; }
.reporting h2 { font-size: 1.17em; }
.reporting blockquote {
  margin: 0;
  padding: 2px 10px;
  border-inline-start: 3px solid var(--line);
  color: var(--muted);
  overflow-wrap: anywhere;
}
.reporting fieldset { gap: 6px; margin: 0; padding: 0; border: 0; }
.reporting legend { margin-bottom: 6px; padding: 0; font-weight: 600; }
.reporting .note { gap: 4px; font-size: 0.96em; }
.reporting input { margin-inline-end: 8px; accent-color: var(--accent); }
.reporting textarea {
  padding: 8px 10px;
  border: 1px solid var(--edge);
  border-radius: 10px;
  background: var(--ground);
  resize: vertical;
}
.reporting .buttons { display: flex; flex-wrap: wrap; justify-content: flex-end; gap: 10px; }
.reporting .strong { border-color: transparent; background: var(--danger); color: var(--surface); }

@media (forced-colors: active) {
  .bubble { border-color: CanvasText; }
  .menu button:is(:hover, :focus) { outline: 2px solid Highlight; }
}
`;

// Files: chips of what is being sent, what messages carry, and where to drop more.
const FILES = `
.attach { width: 42px; height: 42px; border-color: var(--line); border-radius: 14px; }
.chips {
  display: grid;
  gap: 6px;
  max-height: 208px; /* three and a half: one sees that there are more */
  margin-block-start: 6px;
  overflow-y: auto;
}
.chip {
  position: relative;
  display: flex;
  align-items: center;
  gap: 10px;
  min-width: 0;
  padding: 7px 8px;
  border: 1px solid var(--line);
  border-radius: 12px;
  background: var(--ground);
}
.chip[data-state="failed"] { border-color: var(--danger); background: var(--warn-soft); }
.chip-picture, .file-type {
  display: grid;
  flex: none;
  place-items: center;
  width: 38px;
  height: 38px;
  border-radius: 8px;
  background: var(--accent-soft);
  color: var(--accent);
  font-size: 0.7em;
  font-weight: 700;
  letter-spacing: 0.02em;
}
.chip-picture { object-fit: cover; }
.file-type .icon { width: 18px; height: 18px; }
.file-body { display: grid; flex: 1; min-width: 0; gap: 1px; }
.file-name { font-size: 0.91em; font-weight: 600; line-height: 1.35; }
.chip-line, .file-size, .file-problem, .picture-note { font-size: 0.83em; }
.chip-line { display: flex; flex-wrap: wrap; gap: 0 10px; }
.chip-state { color: var(--muted); font-variant-numeric: tabular-nums; }
.chip[data-state="ready"] .chip-state { color: var(--accent); }
.chip[data-state="failed"] .chip-state { color: var(--danger); }
.progress {
  position: absolute; /* so nothing moves when it goes */
  inset-inline: 57px 46px;
  bottom: 3px;
  height: 3px;
  overflow: hidden;
  border-radius: 2px;
  background: var(--line);
}
.progress::before {
  content: "";
  display: block;
  width: var(--done, 0);
  height: 100%;
  background: var(--accent);
  transition: width 0.2s linear;
}
.chip-remove { width: 32px; height: 32px; }

.drop {
  position: absolute;
  inset: 8px;
  z-index: 2;
  display: grid;
  place-items: center;
  border: 2px dashed var(--accent);
  border-radius: 10px;
  background: color-mix(in srgb, var(--accent-soft) 92%, transparent);
  color: var(--accent);
  font-weight: 600;
  pointer-events: none;
}

.file {
  display: grid;
  grid-template-columns: minmax(0, auto);
  gap: 8px;
  margin: 6px 0 3px;
  white-space: normal;
}
.file:first-child { margin-top: 2px; }
.file-problem:empty { display: none; }
.file-card {
  width: 250px;
  max-width: 100%;
  padding: 8px;
  border: 1px solid var(--line);
  border-radius: 12px;
  background: var(--surface);
  color: var(--text);
}
.file-line { display: flex; align-items: center; gap: 10px; min-width: 0; }
.file-size { color: var(--muted); }
.picture {
  position: relative;
  display: block;
  width: var(--width);
  max-width: 100%;
  aspect-ratio: var(--ratio);
  padding: 0;
  overflow: hidden;
  border: 0;
  border-radius: 10px;
  background: color-mix(in srgb, var(--muted) 22%, transparent);
}
.picture img { display: block; width: 100%; height: 100%; object-fit: cover; object-position: top; }
.picture:not([data-state="there"]) img { visibility: hidden; }
.picture[data-state="loading"] { animation: file-loading 1.6s ease-in-out infinite; }
.picture-note { position: absolute; inset: 0; display: grid; place-items: center; padding: 8px; }
.file-card .picture { width: 100%; border: 1px solid var(--line); }
@keyframes file-loading { 50% { opacity: 0.55; } }

@media (forced-colors: active) {
  .progress, .progress::before { forced-color-adjust: none; background: CanvasText; }
  .progress { background: Canvas; }
}
`;

// The Messages area: two panes where there is room, one where there is not.
const MESSAGES = `
:host(order-messages) { container: messages / inline-size; }
.messages {
  display: grid;
  grid-template: minmax(0, 1fr) / minmax(0, 1fr);
  height: 100%;
  border: 1px solid var(--line);
  border-radius: var(--radius);
  background: var(--surface);
  overflow: hidden;
}
.messages > .pane { display: none; min-width: 0; }
.messages[data-open] > .pane { display: grid; }
.messages[data-open] > .index { display: none; }
.pane > .panel { border: 0; border-radius: 0; height: 100%; min-height: 0; }

.index, .conversations {
  display: flex;
  flex-direction: column;
  min-width: 0;
  min-height: 0;
}
.conversations, .lines { flex: 1; }
.messages[data-open] > .index > .banner { display: none; } /* the panel has one */
.messages[data-phase="stopped"] :is(.pane, .conversations) { display: none; }
.filters {
  display: grid;
  grid-template-columns: auto minmax(0, 1fr);
  gap: 8px;
  padding: 12px;
  border-block-end: 1px solid var(--line);
}
.filters input { grid-column: 1 / -1; }
.filters input, .filter {
  min-height: 38px;
  padding: 6px 12px;
  border: 1px solid var(--edge);
  border-radius: 10px;
  background: var(--ground);
}
.filter { font-size: 0.9em; }
.filter:hover { border-color: var(--accent); }
.filter[aria-pressed="true"] {
  border-color: var(--accent);
  background: var(--accent);
  color: var(--accent-text);
}
.filters input::placeholder { color: var(--muted); opacity: 1; }
.lines { overflow-y: auto; overscroll-behavior: contain; }
.lines > .button { display: block; margin: 12px auto; }
.why {
  display: grid;
  justify-items: center;
  gap: 8px;
  padding: 32px 20px;
  color: var(--muted);
  text-align: center;
  overflow-wrap: anywhere;
}
.why:empty { padding: 0; }
.why strong { color: var(--text); }

.lines li { content-visibility: auto; contain-intrinsic-size: auto 96px; }
.lines li + li { border-block-start: 1px solid var(--line); }
.conversation {
  display: grid;
  grid-template-columns: auto minmax(0, 1fr);
  gap: 3px 12px;
  position: relative;
  width: 100%;
  padding: 12px 14px;
  border: 0;
  outline-offset: -2px;
  background: none;
  text-align: start;
}
.conversation:hover { background: var(--accent-soft); }
.conversation[aria-current] {
  background: var(--accent-soft);
  box-shadow: inset 3px 0 var(--accent);
}
[dir="rtl"] .conversation[aria-current] { box-shadow: inset -3px 0 var(--accent); }
.conversation:is(:hover, [aria-current]) .order-status { background-color: var(--surface); }
.conversation .portrait {
  grid-row: 1 / 4;
  align-self: center;
  width: 42px;
  height: 42px;
}
.cells {
  display: flex;
  align-items: center;
  justify-content: space-between;
  gap: 10px;
  min-width: 0;
}
.conversation time { flex: none; color: var(--muted); font-size: 0.82em; }
.subject { color: var(--muted); font-size: 0.88em; }
.preview { color: var(--muted); font-size: 0.94em; }
.unread .preview { color: var(--text); font-weight: 600; }
.unread time { color: var(--accent); font-weight: 600; }
.badge {
  display: inline-grid;
  flex: none;
  place-items: center;
  min-width: 21px;
  height: 21px;
  padding-inline: 6px;
  border-radius: 99px;
  background: var(--accent);
  color: var(--accent-text);
  font-size: 0.76em;
  font-weight: 700;
  font-variant-numeric: tabular-nums;
}

@container messages (width >= 48em) {
  .messages { grid-template-columns: clamp(18em, 36%, 25em) minmax(0, 1fr); }
  .messages[data-open] > .index { display: flex; }
  .messages > .pane { display: grid; }
  .index { border-inline-end: 1px solid var(--line); }
  .messages .back { display: none; }
}
.messages[data-phase="stopped"] > .index { display: flex; grid-column: 1 / -1; border: 0; }
@container messages (width < 37em) {
  .messages .head .order-status { display: none; } /* the list tells it */
}
@media (forced-colors: active) {
  .filter[aria-pressed="true"], .conversation[aria-current] { outline: 2px solid Highlight; }
  .badge { border: 1px solid; }
}
`;

export const STYLE = THEME + PANEL + LIST + FILES + MESSAGES;
