// How a panel looks around its list: head, banner, notes, and where one types.
//
// It fills whatever it is put in, and goes by its own width, not by the window's. An empty field has
// the direction of its placeholder: `dir="auto"` takes it from a text alone.

export const PANEL_STYLE = `
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
