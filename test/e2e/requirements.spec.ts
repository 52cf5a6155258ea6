/** The program and the plugin where the server cannot work: one sentence before anything is opened, and no stack trace. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test as base, expect, TEST_FOLDER_PREFIX } from "../support/fixtures.ts";
import { longUnless } from "../support/long-run.ts";

const SOURCE = fileURLToPath(new URL("../../src/", import.meta.url));

/** What a process on another machine sees: these run in it before the program. */
const ON_MACOS = `Object.defineProperty(process, "platform", { value: "darwin" });`;
const ON_NODE_20 = `
  import { registerHooks } from "node:module";
  const version = { value: "20.20.2", enumerable: true };
  Object.defineProperty(process, "versions", { value: Object.create(process.versions, { node: version }) });
  Object.defineProperty(process.features, "typescript", { value: undefined });
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === "node:sqlite") throw new Error("No such built-in module: node:sqlite");
      return next(specifier, context);
    },
  });`;

const LINUX_ONLY = "The server runs on Linux only, as it finds its browsers in /proc, and this is darwin";
const NEEDS_NODE = "The server needs Node 22.13 or later, and this is 20.20.2";

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const test = base.extend<{
  /** Does not exist until something makes it. */
  dataDir: string;
  run: (machine: string, ...argv: string[]) => Promise<Ended>;
}>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  dataDir: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
    await use(join(folder, "data"));
    await rm(folder, { recursive: true, force: true });
  },
  run: async ({ dataDir }, use) => {
    await use((machine, ...argv) => {
      const { promise, resolve } = Promise.withResolvers<Ended>();
      const preload = `data:text/javascript,${encodeURIComponent(machine)}`;
      const env = { PATH: process.env["PATH"] ?? "", PORT: "0", DATA_DIR: dataDir };
      execFile(process.execPath, ["--import", preload, ...argv], { env, timeout: 50_000 }, (error, out, err) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), out, err }),
      );
      return promise;
    });
  },
});

async function expectNothingMade(dataDir: string): Promise<void> {
  expect(await readdir(join(dataDir, ".."))).toEqual([]);
}

test("the server says on another system than Linux that it needs Linux, and opens nothing", async ({
  dataDir,
  run,
}) => {
  const { code, out, err } = await run(ON_MACOS, join(SOURCE, "cli.ts"));
  expect([code, out]).toEqual([1, ""]);
  expect(err).toBe(`captcha-remote cannot start:\n  ${LINUX_ONLY}: only captcha-remote/sdk runs here.\n`);
  await expectNothingMade(dataDir);
});

test("what needs no browser works there, and the doctor names the system", async ({ run }) => {
  const added = await run(ON_MACOS, join(SOURCE, "cli.ts"), "keys", "add", "bot");
  expect(added.code, added.err).toBe(0);
  const { code, out } = await run(ON_MACOS, join(SOURCE, "cli.ts"), "doctor", "--json");
  const findings = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(code).toBe(1);
  const failed = findings.filter(({ state }) => state === "failed");
  expect(failed).toEqual([
    { check: "system", state: "failed", found: expect.stringContaining(LINUX_ONLY), fix: expect.any(String) },
  ]);
});

for (const argv of [[], ["keys", "list"], ["doctor"], ["sessions"]]) {
  test(`an older Node is refused in a sentence: captcha-remote ${argv.join(" ")}${longUnless(argv.length === 0)}`, async ({
    dataDir,
    run,
  }) => {
    const { code, out, err } = await run(ON_NODE_20, join(SOURCE, "cli.ts"), ...argv);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toBe(`captcha-remote cannot start:\n  ${NEEDS_NODE}: only captcha-remote/sdk runs on it.\n`);
    await expectNothingMade(dataDir);
  });
}

test("a checkout says so too on a Node that cannot read TypeScript", async ({ dataDir, run }) => {
  const { code, out, err } = await run(ON_NODE_20, join(SOURCE, "start.js"));
  expect([code, out]).toEqual([1, ""]);
  const needs = "A checkout needs Node 22.18 or later, and this is 20.20.2: npm start brings one.";
  expect(err).toBe(`captcha-remote cannot start:\n  ${needs}\n`);
  await expectNothingMade(dataDir);
});

for (const [machine, problem] of [
  [ON_MACOS, LINUX_ONLY],
  [ON_NODE_20, NEEDS_NODE],
] as const) {
  test(`the plugin can be imported, and refuses to be registered: ${problem}`, async ({ dataDir, run }) => {
    const bot = `
      const { captchaRemote } = await import(${JSON.stringify(join(SOURCE, "plugin.ts"))});
      const { default: Fastify } = await import(${JSON.stringify(join(SOURCE, "../node_modules/fastify/fastify.js"))});
      const app = Fastify();
      const register = async () => app.register(captchaRemote, { dataDir: ${JSON.stringify(dataDir)} });
      console.log(await register().then(() => "registered", ({ name, message }) => name + ": " + message));`;
    const { out, err } = await run(machine, "--input-type=module", "-e", bot);
    expect(err).toBe("");
    expect(out).toContain(`ConfigError: ${problem}`);
    await expectNothingMade(dataDir);
  });
}
