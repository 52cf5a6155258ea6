// The sounds of the challenge, each with a button that plays it here: decoded by Web Audio, as the console loads no media.

import { bearersFor } from "../shared/credentials.js";
import { byId, element, setText, setVisible } from "../shared/dom.js";
import { t } from "../shared/i18n.js";

/** @import { ServerMessageOf } from "../../../src/protocol/live.ts" */
/** @typedef {ServerMessageOf<"sound">} Sound */

/** As many as the server keeps. */
const MOST_SOUNDS = 5;

export class SoundList {
  #consoleUrl;
  #toast;
  #list = byId("sounds", HTMLElement);
  /** Oldest first. @type {{ sound: Sound, number: number, button: HTMLButtonElement }[]} */
  #rows = [];
  #count = 0;
  /** @type {AudioContext | null} */
  #audio = null;
  /** @type {{ source: AudioBufferSourceNode, button: HTMLButtonElement } | null} */
  #playing = null;

  /** @param {import("../../../src/client/console-url.ts").ConsoleUrl} consoleUrl @param {import("./toast.js").Toast} toast */
  constructor(consoleUrl, toast) {
    this.#consoleUrl = consoleUrl;
    this.#toast = toast;
  }

  /** One that is there already, as after a lost connection, stays. @param {Sound} sound */
  add(sound) {
    if (this.#rows.some((row) => row.sound.sound_id === sound.sound_id)) return;
    this.#count += 1;
    const button = element("button", "quiet sound");
    button.type = "button";
    const row = { sound, number: this.#count, button };
    button.addEventListener("click", () => void this.#toggle(sound, button));
    this.#rows.push(row);
    this.#list.append(button);
    for (const old of this.#rows.splice(0, this.#rows.length - MOST_SOUNDS)) old.button.remove();
    this.translate();
    setVisible(this.#list, true);
  }

  /** The page, or this person's part in it, is gone. */
  clear() {
    this.#stop();
    this.#rows = [];
    this.#list.replaceChildren();
    setVisible(this.#list, false);
  }

  translate() {
    for (const { number, button } of this.#rows) {
      const isPlaying = this.#playing?.button === button;
      setText(button, t(isPlaying ? "sound_stop" : "sound_play", { n: number }));
    }
  }

  /** @param {Sound} sound @param {HTMLButtonElement} button */
  async #toggle(sound, button) {
    const wasPlaying = this.#playing?.button === button;
    this.#stop();
    if (wasPlaying) return;
    try {
      // Made by a click, or the browser keeps it silent.
      this.#audio ??= new AudioContext();
      void this.#audio.resume();
      const buffer = await this.#audio.decodeAudioData(await this.#fetch(sound));
      this.#stop();
      const source = this.#audio.createBufferSource();
      source.buffer = buffer;
      source.connect(this.#audio.destination);
      source.addEventListener("ended", () => this.#playing?.source === source && this.#stop());
      source.start();
      this.#playing = { source, button };
      this.translate();
    } catch {
      this.#toast.announce(t("sound_failed"));
    }
  }

  #stop() {
    const playing = this.#playing;
    this.#playing = null;
    playing?.source.stop();
    this.translate();
  }

  /** @param {Sound} sound @returns {Promise<ArrayBuffer>} */
  async #fetch({ sound_id }) {
    const { base, sessionId } = this.#consoleUrl;
    const url = `${base}/session/${encodeURIComponent(sessionId)}/sounds/${encodeURIComponent(sound_id)}`;
    const bearers = bearersFor(this.#consoleUrl);
    for (const bearer of bearers.length > 0 ? bearers : [""]) {
      const response = await fetch(url, bearer === "" ? {} : { headers: { authorization: `Bearer ${bearer}` } });
      if (response.ok) return response.arrayBuffer();
    }
    throw new Error("The sound is gone.");
  }
}
