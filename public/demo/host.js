// The page around a challenge: shows the challenge in place or in a frame, and goes on once it is cleared.

import { mountChallenge } from "./challenge.js";
import { element, find } from "./dom.js";
import { FRAME_PADDING, LAYOUTS } from "./layout.js";
import { FRAME_MESSAGE, otherLoopbackOrigin } from "./loopback.js";
import { SITES } from "./sites.js";

/** @import { PuzzleKind } from "../../src/demo/puzzle-types.ts" */

/** Time in ms from the first drawing to the change of layout that `?shift=1` requests. */
const SHIFT_AFTER_MS = 1_500;

/** The last part of the page's path names its challenge, as in /jigsaw.html. */
const kind = /** @type {PuzzleKind} */ (location.pathname.split("/").at(-1)?.replace(".html", ""));
const params = new URLSearchParams(location.search);
const slot = find("#slot");
const form = /** @type {HTMLFormElement} */ (find("form"));

dress();
const placement = params.get("frame");
if (placement === "same") showInFrame(location.origin);
else if (placement === "cross") showInFrame(otherLoopbackOrigin());
else mountChallenge(slot, kind, { onDrawn, onVerified });

form.addEventListener("submit", (event) => {
  event.preventDefault();
  find("#ask").hidden = true;
  find("#done").hidden = false;
});

function dress() {
  const { name, task, lead, field, outcome } = SITES[kind];
  document.title = `${task} · ${name}`;
  const words = { "site-mark": name.slice(0, 1), "site-name": name, task, lead, "field-label": field.label, outcome };
  for (const [id, text] of Object.entries(words)) find(`#${id}`).textContent = text;
  Object.assign(find("#field"), { type: field.type, value: field.value });
}

/** @param {string} origin */
function showInFrame(origin) {
  const { width, height } = LAYOUTS[kind].container;
  const source = new URL("widget.html", `${origin}${location.pathname}`);
  source.search = new URLSearchParams({ kind, parent: location.origin }).toString();
  const frame = element("iframe", { class: "slot-frame", title: "Verification", src: source.href });
  frame.style.width = `${width + 2 * FRAME_PADDING}px`;
  frame.style.height = `${height + 2 * FRAME_PADDING}px`;
  slot.append(frame);
  window.addEventListener("message", ({ source, origin: from, data }) => {
    if (source !== frame.contentWindow || from !== origin || data?.type !== FRAME_MESSAGE) return;
    if (data.event === "drawn") onDrawn();
    if (data.event === "verified" && typeof data.token === "string") {
      frame.remove();
      onVerified(data.token);
    }
  });
}

function onDrawn() {
  if (params.get("shift") === "1") setTimeout(showBanner, SHIFT_AFTER_MS);
}

function showBanner() {
  find("main").prepend(element("p", { class: "banner" }, ["Free delivery this week on orders over 20 €"]));
}

/** The challenge is gone. @param {string} token */
function onVerified(token) {
  document.documentElement.setAttribute("data-verified-at", String(Date.now()));
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API needs a secure context and is not everywhere.
  document.cookie = `demo_verified=${token}; path=/; SameSite=Lax`;
  const field = /** @type {HTMLInputElement} */ (find('input[name="demo-token"]'));
  field.value = token;
  slot.hidden = true;
  find("#verified").hidden = false;
  /** @type {HTMLButtonElement} */ (find("#continue")).disabled = false;
}
