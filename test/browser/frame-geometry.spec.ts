/** [W25] Frames in the page's own process that the page zooms, scales, turns or puts on top. */
import { transformedFrameTests } from "../support/transformed-frames.ts";

transformedFrameTests({ isolated: false });
