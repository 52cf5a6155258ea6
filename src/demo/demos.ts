// The list of demo challenges: one definition for the index page, for starting sessions and for the tests.
import type { PuzzleKind } from "./puzzle-types.ts";

export interface Demo {
  kind: PuzzleKind;
  /** Path of its page on the demo origin. */
  path: string;
  title: string;
  /** The sentence the operator reads. */
  instructions: string;
}

export const DEMOS: readonly Demo[] = [
  {
    kind: "scratch-card",
    path: "/scratch-card.html",
    title: "Scratch card",
    instructions: "Drag the slider to scratch the foil until the picture asked for is fully uncovered, then let go.",
  },
  {
    kind: "jigsaw",
    path: "/jigsaw.html",
    title: "Jigsaw slider",
    instructions: "Drag the slider until the piece fits the gap, then let go.",
  },
  {
    kind: "click-order",
    path: "/click-order.html",
    title: "Click in order",
    instructions: "Click the three symbols in the order shown.",
  },
  {
    kind: "text-code",
    path: "/text-code.html",
    title: "Text code",
    instructions: "Type the characters in the picture, then press Verify.",
  },
  {
    kind: "rotate",
    path: "/rotate.html",
    title: "Rotate to upright",
    instructions: "Drag the slider until the picture stands upright, then let go.",
  },
];

/** How a page holds its challenge: in itself, or in a frame of its own or of another origin. */
export const PLACEMENTS = ["page", "same", "cross"] as const;
export type Placement = (typeof PLACEMENTS)[number];

const PLACEMENT_WORDS: Record<Placement, string> = {
  page: "in the page",
  same: "same-origin frame",
  cross: "cross-origin frame",
};

export interface DemoPage {
  demo: Demo;
  placement: Placement;
  /** The path with its query, rebuilt from the parameters that are known. */
  path: string;
  label: string;
}

/** The demo page that a path leads to (`/jigsaw.html?frame=cross`); undefined when there is none. */
export function findDemoPage(path: string): DemoPage | undefined {
  const [pathname, query = "", ...rest] = path.split("?");
  const demo = DEMOS.find((each) => each.path === pathname);
  if (!demo || rest.length > 0) return undefined;
  const params = new URLSearchParams(query);
  const frame = params.get("frame");
  const placement = frame === null ? "page" : PLACEMENTS.find((each) => each === frame);
  const shift = params.get("shift");
  const known = [...params.keys()].every((name) => name === "frame" || name === "shift");
  if (!placement || !known || (shift !== null && shift !== "1")) return undefined;
  const kept = new URLSearchParams();
  if (placement !== "page") kept.set("frame", placement);
  if (shift) kept.set("shift", shift);
  return {
    demo,
    placement,
    path: kept.size > 0 ? `${demo.path}?${kept}` : demo.path,
    label: `${demo.title} (${PLACEMENT_WORDS[placement]})`,
  };
}
