// What was copied in the page: it goes to the person's own clipboard, at once where they pressed the keys for it, else on a click.

import { element } from "../shared/dom.js";
import { t } from "../shared/i18n.js";

/** @import { ServerMessageOf } from "../../../src/protocol/live.ts" */

/** The beginning says enough to recognise it. */
const MOST_SHOWN = 60;

export class CopiedText {
  #toast;

  /** @param {import("./toast.js").Toast} toast */
  constructor(toast) {
    this.#toast = toast;
  }

  /** @param {ServerMessageOf<"copied">} message */
  async show({ text, by, cut }) {
    // A page may copy whatever it likes when it is pressed: that must not replace what the person has on their clipboard.
    if (by === "key" && (await write(text))) {
      this.#toast.announce(t(cut ? "copied_beginning" : "copied_here", { text: shortened(text) }));
      return;
    }
    this.#toast.offer(t("copied_in_page", { text: shortened(text) }), t("copied_take"), async () => {
      this.#toast.announce(t((await write(text)) || writeBySelection(text) ? "copied_taken" : "copied_failed"));
    });
  }
}

/** @param {string} text */
function shortened(text) {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > MOST_SHOWN ? `${line.slice(0, MOST_SHOWN)}…` : line;
}

/** Whether the browser allowed it. @param {string} text */
async function write(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** On a page without TLS there is no other way; it needs a click. @param {string} text */
function writeBySelection(text) {
  const field = element("textarea", "sr-only");
  field.value = text;
  document.body.append(field);
  field.select();
  const isCopied = document.execCommand("copy");
  field.remove();
  return isCopied;
}
