// The challenge inside a frame: draws it, and posts its events to the page around it.

import { mountChallenge } from "./challenge.js";
import { find } from "./dom.js";
import { FRAME_PADDING, LAYOUTS } from "./layout.js";
import { FRAME_MESSAGE, otherLoopbackOrigin } from "./loopback.js";

/** @import { PuzzleKind } from "../../src/demo/puzzle-types.ts" */

const params = new URLSearchParams(location.search);
const kind = params.get("kind") ?? "";
const parentOrigin = params.get("parent") ?? location.origin;

if (kind in LAYOUTS && [location.origin, otherLoopbackOrigin()].includes(parentOrigin)) {
  document.body.style.padding = `${FRAME_PADDING}px`;
  mountChallenge(find("main"), /** @type {PuzzleKind} */ (kind), {
    onDrawn: () => tell({ event: "drawn" }),
    onVerified: (token) => tell({ event: "verified", token }),
  });
} else {
  find("main").textContent = "There is no such challenge.";
}

/** @param {{ event: "drawn" } | { event: "verified", token: string }} message */
function tell(message) {
  parent.postMessage({ type: FRAME_MESSAGE, ...message }, parentOrigin);
}
