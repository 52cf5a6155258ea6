// The badge beside the connection's state: measures the round trip by pings, and shows the link quality.

import { byId, setText, setVisible } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { LinkQuality } from "./link-quality.js";

/** The widest values that the badge keeps room for. */
const WIDEST_TRIP_MS = 999;
const WIDEST_RATE = 99;

/** @import { ClientMessage } from "../../../src/protocol/live.ts" */

export class LinkQualityBadge {
  #quality = new LinkQuality();
  #send;
  #badge = byId("pulse", HTMLElement);
  #trip = byId("pulse-trip", HTMLElement);
  #rate = byId("pulse-rate", HTMLElement);

  /** @param {(message: ClientMessage) => boolean} send */
  constructor(send) {
    this.#send = send;
    this.translate();
  }

  /** Keeps room for the longest texts of this language. */
  translate() {
    const trip = t("quality_trip", { ms: WIDEST_TRIP_MS });
    const words = [t("quality_rate", { n: WIDEST_RATE }), t("quality_rest"), t("quality_stalled")];
    this.#badge.setAttribute("data-room", words.map((word) => `${trip} · ${word}`).join("\n"));
  }

  /** The connection is lost. */
  reset() {
    this.#quality.reset();
  }

  /** @param {string | number | undefined} replyTo of a pong */
  answered(replyTo) {
    this.#quality.answered(replyTo, performance.now());
  }

  /** @param {"motion" | "still" | undefined} kind of the picture that is on the screen now */
  pictureShown(kind) {
    this.#quality.pictureShown(kind, performance.now());
  }

  /** Median of the last ones, ms; null before the first. */
  get roundTrip() {
    return this.#quality.read(performance.now()).roundTrip;
  }

  /** @param {boolean} isLive there is a connection, and a picture on the screen */
  tick(isLive) {
    const now = performance.now();
    // Nobody looks at a hidden page, and its timers are too slow to measure with.
    const id = isLive && !document.hidden ? this.#quality.nextPing(now) : null;
    if (id !== null) this.#send({ type: "ping", id });
    const { roundTrip, rate, state } = this.#quality.read(now);
    setVisible(this.#badge, isLive);
    this.#badge.setAttribute("data-pulse", state);
    setText(this.#trip, t("quality_trip", { ms: roundTrip === null ? "–" : Math.round(roundTrip) }));
    if (state === "moving") this.#setRate(t("quality_rate", { n: rate }), t("quality_moving_title"));
    else if (state === "rest") this.#setRate(t("quality_rest"), t("quality_rest_title"));
    else this.#setRate(t("quality_stalled"), t("quality_stalled_title"));
  }

  /** @param {string} words @param {string} title */
  #setRate(words, title) {
    setText(this.#rate, words);
    if (this.#badge.title !== title) this.#badge.title = title;
  }
}
