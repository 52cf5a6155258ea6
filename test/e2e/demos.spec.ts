/** The main job, end to end: an operator clears each demo challenge over the canvas, and the bot is told. */
import { JIGSAW } from "../../public/demo/layout.js";
import { DEMOS, PLACEMENTS } from "../../src/demo/demos.ts";
import type { CaptchaInfo } from "../../src/protocol/common.ts";
import { expect, test } from "../support/fixtures.ts";
import { longUnless } from "../support/long-run.ts";
import { HANDS, newPuzzle, puzzleCount, slide } from "../support/solve-demo.ts";

for (const demo of DEMOS) {
  for (const placement of PLACEMENTS) {
    // Other tests have the other kinds: a wrong answer, older clients, guests. Where a challenge is does not depend on its kind.
    const tag = longUnless(demo.kind === "click-order" && placement === "cross");
    test(`[W4] [K1] an operator clears the ${demo.kind}, ${placement}${tag}`, async ({ server, bot, operator }) => {
      const before = puzzleCount(server, demo.kind);
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
  const before = puzzleCount(server, "jigsaw");
  const session = await bot.create({ url: `${server.demoOrigin}/jigsaw.html` });
  await operator.open(session.control_url);
  const box = session.captcha_info as CaptchaInfo;
  const { answer } = await newPuzzle(server, "jigsaw", before);
  await slide(operator, box, JIGSAW.handle, answer.x > 120 ? answer.x - 60 : answer.x + 60);
  const second = await newPuzzle(server, "jigsaw", before + 1);
  await operator.untilStill();
  expect((await bot.info(session.session_id)).state).toBe("active");
  await slide(operator, box, JIGSAW.handle, second.answer.x);
  expect(await bot.waitForEnd(session.session_id)).toMatchObject({ state: "solved", verified: "checked" });
});
