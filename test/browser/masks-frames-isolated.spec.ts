/** [W28] Masks over frames of other sites in processes of their own, as in a full Chromium. */
import { test } from "../support/fixtures.ts";
import { IS_LONG_RUN } from "../support/long-run.ts";
import { frameMaskTests } from "../support/secret-frames.ts";

test.use({ siteIsolation: true });
test.skip(!IS_LONG_RUN, "in the long run; masks-frames.spec.ts has the same in one process");

frameMaskTests();
