/** The console when its line is lost: how it comes back, and what ends it for good. */
import { listen, loseSocketOnDemand, servePage } from "../support/console-socket.ts";
import { BRIEF_SEARCH_MS, expect, test } from "../support/fixtures.ts";
import { fetchAsBot } from "../support/key.ts";

/** Its pages have no challenge. */
test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

test("a lost line is tried again until the network is back, and goes on where it was @long", async ({
  site,
  bot,
  operator,
}) => {
  const { page } = operator;
  await page.addInitScript(loseSocketOnDemand);
  const line = listen(page);
  const session = await bot.createGuest({ url: servePage(site).url });
  await operator.open(session.control_url);
  await page.context().setOffline(true);
  await page.evaluate(() => dispatchEvent(new Event("lose-socket")));
  await expect(page.locator("body")).toHaveAttribute("data-phase", "reconnecting");
  await page.locator("#text-input").fill("half typed");
  await expect(page.locator("#retry")).toBeVisible();
  await expect(page.locator("#connection-text")).toHaveText(/[2-9]/);
  await page.context().setOffline(false);
  await expect(page.locator("body")).toHaveAttribute("data-phase", "live");
  await expect(page.locator("#retry")).toBeHidden();
  await operator.untilStill();
  await expect(page.locator("#text-input")).toHaveValue("half typed");
  await page.locator("#send-text").click();
  await expect.poll(() => line.ofType("text").map(({ text }) => text)).toEqual(["half typed"]);
});

test("[W2] an unknown session and an ended one are told at once, and the line is not tried again", async ({
  server,
  site,
  bot,
  operator,
}) => {
  const { page } = operator;
  const session = await bot.createGuest({ url: servePage(site).url });
  await fetchAsBot(`${server.api}/session/${session.session_id}`, { method: "DELETE" });
  let sockets = 0;
  page.on("websocket", () => {
    sockets += 1;
  });
  for (const [link, outcome, tries] of [
    [`${server.api}/control/nobody-knows-it`, "refused", 1],
    // It gets no ticket.
    [session.control_url, "cancelled", 0],
  ] as const) {
    sockets = 0;
    await page.goto(link);
    await expect(page.locator("body")).toHaveAttribute("data-outcome", outcome);
    await page.evaluate(() => dispatchEvent(new Event("online")));
    await expect(page.locator("body")).toHaveAttribute("data-phase", "ended");
    expect(sockets).toBe(tries);
  }
});

test("[W6] a session that ends under the operator's eyes closes the line for good", async ({
  server,
  site,
  bot,
  operator,
}) => {
  const { page } = operator;
  const session = await bot.createGuest({ url: servePage(site).url });
  await operator.open(session.control_url);
  await fetchAsBot(`${server.api}/session/${session.session_id}`, { method: "DELETE" });
  await expect(page.locator("body")).toHaveAttribute("data-outcome", "cancelled");
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await expect(page.locator("body")).toHaveAttribute("data-phase", "ended");
});
