// Makes a demo puzzle of each kind, with its answer, and checks an attempt; pure except for the dice.
//
// These puzzles stand in for real challenges in the demo and the tests. They guard nothing: a page that draws its own
// puzzle necessarily holds the answer.
import { randomBytes, randomInt } from "node:crypto";
import { z } from "zod";
import {
  type ClickOrderPuzzle,
  ICON_NAMES,
  type IconName,
  type JigsawPuzzle,
  type Point,
  type Puzzle,
  type PuzzleKind,
  type RotatePuzzle,
  type ScratchCardPuzzle,
  type ShownPuzzle,
  type TextCodePuzzle,
} from "./puzzle-types.ts";

/** The layout in CSS px: the server's share of public/demo/layout.js (a test compares the two). */
export const GEOMETRY = {
  /** How far every slider's handle can travel. */
  maxTravelPx: 244,
  /** The scratched front runs ahead of the travel by half a handle. */
  scratchLeadPx: 22,
  scratchCellPx: 57.6,
  scratchIconPx: 38,
  scratchIcons: 5,
  jigsawPiecePx: 58,
  jigsawPicture: { width: 288, height: 176 },
  clickPicture: { x: 16, y: 48, width: 288, height: 188 },
} as const;

export const JIGSAW_TOLERANCE_PX = 4;
export const ROTATE_TOLERANCE_PX = 5;
/** A little more than half an icon, so that a click on its edge counts. */
export const CLICK_TOLERANCE_PX = 24;
/** The part of the next icon that may be uncovered. */
const SCRATCH_OVERRUN_PX = 6;
/** The part of the target that may stay under its foil. */
const SCRATCH_UNDERRUN_PX = 3;

const CLICK_ICONS_SHOWN = 5;
const CLICK_ICONS_ASKED = 3;
const TEXT_LENGTH = 5;
/** No pairs that look alike once distorted (0 O Q, 1 I L, 2 Z, 5 S, 8 B, U V, C G). */
const TEXT_ALPHABET = "ADEFHJKMNPRTWXY34679";

/** A whole number from `min` up to, not including, `max`. */
export type Dice = (min: number, max: number) => number;

export function makePuzzle(kind: PuzzleKind, dice: Dice = randomInt): Puzzle {
  return MAKERS[kind](randomBytes(16).toString("base64url"), dice);
}

const MAKERS: { [Kind in PuzzleKind]: (id: string, dice: Dice) => Extract<Puzzle, { kind: Kind }> } = {
  "scratch-card": makeScratchCard,
  jigsaw: makeJigsaw,
  "click-order": makeClickOrder,
  "text-code": makeTextCode,
  rotate: makeRotate,
};

function makeScratchCard(id: string, dice: Dice): ScratchCardPuzzle {
  const { scratchCellPx, scratchIconPx, scratchIcons, scratchLeadPx } = GEOMETRY;
  const icons = shuffled(ICON_NAMES, dice).slice(0, scratchIcons);
  // Neither the first, which hardly needs a drag, nor the last, after which nothing can be overrun.
  const index = dice(1, scratchIcons - 1);
  const centre = (index + 0.5) * scratchCellPx;
  const targetEnd = centre + scratchIconPx / 2;
  const nextStart = centre + scratchCellPx - scratchIconPx / 2;
  return {
    id,
    kind: "scratch-card",
    picture: { icons, target: icons[index] as IconName },
    answer: {
      min: Math.ceil(targetEnd - SCRATCH_UNDERRUN_PX - scratchLeadPx),
      max: Math.floor(nextStart + SCRATCH_OVERRUN_PX - scratchLeadPx),
    },
  };
}

function makeJigsaw(id: string, dice: Dice): JigsawPuzzle {
  const { jigsawPicture, jigsawPiecePx } = GEOMETRY;
  const gap = {
    x: dice(Math.round(jigsawPiecePx * 1.4), jigsawPicture.width - jigsawPiecePx - 8),
    y: dice(16, jigsawPicture.height - jigsawPiecePx - 12),
  };
  return {
    id,
    kind: "jigsaw",
    picture: { seed: dice(1, 2 ** 31), gap },
    answer: { x: gap.x, tolerance: JIGSAW_TOLERANCE_PX },
  };
}

function makeClickOrder(id: string, dice: Dice): ClickOrderPuzzle {
  const names = shuffled(ICON_NAMES, dice).slice(0, CLICK_ICONS_SHOWN);
  const cells = shuffled(clickCells(), dice);
  const icons = names.map((icon, index) => {
    const cell = cells[index] as Point;
    const centre = { x: cell.x + dice(-6, 7), y: cell.y + dice(-14, 15) };
    return { icon, centre, tilt: dice(-35, 36), hue: dice(0, 360) };
  });
  const asked = shuffled(icons, dice).slice(0, CLICK_ICONS_ASKED);
  return {
    id,
    kind: "click-order",
    picture: { seed: dice(1, 2 ** 31), icons, order: asked.map(({ icon }) => icon) },
    answer: { points: asked.map(({ centre }) => centre), tolerance: CLICK_TOLERANCE_PX },
  };
}

/** Middles of a 4 x 2 grid over the picture, far enough apart that two icons never share a click. */
function clickCells(): Point[] {
  const { x, y, width, height } = GEOMETRY.clickPicture;
  return [0, 1, 2, 3, 4, 5, 6, 7].map((cell) => ({
    x: Math.round(x + ((cell % 4) + 0.5) * (width / 4)),
    y: Math.round(y + (Math.floor(cell / 4) + 0.5) * (height / 2)),
  }));
}

function makeTextCode(id: string, dice: Dice): TextCodePuzzle {
  const text = Array.from({ length: TEXT_LENGTH }, () => TEXT_ALPHABET.charAt(dice(0, TEXT_ALPHABET.length))).join("");
  return { id, kind: "text-code", picture: { seed: dice(1, 2 ** 31), text }, answer: { text } };
}

function makeRotate(id: string, dice: Dice): RotatePuzzle {
  const x = dice(50, GEOMETRY.maxTravelPx - 30);
  const turned = 360 - (x * 360) / GEOMETRY.maxTravelPx;
  return {
    id,
    kind: "rotate",
    picture: { seed: dice(1, 2 ** 31), turned },
    answer: { x, tolerance: ROTATE_TOLERANCE_PX },
  };
}

function shuffled<Item>(items: readonly Item[], dice: Dice): Item[] {
  const left = [...items];
  return items.map(() => left.splice(dice(0, left.length), 1)[0] as Item);
}

/** What the page may see of a puzzle. */
export function shownPuzzle({ answer: _answer, ...shown }: Puzzle): ShownPuzzle {
  return shown as ShownPuzzle;
}

/** The bounds are beyond any screen: values such as 1e308 would break the arithmetic. */
const coordinate = z.number().min(-10_000).max(10_000);
const travelAttempt = z.object({ travel: coordinate });
const pointsAttempt = z.object({
  points: z.array(z.object({ x: coordinate, y: coordinate })).length(CLICK_ICONS_ASKED),
});
const textAttempt = z.object({ text: z.string().max(64) });

/**
 * Whether the attempt is right.
 *
 * @throws {z.ZodError} when the attempt has not the shape that this kind of puzzle takes.
 */
export function checkAttempt(puzzle: Puzzle, attempt: unknown): boolean {
  switch (puzzle.kind) {
    case "scratch-card": {
      const { travel } = travelAttempt.parse(attempt);
      return travel >= puzzle.answer.min && travel <= puzzle.answer.max;
    }
    case "jigsaw":
    case "rotate": {
      const { travel } = travelAttempt.parse(attempt);
      return Math.abs(travel - puzzle.answer.x) <= puzzle.answer.tolerance;
    }
    case "click-order": {
      const { points } = pointsAttempt.parse(attempt);
      return puzzle.answer.points.every((wanted, index) => {
        const point = points[index] as Point;
        return Math.hypot(point.x - wanted.x, point.y - wanted.y) <= puzzle.answer.tolerance;
      });
    }
    case "text-code": {
      const { text } = textAttempt.parse(attempt);
      return text.replaceAll(/\s/g, "").toUpperCase() === puzzle.answer.text;
    }
  }
}
