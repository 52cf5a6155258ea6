/** [K3] Where a person acts, as the frames of the page answer: frame by frame, and with a page that does not answer. */
import { expect, test } from "@playwright/test";
import { ActLookup } from "../../src/browser/challenge/act-lookup.ts";
import type { Touched } from "../../src/browser/challenge/in-page-acts.ts";
import type { PageScan } from "../../src/browser/challenge/scan-page.ts";
import type { FrameRef, PageFrames } from "../../src/browser/tabs/frames.ts";

const MAIN = { id: "main", loaderId: "m", parent: null };
const INNER = { id: "inner", loaderId: "i", parent: MAIN };
const RECT = {
  x: 100,
  y: 100,
  width: 300,
  height: 200,
  toPage: { a: 2, b: 0, c: 0, d: 2, e: 100, f: 100 },
  visible: true,
};
const SCAN = {
  main: MAIN,
  frames: [
    { frame: MAIN, rect: null },
    { frame: INNER, rect: RECT },
  ],
} as unknown as PageScan;
const NOTHING: Touched = {
  inside: [],
  around: [],
  beside: [],
  isInForm: false,
  isOnRim: false,
  leads: null,
};

function lookup(answer: (frame: FrameRef, point: unknown) => Promise<Touched | null>, isHit = true): ActLookup {
  return new ActLookup({
    isHit: () => Promise.resolve(isHit),
    run: (frame: FrameRef, _script: unknown, point: unknown) => answer(frame, point),
  } as unknown as PageFrames);
}

test("[K3] what lies in a frame counts where the document around it has that frame there", async () => {
  for (const isHit of [true, false]) {
    const asked: unknown[] = [];
    const acts = lookup((frame, point) => {
      asked.push([frame.id, point]);
      return Promise.resolve(frame.id === "main" ? NOTHING : { ...NOTHING, inside: [[3, 7]], leads: "closes" });
    }, isHit);
    const act = await acts.lookUp(SCAN, { x: 140, y: 160 });
    expect(asked).toEqual([
      ["main", { x: 140, y: 160 }],
      ["inner", { x: 20, y: 30 }],
    ]);
    expect(act).toMatchObject({ page: "m", leads: isHit ? "closes" : null });
    expect([...(act?.inside ?? [])]).toEqual(isHit ? ["inner i 3 7"] : []);
  }
});

test("[K3] a page that does not answer in time: nowhere, and the next act does not wait", async () => {
  let questions = 0;
  let answer = (_touched: Touched) => {};
  const acts = lookup(() => {
    questions += 1;
    return new Promise((resolve) => {
      answer = resolve;
    });
  });
  expect(await acts.lookUp(SCAN, { x: 1, y: 1 })).toMatchObject({ inside: new Set(), isOnRim: true });
  expect(await acts.lookUp(SCAN, { x: 1, y: 1 })).toMatchObject({ inside: new Set(), isOnRim: true });
  expect(questions).toBe(1);
  answer(NOTHING);
  await new Promise((resolve) => setImmediate(resolve));
  const again = acts.lookUp(SCAN, { x: 1, y: 1 });
  await expect.poll(() => questions).toBe(2);
  answer({ ...NOTHING, inside: [[1, 2]] });
  expect([...((await again)?.inside ?? [])]).toEqual(["main m 1 2"]);
});

test("[K3] an act on another document, and one that a later act has overtaken, say nothing; Escape closes", async () => {
  expect(await lookup(() => Promise.reject(new Error("gone"))).lookUp(SCAN, { x: 1, y: 1 })).toBeNull();
  const acts = lookup(() => Promise.resolve(NOTHING));
  const [first, second] = await Promise.all([acts.lookUp(SCAN, { key: "a" }), acts.lookUp(SCAN, { x: 1, y: 1 })]);
  expect(first).toBeNull();
  expect(second).toMatchObject({ leads: null, isOnRim: false });
  expect(await acts.lookUp(SCAN, { key: "Escape" })).toMatchObject({ leads: "closes" });
});
