// How the list looks: messages, status lines, the menu of a message, and the dialog of a report.

export const LIST_STYLE = `
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
