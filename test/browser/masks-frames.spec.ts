/** [W28] Masks over frames that share a process, as in the headless shell. */
import { frameMaskTests } from "../support/secret-frames.ts";

frameMaskTests();
