// The line that says how things stand: connection, time left, who is in control, what to do.

import { part, say, show } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { countdown } from "../shared/time-format.js";
import { mayAct, phaseOf, timeLeft } from "./session-model.js";

/** @typedef {import("./session-model.js").Model} Model */

/** What one press of the "+" asks for. */
export const EXTEND_SECONDS = 60;
/** From here on, or from the server's warning on, the clock is shown in a warning colour: time for the "+". */
const SOON_MS = 30_000;

export class Status {
  #parts = {
    title: part("session-title", HTMLElement),
    people: part("people", HTMLElement),
    line: part("connection-text", HTMLElement),
    retry: part("retry", HTMLButtonElement),
    time: part("time", HTMLElement),
    left: part("time-left", HTMLElement),
    extend: part("extend", HTMLButtonElement),
    instructions: part("instructions-text", HTMLElement),
    watching: part("watching", HTMLElement),
    watchingText: part("watching-text", HTMLElement),
    takeControl: part("take-control", HTMLButtonElement),
    veil: part("veil", HTMLElement),
    veilText: part("veil-text", HTMLElement),
    veilHint: part("veil-hint", HTMLElement),
    sendText: part("send-text", HTMLButtonElement),
    keys: part("keys", HTMLFieldSetElement),
    finish: part("finish", HTMLFieldSetElement),
  };
  #sessionId;

  /** @param {string} sessionId */
  constructor(sessionId) {
    this.#sessionId = sessionId;
  }

  /** @param {Model} model @param {boolean} hasPicture */
  render(model, hasPicture) {
    const parts = this.#parts;
    const phase = phaseOf(model);
    const body = document.body;
    body.setAttribute("data-phase", phase);
    body.setAttribute("data-state", model.state ?? "");
    body.setAttribute("data-role", model.watchOnly ? "watch" : "control");
    body.setAttribute("data-outcome", model.end?.outcome ?? "");
    body.classList.toggle("may-act", mayAct(model));

    const name = model.label || this.#sessionId;
    say(parts.title, name);
    document.title = `${phase === "ended" ? `${t("ended")}: ` : ""}${name} · ${t("app_name")}`;
    say(parts.people, t("people_many", { n: model.operators }));
    show(parts.people, model.operators > 1 && phase !== "ended");
    say(parts.instructions, model.instructions || t("instructions_default"));

    const held = phase === "live" && !mayAct(model);
    show(parts.watching, held);
    say(parts.watchingText, model.watchOnly ? t("watch_only") : t("watching"));
    show(parts.takeControl, !model.watchOnly);
    // The text field itself stays: what is half typed, perhaps half composed, outlives a lost connection.
    parts.sendText.disabled = !mayAct(model);
    parts.keys.disabled = !mayAct(model);
    parts.finish.disabled = !mayAct(model);

    show(parts.retry, waitsToRetry(model.line) && phase !== "ended");
    show(parts.veil, phase === "connecting" || phase === "starting" || (phase === "live" && !hasPicture));
    say(parts.veilText, phase === "live" ? t("first_picture") : phase === "starting" ? t("starting") : t("connecting"));
    say(parts.veilHint, phase === "starting" ? t("starting_hint") : "");
    this.tick(model, Date.now());
  }

  /** What changes by itself: the countdowns. @param {Model} model @param {number} now */
  tick(model, now) {
    const parts = this.#parts;
    const phase = phaseOf(model);
    say(parts.line, lineWords(model, now));
    const left = timeLeft(model, now);
    const living = phase === "live" || phase === "reconnecting";
    show(parts.time, left !== null && living);
    if (left === null) return;
    say(parts.left, countdown(left));
    parts.time.classList.toggle("soon", left < Math.max(SOON_MS, model.warnedAt));
    show(parts.extend, !model.watchOnly);
    parts.extend.disabled = phase !== "live";
    say(parts.extend, t("add_time", { s: EXTEND_SECONDS }));
    parts.extend.setAttribute("aria-label", t("add_time_label", { s: EXTEND_SECONDS }));
  }
}

/** @param {Model} model @param {number} now */
function lineWords(model, now) {
  switch (phaseOf(model)) {
    case "ended":
      return t("ended");
    case "starting":
      return t("starting");
    case "live":
      return mayAct(model) ? t("live") : t("live_watching");
    case "connecting":
      return t("connecting");
    case "reconnecting": {
      const { line } = model;
      const n = line.name === "RECONNECTING" ? line.attempt : 1;
      if (!waitsToRetry(line)) return t("reconnecting_now", { n });
      return t("reconnecting_in", { s: Math.max(1, Math.ceil((line.retryAt - now) / 1000)), n });
    }
  }
}

/** @param {import("../../../src/client/operator-connection.ts").ConnectionState} line
 * @returns {line is Extract<import("../../../src/client/operator-connection.ts").ConnectionState, { name: "RECONNECTING" }> & { retryAt: number }} */
function waitsToRetry(line) {
  return line.name === "RECONNECTING" && line.retryAt !== null;
}
