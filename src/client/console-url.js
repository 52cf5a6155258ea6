// Where this console stands: reads the API's base path, the session id and the switches out of the page's own address.

import { API_PREFIX } from "../protocol/api-prefix.ts";

/** Anchored on the API's own path: a session may well be called "control". */
const CONSOLE_PATH = new RegExp(`^(.*${API_PREFIX})/control(?:/([^/]*))?/?$`);

/**
 * @typedef {object} Place
 * @property {string} base everything before `/control`, e.g. `/tools/api/captcha`
 * @property {string} sessionId empty on the opening page
 * @property {boolean} embed show the picture alone
 * @property {string} lang the language asked for in the address, or empty
 */

/**
 * @param {{ pathname: string, search: string }} address
 * @returns {Place}
 */
export function readPlace(address) {
  const parts = CONSOLE_PATH.exec(address.pathname);
  const query = new URLSearchParams(address.search);
  return {
    base: parts?.[1] ?? "",
    sessionId: decode(parts?.[2] ?? ""),
    embed: isOn(query.get("embed")),
    lang: query.get("lang") ?? "",
  };
}

/**
 * The address of a session's console page (or of the opening page, without an id); an explicit `?lang=` travels along.
 * @param {Place} place
 * @param {string} [sessionId]
 */
export function consolePath(place, sessionId = "") {
  const path = sessionId === "" ? `${place.base}/control` : `${place.base}/control/${encodeURIComponent(sessionId)}`;
  return place.lang === "" ? path : `${path}?lang=${encodeURIComponent(place.lang)}`;
}

/**
 * @param {Pick<Place, "base" | "sessionId">} place
 * @param {{ protocol: string, host: string }} address
 */
export function socketUrl(place, address) {
  const scheme = address.protocol === "https:" ? "wss" : "ws";
  return `${scheme}://${address.host}${place.base}/ws/${encodeURIComponent(place.sessionId)}`;
}

/** @param {string | null} value */
function isOn(value) {
  return value !== null && value !== "0" && value !== "false";
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray % in the address: the server will say that it knows no such session
  }
}
