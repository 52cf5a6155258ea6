// The bar above the picture: connection, time left, who is in control, what to do.

import { byId, setText, setVisible } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { countdown } from "../shared/time-format.js";
import { mayAct, phaseOf, timeLeft } from "./session-model.js";

/** @import { ConnectionState } from "../../../src/client/operator-connection.ts" */
/** @typedef {import("./session-model.js").Model} Model */

/** The seconds that one press of the "+" asks for. */
export const EXTEND_SECONDS = 60;
/** Below this, or after the server's warning, the countdown has a warning colour: time for the "+". */
const SOON_MS = 30_000;

export class StatusBar {
  #parts = {
    title: byId("session-title", HTMLElement),
    people: byId("people", HTMLElement),
    connection: byId("connection-text", HTMLElement),
    retry: byId("retry", HTMLButtonElement),
    time: byId("time", HTMLElement),
    left: byId("time-left", HTMLElement),
    extend: byId("extend", HTMLButtonElement),
    instructions: byId("instructions-text", HTMLElement),
    watching: byId("watching", HTMLElement),
    watchingText: byId("watching-text", HTMLElement),
    takeControl: byId("take-control", HTMLButtonElement),
    veil: byId("veil", HTMLElement),
    veilText: byId("veil-text", HTMLElement),
    veilHint: byId("veil-hint", HTMLElement),
    sendText: byId("send-text", HTMLButtonElement),
    keys: byId("keys", HTMLFieldSetElement),
    finish: byId("finish", HTMLFieldSetElement),
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
    setText(parts.title, name);
    document.title = `${phase === "ended" ? `${t("ended")}: ` : ""}${name} · ${t("app_name")}`;
    setText(parts.people, t("people_many", { n: model.operators }));
    setVisible(parts.people, model.operators > 1 && phase !== "ended");
    setText(parts.instructions, model.instructions || t("instructions_default"));

    const held = phase === "live" && !mayAct(model);
    setVisible(parts.watching, held);
    setText(parts.watchingText, model.watchOnly ? t("watch_only") : t("watching"));
    setVisible(parts.takeControl, !model.watchOnly);
    // The text field itself stays enabled: half-typed, perhaps half-composed text outlives a lost connection.
    parts.sendText.disabled = !mayAct(model);
    parts.keys.disabled = !mayAct(model);
    parts.finish.disabled = !mayAct(model);

    setVisible(parts.retry, waitsToRetry(model.connection) && phase !== "ended");
    setVisible(parts.veil, phase === "connecting" || phase === "starting" || (phase === "live" && !hasPicture));
    setText(
      parts.veilText,
      phase === "live" ? t("first_picture") : phase === "starting" ? t("starting") : t("connecting"),
    );
    setText(parts.veilHint, phase === "starting" ? t("starting_hint") : "");
    this.tick(model, Date.now());
  }

  /** Renders what changes with the time: the countdowns. @param {Model} model @param {number} now */
  tick(model, now) {
    const parts = this.#parts;
    const phase = phaseOf(model);
    setText(parts.connection, connectionWords(model, now));
    const left = timeLeft(model, now);
    const living = phase === "live" || phase === "reconnecting";
    setVisible(parts.time, left !== null && living);
    if (left === null) return;
    setText(parts.left, countdown(left));
    parts.time.classList.toggle("soon", left < Math.max(SOON_MS, model.warnedAt));
    setVisible(parts.extend, !model.watchOnly);
    parts.extend.disabled = phase !== "live";
    setText(parts.extend, t("add_time", { s: EXTEND_SECONDS }));
    parts.extend.setAttribute("aria-label", t("add_time_label", { s: EXTEND_SECONDS }));
  }
}

/** @param {Model} model @param {number} now */
function connectionWords(model, now) {
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
      const { connection } = model;
      const n = connection.name === "RECONNECTING" ? connection.attempt : 1;
      if (!waitsToRetry(connection)) return t("reconnecting_now", { n });
      return t("reconnecting_in", { s: Math.max(1, Math.ceil((connection.retryAt - now) / 1000)), n });
    }
  }
}

/** @param {ConnectionState} connection
 * @returns {connection is Extract<ConnectionState, { name: "RECONNECTING" }> & { retryAt: number }} */
function waitsToRetry(connection) {
  return connection.name === "RECONNECTING" && connection.retryAt !== null;
}
