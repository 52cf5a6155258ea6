// The few REST calls of the console; whatever goes wrong comes back as a sentence for people.

import { codeWords, t } from "./i18n.js";

/** Longer than any answer of a healthy server takes; a person should not look at a spinner for more. */
const DEADLINE_MS = 10_000;
/** A new session starts a browser first. */
const CREATE_DEADLINE_MS = 60_000;

/** @import { SessionListItem } from "../src/protocol/rest.ts" */

/** Its message is a sentence to show. */
export class ApiFailure extends Error {
  /** @param {string} message @param {string} [code] as the server has said it; empty where it has not */
  constructor(message, code = "") {
    super(message);
    this.code = code;
  }
}

/**
 * The living sessions that this key may see.
 * @param {string} base
 * @param {string} key empty where none is needed
 * @returns {Promise<SessionListItem[]>}
 * @throws {ApiFailure}
 */
export async function fetchSessions(base, key) {
  const answer = await call(`${base}/sessions`, { method: "GET", bearer: key }, DEADLINE_MS);
  return /** @type {{ sessions: SessionListItem[] }} */ (answer).sessions;
}

/**
 * Asks for a new demo session; it keeps its fixed id.
 * @param {string} base
 * @param {string} bearer the token of the link to the one before, or a key; empty where none is needed
 * @returns {Promise<string>} its operator link
 * @throws {ApiFailure}
 */
export async function startDemo(base, bearer) {
  const answer = await call(`${base}/demo`, { method: "POST", bearer }, CREATE_DEADLINE_MS);
  return /** @type {{ control_url: string }} */ (answer).control_url;
}

/** @param {string} url @param {{ method: string, bearer: string }} request @param {number} deadline ms @returns {Promise<unknown>} */
async function call(url, { method, bearer }, deadline) {
  const authorization = bearer === "" ? {} : { authorization: `Bearer ${bearer}` };
  const headers = { accept: "application/json", ...authorization };
  const response = await fetch(url, { method, headers, signal: AbortSignal.timeout(deadline) }).catch(() => {
    throw new ApiFailure(t("offline"));
  });
  const body = await response.json().catch(() => null);
  if (response.ok && body !== null) return body;
  const code = typeof body?.error?.code === "string" ? body.error.code : "";
  throw new ApiFailure(codeWords(code, body?.error?.message || t("http_failed", { status: response.status })), code);
}
