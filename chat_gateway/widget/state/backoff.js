// How long to wait before another try: a random time below a ceiling that doubles ("full jitter"), so
// that those who were cut off together do not come back together.

const FIRST_MS = 500;
const MAX_MS = 30_000;

/**
 * @param {number} losses tries that failed before, in a row
 * @param {number} random 0 to 1
 * @returns {number} ms
 */
export function backoff(losses, random) {
  return random * Math.min(MAX_MS, FIRST_MS * 2 ** losses);
}
