// The opening page: a key where one is needed, a box for the session id, and the inbox.

import { consolePath } from "../../../src/client/console-url.ts";
import { isOpenToAll, keepKey, keptKey } from "../shared/credentials.js";
import { part, say, show } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { Inbox } from "./inbox.js";
import { KeyForm } from "./key-form.js";

/** @typedef {import("../../../src/client/console-url.ts").ConsoleUrl} ConsoleUrl */

/** What the server says to a key that is not good, or not good for this. */
const KEY_REFUSED = new Set(["unauthorized", "forbidden"]);
/** Longer than that the copy button need not praise itself. */
const PRAISE_MS = 2_000;

/**
 * @param {ConsoleUrl} consoleUrl
 * @returns {{ translate: () => void }}
 */
export function startOpening(consoleUrl) {
  const example = part("curl", HTMLElement);
  const forget = part("forget-key", HTMLButtonElement);
  const needsKey = !isOpenToAll();
  const keyForm = new KeyForm(useKey);
  let key = needsKey ? keptKey() : "";
  /** The server has taken it. */
  let isKeyGood = key !== "";
  const inbox = new Inbox(consoleUrl, { onListed, onFailure });

  wireBox(consoleUrl);
  wireCopy(example);
  forget.addEventListener("click", () => {
    dropKey();
    keyForm.done();
    inbox.close();
    render();
  });
  say(
    example,
    [
      `curl -X POST ${location.origin}${consoleUrl.base}/sessions \\`,
      ...(needsKey ? [`  -H "authorization: Bearer $CAPTCHA_REMOTE_KEY" \\`] : []),
      `  -H 'content-type: application/json' \\`,
      `  -d '{"url":"https://example.com/login"}'`,
    ].join("\n"),
  );
  document.body.setAttribute("data-phase", "opening");
  if (!needsKey || key !== "") inbox.open(key);
  render();
  return {
    translate() {
      inbox.translate();
      render();
    },
  };

  function onListed() {
    if (!needsKey || isKeyGood) return;
    isKeyGood = true;
    keepKey(key);
    keyForm.done();
    render();
  }

  /** A key that has worked outlives a server that is away, but not its own end. @param {import("../shared/api.js").ApiFailure} failure */
  function onFailure(failure) {
    const isOver = needsKey && (!isKeyGood || KEY_REFUSED.has(failure.code));
    if (!isOver) return false;
    dropKey();
    keyForm.refused(failure);
    render();
    return true;
  }

  /** @param {string} entered */
  function useKey(entered) {
    key = entered;
    inbox.open(key);
    render();
  }

  function dropKey() {
    key = "";
    isKeyGood = false;
    keepKey("");
  }

  function render() {
    const isIn = !needsKey || isKeyGood;
    keyForm.render(!isIn);
    for (const element of [part("open-form", HTMLFormElement), part("living", HTMLElement)]) show(element, isIn);
    show(forget, needsKey);
    inbox.render();
  }
}

/** @param {ConsoleUrl} consoleUrl */
function wireBox(consoleUrl) {
  const box = part("session-id", HTMLInputElement);
  part("open-form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    const id = box.value.trim();
    if (id === "") box.focus();
    else location.assign(consolePath(consoleUrl, id));
  });
}

/** @param {HTMLElement} example */
function wireCopy(example) {
  const button = part("copy", HTMLButtonElement);
  // The clipboard is there on https and on loopback only; elsewhere the text can still be marked by hand.
  show(button, navigator.clipboard !== undefined);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(example.textContent ?? "").catch(() => undefined);
    say(button, t("copied"));
    setTimeout(() => say(button, t("copy")), PRAISE_MS);
  });
}
