// Says that a session has arrived: by a number in the title, and where that was asked for, by a sound and the system's own notice.

import { part } from "./dom.js";
import { t } from "./i18n.js";
import { recall, remember } from "./preferences.js";

/** @import { SessionListItem } from "../src/protocol/rest.ts" */

/** Two short tones, as loud as a hint should be. */
const TONES = [660, 880];
const TONE_SECONDS = 0.12;
const LOUDNESS = 0.08;

export class Alerts {
  #sound = part("alert-sound", HTMLButtonElement);
  #notice = part("alert-notice", HTMLButtonElement);
  /** Only a press may make it. @type {AudioContext | null} */
  #audio = null;

  constructor() {
    this.#sound.addEventListener("click", () => {
      remember("sound", this.#hasSound ? "off" : "on");
      if (this.#hasSound) this.#ring();
      this.translate();
    });
    this.#notice.addEventListener("click", async () => {
      await Notification.requestPermission();
      this.translate();
    });
    // Browsers let a page sound once somebody has pressed something in it.
    addEventListener("pointerdown", () => this.#hasSound && this.#context(), { once: true });
    this.translate();
  }

  translate() {
    this.#sound.setAttribute("aria-pressed", String(this.#hasSound));
    const mayAsk = "Notification" in window && Notification.permission !== "denied";
    this.#notice.hidden = !mayAsk;
    this.#notice.setAttribute("aria-pressed", String(mayAsk && Notification.permission === "granted"));
  }

  /** How many wait for somebody. @param {number} count */
  count(count) {
    document.title = count === 0 ? t("app_name") : `(${count}) ${t("app_name")}`;
  }

  /** @param {readonly SessionListItem[]} sessions that have just come @param {(id: string) => void} open */
  arrived(sessions, open) {
    const [first] = sessions;
    if (!first) return;
    if (this.#hasSound) this.#ring();
    if (!("Notification" in window) || Notification.permission !== "granted" || !document.hidden) return;
    const title = sessions.length === 1 ? (first.label ?? t("arrived_one")) : t("arrived_many", { n: sessions.length });
    const notice = new Notification(title, { body: first.instructions ?? "", tag: "captcha-remote" });
    notice.onclick = () => {
      notice.close();
      window.focus();
      open(first.session_id);
    };
  }

  get #hasSound() {
    return recall("sound") === "on";
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
