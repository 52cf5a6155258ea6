// What a demo puzzle is: shared by the server that makes it and, through JSDoc, by the pages that draw it.

export const PUZZLE_KINDS = ["scratch-card", "jigsaw", "click-order", "text-code", "rotate"] as const;
export type PuzzleKind = (typeof PUZZLE_KINDS)[number];

export const ICON_NAMES = [
  "star",
  "heart",
  "moon",
  "drop",
  "bolt",
  "cloud",
  "leaf",
  "house",
  "fish",
  "bell",
  "flag",
  "diamond",
] as const;
export type IconName = (typeof ICON_NAMES)[number];

/** A point in CSS px; each use says what it is relative to. */
export interface Point {
  x: number;
  y: number;
}

/** A row of icons under foil; the operator scratches until all of `target` shows. */
export interface ScratchCardPicture {
  icons: IconName[];
  target: IconName;
}

/** `gap` is the top left of the missing piece, relative to the picture; the piece starts at x = 0. */
export interface JigsawPicture {
  seed: number;
  gap: Point;
}

/** `centre` is container-relative; `tilt` in degrees, `hue` 0 to 359. */
export interface PlacedIcon {
  icon: IconName;
  centre: Point;
  tilt: number;
  hue: number;
}

export interface ClickOrderPicture {
  seed: number;
  icons: PlacedIcon[];
  /** Icons to click, in this order. */
  order: IconName[];
}

export interface TextCodePicture {
  seed: number;
  text: string;
}

/** `turned`: degrees clockwise the picture is away from upright. */
export interface RotatePicture {
  seed: number;
  turned: number;
}

/** How far, in CSS px, the slider handle must have travelled from its resting place when it is released. */
export interface TravelRange {
  min: number;
  max: number;
}

interface PuzzleOf<Kind extends PuzzleKind, Picture, Answer> {
  id: string;
  kind: Kind;
  /** What the page needs to draw it. */
  picture: Picture;
  /** Stays on the server. */
  answer: Answer;
}

export type ScratchCardPuzzle = PuzzleOf<"scratch-card", ScratchCardPicture, TravelRange>;
/** `x`: CSS px the handle must travel, give or take `tolerance`. */
export type JigsawPuzzle = PuzzleOf<"jigsaw", JigsawPicture, { x: number; tolerance: number }>;
/** `points`: container-relative CSS px, in clicking order; a click counts within `tolerance` px of its point. */
export type ClickOrderPuzzle = PuzzleOf<"click-order", ClickOrderPicture, { points: Point[]; tolerance: number }>;
/** `text`: compared without regard to case or spaces. */
export type TextCodePuzzle = PuzzleOf<"text-code", TextCodePicture, { text: string }>;
/** `x`: CSS px the handle must travel, give or take `tolerance`. */
export type RotatePuzzle = PuzzleOf<"rotate", RotatePicture, { x: number; tolerance: number }>;

export type Puzzle = ScratchCardPuzzle | JigsawPuzzle | ClickOrderPuzzle | TextCodePuzzle | RotatePuzzle;

/** A puzzle as the page gets it: everything but the answer. */
export type ShownPuzzle = Puzzle extends infer Each ? (Each extends Puzzle ? Omit<Each, "answer"> : never) : never;

/** What the page sends when the person lets go, clicked three times or pressed Verify. */
export type Attempt = { travel: number } | { points: Point[] } | { text: string };
