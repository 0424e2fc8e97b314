// Posts a stretch of a file to the object store, by a form the server has signed.

import { Refusal } from "./attachments.js";

/** Nothing moved for so long: the connection is dead. */
const STALL_MS = 30_000;

/**
 * Resolves once the store has it; rejects with `Refusal`.
 * @param {{url: string, fields: object}} form
 * @param {Blob} content
 * @param {(sent: number) => void} onProgress
 * @param {AbortSignal} signal
 */
export async function postForm({ url, fields }, content, onProgress, signal) {
  await checkReadable(content);
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  body.append("file", content); // the store ignores what comes after it
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // `fetch` tells nothing of progress
    let stall;
    const listenOn = () => {
      clearTimeout(stall);
      stall = setTimeout(() => request.abort(), STALL_MS);
    };
    const cancel = () => request.abort();
    request.upload.onprogress = ({ loaded }) => {
      listenOn();
      onProgress(Math.min(loaded, content.size)); // the form's own bytes count, too
    };
    request.onloadend = () => {
      clearTimeout(stall);
      signal.removeEventListener("abort", cancel);
      const { status } = request;
      if (status >= 200 && status < 300) return resolve();
      // 403: the form's five minutes are over, and there are fresh ones.
      const passes = status === 0 || status === 403 || status === 429 || status >= 500;
      const problem = status === 0 ? "The connection was lost." : "The file could not be stored.";
      reject(new Refusal(problem, { status, passes }));
    };
    signal.addEventListener("abort", cancel);
    request.open("POST", url);
    listenOn();
    request.send(body);
  });
}

/** A file that was changed since it was picked cannot be read, and fails as a lost connection does. */
async function checkReadable(content) {
  try {
    await content.slice(0, 1).arrayBuffer();
  } catch {
    const problem = "The file was changed or removed after it was picked. Pick it again.";
    throw new Refusal(problem, { final: true });
  }
}
