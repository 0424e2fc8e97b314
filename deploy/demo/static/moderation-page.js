// The moderators' desk: the queue, the conversation that is open, and what is done about it.

import { Api, attemptOf } from "./moderation/api.js";
import { ConversationView } from "./moderation/conversation.js";
import { Dialog } from "./moderation/dialog.js";
import { element } from "./moderation/element.js";
import { Queue } from "./moderation/queue.js";
import { Reading } from "./moderation/reading.js";
import { Thread } from "./moderation/thread.js";
import { Names } from "./moderation/words.js";

const REFRESH_MS = 4_000;
const HOUR_MS = 3_600_000;
const MUTES = [["1", "1 hour"], ["24", "1 day"], ["", "Until unmuted"]];
const QUESTIONS = {
  redact: ["Remove this message", "Remove"],
  restore: ["Restore this message", "Restore"],
  flag: ["Flag this message", "Flag"],
  mute: ["Mute", "Mute"],
  unmute: ["Unmute", "Unmute"],
  close: ["Close the conversation: nobody can write in it", "Close"],
  reopen: ["Reopen the conversation", "Reopen"],
};

const desk = document.querySelector("[data-desk]");
const { tokenUrl, me, names, titles } = desk.dataset;
const told = document.querySelector("[data-told]");
const choose = document.querySelector("[data-choose]");

const api = new Api(tokenUrl);
const called = new Names(JSON.parse(names), JSON.parse(titles));
const dialog = new Dialog(api);
const queue = new Queue(api, called, me, (line) => open(line.order_id, line.id, line.target));
const view = new ConversationView(called, me, {
  verdict: askVerdict,
  review: askReview,
  original: askOriginal,
  file: openFile,
  older: () => attend(opened, (reading) => reading.older()),
  back: () => show(null),
});
/** What is open: {orderId, caseId, target, reading, originals, reads}, or null. */
let opened = null;
let drawn = "";

/** Open a conversation at what was reported in it. */
async function open(orderId, caseId, target) {
  const isSame = opened?.orderId === orderId;
  const reading = isSame ? opened.reading : new Reading(api, orderId);
  const originals = isSame ? opened.originals : new Map();
  const opening = { orderId, caseId, target, reading, originals, reads: 0 };
  show(opening);
  await attend(opening, async () => {
    await (isSame ? reading.follow() : reading.load());
    await reading.reach(target);
  });
  if (opened === opening) view.seek();
}

/** Show that another conversation is open, or none. */
function show(opening) {
  const { caseId = null, reading } = opening ?? {};
  opened = opening;
  queue.select(caseId);
  desk.toggleAttribute("data-open", opening !== null);
  choose.hidden = opening !== null;
  view.element.hidden = true;
  tell("", "");
  if (reading?.events.length > 0) draw();
}

/** Have something read of what is open, and show it; if it is open no more, do not. */
async function attend(opening, read) {
  opening.reads += 1;
  try {
    await read(opening.reading);
  } catch (problem) {
    if (opened === opening) tell("reading", problem.message);
    return;
  } finally {
    opening.reads -= 1;
  }
  if (opened !== opening) return;
  if (told.dataset.of === "reading") tell("", "");
  draw();
}

/** Say what went wrong, and in what: it stays until that goes well. */
function tell(of, message) {
  told.dataset.of = of;
  told.textContent = message;
}

function draw() {
  const { orderId, caseId, target, reading, originals } = opened;
  const { filled, complete, events } = reading;
  const thread = new Thread(events, Date.now());
  const { muted } = thread;
  const look = JSON.stringify([
    orderId, caseId, filled, complete, events.length, events.at(-1).seq, originals.size, [...muted],
  ]);
  // What one reads, or is about to press, is not made anew without need.
  if (look === drawn && !view.element.hidden) return;
  drawn = look;
  view.show(orderId, thread, { caseId, target, originals, filled, complete });
}

function askVerdict(action, subject, about) {
  const { orderId } = opened;
  const [title, does] = QUESTIONS[action];
  ask({
    title,
    about,
    does,
    choices: action === "mute" ? MUTES : [],
    attempt: (reason, hours) => {
      const until = hours ? { until: Date.now() + Number(hours) * HOUR_MS } : {};
      return attemptOf(`/v1/orders/${orderId}/verdicts`, { action, ...subject, ...until, reason });
    },
  });
}

function askReview(state, assignee, isAsked) {
  const { orderId, caseId } = opened;
  const path = `/v1/orders/${orderId}/reports/${caseId}/review`;
  const attempt = (note) => attemptOf(path, { state, assignee, note });
  const title = { open: "Open it again", resolved: "Resolve", dismissed: "Dismiss" }[state];
  if (isAsked) {
    return ask({ title, about: "", does: title, label: "Note", optional: true, attempt });
  }
  const here = opened;
  api.write(attempt("")).then(
    (answer) => done(here, answer),
    (problem) => tell("doing", problem.message),
  );
}

function askOriginal(id, text) {
  const { orderId } = opened;
  ask({
    title: "Open what was sent: this is recorded",
    about: text,
    does: "Open",
    attempt: (reason) => attemptOf(`/v1/orders/${orderId}/messages/${id}/original`, { reason }),
    take: (answer, { originals }) => originals.set(id, answer.text),
  });
}

async function openFile({ id }) {
  try {
    const { url } = await api.get(`/v1/attachments/${id}/content`);
    element("a", { href: url, target: "_blank", rel: "noopener noreferrer" }).click();
  } catch (problem) {
    tell("doing", problem.message);
  }
}

function ask({ take = () => {}, ...question }) {
  const here = opened;
  dialog.open({
    ...question,
    done: (answer) => {
      take(answer, here);
      done(here, answer);
    },
    failed: (problem) => tell("doing", problem.message),
  });
}

/** What was asked for stands: show it, then whatever else happened meanwhile. */
function done(here, { event }) {
  here.reading.take([event]);
  if (told.dataset.of === "doing") tell("", "");
  if (event.type === "review") queue.learn(event);
  if (opened?.reading === here.reading) {
    draw();
    attend(opened, (reading) => reading.follow());
  }
  queue.refresh();
}

function refresh() {
  if (document.visibilityState !== "visible") return;
  queue.refresh();
  if (opened?.reads === 0) attend(opened, (reading) => reading.follow());
}

desk.prepend(queue.element);
choose.after(view.element);
document.body.append(dialog.element);
document.addEventListener("visibilitychange", refresh);
setInterval(refresh, REFRESH_MS);
refresh();
