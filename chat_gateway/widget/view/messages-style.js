// How the Messages area looks: two panes where there is room, one where there is not.

export const MESSAGES_STYLE = `
:host { container: messages / inline-size; }
.messages {
  display: grid;
  grid-template: minmax(0, 1fr) / minmax(0, 1fr);
  block-size: 100%;
  border: 1px solid var(--line);
  border-radius: var(--radius);
  background: var(--surface);
  overflow: hidden;
}
.messages > .pane { display: none; min-inline-size: 0; }
.messages[data-open] > .pane { display: grid; }
.messages[data-open] > .index { display: none; }
.pane > .panel { border: 0; border-radius: 0; block-size: 100%; min-block-size: 0; }

.index, .conversations {
  display: flex;
  flex-direction: column;
  min-inline-size: 0;
  min-block-size: 0;
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
  min-block-size: 38px;
  padding: 6px 12px;
  border: 1px solid var(--edge);
  border-radius: 10px;
  background: var(--ground);
}
.filter { font-size: .9em; }
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
  inline-size: 100%;
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
  inline-size: 42px;
  block-size: 42px;
}
.cells {
  display: flex;
  align-items: center;
  justify-content: space-between;
  gap: 10px;
  min-inline-size: 0;
}
.conversation time { flex: none; color: var(--muted); font-size: .82em; }
.subject { color: var(--muted); font-size: .88em; }
.preview { color: var(--muted); font-size: .94em; }
.unread .preview { color: var(--text); font-weight: 600; }
.unread time { color: var(--accent); font-weight: 600; }
.badge {
  display: inline-grid;
  flex: none;
  place-items: center;
  min-inline-size: 21px;
  block-size: 21px;
  padding-inline: 6px;
  border-radius: 99px;
  background: var(--accent);
  color: var(--accent-text);
  font-size: .76em;
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
