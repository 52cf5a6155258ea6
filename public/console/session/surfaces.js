// What the page asks of its person and offers them, beyond the picture. Few sessions need it: it is loaded with the first
// message that does.

import { CopiedText } from "./copied-text.js";
import { FileChooser } from "./file-chooser.js";
import { PageQuestions } from "./page-questions.js";
import { Picker } from "./picker.js";
import { SoundList } from "./sound-list.js";

/** @import { ClientMessage, ServerMessage } from "../../../src/protocol/live.ts" */
/**
 * @typedef {object} SurfacesPort
 * @property {(message: ClientMessage) => boolean} send
 * @property {(sentence: () => string) => void} log
 * @property {import("./toast.js").Toast} toast
 * @property {import("../../../src/client/console-url.ts").ConsoleUrl} consoleUrl
 * @property {() => void} onClosed the keys belong to the picture again
 */

export class Surfaces {
  #questions;
  #picker;
  #files;
  #sounds;
  #copied;

  /** @param {SurfacesPort} port */
  constructor(port) {
    const { send, toast, consoleUrl } = port;
    this.#questions = new PageQuestions((answer) => send(answer));
    this.#picker = new Picker(port);
    this.#files = new FileChooser(port);
    this.#sounds = new SoundList(consoleUrl, toast);
    this.#copied = new CopiedText(toast);
  }

  /** @param {ServerMessage} message */
  onMessage(message) {
    this.#questions.onMessage(message);
    if (message.type === "ask_pick") this.#picker.ask(message);
    else if (message.type === "ask_files") this.#files.ask(message);
    else if (message.type === "sound") this.#sounds.add(message);
    else if (message.type === "copied") void this.#copied.show(message);
    else if (message.type === "withdrawn") {
      this.#picker.withdrawn(message.question_id);
      this.#files.withdrawn(message.question_id);
    } else if (message.type === "control" && !message.you) {
      // Whoever is in control now is asked.
      this.close();
      this.#sounds.clear();
    }
  }

  /** @param {boolean} mayAct whether this person is the one who answers */
  render(mayAct) {
    this.#questions.render(mayAct);
  }

  /** This person cannot answer any more: what is still open is asked again. */
  close() {
    this.#picker.close();
    this.#files.close();
  }

  /** The connection is lost. */
  forget() {
    this.#questions.forget();
    this.close();
  }

  /** The session is over. */
  end() {
    this.forget();
    this.#sounds.clear();
  }

  translate() {
    this.#questions.translate();
    this.#picker.translate();
    this.#files.translate();
    this.#sounds.translate();
  }
}
