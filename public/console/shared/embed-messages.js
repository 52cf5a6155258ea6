// The messages between an embedded console and the page that frames it [W58]: how both sides post and read them.

/** @import { EMBED_VERSION, EmbedMessage, EmbedRequest } from "../../../src/protocol/embedding.ts" */

/** @type {typeof EMBED_VERSION} */
const VERSION = 1;

/**
 * Posts a message to a window, if a page of exactly this origin is in it.
 * @param {Window} target @param {EmbedMessage | EmbedRequest} message @param {string} origin
 */
export function postVersioned(target, message, origin) {
  target.postMessage({ captcha_remote: VERSION, ...message }, origin);
}

/**
 * The message in a posted value, without its version; null for somebody else's. Its other fields are not checked.
 * @param {unknown} data
 * @returns {({ readonly type: string } & Record<string, unknown>) | null}
 */
export function readVersioned(data) {
  if (typeof data !== "object" || data === null) return null;
  /** @type {Record<string, unknown>} */
  const fields = { ...data };
  const { captcha_remote: version, type, ...rest } = fields;
  return version === VERSION && typeof type === "string" ? { ...rest, type } : null;
}
