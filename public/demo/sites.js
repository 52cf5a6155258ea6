// The fictional sites around the challenges: one page with five sets of texts.

/** @import { PuzzleKind } from "../../src/demo/puzzle-types.ts" */

const EMAIL = { type: "email", label: "Email", value: "robin@example.com" };

/**
 * @typedef {object} Site
 * @property {string} name
 * @property {string} task the purpose of the visit
 * @property {string} lead
 * @property {{ type: string, label: string, value: string }} field
 * @property {string} outcome the text at the end
 */

/** @type {Record<PuzzleKind, Site>} */
export const SITES = {
  "scratch-card": {
    name: "Fern & Fig",
    task: "Claim your welcome gift",
    lead: "Show us you're a person first.",
    field: EMAIL,
    outcome: "Your gift is on its way",
  },
  jigsaw: {
    name: "Acorn Store",
    task: "Sign in to Acorn Store",
    lead: "One quick check, then you're in.",
    field: EMAIL,
    outcome: "Welcome back, Robin",
  },
  "click-order": {
    name: "Harbour Tickets",
    task: "Hold your seats",
    lead: "Two seats, row F. Held for ten minutes.",
    field: { type: "text", label: "Name on the booking", value: "Robin Vale" },
    outcome: "Row F is yours, Robin",
  },
  "text-code": {
    name: "Riverside Library",
    task: "Get a reader's card",
    lead: "Borrow up to twelve books at a time.",
    field: { type: "text", label: "Full name", value: "Robin Vale" },
    outcome: "Your card is ready, Robin",
  },
  rotate: {
    name: "Summit Forum",
    task: "Reset your password",
    lead: "We'll mail you a link that works once.",
    field: EMAIL,
    outcome: "Check your mail, Robin",
  },
};
