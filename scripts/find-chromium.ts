/** Prints the path of the Chromium that the server would use, or nothing: the set-up asks it, a person may too. */

import { findChromium } from "../src/browser/process/find-chromium.ts";

const { CHROMIUM_PATH: chromiumPath, PATH: path } = process.env;

try {
  console.log((await findChromium({ chromiumPath, path })) ?? "");
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
