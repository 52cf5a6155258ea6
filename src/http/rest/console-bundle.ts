/** Joins the console's modules into one file, its style sheets into another and the custom element into a third: at the start of a checkout, and for the package when that is built. */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** From the name that the page asks for to the file that it begins with. */
const ENTRY_POINTS: Readonly<Record<string, string>> = {
  main: "console/main.js",
  styles: "styles/styles.css",
};
/** One file, whatever it shares with the others: the first picture waits for it. */
const FIRST: Readonly<Record<string, string>> = { console: "console/first.js" };
/** [R30] The custom element for other sites: one file. */
export const ELEMENT = "element.js";
/** Beside the sources themselves: how they are joined, and by which version of esbuild. Relative to `public/`. */
const TOOLS = ["../src/http/rest/console-bundle.ts", "../package-lock.json"];

export interface BundledFile {
  /** The page asks for it by this name, below console/; the element is beside that folder. */
  readonly name: string;
  readonly contents: Uint8Array;
}

interface Bundle {
  readonly files: readonly BundledFile[];
  /** The sources that it was made of, relative to `public/`. */
  readonly sources: readonly string[];
}

/** What is kept in the cache: contents in base64, and the hash of each source by its path. */
interface CachedBundle {
  readonly files: readonly { readonly name: string; readonly contents: string }[];
  readonly hashes: Readonly<Record<string, string>>;
}

/** All of them with their parts, and the map of each of the console's. Rejects if a source is missing or cannot be read. */
export async function bundleConsole(publicDir: string): Promise<readonly BundledFile[]> {
  return (await joinSources(publicDir)).files;
}

/**
 * The same from `cacheFile`, while no source has changed: joining takes a fifth of a start. A cache that cannot be read
 * or written only costs that time.
 */
export async function bundleConsoleOnce(publicDir: string, cacheFile: string): Promise<readonly BundledFile[]> {
  const cached = await readCache(publicDir, cacheFile).catch(() => null);
  if (cached) return cached;
  const bundle = await joinSources(publicDir);
  await writeCache(publicDir, cacheFile, bundle).catch(() => {});
  return bundle.files;
}

async function joinSources(publicDir: string): Promise<Bundle> {
  const { buildSync } = await import("esbuild");
  const common = {
    absWorkingDir: publicDir,
    outdir: publicDir,
    bundle: true,
    minify: true,
    metafile: true,
    // Chinese as it is: escaped it is twice as long.
    charset: "utf8",
    write: false,
    // The bundle does not depend on where it is made.
    tsconfigRaw: {},
  } as const;
  // The other one leaves a process running.
  const inFolder = (files: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(files).map(([name, file]) => [name, join(publicDir, file)]));
  const modules = { ...common, format: "esm", sourcemap: "linked" } as const;
  const first = buildSync({ ...modules, entryPoints: inFolder(FIRST) });
  // What few need is loaded when it is needed.
  const parts = { splitting: true, chunkNames: "chunk-[hash]" };
  const page = buildSync({ ...modules, ...parts, entryPoints: inFolder(ENTRY_POINTS) });
  // Also for a script that is no module.
  const element = buildSync({ ...common, entryPoints: [join(publicDir, ELEMENT)], format: "iife" });
  return {
    files: [first, page, element].flatMap(({ outputFiles }) =>
      outputFiles.map(({ path, contents }) => ({ name: basename(path), contents })),
    ),
    sources: Object.keys({ ...first.metafile.inputs, ...page.metafile.inputs, ...element.metafile.inputs }),
  };
}

async function readCache(publicDir: string, cacheFile: string): Promise<readonly BundledFile[] | null> {
  const { files, hashes } = JSON.parse(await readFile(cacheFile, "utf8")) as CachedBundle;
  const sources = Object.entries(hashes);
  const isSame = await Promise.all(sources.map(async ([path, hash]) => (await hashOf(publicDir, path)) === hash));
  if (!isSame.every(Boolean)) return null;
  return files.map(({ name, contents }) => ({ name, contents: Buffer.from(contents, "base64") }));
}

async function writeCache(publicDir: string, cacheFile: string, { files, sources }: Bundle): Promise<void> {
  const paths = [...sources, ...TOOLS];
  const hashes = Object.fromEntries(
    await Promise.all(paths.map(async (path) => [path, await hashOf(publicDir, path)] as const)),
  );
  const kept = files.map(({ name, contents }) => ({ name, contents: Buffer.from(contents).toString("base64") }));
  await mkdir(dirname(cacheFile), { recursive: true });
  // In one step: several servers may start at the same time.
  const unfinished = `${cacheFile}.${process.pid}`;
  await writeFile(unfinished, JSON.stringify({ files: kept, hashes } satisfies CachedBundle));
  await rename(unfinished, cacheFile);
}

async function hashOf(publicDir: string, path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(join(publicDir, path)))
    .digest("base64url");
}
