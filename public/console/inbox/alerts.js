// Announces a session that has arrived: by a number in the title and, if switched on, by a sound and a system notification.

import { byId } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { recall, remember } from "../shared/preferences.js";

/** @import { SessionListItem } from "../../../src/protocol/rest.ts" */

/** Two short tones, as loud as a hint should be. */
const TONES = [660, 880];
const TONE_SECONDS = 0.12;
const LOUDNESS = 0.08;

export class Alerts {
  #sound = byId("alert-sound", HTMLButtonElement);
  #notice = byId("alert-notice", HTMLButtonElement);
  /** What the operator switched on here: permission from the browser is not enough. */
  #wants = { sound: recall("sound") === "on", notices: recall("notices") === "on" };
  /** Browsers let only a press create it. @type {AudioContext | null} */
  #audio = null;

  constructor() {
    this.#sound.addEventListener("click", () => {
      this.#want("sound", !this.#wants.sound);
      if (this.#wants.sound) this.#ring();
    });
    this.#notice.addEventListener("click", async () => {
      // What the button shows is what a press turns round: a prompt that was dismissed has left it off.
      if (this.#showsNotices) return this.#want("notices", false);
      if (Notification.permission === "default") await Notification.requestPermission();
      this.#want("notices", Notification.permission === "granted");
    });
    // Browsers let a page make sounds only after a press in it.
    addEventListener("pointerdown", () => this.#wants.sound && this.#context(), { once: true });
    this.translate();
  }

  translate() {
    this.#sound.setAttribute("aria-pressed", String(this.#wants.sound));
    this.#notice.hidden = !("Notification" in window) || Notification.permission === "denied";
    this.#notice.setAttribute("aria-pressed", String(this.#showsNotices));
  }

  /** How many sessions wait for an operator. @param {number} count */
  count(count) {
    document.title = count === 0 ? t("app_name") : `(${count}) ${t("app_name")}`;
  }

  /** @param {readonly SessionListItem[]} sessions that have just arrived @param {(id: string) => void} open */
  arrived(sessions, open) {
    const [first] = sessions;
    if (!first) return;
    if (this.#wants.sound) this.#ring();
    if (!this.#showsNotices || !document.hidden) return;
    const title = sessions.length === 1 ? (first.label ?? t("arrived_one")) : t("arrived_many", { n: sessions.length });
    this.#notify(title, first, open);
  }

  /** @param {string} title @param {SessionListItem} session @param {(id: string) => void} open */
  #notify(title, { session_id, instructions }, open) {
    try {
      const notice = new Notification(title, { body: instructions ?? "", tag: "captcha-remote" });
      notice.onclick = () => {
        notice.close();
        window.focus();
        open(session_id);
      };
    } catch {
      // Phones have notifications of service workers only; the list, the title and the sound remain.
    }
  }

  get #showsNotices() {
    return this.#wants.notices && "Notification" in window && Notification.permission === "granted";
  }

  /** @param {"sound" | "notices"} what @param {boolean} isOn */
  #want(what, isOn) {
    this.#wants[what] = isOn;
    remember(what, isOn ? "on" : "off");
    this.translate();
  }

  #context() {
    this.#audio ??= new AudioContext();
    return this.#audio;
  }

  #ring() {
    const audio = this.#context();
    for (const [index, frequency] of TONES.entries()) {
      const tone = new OscillatorNode(audio, { frequency });
      const volume = new GainNode(audio, { gain: LOUDNESS });
      const start = audio.currentTime + index * TONE_SECONDS;
      volume.gain.setTargetAtTime(0, start + TONE_SECONDS / 2, TONE_SECONDS / 4);
      tone.connect(volume).connect(audio.destination);
      tone.start(start);
      tone.stop(start + TONE_SECONDS * 2);
    }
  }
}
