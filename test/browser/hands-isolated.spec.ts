/** [W43] Drag and drop where frames of other sites have processes of their own. */
import { testDrags } from "../support/dragged-things.ts";
import { BRIEF_SEARCH_MS, test } from "../support/fixtures.ts";

test.use({ siteIsolation: true, challengeSearchMs: BRIEF_SEARCH_MS });

testDrags(true);
