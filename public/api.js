// The few REST calls of the console; whatever goes wrong comes back as a sentence for people.

import { codeWords, t } from "./i18n.js";

/** Longer than any answer of a healthy server takes; a person should not look at a spinner for more. */
const DEADLINE_MS = 10_000;
/** A new session starts a browser first. */
const CREATE_DEADLINE_MS = 60_000;

/** @import { SessionListItem } from "../src/protocol/rest.ts" */

/**
 * The living sessions.
 * @param {string} base
 * @returns {Promise<SessionListItem[]>}
 * @throws an Error whose message is a sentence to show
 */
export async function fetchSessions(base) {
  const answer = await call(`${base}/sessions`, { method: "GET" }, DEADLINE_MS);
  return /** @type {{ sessions: SessionListItem[] }} */ (answer).sessions;
}

/**
 * Asks for a new demo session; it keeps its fixed id.
 * @param {string} base
 * @throws an Error whose message is a sentence to show
 */
export async function startDemo(base) {
  await call(`${base}/demo`, { method: "POST" }, CREATE_DEADLINE_MS);
}

/** @param {string} url @param {RequestInit} init @param {number} deadline ms @returns {Promise<unknown>} */
async function call(url, init, deadline) {
  const options = { ...init, headers: { accept: "application/json" }, signal: AbortSignal.timeout(deadline) };
  const response = await fetch(url, options).catch(() => {
    throw new Error(t("offline"));
  });
  const body = await response.json().catch(() => null);
  if (response.ok && body !== null) return body;
  throw new Error(codeWords(body?.error?.code, body?.error?.message || t("http_failed", { status: response.status })));
}
