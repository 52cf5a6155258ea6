// What the console knows about its session: one immutable value, replaced for each message and each change of the connection.

import { toMs } from "../shared/time-format.js";

/** @import { ClientMessage, PageWindow, ServerMessage } from "../../../src/protocol/live.ts" */
/** @import { SessionState } from "../../../src/protocol/common.ts" */
/** @typedef {import("../../../src/client/operator-connection.ts").ConnectionState} ConnectionState */
/** @typedef {import("./geometry.js").Box} Box */

/** @typedef {"connecting" | "starting" | "live" | "reconnecting" | "ended"} Phase */

/**
 * @typedef {object} End
 * @property {string} outcome `solved`, `failed`, `expired`, `cancelled`, or why there is no connection: `not_found`, `refused`, `ended`
 * @property {string | null} reason a code of the contract
 * @property {string | null} verified
 */

/**
 * @typedef {object} Model
 * @property {ConnectionState} connection
 * @property {boolean} joined the server has answered this connection with `session_info`
 * @property {boolean} everJoined it has answered any connection
 * @property {SessionState | null} state
 * @property {End | null} end
 * @property {Box | null} view of the newest `session_info`
 * @property {Box | null} challenge where it is on the page
 * @property {number | null} expiresAt on the server's clock, ms since 1970
 * @property {number} clockAhead ms the server's clock is ahead of ours
 * @property {number} warnedAt ms that were left at the last `expiring` message; 0: there was none
 * @property {string | null} movedOnAt when the page moved on, ISO 8601; null: it has not, or a challenge shows again
 * @property {string} instructions
 * @property {string} label
 * @property {boolean} watchOnly
 * @property {boolean} hasTouch the page takes fingers
 * @property {boolean} isMobile the page is a phone's
 * @property {boolean} canNavigate the page can be loaded anew, and goes back
 * @property {{ holder: string | null, you: boolean } | null} control null until the server has said
 * @property {number} operators
 * @property {readonly PageWindow[]} windows of the page, the first one first; empty while there is one only
 * @property {{ code: string, message: string, details: Record<string, unknown> | null } | null} error the last one
 */

/** @type {Readonly<Record<number, { outcome: string, code: string }>>} */
const FINAL_CLOSES = {
  4401: { outcome: "refused", code: "unauthorized" },
  4403: { outcome: "refused", code: "forbidden" },
  4404: { outcome: "not_found", code: "session_not_found" },
  4410: { outcome: "ended", code: "session_ended" },
};
/** @type {ReadonlySet<ClientMessage["type"]>} */
const WATCHER_MESSAGES = new Set(["ack", "view", "ping", "pong"]);
const ENDS = new Set(["solved", "failed", "expired", "cancelled"]);

/** @returns {Model} */
export function newModel() {
  return {
    connection: { name: "DISCONNECTED" },
    joined: false,
    everJoined: false,
    state: null,
    end: null,
    view: null,
    challenge: null,
    expiresAt: null,
    clockAhead: 0,
    warnedAt: 0,
    movedOnAt: null,
    instructions: "",
    label: "",
    watchOnly: false,
    hasTouch: false,
    isMobile: false,
    canNavigate: false,
    control: null,
    operators: 0,
    windows: [],
    error: null,
  };
}

/** @param {Model} model @returns {Phase} */
export function phaseOf(model) {
  if (model.end !== null) return "ended";
  if (model.connection.name === "CONNECTED" && model.joined) return model.state === "starting" ? "starting" : "live";
  return model.everJoined || model.connection.name === "RECONNECTING" ? "reconnecting" : "connecting";
}

/** Whether presses go to the page: control that nobody has is free to take. @param {Model} model */
export function mayAct(model) {
  const free = model.control === null || model.control.you || model.control.holder === null;
  return phaseOf(model) === "live" && free && !model.watchOnly;
}

/** Whether the server accepts such a message: a watch link is for looking only.
 * @param {Model} model @param {ClientMessage["type"]} type */
export function maySay(model, type) {
  return !model.watchOnly || WATCHER_MESSAGES.has(type);
}

/** Ms until the session expires, or null where it never does. @param {Model} model @param {number} now */
export function timeLeft(model, now) {
  return model.expiresAt === null ? null : model.expiresAt - (now + model.clockAhead);
}

/**
 * @param {Model} model
 * @param {ConnectionState} connection
 * @returns {Model}
 */
export function withConnection(model, connection) {
  const joined = connection.name === "CONNECTED" && model.joined;
  const isFinal = connection.name === "CLOSED" || connection.name === "FAILED";
  const final = isFinal ? FINAL_CLOSES[connection.code] : undefined;
  if (final === undefined || model.end !== null) return { ...model, connection, joined };
  const end = { outcome: final.outcome, reason: model.error?.code ?? final.code, verified: null };
  return { ...model, connection, joined, end: knownEnd(model) ?? end };
}

/**
 * @param {Model} model
 * @param {ServerMessage & { timestamp?: number }} message
 * @param {number} now ms since 1970
 * @returns {Model}
 */
export function withMessage(model, message, now) {
  const next = { ...model, clockAhead: message.timestamp === undefined ? model.clockAhead : message.timestamp - now };
  switch (message.type) {
    case "session_info":
      return {
        ...next,
        joined: true,
        everJoined: true,
        error: null,
        state: message.state,
        view: message.view,
        challenge: message.captcha_info,
        expiresAt: toMs(message.expires_at),
        // A challenge may have come back while the connection was lost.
        movedOnAt: model.joined || message.captcha_info === null ? model.movedOnAt : null,
        instructions: message.instructions ?? "",
        label: message.label ?? "",
        watchOnly: message.role === "watch",
        hasTouch: message.touch === true,
        isMobile: message.mobile === true,
        canNavigate: message.navigates === true,
        windows: model.joined ? model.windows : [],
      };
    case "session_state": {
      const moved = { ...next, state: message.state, expiresAt: toMs(message.expires_at) ?? model.expiresAt };
      if (!ENDS.has(message.state) || model.end !== null) return moved;
      // The server sends two messages for a solved session, a state and `completed`; the second one says how it was verified.
      return { ...moved, end: { outcome: message.state, reason: message.reason, verified: null } };
    }
    case "expiring":
      return {
        ...next,
        expiresAt: toMs(message.expires_at) ?? model.expiresAt,
        warnedAt: message.seconds_left * 1_000,
      };
    case "moved_on":
      return { ...next, movedOnAt: message.at };
    case "completed": {
      const end = { outcome: "solved", reason: model.end?.reason ?? null, verified: message.verified };
      return { ...next, state: "solved", end: model.end === null || model.end.outcome === "solved" ? end : model.end };
    }
    case "control":
      return { ...next, control: { holder: message.holder, you: message.you } };
    case "windows":
      return { ...next, windows: message.windows };
    case "presence":
      return { ...next, operators: message.operators };
    case "error":
      return { ...next, error: { code: message.code, message: message.message, details: message.details } };
    default:
      return next;
  }
}

/** How a session ended that had ended before this page joined it: the error may say so. @param {Model} model @returns {End | null} */
function knownEnd(model) {
  const { state, reason, verified } = model.error?.details ?? {};
  if (typeof state !== "string" || !ENDS.has(state)) return null;
  return {
    outcome: state,
    reason: typeof reason === "string" ? reason : null,
    verified: typeof verified === "string" ? verified : null,
  };
}
