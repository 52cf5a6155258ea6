/** Joins the console's modules into one file and its style sheets into another: at the start of a checkout, and for the package when that is built. */
import { basename, join } from "node:path";
import { buildSync } from "esbuild";

/** From the name that the page asks for to the file that it begins with. */
const ENTRY_POINTS: Readonly<Record<string, string>> = {
  console: "console/main.js",
  styles: "styles/styles.css",
};

export interface BundledFile {
  /** The page asks for it by this name, below console/. */
  readonly name: string;
  readonly contents: Uint8Array;
}

/** Both files, and the map of each. Throws where a source is missing or cannot be read. */
export function bundleConsole(publicDir: string): readonly BundledFile[] {
  const { outputFiles } = buildSync({
    entryPoints: Object.fromEntries(Object.entries(ENTRY_POINTS).map(([name, file]) => [name, join(publicDir, file)])),
    outdir: publicDir,
    bundle: true,
    minify: true,
    format: "esm",
    sourcemap: "linked",
    write: false,
    // The bundle does not depend on where it is made.
    tsconfigRaw: {},
  });
  return outputFiles.map(({ path, contents }) => ({ name: basename(path), contents }));
}
