// The REST calls of the console; a failure has a sentence for people.

import { codeWords, t } from "./i18n.js";

/** Longer than any answer of a healthy server takes; a person should not look at a spinner for more. */
const DEADLINE_MS = 10_000;
/** A new session starts a browser first. */
const CREATE_DEADLINE_MS = 60_000;
/** Enough for a phone at hand; the server gives an operator key no more. */
const LINK_SECONDS = 900;

/** @import { CodeResult } from "../../../src/protocol/code-answers.ts" */
/** @import { HistoryEntry } from "../../../src/protocol/history.ts" */
/** @import { SessionListItem } from "../../../src/protocol/rest.ts" */

/** Its message is a sentence to show. */
export class ApiFailure extends Error {
  /** @param {string} message @param {string} [code] from the server; empty if it sent none */
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

/**
 * Claims a session, so that no other operator does.
 * @param {string} base @param {string} key @param {string} id @param {{ client: string, name?: string }} body
 * @throws {ApiFailure} code `claimed`: another operator was quicker
 */
export async function claimSession(base, key, id, body) {
  await call(`${base}/session/${encodeURIComponent(id)}/claim`, { method: "POST", bearer: key, body }, DEADLINE_MS);
}

/** Gives a claimed session back. @param {string} base @param {string} key @param {string} id @param {{ client: string }} body @throws {ApiFailure} */
export async function releaseSession(base, key, id, body) {
  await call(`${base}/session/${encodeURIComponent(id)}/release`, { method: "POST", bearer: key, body }, DEADLINE_MS);
}

/**
 * A link that lets another device act in the session, with its QR code: a PNG, as a data URL.
 * @param {string} base @param {string} key @param {string} id
 * @returns {Promise<{ url: string, qr: string }>}
 * @throws {ApiFailure}
 */
export async function createLink(base, key, id) {
  const body = { qr: true, ttl_seconds: LINK_SECONDS };
  const url = `${base}/session/${encodeURIComponent(id)}/links`;
  const answer = await call(url, { method: "POST", bearer: key, body }, DEADLINE_MS);
  return /** @type {{ url: string, qr: string }} */ (answer);
}

/**
 * Types a person's one-time code into the page of a session, and sends it.
 * @param {string} base @param {string} key @param {string} id @param {string} text
 * @returns {Promise<CodeResult>}
 * @throws {ApiFailure}
 */
export async function answerCode(base, key, id, text) {
  const url = `${base}/session/${encodeURIComponent(id)}/answer`;
  const answer = await call(url, { method: "POST", bearer: key, body: { text } }, DEADLINE_MS);
  return /** @type {{ result: CodeResult }} */ (answer).result;
}

/**
 * Exchanges the six digits that an agent's person was given for an operator link.
 * @param {string} base @param {string} id @param {string} code
 * @returns {Promise<string>} the link
 * @throws {ApiFailure} unauthorized: the code does not open it; rate_limited: too many wrong ones
 */
export async function redeemCode(base, id, code) {
  const url = `${base}/session/${encodeURIComponent(id)}/code`;
  const answer = await call(url, { method: "POST", bearer: "", body: { code } }, DEADLINE_MS);
  return /** @type {{ url: string }} */ (answer).url;
}

/**
 * The sessions that have ended since then, newest first.
 * @param {string} base @param {string} key @param {Date} since
 * @returns {Promise<HistoryEntry[]>}
 * @throws {ApiFailure}
 */
export async function fetchHistory(base, key, since) {
  const answer = await call(
    `${base}/history?since=${since.toISOString()}`,
    { method: "GET", bearer: key },
    DEADLINE_MS,
  );
  return /** @type {{ sessions: HistoryEntry[] }} */ (answer).sessions;
}

/**
 * A small picture of the session, taken now; null where there is none.
 * @param {string} base @param {string} key @param {string} id @param {number} width px
 * @returns {Promise<Blob | null>}
 */
export async function fetchThumbnail(base, key, id, width) {
  const headers = { accept: "image/jpeg", ...authorizationOf(key) };
  const url = `${base}/screenshot/${encodeURIComponent(id)}?width=${width}`;
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(DEADLINE_MS) }).catch(() => null);
  return response?.ok ? response.blob() : null;
}

/** @param {string} url @param {{ method: string, bearer: string, body?: object }} request @param {number} deadline ms @returns {Promise<unknown>} */
async function call(url, { method, bearer, body: given }, deadline) {
  const json = given === undefined ? {} : { "content-type": "application/json" };
  const headers = { accept: "application/json", ...json, ...authorizationOf(bearer) };
  const sent = given === undefined ? {} : { body: JSON.stringify(given) };
  const signal = AbortSignal.timeout(deadline);
  const response = await fetch(url, { method, headers, ...sent, signal }).catch(() => {
    throw new ApiFailure(t("offline"));
  });
  const body = await response.json().catch(() => null);
  if (response.ok && body !== null) return body;
  const code = typeof body?.error?.code === "string" ? body.error.code : "";
  throw new ApiFailure(codeWords(code, body?.error?.message || t("http_failed", { status: response.status })), code);
}

/** @param {string} bearer empty: none is needed */
function authorizationOf(bearer) {
  return bearer === "" ? {} : { authorization: `Bearer ${bearer}` };
}
