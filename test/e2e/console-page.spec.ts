/** A page that stands still: the console says so over the picture for as long as it does. */
import { expect, test } from "../support/fixtures.ts";
import { pidsWith, signalAll } from "../support/processes.ts";

test("[S10] a page that does not answer is told over the picture, and that it answers again", async ({
  server,
  bot,
  operator,
}) => {
  const { session_id, control_url } = await bot.create({ url: `${server.demoOrigin}/jigsaw.html` });
  await operator.open(control_url);
  const notice = operator.page.locator("#notice");
  const signal = async (name: NodeJS.Signals) => {
    signalAll(await pidsWith(`${server.dataDir}/profiles/${session_id}`), name);
  };
  await signal("SIGSTOP");
  await expect(notice).toHaveText("The page does not answer at the moment. It may come back: please wait.");
  await signal("SIGCONT");
  await expect(notice).toHaveText("The page answers again.");
  await expect(notice).toBeHidden();
});
