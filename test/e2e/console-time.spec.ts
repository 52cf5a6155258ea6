/** The end of the time, as an operator sees and hears it come. */
import type { ServerMessage } from "../../src/protocol/live.ts";
import { servePage } from "../support/console-socket.ts";
import { BRIEF_SEARCH_MS, expect, test } from "../support/fixtures.ts";

/** Its pages have no challenge. */
test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

const LEFT_SECONDS = 50;

test("[S8] [W32] the console says once that the end is near, and offers the button for more time", async ({
  site,
  bot,
  operator,
}) => {
  const { page } = operator;
  const [notice, time] = [page.locator("#notice"), page.locator("#time")];
  let tell = (_message: ServerMessage) => {};
  await page.routeWebSocket(/\/ws\//, (line) => {
    line.connectToServer();
    tell = (message) => line.send(JSON.stringify({ ...message, timestamp: Date.now() }));
  });
  const session = await bot.createGuest({ url: servePage(site).url, timeout_seconds: LEFT_SECONDS });
  await operator.open(session.control_url);
  await expect(time).not.toHaveClass(/soon/);
  tell({ type: "expiring", expires_at: session.expires_at, seconds_left: LEFT_SECONDS });

  const sentence = "0:50 left. Press “+60 s” if you need longer.";
  await expect(notice).toBeVisible();
  await expect(notice).toHaveText(sentence);
  // Said aloud by the log, when it is its turn; twice would be once too often.
  await expect(page.locator("#announcer")).toHaveText(sentence);
  await expect(page.getByRole("alert")).toHaveCount(0);
  await expect(time).toHaveClass(/soon/);
  await page.locator("#extend").click();
  await expect(page.locator("#log")).toContainText("Time left is now 1:");
  await expect(time).not.toHaveClass(/soon/);
  await expect(page.locator("#log")).toContainText(sentence);
});
