// The reader's token: fetched from the marketplace's own address, with its cookies.

/** The longest wait for a token. */
const PATIENCE_MS = 10_000;

/** The token URL said no; asking again would not change that. */
export class NoToken extends Error {}

/** @param {string} url answers {"token": "…"} */
export async function fetchToken(url) {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const answer = await fetch(url, { credentials: "same-origin", cache: "no-store", signal });
  if (answer.status >= 400 && answer.status < 500) throw new NoToken();
  if (!answer.ok) throw new Error(`the token URL answered ${answer.status}`);
  return (await answer.json()).token;
}
