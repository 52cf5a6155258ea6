/** [W25] The same for frames in processes of their own, as in a full Chromium. */
import { test } from "../support/fixtures.ts";
import { transformedFrameTests } from "../support/transformed-frames.ts";

test.use({ siteIsolation: true });
transformedFrameTests({ isolated: true });
