// The pill beside the connection's words: asks the line for its round trip and shows what the pulse says.

import { part, say, show } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { Pulse } from "./link-quality.js";

/** Slower and faster than this the pill may grow. */
const WIDEST_TRIP_MS = 999;
const WIDEST_RATE = 99;

/** @import { ClientMessage } from "../../../src/protocol/live.ts" */

export class Pill {
  #pulse = new Pulse();
  #send;
  #pill = part("pulse", HTMLElement);
  #trip = part("pulse-trip", HTMLElement);
  #rate = part("pulse-rate", HTMLElement);

  /** @param {(message: ClientMessage) => boolean} send */
  constructor(send) {
    this.#send = send;
    this.translate();
  }

  /** Keeps room for the longest words of this language. */
  translate() {
    const trip = t("pulse_trip", { ms: WIDEST_TRIP_MS });
    const words = [t("pulse_rate", { n: WIDEST_RATE }), t("pulse_rest"), t("pulse_stalled")];
    this.#pill.setAttribute("data-room", words.map((word) => `${trip} · ${word}`).join("\n"));
  }

  /** The line is gone. */
  reset() {
    this.#pulse.reset();
  }

  /** @param {string | number | undefined} replyTo of a pong */
  answered(replyTo) {
    this.#pulse.answered(replyTo, performance.now());
  }

  /** @param {"motion" | "still" | undefined} kind of the picture that is on the screen now */
  pictureShown(kind) {
    this.#pulse.pictureShown(kind, performance.now());
  }

  /** @param {boolean} isLive there is a line, and a picture on the screen */
  tick(isLive) {
    const now = performance.now();
    // Nobody looks at a hidden page, and its timers are too slow to measure anything.
    const id = isLive && !document.hidden ? this.#pulse.nextPing(now) : null;
    if (id !== null) this.#send({ type: "ping", id });
    const { roundTrip, rate, state } = this.#pulse.read(now);
    show(this.#pill, isLive);
    this.#pill.setAttribute("data-pulse", state);
    say(this.#trip, t("pulse_trip", { ms: roundTrip === null ? "–" : Math.round(roundTrip) }));
    if (state === "moving") this.#tell(t("pulse_rate", { n: rate }), t("pulse_moving_title"));
    else if (state === "rest") this.#tell(t("pulse_rest"), t("pulse_rest_title"));
    else this.#tell(t("pulse_stalled"), t("pulse_stalled_title"));
  }

  /** @param {string} words @param {string} title */
  #tell(words, title) {
    say(this.#rate, words);
    if (this.#pill.title !== title) this.#pill.title = title;
  }
}
