/** [W25] Hands where frames of other sites have processes of their own. */
import { BRIEF_SEARCH_MS, test } from "../support/fixtures.ts";
import { testDrags, testTextInFrame } from "../support/hands-in-frames.ts";

test.use({ siteIsolation: true, challengeSearchMs: BRIEF_SEARCH_MS });

testDrags("another site");
testTextInFrame();
