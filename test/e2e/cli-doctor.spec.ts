/** The doctor: it tries what sessions need, goes through the proxy as people do, and says what to do about each failure. */
import { spawn } from "node:child_process";
import { readdir } from "node:fs/promises";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { COMPILED } from "../support/compile-cache.ts";
import { test as base, expect } from "../support/fixtures.ts";
import { type RunningProgram, startProgram, watchProgram } from "../support/programs.ts";

const CLI = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));

interface Finding {
  readonly check: string;
  readonly state: string;
  readonly found: string;
  readonly fix?: string;
}

/** One for all tests of the file, which run one after the other. */
let shared: RunningProgram;

const test = base.extend<{
  program: RunningProgram;
  /** A proxy that hands on requests, and no upgrades. */
  plainProxy: string;
  doctor: (env?: Record<string, string>) => Promise<{ code: number | null; findings: Finding[] }>;
}>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  program: async ({}, use) => use(shared),
  plainProxy: async ({ program }, use) => {
    const { hostname, port } = new URL(program.url);
    const server = createServer((incoming, response) => {
      const { method, url: path, headers } = incoming;
      const asked = request({ hostname, port, method, path, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      incoming.pipe(asked);
    });
    server.on("upgrade", (_request, socket) => socket.end("HTTP/1.1 426 Upgrade Required\r\n\r\n"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.closeAllConnections();
    server.close();
  },
  doctor: async ({ program }, use) => {
    await use(async (env = {}) => {
      const own = { ...COMPILED, PATH: process.env["PATH"] ?? "", CHROMIUM_PATH: process.env["CHROMIUM_PATH"] ?? "" };
      const child = spawn(process.execPath, [CLI, "doctor", "--json"], {
        env: { ...own, DATA_DIR: program.dataDir, ...env },
      });
      const { exitCode, out } = watchProgram(child);
      const code = await exitCode;
      return {
        code,
        findings: out()
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line)),
      };
    });
  },
});

test.describe.configure({ mode: "default" });
test.beforeAll(async () => {
  shared = await startProgram();
});
test.afterAll(() => shared.remove());

test("beside a running server: browser, fonts, sandbox, data folder, clock and the way in by PUBLIC_URL", async ({
  program,
  doctor,
}) => {
  const { code, findings } = await doctor({ PUBLIC_URL: program.url });
  expect(findings.filter(({ state }) => state === "failed")).toEqual([]);
  expect(code).toBe(0);
  const found = (check: string) =>
    findings.filter((finding) => finding.check === check).map((finding) => finding.found);
  expect(found("browser")[0]).toMatch(/^Chromium \d+\.\S+ at \/\S+, ready after \d+ ms$/);
  expect(new Set(findings.map(({ check }) => check))).toEqual(
    new Set(["node", "browser", "fonts", "sandbox", "data folder", "clock", "PUBLIC_URL"]),
  );
  expect(found("PUBLIC_URL")).toEqual([
    `${program.url}/api/captcha/control/doctor opens the console`,
    "the server is healthy, and its clock is ours",
    "sockets get through",
  ]);
  // Nothing that is not as good as it could be goes without its fix.
  for (const { state, fix } of findings) expect(fix !== undefined).toBe(state !== "ok");
});

test("each failure has its fix: no browser, no folder, nobody there, no upgrade, another page", async ({
  plainProxy,
  doctor,
  site,
}) => {
  const failuresOf = async (env: Record<string, string>) => {
    const { code, findings } = await doctor(env);
    const failed = findings.filter(({ state }) => state === "failed");
    expect(code).toBe(failed.length === 0 ? 0 : 1);
    for (const { fix } of failed) expect(fix?.length).toBeGreaterThan(10);
    return failed.map(({ check, found }) => `${check}: ${found}`);
  };
  expect(await failuresOf({ CHROMIUM_PATH: "/bin/false" })).toEqual([expect.stringContaining("browser: No browser")]);
  expect(await failuresOf({ DATA_DIR: "/proc/none" })).toEqual([expect.stringContaining("data folder: /proc/none")]);
  expect(await failuresOf({ PUBLIC_URL: "http://127.0.0.1:1" })).toEqual([
    expect.stringContaining("cannot be reached"),
  ]);
  expect(await failuresOf({ PUBLIC_URL: plainProxy })).toEqual([
    `PUBLIC_URL: ${plainProxy.replace("http", "ws")}/api/captcha/ws/doctor answers HTTP 426`,
  ]);
  site.serve("/api/captcha/control/doctor", "<h1>Welcome to nginx!</h1>");
  expect(await failuresOf({ PUBLIC_URL: site.origin })).toEqual([expect.stringContaining("is another page")]);
  expect((await readdir(tmpdir())).filter((name) => name.startsWith("captcha-remote-doctor-"))).toEqual([]);
});
