/** The doctor: it tries what sessions need, goes through the proxy as people do, and says what to do about each failure. */
import { readdir } from "node:fs/promises";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { type Ran, runCommand } from "../support/commands.ts";
import { startDroppingProxy } from "../support/dropping-proxy.ts";
import { expect } from "../support/fixtures.ts";
import { runProgram } from "../support/programs.ts";
import { test as base, type OwnServer } from "../support/requests.ts";

interface Finding {
  readonly check: string;
  readonly state: string;
  readonly found: string;
  readonly fix?: string;
}

interface Diagnosis {
  readonly code: number | null;
  readonly findings: readonly Finding[];
}

const test = base.extend<{
  running: OwnServer;
  /** A proxy that hands on requests, and no upgrades. */
  plainProxy: string;
  /** Asks the doctor for the folder of that server; by default within this process. */
  doctor: (env: Record<string, string>, run?: typeof runCommand) => Promise<Diagnosis>;
}>({
  running: async ({ startServer }, use) => use(await startServer()),
  plainProxy: async ({ running }, use) => {
    const { hostname, port } = new URL(running.url);
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
  doctor: async ({ running }, use) => {
    const usual = {
      PATH: process.env["PATH"] ?? "",
      CHROMIUM_PATH: process.env["CHROMIUM_PATH"] ?? "",
      DATA_DIR: running.dataDir,
    };
    await use(async (env, run = runCommand) => {
      const { code, out }: Ran = await run(["doctor", "--json"], { ...usual, ...env });
      const lines = out.trim().split("\n");
      return { code, findings: lines.map((line) => JSON.parse(line)) };
    });
  },
});

test("beside a running server: browser, fonts, sandbox, data folder, clock and the way in by PUBLIC_URL", async ({
  running,
  doctor,
}) => {
  const { code, findings } = await doctor({ PUBLIC_URL: running.url }, runProgram);
  expect(findings.filter(({ state }) => state === "failed")).toEqual([]);
  expect(code).toBe(0);
  const found = (check: string) =>
    findings.filter((finding) => finding.check === check).map((finding) => finding.found);
  expect(found("browser")[0]).toMatch(/^Chromium \d+\.\S+ at \/\S+, ready after \d+ ms$/);
  expect(new Set(findings.map(({ check }) => check))).toEqual(
    new Set(["node", "browser", "fonts", "sandbox", "data folder", "clock", "PUBLIC_URL"]),
  );
  expect(found("PUBLIC_URL")).toEqual([
    `${running.url}/api/captcha/control/doctor opens the console`,
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
  // Each is found whatever else has failed.
  const browser = expect.stringContaining("browser: No browser");
  const none = { CHROMIUM_PATH: "/bin/false" };
  expect(await failuresOf({ ...none, DATA_DIR: "/proc/none", PUBLIC_URL: "http://127.0.0.1:1" })).toEqual([
    browser,
    expect.stringContaining("data folder: /proc/none"),
    expect.stringContaining("cannot be reached"),
  ]);
  expect(await failuresOf({ ...none, PUBLIC_URL: plainProxy })).toEqual([
    browser,
    `PUBLIC_URL: ${plainProxy.replace("http", "ws")}/api/captcha/ws/doctor answers HTTP 426`,
  ]);
  site.serve("/api/captcha/control/doctor", "<h1>Welcome to nginx!</h1>");
  expect(await failuresOf({ ...none, PUBLIC_URL: site.origin })).toEqual([
    browser,
    expect.stringContaining("is another page"),
  ]);
  // Those of tests beside this one go, too.
  const folders = async () => (await readdir(tmpdir())).filter((name) => name.startsWith("captcha-remote-doctor-"));
  await expect.poll(folders).toEqual([]);
});

test("[W59] a way that drops Sec-WebSocket-Protocol is named, and one that lets no socket through has failed", async ({
  running,
  doctor,
}) => {
  const proxy = await startDroppingProxy("drops the header both ways");
  proxy.leadTo(running.url);
  const diagnose = async () => {
    const { findings } = await doctor({ CHROMIUM_PATH: "/bin/false", PUBLIC_URL: proxy.url });
    return findings.findLast(({ check }) => check === "PUBLIC_URL");
  };
  const url = `${proxy.url.replace("http", "ws")}/api/captcha/ws/doctor`;
  const only = `sockets get through only without subprotocols: with them ${url}`;
  for (const [fault, trouble] of [
    ["drops the header both ways", "cannot be opened: Server sent no subprotocol"],
    ["drops the header of answers", "cannot be opened: Server sent no subprotocol"],
    ["answers 400 to the header", "answers HTTP 400"],
  ] as const) {
    proxy.become(fault);
    const finding = await diagnose();
    expect(finding, fault).toMatchObject({ state: "warning", found: `${only} ${trouble}` });
    expect(finding?.fix, fault).toContain("Sec-WebSocket-Protocol");
  }
  proxy.become("lets no socket through");
  expect(await diagnose()).toMatchObject({ state: "failed", found: `${url} answers HTTP 400` });
  await proxy.close();
});
