/** The main job, end to end: an operator clears each demo challenge over the canvas, and the bot is told. */
import { JIGSAW, ROTATE, SCRATCH_CARD, TEXT_CODE } from "../../public/demo/layout.js";
import { DEMOS, PLACEMENTS } from "../../src/demo/demos.ts";
import type { PuzzleKind } from "../../src/demo/puzzle-types.ts";
import type { CaptchaInfo } from "../../src/protocol/common.ts";
import { expect, inside, nextPuzzle, type Operator, type Point, type TestServer, test } from "../fixtures.ts";

/** What a person does once they have seen the picture; the answer comes from the test's own server. */
type Hand = (operator: Operator, server: TestServer, box: CaptchaInfo, before: number) => Promise<void>;

const HANDS: Record<PuzzleKind, Hand> = {
  "scratch-card": async (operator, server, box, before) => {
    const { answer } = await nextPuzzle(server, "scratch-card", before);
    await slide(operator, box, SCRATCH_CARD.handle, (answer.min + answer.max) / 2);
  },
  jigsaw: async (operator, server, box, before) => {
    const { answer } = await nextPuzzle(server, "jigsaw", before);
    await slide(operator, box, JIGSAW.handle, answer.x);
  },
  rotate: async (operator, server, box, before) => {
    const { answer } = await nextPuzzle(server, "rotate", before);
    await slide(operator, box, ROTATE.handle, answer.x);
  },
  "click-order": async (operator, server, box, before) => {
    const { answer } = await nextPuzzle(server, "click-order", before);
    for (const point of answer.points) await operator.click(inside(box, point));
  },
  "text-code": async (operator, server, box, before) => {
    const { answer } = await nextPuzzle(server, "text-code", before);
    await operator.click(inside(box, middle(TEXT_CODE.field)));
    await operator.type(answer.text);
    await operator.click(inside(box, middle(TEXT_CODE.verify)));
  },
};

for (const demo of DEMOS) {
  for (const placement of PLACEMENTS) {
    test(`[W4] [K1] an operator clears the ${demo.kind}, ${placement}`, async ({ server, bot, operator }) => {
      const before = server.puzzles.filter((puzzle) => puzzle.kind === demo.kind).length;
      const query = placement === "page" ? "" : `?frame=${placement}`;
      const session = await bot.create({ url: `${server.demoOrigin}${demo.path}${query}` });
      expect(session.captcha_info).toMatchObject({ in_iframe: placement !== "page" });
      const ended = bot.waitForEnd(session.session_id);
      await operator.open(session.control_url);
      const { captcha_info: box } = await bot.info(session.session_id);
      if (!box) throw new Error("The challenge was not found.");

      await HANDS[demo.kind](operator, server, box, before);

      expect(await ended).toMatchObject({ state: "solved", completed: true, verified: "checked", reason: "rules_met" });
      await expect(operator.page.locator("body")).toHaveAttribute("data-outcome", "solved");
      const { evidence } = await bot.result(session.session_id);
      expect(evidence).toHaveLength(1);
    });
  }
}

test("[W12] a wrong answer is not a completion, and the next one can be right", async ({ server, bot, operator }) => {
  const before = server.puzzles.filter((puzzle) => puzzle.kind === "jigsaw").length;
  const session = await bot.create({ url: `${server.demoOrigin}/jigsaw.html` });
  await operator.open(session.control_url);
  const box = session.captcha_info as CaptchaInfo;
  const { answer } = await nextPuzzle(server, "jigsaw", before);
  await slide(operator, box, JIGSAW.handle, answer.x > 120 ? answer.x - 60 : answer.x + 60);
  const second = await nextPuzzle(server, "jigsaw", before + 1);
  await operator.untilStill();
  expect((await bot.info(session.session_id)).state).toBe("active");
  await slide(operator, box, JIGSAW.handle, second.answer.x);
  expect(await bot.waitForEnd(session.session_id)).toMatchObject({ state: "solved", verified: "checked" });
});

async function slide(operator: Operator, box: CaptchaInfo, handle: Point, travel: number): Promise<void> {
  const from = inside(box, handle);
  await operator.drag(from, { x: from.x + travel, y: from.y });
}

function middle({ x, y, width, height }: { x: number; y: number; width: number; height: number }): Point {
  return { x: x + width / 2, y: y + height / 2 };
}
