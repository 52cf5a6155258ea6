/** The package as it would be installed: `captcha-remote/sdk` is there, has its types, and needs nothing else. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { test as base } from "@playwright/test";
import { build } from "esbuild";
import { expect, TEST_FOLDER_PREFIX } from "../support/fixtures.ts";
import { TEST_KEY, TEST_KEY_SPEC } from "../support/key.ts";
import { startProgram, watchProgram } from "../support/programs.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const MODULES = join(ROOT, "node_modules");
/** What the build reads; the working tree itself stays as it is. */
const SOURCES = ["package.json", "tsconfig.json", "tsconfig.build.json", "tsconfig.sdk.json", "README.md", "LICENSE"];
const FOLDERS = ["src", "public", "scripts"];

const run = promisify(execFile);
interface InstalledServer {
  readonly folder: string;
  /** Answers where it listens. */
  start(): Promise<string>;
}

const test = base.extend<{ server: InstalledServer }, { installed: string }>({
  /** The package beside its dependencies, all but esbuild, and the server that it has. */
  server: async ({ installed }, use) => {
    const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
    const modules = join(folder, "node_modules");
    await cp(join(installed, "node_modules/captcha-remote"), join(modules, "captcha-remote"), { recursive: true });
    for (const name of (await readdir(MODULES)).filter((one) => !/^\.|esbuild$/.test(one))) {
      await symlink(join(MODULES, name), join(modules, name));
    }
    const running: { child: ChildProcess; exitCode: Promise<number | null> }[] = [];
    await use({
      folder,
      async start() {
        const env = {
          PATH: process.env["PATH"] ?? "",
          CHROMIUM_PATH: process.env["CHROMIUM_PATH"] ?? "",
          DATA_DIR: join(folder, "data"),
          PORT: "0",
          DEMO: "off",
          WARM_BROWSERS: "0",
          API_KEYS: TEST_KEY_SPEC,
        };
        const child = spawn(process.execPath, [join(modules, "captcha-remote/dist/cli.js")], { cwd: folder, env });
        const { out, exitCode } = watchProgram(child);
        running.push({ child, exitCode });
        await expect.poll(out, { timeout: 30_000 }).toContain("Ctrl-C ends it");
        return /Console +(https?:\/\/[^/\s]+)/.exec(out())?.[1] ?? "";
      },
    });
    for (const { child, exitCode } of running) {
      child.kill("SIGINT");
      await exitCode;
    }
    await rm(folder, { recursive: true, force: true });
  },
  /** A folder with the package in its node_modules, and nothing beside it. */
  installed: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
    async ({}, use) => {
      const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
      const [source, app] = [join(folder, "source"), join(folder, "app")];
      const target = join(app, "node_modules", "captcha-remote");
      for (const name of [...SOURCES, ...FOLDERS]) {
        await cp(join(ROOT, name), join(source, name), { recursive: true });
      }
      await symlink(MODULES, join(source, "node_modules"));
      // The same files in half of the time: `npm run typecheck` checks their types.
      const config = JSON.parse(await readFile(join(source, "tsconfig.json"), "utf8"));
      config.compilerOptions.noCheck = true;
      await writeFile(join(source, "tsconfig.json"), JSON.stringify(config));
      await run("npm", ["run", "-s", "--ignore-scripts", "build"], { cwd: source });
      await run("npm", ["pack", "--ignore-scripts", "--pack-destination", folder], { cwd: source });
      const [tarball = ""] = (await readdir(folder)).filter((name) => name.endsWith(".tgz"));
      await mkdir(target, { recursive: true });
      await run("tar", ["-xzf", join(folder, tarball), "-C", target, "--strip-components=1"]);
      await writeFile(join(app, "package.json"), '{ "type": "module" }');
      await use(app);
      await rm(folder, { recursive: true, force: true });
    },
    { scope: "worker", timeout: 600_000 },
  ],
});

// One build for all of them: each worker would make its own.
test.describe.configure({ mode: "default" });

test("plain Node imports it from an installed tarball, with no other package there", async ({ installed }) => {
  await writeFile(
    join(installed, "bot.js"),
    `import * as sdk from "captcha-remote/sdk";
     const client = new sdk.CaptchaRemoteClient({ baseUrl: "http://127.0.0.1:9", timeoutMs: 200 });
     const error = await client.list().catch((reason) => reason);
     const connection = new sdk.OperatorConnection({ url: "ws://127.0.0.1:9" });
     console.log(JSON.stringify([Object.keys(sdk).sort(), error.code, connection.state.name]));`,
  );
  const { stdout, stderr } = await run(process.execPath, ["bot.js"], { cwd: installed });
  expect(stderr).toBe("");
  const names =
    "BINARY_PROTOCOL CaptchaRemoteClient CaptchaRemoteError ConnectRefusal ConnectionPool DAMAGE_PROTOCOL EventFeed JSON_PROTOCOL Line";
  expect(JSON.parse(stdout)).toEqual([
    `${names} MOVES OperatorConnection PROFILES ReconnectingSocket Refusal decodeFrame guard`.split(" "),
    "server_unreachable",
    "DISCONNECTED",
  ]);
});

test("its relay comes along, whole: plain Node imports it with no other package there", async ({ installed }) => {
  await writeFile(
    join(installed, "relay.js"),
    `import * as relay from "captcha-remote/relay";
     import { CaptchaRemoteClient } from "captcha-remote/sdk";
     const client = new CaptchaRemoteClient({ baseUrl: "http://127.0.0.1:9" });
     const error = await client.relay(9).catch((reason) => reason);
     console.log(JSON.stringify([Object.keys(relay).sort(), error.code, error instanceof relay.RelayError]));`,
  );
  const { stdout, stderr } = await run(process.execPath, ["relay.js"], { cwd: installed });
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toEqual([["RelayError", "openCrop", "startRelay"], "cdp_unreachable", true]);
});

test("its command lends a page where neither Playwright nor sharp is installed", async ({ server }) => {
  const modules = join(server.folder, "node_modules");
  for (const name of (await readdir(modules)).filter((one) => /playwright|sharp|^@img$/.test(one))) {
    await rm(join(modules, name), { recursive: true });
  }
  const relay = run(
    process.execPath,
    [join(modules, "captcha-remote/dist/cli.js"), "relay", "--server", "http://127.0.0.1:9"],
    {
      cwd: server.folder,
    },
  );
  const { code, stderr } = await relay.catch((error) => error);
  expect([code, stderr]).toEqual([
    1,
    "captcha-remote cannot start:\n  --cdp: the port or address of the browser is missing\n",
  ]);
  const there = run(
    process.execPath,
    [join(modules, "captcha-remote/dist/cli.js"), "relay", "--server", "http://127.0.0.1:9", "--cdp", "9"],
    { cwd: server.folder },
  );
  expect((await there.catch((error) => error)).stderr).toContain("cdp_unreachable: no browser answers at 127.0.0.1:9");
});

test("its types come along, from the same schemas as the server's", async ({ installed }) => {
  const types = join(installed, "node_modules");
  for (const name of ["zod", "@types", "undici-types"]) await symlink(join(MODULES, name), join(types, name));
  const options = { module: "nodenext", target: "es2022", strict: true, noEmit: true, lib: ["es2024", "dom"] };
  await writeFile(join(installed, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["bot.ts"] }));
  await writeFile(
    join(installed, "bot.ts"),
    `import { CaptchaRemoteClient, CaptchaRemoteError, ConnectRefusal, type ConnectionState, Line, type LineEvents, type LineOptions,
       OperatorConnection, type Protocol, ReconnectingSocket, type ReconnectingSocketOptions, Refusal, type RefusalFacts
     } from "captcha-remote/sdk";
     const client = new CaptchaRemoteClient({ baseUrl: "http://127.0.0.1:3000" });
     const outcome: "starting" | "waiting" | "active" | "solved" | "failed" | "expired" | "cancelled" =
       (await client.solve({ url: "https://a.test", completion: { any: [{ gone: "#c" }] } }, { onLink: (link) => link.trim() })).outcome;
     // @ts-expect-error a rule that there is not
     client.create({ url: "https://a.test", completion: { any: [{ went: "#c" }] } });
     const connection = new OperatorConnection({ url: "ws://a.test", profile: "bot", retries: { network: { tries: 1 } } });
     connection.on("state", (state: ConnectionState) => state.name === "RECONNECTING" && state.attempt);
     connection.on("message", (message) => message.type === "completed" && message.verified);
     connection.send({ type: "key", event_type: "down", key: "Enter" });
     // @ts-expect-error a message that there is not
     connection.send({ type: "solve_it" });
     const protocol: Protocol<string, number> = { parse: Number, ping: () => "ping", isReady: (message) => message > 0 };
     const options: ReconnectingSocketOptions = { url: "ws://a.test" };
     const socket = new ReconnectingSocket<string, number>(protocol, options);
     socket.on("message", (message) => message.toFixed());
     // @ts-expect-error a message that this protocol does not have
     socket.send(1);
     // The names of earlier versions.
     const oldOptions: LineOptions = options;
     const line: Line<string, number> = new Line<string, number>(protocol, oldOptions);
     line.on("state", (state: LineEvents<number>["state"]) => state.name);
     const facts: RefusalFacts = { closeCode: 4429, retryAfterMs: 1_000 };
     const refusal: Refusal = new Refusal("Later.", facts);
     export const isRefusal = refusal instanceof ConnectRefusal;
     export const isFull = (error: unknown) => error instanceof CaptchaRemoteError && error.code === "capacity";
     // @ts-expect-error a code that there is not
     export const isOdd = (error: CaptchaRemoteError) => error.code === "odd";
     export { outcome };`,
  );
  const { stdout } = await run(join(MODULES, ".bin", "tsc"), ["-p", "."], { cwd: installed }).catch((error) => error);
  expect(stdout).toBe("");
});

test("the SDK is made of its own folder and of src/client/, free of any page, and of nothing else", async () => {
  const { metafile, outputFiles } = await build({
    entryPoints: [join(ROOT, "src/sdk/index.ts")],
    absWorkingDir: ROOT,
    bundle: true,
    platform: "neutral",
    format: "esm",
    metafile: true,
    write: false,
  });
  const files = Object.keys(metafile.inputs).sort();
  const own = (await readdir(join(ROOT, "src/sdk"))).map((name) => `src/sdk/${name}`);
  const shared = (await readdir(join(ROOT, "src/client"))).map((name) => `src/client/${name}`);
  // Of the protocol they take types, and the constants and rules that both sides must have alike.
  const constants = ["api-prefix", "exactly-once", "moves", "protocols-by-message"].map(
    (name) => `src/protocol/${name}.ts`,
  );
  expect(files).toEqual([...shared, ...own, ...constants].sort());
  expect(Object.values(metafile.inputs).flatMap(({ imports }) => imports.filter(({ external }) => external))).toEqual(
    [],
  );
  const code = outputFiles[0]?.text ?? "";
  for (const name of ["document", "window", "location", "process", "Buffer", "require"]) {
    expect(code).not.toMatch(new RegExp(`(?<![\\w.$"'\`])${name}[.(]`));
  }
  // Newer than Node 20.
  expect(code).not.toMatch(/withResolvers|Promise\.try|\.toSorted\(|Object\.groupBy|Map\.groupBy|\.union\(/);
});

test("package.json names the files that the build makes", async ({ installed }) => {
  const root = join(installed, "node_modules", "captcha-remote");
  const { exports, bin } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const { "./sdk": sdk, "./relay": relay } = exports;
  for (const path of [sdk.types, sdk.default, relay.types, relay.default, bin["captcha-remote"]]) {
    expect((await readFile(join(root, path), "utf8")).length).toBeGreaterThan(100);
  }
});

test("its server serves the console that a checkout serves, ready-made: no esbuild is there", async ({ server }) => {
  const checkout = await startProgram();
  const pageOf = async (url: string) => (await fetch(`${url}/api/captcha/control`)).text();
  const url = await server.start();
  const page = await pageOf(url);
  // The page names each file with the hash of what is in it, so these are equal, too.
  expect(page).toBe(await pageOf(checkout.url));
  const named = [...page.matchAll(/"(console\/[^"]+\?v=[\w-]+)"/g)].map(([, path]) => path);
  expect(named).toHaveLength(4);
  for (const path of [
    ...named,
    "console/console.js.map",
    "console/main.js.map",
    "console/styles.css.map",
    "element.js",
  ]) {
    const [ready, made] = await Promise.all(
      [url, checkout.url].map((origin) => fetch(`${origin}/api/captcha/${path}`)),
    );
    expect(ready?.status, path).toBe(200);
    expect(ready?.headers.get("cache-control"), path).toBe(made?.headers.get("cache-control"));
    expect(await ready?.text(), path).toBe(await made?.text());
  }
  await checkout.remove();
});

test("[M1] its `mcp` speaks over stdio where there is neither Playwright nor sharp", async ({ installed }) => {
  const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
  const modules = join(folder, "node_modules");
  await cp(join(installed, "node_modules/captcha-remote"), join(modules, "captcha-remote"), { recursive: true });
  const heavy = /^\.|^playwright|^sharp$|^@img$|^@playwright$|^esbuild$/;
  for (const name of (await readdir(MODULES)).filter((one) => !heavy.test(one))) {
    await symlink(join(MODULES, name), join(modules, name));
  }
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [join(modules, "captcha-remote/dist/cli.js"), "mcp"],
    env: { CAPTCHA_REMOTE_URL: "http://127.0.0.1:9", CAPTCHA_REMOTE_KEY: TEST_KEY },
    cwd: folder,
  });
  const client = new Client({ name: "test", version: "1.0.0" });
  await client.connect(transport);
  expect((await client.listTools()).tools.map(({ name }) => name)).toContain("request_human");
  const answer = await client.callTool({ name: "get_result", arguments: { session_id: "s" } });
  expect(answer).toMatchObject({ isError: true, structuredContent: { error: { code: "server_unreachable" } } });
  await client.close();
  await rm(folder, { recursive: true, force: true });
});

test("on a Node without node:sqlite its program says so in a sentence, and the SDK and the relay work", async ({
  server,
}) => {
  const preload = `data:text/javascript,${encodeURIComponent(`
    import { registerHooks } from "node:module";
    Object.defineProperty(process, "versions", { value: { ...process.versions, node: "22.12.0" } });
    registerHooks({
      resolve(specifier, context, next) {
        if (specifier === "node:sqlite") throw new Error("No such built-in module: node:sqlite");
        return next(specifier, context);
      },
    });`)}`;
  const old = (...argv: string[]) => run(process.execPath, ["--import", preload, ...argv], { cwd: server.folder });
  const refused = await old("node_modules/captcha-remote/dist/cli.js").catch((error) => error);
  expect([refused.code, refused.stdout]).toEqual([1, ""]);
  const needs = "The server needs Node 22.13 or later, and this is 22.12.0: only captcha-remote/sdk runs on it.";
  expect(refused.stderr).toBe(`captcha-remote cannot start:\n  ${needs}\n`);
  const relay = old("node_modules/captcha-remote/dist/cli.js", "relay", "--server", "http://127.0.0.1:9", "--cdp", "9");
  expect((await relay.catch((error) => error)).stderr).toContain("cdp_unreachable: ");
  const bot = 'console.log(typeof (await import("captcha-remote/sdk")).CaptchaRemoteClient)';
  expect((await old("--input-type=module", "-e", bot)).stdout).toBe("function\n");
});
