/** What a person sees first of a link: the picture, before the console around it is there. */
import type { Page } from "@playwright/test";
import { CHALLENGE_VIEW, listen, loseSocketOnDemand, servePage } from "../support/console-socket.ts";
import { BRIEF_SEARCH_MS, expect, test } from "../support/fixtures.ts";

/** Its pages have their challenge from the start. */
test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

/** Holds back what the console runs after the first picture. Returns what lets it go. */
async function holdRest(page: Page): Promise<() => void> {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  await page.route(/\/console\/main\.js/, async (route) => {
    await released;
    await route.continue();
  });
  return release;
}

const PHONE = { width: 390, height: 844 };
const OPENINGS = {
  "on a desk": { query: "", size: null },
  "on a phone": { query: "", size: PHONE },
  "embedded @long": { query: "?embed=1", size: null },
} as const;

for (const [how, { query, size }] of Object.entries(OPENINGS)) {
  test(`[R8] [W62] the picture is there before the console has run, shares its socket and stays in its place, ${how}`, async ({
    site,
    bot,
    operator,
  }) => {
    const { url, presses } = servePage(site);
    const instructions = "Move the red bar, and take the time that you need for it: nobody hurries you.";
    const session = await bot.create({ url, instructions });
    const link = session.control_url.replace("#", `${query}#`);
    const { page } = operator;
    if (size) await page.setViewportSize(size);
    const sockets: string[] = [];
    page.on("websocket", (socket) => sockets.push(socket.url()));
    const line = listen(page);
    const release = await holdRest(page);
    await page.goto(link, { waitUntil: "commit" });
    const picture = page.locator("#screen");
    await expect(picture).toHaveAttribute("data-seq", /\d/);
    await expect(picture).toHaveAttribute("data-view", CHALLENGE_VIEW);
    await expect(picture).toBeVisible();
    await expect(page.locator("#finish")).toBeHidden();
    await expect.poll(() => line.ofType("ack").length).toBeGreaterThan(0);
    await operator.untilStill();
    const place = await picture.boundingBox();

    release();
    await expect(page.locator("body")).toHaveAttribute("data-phase", "live");
    await operator.untilStill();
    expect(await picture.boundingBox()).toEqual(place);
    await operator.click({ x: 400, y: 300 });
    await expect.poll(() => presses.map(({ type }) => type)).toEqual(["mousedown", "mouseup", "click"]);
    expect(sockets.length).toBe(1);
    expect(page.url()).not.toContain("#");
  });
}

test("[R8] a line that is lost before the console has run comes back with it @long", async ({
  site,
  bot,
  operator,
}) => {
  const { url, presses } = servePage(site);
  const session = await bot.create({ url });
  const { page } = operator;
  await page.addInitScript(loseSocketOnDemand);
  const release = await holdRest(page);
  await page.goto(session.control_url, { waitUntil: "commit" });
  await expect(page.locator("#screen")).toHaveAttribute("data-seq", /\d/);
  await page.evaluate(() => dispatchEvent(new Event("lose-socket")));
  release();
  await expect(page.locator("body")).toHaveAttribute("data-phase", "live");
  await operator.untilStill();
  await operator.click({ x: 400, y: 300 });
  await expect.poll(() => presses.map(({ type }) => type)).toEqual(["mousedown", "mouseup", "click"]);
});
