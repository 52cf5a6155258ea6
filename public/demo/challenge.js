// One challenge from start to end: its container, the loading of puzzles, attempts and their results.

import { CLICK_ORDER_FACE } from "./click-order.js";
import { element, place } from "./dom.js";
import { JIGSAW_FACE } from "./jigsaw.js";
import { ROTATE_FACE } from "./rotate.js";
import { SCRATCH_CARD_FACE } from "./scratch-card.js";
import { TEXT_CODE_FACE } from "./text-code.js";

/** @import { Attempt, PuzzleKind } from "../../src/demo/puzzle-types.ts" */
/** @import { Face } from "./face.js" */

/** @typedef {{ onDrawn?: () => void, onVerified: (token: string) => void }} ChallengeEvents */

const ANSWER_DEADLINE_MS = 10_000;
const WRONG_SHOWN_MS = 900;
/** How long the tick stays, in ms. Real challenges flash a tick and disappear. */
const VERIFIED_SHOWN_MS = 120;

/** @type {{ [Kind in PuzzleKind]: Face<Kind> }} */
const FACES = {
  "scratch-card": SCRATCH_CARD_FACE,
  jigsaw: JIGSAW_FACE,
  "click-order": CLICK_ORDER_FACE,
  "text-code": TEXT_CODE_FACE,
  rotate: ROTATE_FACE,
};

/**
 * Adds a challenge of this kind to `parent`. It stays visible until it is cleared, and then removes itself.
 * @param {HTMLElement} parent
 * @param {PuzzleKind} kind
 * @param {ChallengeEvents} events
 */
export function mountChallenge(parent, kind, { onDrawn, onVerified }) {
  // The page's kind selects the face, which then gets only pictures of that kind.
  const face = /** @type {Face<any>} */ (FACES[kind]);
  const { layout } = face;
  const prompt = place(element("p", { class: "challenge-prompt", role: "status" }), layout.prompt);
  const refresh = place(
    element("button", { class: "challenge-refresh", type: "button", "aria-label": "Show another one" }, ["↻"]),
    layout.refresh,
  );
  const stage = element("div", { class: "challenge-stage" }, [prompt, refresh]);
  const container = element("section", { class: `challenge ${face.containerClass}`, "aria-label": "Verification" }, [
    stage,
  ]);
  container.style.width = `${layout.container.width}px`;
  container.style.height = `${layout.container.height}px`;
  parent.append(container);

  const mounted = face.mount(stage, (attempt) => void submit(attempt));
  /** @type {string | undefined} */
  let puzzleId;
  refresh.addEventListener("click", () => void load());
  void load();

  /**
   * @param {"loading" | "ready" | "checking" | "wrong" | "verified"} state
   * @param {(Node | string)[]} [words]
   */
  function enter(state, words) {
    stage.setAttribute("data-state", state);
    mounted.setLocked(state !== "ready");
    refresh.disabled = state !== "ready";
    if (words) prompt.replaceChildren(...words);
  }

  async function load() {
    // The old puzzle stays visible until the new one has arrived.
    enter("loading");
    try {
      const puzzle = await post("api/puzzles", { kind });
      const first = puzzleId === undefined;
      puzzleId = puzzle.id;
      enter("ready", mounted.show(puzzle.picture));
      if (first) onDrawn?.();
    } catch {
      enter("loading", ["Could not load. Press ↻ to retry"]);
      refresh.disabled = false;
    }
  }

  /** @param {Attempt} attempt */
  async function submit(attempt) {
    enter("checking");
    const result = await post(`api/puzzles/${puzzleId}/attempt`, attempt).catch(() => undefined);
    if (result?.ok) {
      enter("verified", ["Verified ✓"]);
      await pause(VERIFIED_SHOWN_MS);
      container.remove();
      onVerified(result.token);
      return;
    }
    enter("wrong", [result ? "Not quite. Try again" : "Could not be checked. Try again"]);
    await pause(WRONG_SHOWN_MS);
    await load();
  }
}

/**
 * @param {string} path
 * @param {object} body
 */
async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(ANSWER_DEADLINE_MS),
  });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

/** @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
