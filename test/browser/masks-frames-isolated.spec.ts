/** [W28] Masks over frames of other sites in processes of their own, as in a full Chromium. */
import { test } from "../fixtures.ts";
import { frameMaskTests } from "./secret-frames.ts";

test.use({ siteIsolation: true });

frameMaskTests();
