/** [R10] [W25] A person in the console clears challenges in pages of the bot's own, in frames of other processes too. */
import { DEMOS } from "../../src/demo/demos.ts";
import type { CaptchaInfo } from "../../src/protocol/common.ts";
import { expect, test } from "../support/guest.ts";
import { longUnless } from "../support/long-run.ts";
import { HANDS, puzzleCount } from "../support/solve-demo.ts";

test.use({ botSiteIsolation: true });

/** Where a frame is does not depend on what is in it: one of them, in the long run all. */
for (const demo of DEMOS) {
  test(`[R10] [W25] an operator clears the ${demo.kind} in a frame of the bot's own page, and the bot goes on there${longUnless(demo.kind === "text-code")}`, async ({
    server,
    bot,
    botBrowser,
    operator,
  }) => {
    const before = puzzleCount(server, demo.kind);
    const page = await botBrowser.open(`${server.demoOrigin}${demo.path}?frame=cross`, { width: 1280, height: 720 });
    const session = await bot.create({ cdp: { endpoint: botBrowser.endpoint, url_contains: demo.path } });
    expect(session.captcha_info).toMatchObject({ in_iframe: true });
    await operator.open(session.control_url);
    await HANDS[demo.kind](operator, server, (await bot.info(session.session_id)).captcha_info as CaptchaInfo, before);
    expect(await bot.waitForEnd(session.session_id)).toMatchObject({ state: "solved", verified: "checked" });
    expect(await page.evaluate("[innerWidth, innerHeight, document.readyState]")).toEqual([1280, 720, "complete"]);
  });
}
