// The token and what the server says of it, for both pages. The token lives in sessionStorage: it ends with the tab,
// is never put into an address, and goes to this server's /graphql alone.

const KEY = "latchkey:token";

export const NO_TOKEN = "Paste a token; `latchkey club create` prints one.";
const REFUSED =
  "The server refuses this token. It is mistyped, was revoked or has expired; " +
  "`latchkey token create` makes a new one.";
const MISTYPED = "This is no token: a token has no spaces and no special letters.";
const SILENT = "The server does not answer. Is it still running?";

/** Where GraphQL is, seen from the page. */
export const endpoint = () => new URL("graphql", document.baseURI);

/** @returns {string} the token, or an empty string */
export const readToken = () => sessionStorage.getItem(KEY) ?? "";

/** @param {string} pasted with or without `Bearer` in front */
export function keepToken(pasted) {
  const token = pasted.trim().replace(/^bearer\s+/i, "");
  if (token) sessionStorage.setItem(KEY, token);
  else sessionStorage.removeItem(KEY);
}

/**
 * Like fetch, with the token; without a usable one nothing is sent, and the answer is one of our own.
 * @param {RequestInfo | URL} address
 * @param {RequestInit} [init]
 * @returns {Promise<Response>}
 */
export async function fetchWithToken(address, init) {
  const token = readToken();
  const fault = !token ? NO_TOKEN : /^[\x21-\x7e]+$/.test(token) ? "" : MISTYPED;
  if (fault) return answerOf(401, fault);
  const headers = new Headers(init?.headers);
  headers.set("authorization", `Bearer ${token}`);
  try {
    return await fetch(address, { ...init, headers });
  } catch (error) {
    if (init?.signal?.aborted) throw error;
    return answerOf(503, SILENT);
  }
}

/**
 * @param {{ query: string, variables?: unknown, operationName?: string }} request
 * @param {AbortSignal} [signal]
 */
export const ask = (request, signal) =>
  fetchWithToken(endpoint(), {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify(request),
    signal,
  });

/**
 * @typedef {{ state: "missing" | "checking" | "good" | "bad", words: string }} Standing
 */

/**
 * Whom the token belongs to, in words.
 * @returns {Promise<Standing>}
 */
export async function checkToken() {
  if (!readToken()) return { state: "missing", words: NO_TOKEN };
  const response = await ask({ query: "{ viewer { role } club { name } }" });
  const body = await response.json().catch(() => null);
  const { viewer, club } = body?.data ?? {};
  if (viewer && club) return { state: "good", words: `${club.name}: ${viewer.role.toLowerCase()}` };
  return { state: "bad", words: wordsFor(response.status, body) };
}

/**
 * What an answer that is no success means, for people.
 * @param {number} status
 * @param {any} body
 * @returns {string}
 */
export function wordsFor(status, body) {
  const said = body?.errors?.[0]?.message;
  if (status === 401) return [NO_TOKEN, MISTYPED].includes(said) ? said : REFUSED;
  if (status === 429) return "Too many requests at once. Wait a moment.";
  if (said) return said;
  return status >= 500 ? "Something went wrong at the server." : `The server answered ${status}.`;
}

/**
 * @param {number} status
 * @param {string} message
 */
const answerOf = (status, message) =>
  new Response(JSON.stringify({ errors: [{ message }] }), {
    status,
    headers: { "content-type": "application/json" },
  });
