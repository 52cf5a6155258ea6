// Brings a Node into node_modules, where npm's scripts find it first: the program alone, out of npm's package of its platform.

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fail, npm, run, step } from "./tools.mjs";

/** The first version that runs the .ts files as they are and has node:sqlite without a flag. */
const NODE_MAJOR = 24;

/** Begins with a dot: npm lets such a folder be when it installs more, and only npm ci takes it away. */
const HOME = ".captcha-remote-node";

/** @param {string} version as process.version has it */
export function isNewEnough(version) {
  return Number(/^v(\d+)\./.exec(version)?.[1] ?? 0) >= NODE_MAJOR;
}

/** @returns whether this process runs on the machine's own Node, of which alone its version speaks */
export function isMachines(modules) {
  return !process.execPath.startsWith(modules);
}

/** @returns whether the one that was brought stays where npm adds to the dependencies: an older set-up made it one of them */
export function staysWhenAdding(modules) {
  return existsSync(join(modules, HOME));
}

/** Where npm's scripts find the Node that was brought. */
export function broughtNode(modules) {
  return join(modules, ".bin/node");
}

/**
 * Fetches it into a folder of its own, so that npm may install the dependencies meanwhile.
 * @returns puts it into node_modules, and answers its path there
 */
export async function fetchNode(modules, folder, env) {
  // Of npm's "node" package the part with the binary: the whole one needs an install script, which npm 12 blocks.
  const prefix = process.platform === "darwin" && process.arch === "arm64" ? "node-bin" : "node";
  const name = `${prefix}-${process.platform}-${process.arch}@${NODE_MAJOR}`;
  const why = isMachines(modules) ? `this machine has ${process.version}` : "npm ci removes it";
  const node = join(folder, "package/bin/node");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { ok, output } = await step(`Bringing Node ${NODE_MAJOR} from npm (${why})`, async () => {
    const packed = await npm(["pack", name, "--pack-destination", folder, "--loglevel=error"], env);
    const archive = readdirSync(folder).find((file) => file.endsWith(".tgz"));
    if (!packed.ok || !archive) return { ...packed, ok: false };
    // Not its headers, which are a third of it.
    const unpacked = await run("tar", ["-xzf", join(folder, archive), "-C", folder, "package/bin/node"], {
      seconds: 300,
    });
    if (!unpacked.ok) return unpacked;
    const { ok: runs, output: version } = await run(node, ["--version"], { seconds: 30 });
    return { ok: runs && isNewEnough(version.trim()), output: version };
  });
  if (!ok) {
    fail(`${name} brought no Node that runs:`, output, [
      `Install Node ${NODE_MAJOR} or later (https://nodejs.org), then run the same command again.`,
    ]);
  }
  return () => {
    const home = join(modules, HOME);
    rmSync(home, { recursive: true, force: true });
    mkdirSync(join(home, "bin"), { recursive: true });
    renameSync(node, join(home, "bin/node"));
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(join(modules, ".bin"), { recursive: true });
    const link = broughtNode(modules);
    rmSync(link, { force: true });
    symlinkSync(`../${HOME}/bin/node`, link);
    return link;
  };
}

/** @returns the path of the Node that was brought before, where it is there and new enough */
export async function findBrought(modules) {
  const node = broughtNode(modules);
  if (!existsSync(node)) return undefined;
  const { output } = await run(node, ["--version"], { seconds: 30 });
  return isNewEnough(output.trim()) ? node : undefined;
}
