// How files look: chips of what is being sent, what messages carry, and where to drop more.

export const FILES_STYLE = `
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
