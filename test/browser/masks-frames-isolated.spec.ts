/** [W28] Masks over frames of other sites in processes of their own, as in a full Chromium. */
import { test } from "../fixtures.ts";
import { frameMaskTests } from "./secret-frames.ts";

test.use({ siteIsolation: true });
test.skip(!process.env["TEST_LONG"], "in the long run; masks-frames.spec.ts has the same in one process");

frameMaskTests();
