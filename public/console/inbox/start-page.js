// The start page: a key if one is needed, a box for the session id, and the inbox.

import { consolePath } from "../../../src/client/console-url.ts";
import { isOpenToAll, keepKey, keptKey } from "../shared/credentials.js";
import { byId, setText, setVisible } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { Inbox } from "./inbox.js";
import { KeyForm } from "./key-form.js";

/** @typedef {import("../../../src/client/console-url.ts").ConsoleUrl} ConsoleUrl */

/**
 * @typedef {{ name: "not_needed" } | { name: "missing" } | { name: "trying" | "accepted", key: string }} KeyState
 *   `accepted` by the server, now or earlier in this tab
 */

/** The codes for a key that is not valid, or not allowed to list sessions. */
const KEY_REFUSED = new Set(["unauthorized", "forbidden"]);
/** How long the copy button says that it has copied. */
const COPIED_MS = 2_000;

/**
 * @param {ConsoleUrl} consoleUrl
 * @returns {{ translate: () => void }}
 */
export function openStartPage(consoleUrl) {
  const example = byId("curl", HTMLElement);
  const forget = byId("forget-key", HTMLButtonElement);
  const needsKey = !isOpenToAll();
  const keyForm = new KeyForm(useKey);
  let state = firstState(needsKey);
  const inbox = new Inbox(consoleUrl, { onListed, onFailure });

  wireBox(consoleUrl);
  wireCopy(example);
  forget.addEventListener("click", () => {
    dropKey();
    keyForm.done();
    inbox.close();
    render();
  });
  setText(
    example,
    [
      `curl -X POST ${location.origin}${consoleUrl.base}/sessions \\`,
      ...(needsKey ? [`  -H "authorization: Bearer $CAPTCHA_REMOTE_KEY" \\`] : []),
      `  -H 'content-type: application/json' \\`,
      `  -d '{"url":"https://example.com/login"}'`,
    ].join("\n"),
  );
  document.body.setAttribute("data-phase", "opening");
  if (state.name === "not_needed") inbox.open("");
  else if (state.name === "accepted") inbox.open(state.key);
  render();
  return {
    translate() {
      inbox.translate();
      render();
    },
  };

  function onListed() {
    if (state.name !== "trying") return;
    state = { name: "accepted", key: state.key };
    keepKey(state.key);
    keyForm.done();
    render();
  }

  /** A key that has worked is kept while the server is down, and dropped when the server refuses it. @param {import("../shared/api.js").ApiFailure} failure */
  function onFailure(failure) {
    const isRefused = state.name === "trying" || (state.name === "accepted" && KEY_REFUSED.has(failure.code));
    if (!isRefused) return false;
    dropKey();
    keyForm.refused(failure);
    render();
    return true;
  }

  /** @param {string} key */
  function useKey(key) {
    state = { name: "trying", key };
    inbox.open(key);
    render();
  }

  function dropKey() {
    state = { name: "missing" };
    keepKey("");
  }

  function render() {
    const isIn = state.name === "not_needed" || state.name === "accepted";
    keyForm.render(!isIn);
    for (const element of [byId("open-form", HTMLFormElement), byId("living", HTMLElement)]) setVisible(element, isIn);
    setVisible(forget, needsKey);
    inbox.render();
  }
}

/** @param {boolean} needsKey @returns {KeyState} */
function firstState(needsKey) {
  if (!needsKey) return { name: "not_needed" };
  const key = keptKey();
  return key === "" ? { name: "missing" } : { name: "accepted", key };
}

/** @param {ConsoleUrl} consoleUrl */
function wireBox(consoleUrl) {
  const box = byId("session-id", HTMLInputElement);
  byId("open-form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    const id = box.value.trim();
    if (id === "") box.focus();
    else location.assign(consolePath(consoleUrl, id));
  });
}

/** @param {HTMLElement} example */
function wireCopy(example) {
  const button = byId("copy", HTMLButtonElement);
  // Browsers offer the clipboard on https and on loopback only; elsewhere the text can still be selected by hand.
  setVisible(button, navigator.clipboard !== undefined);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(example.textContent ?? "").catch(() => undefined);
    setText(button, t("copied"));
    setTimeout(() => setText(button, t("copy")), COPIED_MS);
  });
}
