/** [W25] A frame with a process of its own that vanishes under the operator's finger. */
import { test } from "../support/fixtures.ts";
import { expectVanishingFrameSurvived } from "../support/vanishing-frame.ts";

test.use({ siteIsolation: true });

test("[W24] [W25] a frame of another process that is taken away mid-drag leaves the page usable", async ({
  site,
  bot,
  server,
  connect,
}) => {
  await expectVanishingFrameSurvived({ site, bot, server, connect }, site.otherOrigin);
});
