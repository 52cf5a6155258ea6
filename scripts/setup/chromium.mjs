// Finds a Chromium that runs, or brings one: Playwright's download, then Debian's packages, else it says what to do.

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fail, run, SetupError, say, step } from "./tools.mjs";

const BROWSERS = ["chromium-headless-shell", "chromium"];
const CJK_FONTS = ["fonts-noto-cjk", "fonts-wqy-microhei"];
const AGAIN = "Then run the same command again. Or set CHROMIUM_PATH to a Chromium or Chrome that you have.";

/** @returns the path of a Chromium that runs */
export async function bringChromium(root, node, env) {
  const playwright = [join(root, "node_modules/playwright/cli.js")];
  const find = () => findRunning(root, node, env);

  let chromium = await find();
  if (!chromium.path) {
    await download(node, playwright, env);
    chromium = await find();
  }
  if (!chromium.runs && env.CHROMIUM_PATH) {
    fail(`CHROMIUM_PATH names ${chromium.path}, which does not run:`, chromium.output, [
      "Name another one, or unset it.",
    ]);
  }
  if (!chromium.runs) {
    await (chromium.path ? installLibraries(chromium, node, playwright, env) : installFromDebian(env));
    chromium = await find();
  }
  if (!chromium.runs) {
    fail(`${chromium.path ?? "No Chromium"} ${chromium.path ? "does not run:" : "was found."}`, chromium.output, [
      "Install Chromium or Chrome, set CHROMIUM_PATH to it, and run the same command again.",
    ]);
  }
  return chromium.path;
}

async function findRunning(root, node, env) {
  const found = await run(node, [join(root, "scripts/find-chromium.ts")], { seconds: 30, env });
  if (!found.ok) fail("Looking for a Chromium failed:", found.output, []);
  const path = found.stdout.trim();
  if (!path) return { path: undefined, runs: false, output: "" };
  const { ok, output } = await run(path, ["--version"], { seconds: 30, env });
  return { path, runs: ok, output };
}

async function download(node, playwright, env) {
  // Playwright waits 30 s for a connection, several times: too long for a network that swallows packets.
  const quick = { PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT: "10000", ...env };
  const { ok, output } = await step("Downloading Playwright's Chromium (none was found on this machine)", () =>
    run(node, [...playwright, "install", "chromium-headless-shell"], { seconds: 300, env: quick }),
  );
  if (!ok) say(`  ${/^Error: (.*)/m.exec(output)?.[1] ?? output.trim().split("\n").pop()}`);
}

async function installLibraries(chromium, node, playwright, env) {
  const target = ["install-deps", "chromium-headless-shell"];
  const advice = [`Run:  sudo npx playwright ${target.join(" ")}`, AGAIN];
  if (!canInstall(env)) fail(`${chromium.path} does not run:`, chromium.output, advice);
  const { ok, output } = await step(`Installing the libraries that ${chromium.path} lacks`, () =>
    run(node, [...playwright, ...target], { seconds: 600, env: { ...env, DEBIAN_FRONTEND: "noninteractive" } }),
  );
  if (!ok) fail("Installing the libraries of Chromium failed:", output, advice);
}

async function installFromDebian(env) {
  const command = `apt-get install -y --no-install-recommends ${BROWSERS[0]} ${CJK_FONTS[0]}`;
  const advice = [`Run:  sudo apt-get update && sudo ${command}`, AGAIN];
  if (!onPath("apt-get", env)) {
    throw new SetupError(
      `No Chromium was found, and Playwright's could not be downloaded.\nInstall Chromium or Chrome. ${AGAIN}`,
    );
  }
  if (!canInstall(env)) fail("No Chromium was found, and installing one needs root.", "", advice);

  const quiet = { ...env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args) => run("apt-get", ["-o", "DPkg::Lock::Timeout=120", ...args], { seconds: 900, env: quiet });
  const update = await step("Reading the package lists of this machine (apt-get update)", () => apt("update"));
  if (!update.ok) fail("apt-get update failed:", update.output, advice);
  const packages = [await firstKnown(BROWSERS, env), await firstKnown(CJK_FONTS, env)].filter(Boolean);
  const install = await step(`Installing ${packages.join(" and ")} (apt-get install)`, () =>
    apt("install", "-y", "--no-install-recommends", ...packages),
  );
  if (!install.ok) fail("apt-get install failed:", install.output, advice);
}

async function firstKnown(names, env) {
  for (const name of names) {
    if ((await run("apt-cache", ["show", name], { seconds: 60, env })).ok) return name;
  }
  return undefined;
}

function canInstall(env) {
  return process.getuid?.() === 0 && onPath("apt-get", env);
}

function onPath(name, env) {
  return (env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, name)));
}
