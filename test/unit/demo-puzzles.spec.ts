// The demo's puzzles: each takes its own answer, refuses what is next to it, and fits the page that draws it.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import fc from "fast-check";
import { z } from "zod";
import { DEMOS, findDemoPage, PLACEMENTS } from "../../src/demo/demos.ts";
import { MAX_PUZZLES, PUZZLE_LIFETIME_MS, PuzzleStore } from "../../src/demo/puzzle-store.ts";
import { type Attempt, PUZZLE_KINDS, type Puzzle } from "../../src/demo/puzzle-types.ts";
import { checkAttempt, type Dice, GEOMETRY, makePuzzle, shownPuzzle } from "../../src/demo/puzzles.ts";
import { TEST_FOLDER_PREFIX } from "../support/fixtures.ts";

// By a variable, because tsc knows no types for a page's module.
const LAYOUT_MODULE = "../../public/demo/layout.js";
const { CLICK_ORDER, HANDLE_SIZE, JIGSAW, LAYOUTS, ROTATE, SCRATCH_CARD } = await import(LAYOUT_MODULE);

const anyPuzzle = fc
  .tuple(fc.constantFrom(...PUZZLE_KINDS), fc.integer({ min: 1 }))
  .map(([kind, seed]) => makePuzzle(kind, seededDice(seed)));

test("the server's geometry is the page's", () => {
  for (const { maxTravel } of [SCRATCH_CARD, JIGSAW, ROTATE]) expect(maxTravel).toBe(GEOMETRY.maxTravelPx);
  expect(SCRATCH_CARD.scratchLead).toBe(GEOMETRY.scratchLeadPx);
  expect(SCRATCH_CARD.iconSize).toBe(GEOMETRY.scratchIconPx);
  expect(SCRATCH_CARD.cells).toBe(GEOMETRY.scratchIcons);
  expect(SCRATCH_CARD.picture.width / SCRATCH_CARD.cells).toBe(GEOMETRY.scratchCellPx);
  expect(JIGSAW.pieceSize).toBe(GEOMETRY.jigsawPiecePx);
  expect(JIGSAW.picture).toMatchObject(GEOMETRY.jigsawPicture);
  expect(CLICK_ORDER.picture).toEqual(GEOMETRY.clickPicture);
});

test("every part lies inside its container, and every container is large enough to be noticed", () => {
  for (const kind of PUZZLE_KINDS) {
    const { anchor, container, handle, maxTravel, ...parts } = LAYOUTS[kind];
    expect(Math.min(container.width, container.height)).toBeGreaterThan(100);
    const rects = Object.values(parts).filter((part) => typeof part === "object") as DOMRect[];
    expect(rects.length, anchor).toBeGreaterThan(2);
    for (const { x, y, width, height } of rects) {
      expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
      expect(x + width).toBeLessThanOrEqual(container.width);
      expect(y + height).toBeLessThanOrEqual(container.height);
    }
    if (handle) expect(handle.x + maxTravel + HANDLE_SIZE / 2).toBe(parts.track.x + parts.track.width);
  }
});

test("a puzzle takes its answer, to the edge of its tolerance and not beyond", () => {
  fc.assert(
    fc.property(anyPuzzle, (puzzle) => {
      for (const attempt of rightAttempts(puzzle)) expect(checkAttempt(puzzle, attempt)).toBe(true);
      for (const attempt of wrongAttempts(puzzle)) expect(checkAttempt(puzzle, attempt)).toBe(false);
    }),
  );
});

test("an answer is within reach on the page", () => {
  fc.assert(
    fc.property(anyPuzzle, (puzzle) => {
      if (puzzle.kind === "scratch-card") {
        expect(puzzle.picture.icons).toContain(puzzle.picture.target);
        expect(puzzle.answer.min).toBeGreaterThan(20);
        expect(puzzle.answer.max - puzzle.answer.min).toBeGreaterThan(15);
        expect(puzzle.answer.max).toBeLessThan(GEOMETRY.maxTravelPx);
      }
      if (puzzle.kind === "jigsaw" || puzzle.kind === "rotate") {
        expect(puzzle.answer.x - puzzle.answer.tolerance).toBeGreaterThan(20);
        expect(puzzle.answer.x + puzzle.answer.tolerance).toBeLessThan(GEOMETRY.maxTravelPx);
      }
      if (puzzle.kind === "jigsaw") {
        expect(puzzle.picture.gap.x + GEOMETRY.jigsawPiecePx).toBeLessThan(GEOMETRY.jigsawPicture.width);
        expect(puzzle.picture.gap.y + GEOMETRY.jigsawPiecePx).toBeLessThan(GEOMETRY.jigsawPicture.height);
      }
      if (puzzle.kind === "click-order") {
        const half = CLICK_ORDER.iconSize / 2;
        const { x, y, width, height } = GEOMETRY.clickPicture;
        for (const [index, { centre }] of puzzle.picture.icons.entries()) {
          expect(centre.x).toBeGreaterThanOrEqual(x + half);
          expect(centre.x).toBeLessThanOrEqual(x + width - half);
          expect(centre.y).toBeGreaterThanOrEqual(y + half);
          expect(centre.y).toBeLessThanOrEqual(y + height - half);
          for (const other of puzzle.picture.icons.slice(0, index)) {
            const apart = Math.hypot(other.centre.x - centre.x, other.centre.y - centre.y);
            expect(apart).toBeGreaterThan(2 * puzzle.answer.tolerance);
          }
        }
      }
    }),
  );
});

test("the page is not shown the answer", () => {
  fc.assert(
    fc.property(anyPuzzle, (puzzle) => {
      const { answer, ...rest } = puzzle;
      expect(shownPuzzle(puzzle)).toEqual(rest);
      expect(answer).toBeDefined();
    }),
  );
});

test("whatever is sent as an attempt is checked or refused as malformed, nothing else", () => {
  fc.assert(
    fc.property(anyPuzzle, fc.oneof(fc.anything(), fc.jsonValue()), (puzzle, attempt) => {
      try {
        expect(typeof checkAttempt(puzzle, attempt)).toBe("boolean");
      } catch (error) {
        expect(error).toBeInstanceOf(z.ZodError);
      }
    }),
  );
  const jigsaw = makePuzzle("jigsaw");
  for (const travel of [Number.NaN, Number.POSITIVE_INFINITY, 1e308, "12", null]) {
    expect(() => checkAttempt(jigsaw, { travel })).toThrow(z.ZodError);
  }
});

test("a text code is read without regard to case and spaces", () => {
  const puzzle = makePuzzle("text-code");
  if (puzzle.kind !== "text-code") throw new Error("not a text code");
  expect(checkAttempt(puzzle, { text: ` ${[...puzzle.answer.text.toLowerCase()].join(" ")} ` })).toBe(true);
});

test("the store keeps the newest puzzles, for a while, for one attempt", () => {
  let now = 0;
  const store = new PuzzleStore({ now: () => now });
  const puzzles = Array.from({ length: MAX_PUZZLES + 1 }, () => makePuzzle("jigsaw"));
  for (const puzzle of puzzles) store.add(puzzle);
  const [oldest, newest] = [puzzles[0] as Puzzle, puzzles.at(-1) as Puzzle];
  expect(store.size).toBe(MAX_PUZZLES);
  expect(store.find(oldest.id)).toBe("unknown");
  expect(store.find(newest.id)).toBe(newest);
  store.markAttempted(newest.id);
  expect(store.find(newest.id)).toBe("attempted");

  now = PUZZLE_LIFETIME_MS + 1;
  expect(store.find(newest.id)).toBe("unknown");
  store.add(makePuzzle("rotate"));
  expect(store.size).toBe(1);
});

test("only our own pages are demo pages", () => {
  for (const demo of DEMOS) {
    for (const placement of PLACEMENTS) {
      const path = placement === "page" ? demo.path : `${demo.path}?frame=${placement}`;
      expect(findDemoPage(path)).toMatchObject({ demo, placement, path });
    }
  }
  expect(findDemoPage("/jigsaw.html?shift=1&frame=cross")?.path).toBe("/jigsaw.html?frame=cross&shift=1");
  const foreign = [
    "",
    "/",
    "jigsaw.html",
    "//elsewhere.example/jigsaw.html",
    "http://elsewhere.example",
    "/widget.html",
  ];
  const bent = ["?frame=top", "?frame=", "?shift=2", "?x=1", "?frame=same?", "#top", "/../x"].map(
    (end) => `/jigsaw.html${end}`,
  );
  for (const path of [...foreign, ...bent]) expect(findDemoPage(path), path).toBeUndefined();
});

test("there is one demo of each kind", () => {
  expect(DEMOS.map(({ kind }) => kind)).toEqual([...PUZZLE_KINDS]);
});

function rightAttempts({ kind, answer }: Puzzle): Attempt[] {
  switch (kind) {
    case "scratch-card":
      return [{ travel: answer.min }, { travel: answer.max }];
    case "jigsaw":
    case "rotate":
      return [-answer.tolerance, 0, answer.tolerance].map((off) => ({ travel: answer.x + off }));
    case "click-order":
      return [0, answer.tolerance].map((off) => ({ points: answer.points.map(({ x, y }) => ({ x: x + off, y })) }));
    case "text-code":
      return [{ text: answer.text }];
  }
}

function wrongAttempts({ kind, answer }: Puzzle): Attempt[] {
  switch (kind) {
    case "scratch-card":
      return [{ travel: answer.min - 0.5 }, { travel: answer.max + 0.5 }];
    case "jigsaw":
    case "rotate":
      return [-0.5, 0.5].map((beyond) => ({ travel: answer.x + Math.sign(beyond) * answer.tolerance + beyond }));
    case "click-order": {
      const beside = answer.points.map(({ x, y }) => ({ x, y: y + answer.tolerance + 0.5 }));
      return [{ points: [...answer.points].reverse() }, { points: beside }];
    }
    case "text-code":
      return [{ text: "" }, { text: answer.text.slice(1) }, { text: `${answer.text}A` }];
  }
}

/** Dice that fall the same way for the same seed (a linear congruential generator). */
function seededDice(seed: number): Dice {
  let state = seed >>> 0;
  return (min, max) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return min + Math.floor((state / 2 ** 32) * (max - min));
  };
}

test("a store with a file knows the puzzles of the one before, and which had their attempt; a broken file is empty", async () => {
  const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
  const file = join(folder, "puzzles.json");
  const first = new PuzzleStore({ file });
  const [open, tried] = [makePuzzle("jigsaw"), makePuzzle("jigsaw")];
  for (const puzzle of [open, tried]) first.add(puzzle);
  first.markAttempted(tried.id);
  const second = new PuzzleStore({ file });
  expect([second.find(open.id), second.find(tried.id)]).toEqual([open, "attempted"]);
  await writeFile(file, "[[");
  expect(new PuzzleStore({ file }).size).toBe(0);
  await rm(folder, { recursive: true });
});
