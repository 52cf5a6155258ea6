/** `npm run build:console`: the console's files for the package, which serves them without esbuild. */

import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleConsole } from "../src/http/rest/console-bundle.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
/** Where the built server looks for them. */
const TARGET = join(ROOT, "dist/console");

await rm(TARGET, { recursive: true, force: true });
await mkdir(TARGET, { recursive: true });
for (const { name, contents } of await bundleConsole(join(ROOT, "public")))
  await writeFile(join(TARGET, name), contents);
