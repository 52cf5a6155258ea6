/** A scripted person's hands on the demo challenges: what they do is told them by the test's own server. */
import { JIGSAW, ROTATE, SCRATCH_CARD, TEXT_CODE } from "../../public/demo/layout.js";
import type { Puzzle, PuzzleKind } from "../../src/demo/puzzle-types.ts";
import type { CaptchaInfo } from "../../src/protocol/common.ts";
import { expect, inside, type Operator, type Point, type TestServer } from "./fixtures.ts";

/** What a person does once they have seen the picture; the answer comes from the test's own server. */
type Hand = (operator: Operator, server: TestServer, box: CaptchaInfo, before: number) => Promise<void>;

export const HANDS: Record<PuzzleKind, Hand> = {
  "scratch-card": async (operator, server, box, before) => {
    const { answer } = await newPuzzle(server, "scratch-card", before);
    await slide(operator, box, SCRATCH_CARD.handle, (answer.min + answer.max) / 2);
  },
  jigsaw: async (operator, server, box, before) => {
    const { answer } = await newPuzzle(server, "jigsaw", before);
    await slide(operator, box, JIGSAW.handle, answer.x);
  },
  rotate: async (operator, server, box, before) => {
    const { answer } = await newPuzzle(server, "rotate", before);
    await slide(operator, box, ROTATE.handle, answer.x);
  },
  "click-order": async (operator, server, box, before) => {
    const { answer } = await newPuzzle(server, "click-order", before);
    for (const point of answer.points) await operator.click(inside(box, point));
  },
  "text-code": async (operator, server, box, before) => {
    const { answer } = await newPuzzle(server, "text-code", before);
    await operator.click(inside(box, middle(TEXT_CODE.field)));
    await operator.type(answer.text);
    await operator.click(inside(box, middle(TEXT_CODE.verify)));
  },
};

/** How many puzzles of a kind were handed out so far. */
export function puzzleCount(server: TestServer, kind: PuzzleKind): number {
  return server.puzzles.filter((puzzle) => puzzle.kind === kind).length;
}

/** The newest puzzle of a kind, once there are more than `count` of them. */
export async function newPuzzle<K extends PuzzleKind>(server: TestServer, kind: K, count: number) {
  await expect.poll(() => puzzleCount(server, kind)).toBeGreaterThan(count);
  return server.puzzles.findLast((puzzle) => puzzle.kind === kind) as Extract<Puzzle, { kind: K }>;
}

export async function slide(operator: Operator, box: CaptchaInfo, handle: Point, travel: number): Promise<void> {
  const from = inside(box, handle);
  await operator.drag(from, { x: from.x + travel, y: from.y });
}

function middle({ x, y, width, height }: { x: number; y: number; width: number; height: number }): Point {
  return { x: x + width / 2, y: y + height / 2 };
}
