/** SIGTERM: the server begins nothing new, tells everybody, leaves or ends its browsers, and nobody holds it up. */
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { join } from "node:path";
import { reapBrowsers } from "../../src/browser/process/chromium-process.ts";
import type { SessionAnswer } from "../../src/protocol/rest.ts";
import { EventStream } from "../support/event-stream.ts";
import { expect, type TestSite } from "../support/fixtures.ts";
import { BEARER, fetchAsBot } from "../support/key.ts";
import { expectWithin } from "../support/pace.ts";
import { pidsWith, signalAll } from "../support/processes.ts";
import type { RunningProgram } from "../support/programs.ts";
import { type Mortal, test as withFaults } from "../support/rounds.ts";
import { SECRET, WebhookReceiver } from "../support/webhook-receiver.ts";

const JSON_FORM = { protocols: ["captcha.json.v1"] };
/** SHUTDOWN_SECONDS is 10; without a browser that hangs nothing takes half of it. */
const SOON_MS = 5_000;
const LATEST_MS = 10_000;

const test = withFaults.extend<{ receiver: WebhookReceiver; dial: (port: string) => Promise<Socket> }>({
  /** What KEEP_BROWSERS leaves goes with the test, however that ended. */
  mortal: async ({ mortal }, use) => {
    await use(mortal);
    await mortal.stop();
    await reapBrowsers(join(mortal.now().dataDir, "profiles"), new Map());
  },
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  receiver: async ({}, use) => {
    const receiver = await WebhookReceiver.start();
    await use(receiver);
    await receiver.stop();
  },
  /** Connections below HTTP: they say what they are told, and read nothing until they are asked to. */
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  dial: async ({}, use) => {
    const sockets: Socket[] = [];
    await use(async (port) => {
      const socket = connectTcp({ host: "127.0.0.1", port: Number(port) });
      sockets.push(socket);
      socket.on("error", () => {});
      await once(socket, "connect");
      return socket;
    });
    for (const socket of sockets) socket.destroy();
  },
});

/** A page that counts how often it was loaded, and one that never comes. */
function serveSite(site: TestSite): { url: string; endless: string; loads: () => number } {
  let loads = 0;
  const url = site.serve("/", (_request, response) => {
    loads += 1;
    response.setHeader("content-type", "text/html").end("<body>page</body>");
  });
  return { url, endless: site.serve("/endless", () => {}), loads: () => loads };
}

async function create(api: string, body: object, headers: Record<string, string> = {}): Promise<SessionAnswer> {
  const response = await fetchAsBot(`${api}/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ timeout_seconds: 120, ...body }),
  });
  expect([201, 202], await response.clone().text()).toContain(response.status);
  return (await response.json()) as SessionAnswer;
}

async function statusOf(api: string, id: string, wait = 0): Promise<{ state: string; reason: string | null }> {
  return (await (await fetchAsBot(`${api}/status/${id}?wait=${wait}`)).json()) as never;
}

function browsersOf({ dataDir }: RunningProgram, id = ""): Promise<number[]> {
  return pidsWith(`--user-data-dir=${dataDir}/profiles/${id}`);
}

/** SIGTERM; how it ended, and how long it took. */
async function terminate(mortal: Mortal): Promise<{ code: number | null; ms: number }> {
  const { pid, exitCode } = mortal.now();
  const at = performance.now();
  process.kill(pid, "SIGTERM");
  return { code: await exitCode, ms: performance.now() - at };
}

/** All ends that a session's stream tells, from its beginning. */
async function endsOf(api: string, id: string): Promise<unknown[]> {
  const stream = await EventStream.open(`${api}/session/${id}/events`, { "last-event-id": "0" });
  await stream.ended;
  return stream.events.flatMap(({ event }) => (event.type === "session.ended" ? [event.data.reason] : []));
}

function portOf(program: RunningProgram): string {
  return new URL(program.url).port;
}

function head(method: string, path: string, lines: Record<string, string> = {}): string {
  const all = { host: "127.0.0.1", ...BEARER, ...lines };
  return `${method} /api/captcha${path} HTTP/1.1\r\n${Object.entries(all)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("")}\r\n`;
}

/** What has come on this connection from here on. */
function read(socket: Socket): () => string {
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  return () => text;
}

const REFUSED = /^HTTP\/1\.1 503 [\s\S]*retry-after: 1\r\n[\s\S]*"code":"shutting_down"/;

test.describe("KEEP_BROWSERS=on", () => {
  test.use({ settings: { KEEP_BROWSERS: "on", DEMO: "on" } });

  test("[S9] [S4] [W6] a session outlives an orderly stop with its browser and its very page; one that is still starting ends", async ({
    mortal,
    site,
    connect,
  }) => {
    const { url, endless, loads } = serveSite(site);
    const first = mortal.now();
    const [kept, starting] = await Promise.all([
      create(first.api, { url }),
      create(first.api, { url: endless }, { prefer: "respond-async" }),
    ]);
    const { session_id: id } = kept;
    const operator = await connect(kept.ws_url, JSON_FORM);
    await operator.next("session_info");
    const stream = await EventStream.open(`${first.api}/session/${id}/events`);
    const poll = statusOf(first.api, id, 50);
    await expect.poll(() => browsersOf(first, starting.session_id)).not.toEqual([]);
    const before = await browsersOf(first, id);

    const { code, ms } = await terminate(mortal);
    expect(code, first.out()).toBe(0);
    expectWithin(ms, SOON_MS, "the stop");
    expect(first.out()).toContain("its sessions go on with the next start");
    expect(await operator.closed).toEqual({ code: 1001, reason: "shutting_down" });
    // Nobody is told of an end that there is not.
    expect(operator.received.filter(({ type }) => type === "error")).toEqual([]);
    await stream.ended;
    expect(stream.types()).not.toContain("session.ended");
    expect(["waiting", "active"]).toContain((await poll).state);
    expect(await browsersOf(first, id)).toEqual(before);
    expect(await browsersOf(first, starting.session_id)).toEqual([]);

    const second = await mortal.startAgain({ KEEP_BROWSERS: "off" });
    const again = await connect(kept.ws_url, JSON_FORM);
    await again.nextPicture(() => true, 0);
    expect(["waiting", "active"]).toContain((await statusOf(second.api, id)).state);
    expect(await browsersOf(second, id)).toEqual(before);
    expect(loads()).toBe(1);
    // The demo session is there again too, which is what the server's health waits for.
    expect((await fetch(`${second.url}/healthz`)).status).toBe(200);
    const end = { state: "cancelled", reason: "shutting_down" };
    expect(await statusOf(second.api, starting.session_id)).toMatchObject(end);
    expect(await endsOf(second.api, starting.session_id)).toEqual(["shutting_down"]);
  });
});

test("[S4] [W6] [R14] [R15] by default sessions end as cancelled / shutting_down, told once, and no browser stays", async ({
  mortal,
  site,
  connect,
  receiver,
}) => {
  const first = mortal.now();
  const callback = { callback_url: receiver.url, callback_secret: SECRET };
  const { session_id: id, ws_url } = await create(first.api, { url: serveSite(site).url, ...callback });
  const operator = await connect(ws_url, JSON_FORM);
  await operator.next("session_info");
  const stream = await EventStream.open(`${first.api}/session/${id}/events`);
  const { code, ms } = await terminate(mortal);
  expect(code, first.out()).toBe(0);
  expectWithin(ms, SOON_MS, "the stop");
  expect(await operator.closed).toEqual({ code: 1001, reason: "shutting_down" });
  expect((await stream.next("session.ended")).data).toMatchObject({ outcome: "cancelled", reason: "shutting_down" });
  expect(await browsersOf(first)).toEqual([]);

  const second = await mortal.startAgain();
  expect(await statusOf(second.api, id)).toMatchObject({ state: "cancelled", reason: "shutting_down" });
  expect(await endsOf(second.api, id)).toEqual(["shutting_down"]);
  const ended = await receiver.next("session.ended");
  expect(ended.event.data).toMatchObject({ session_id: id, outcome: "cancelled", reason: "shutting_down" });
  expect(receiver.types().filter((type) => type === "session.ended")).toHaveLength(1);
});

test("what comes while it drains is refused as shutting_down: new requests, late bodies and sockets @long", async ({
  mortal,
  site,
  dial,
}) => {
  const program = mortal.now();
  const { session_id: id } = await create(program.api, { url: serveSite(site).url });
  const body = JSON.stringify({ url: site.origin });
  const json = { "content-type": "application/json", "content-length": String(body.length) };
  const late = await dial(portOf(program));
  late.write(head("POST", "/sessions", json) + body.slice(0, 5));
  // Its end takes as long as a browser is waited for that does not answer.
  const signal = async (name: NodeJS.Signals) => {
    signalAll(await browsersOf(program, id), name);
  };
  await signal("SIGSTOP");
  const ending = terminate(mortal);
  await expect.poll(program.out, { intervals: [10] }).toContain("shutting down");
  const [anew, socket, health] = await Promise.all([1, 2, 3].map(() => dial(portOf(program))));
  late.write(body.slice(5));
  anew?.write(head("POST", "/sessions", json) + body);
  health?.write(head("GET", "/healthz"));
  socket?.write(
    head("GET", `/ws/${id}`, {
      connection: "upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": Buffer.from("sixteen bytes ok").toString("base64"),
    }),
  );
  const answers = [late, anew, socket, health].map((one) => read(one as Socket));
  for (const text of answers) await expect.poll(text).toMatch(REFUSED);
  await signal("SIGCONT");
  const { code, ms } = await ending;
  expect([code, ms < LATEST_MS], `${ms} ms\n${program.out()}`).toEqual([0, true]);
  expect(await browsersOf(program)).toEqual([]);
});

test("[W6] nobody who keeps silent holds it up: unread pictures and events, open polls, half requests, idle lines @long", async ({
  mortal,
  site,
  connect,
  dial,
}) => {
  const program = mortal.now();
  const url = site.serve(
    "/",
    `<canvas id="c" width="800" height="600"></canvas><script>
    const drawing = c.getContext("2d");
    setInterval(() => { for (let i = 0; i < 500; i++) {
      drawing.fillStyle = "#" + Math.random().toString(16).slice(2, 8);
      drawing.fillRect(Math.random() * 800, Math.random() * 600, 30, 30);
    } }, 30);
  </script>`,
  );
  const { session_id: id, ws_url } = await create(program.api, { url });
  const operator = await connect(ws_url, { protocols: ["captcha.binary.v1"] });
  await operator.nextPicture();
  operator.pause();
  const lines = await Promise.all([1, 2, 3, 4, 5].map(() => dial(portOf(program))));
  for (const line of lines) line.pause();
  lines[0]?.write(head("GET", `/session/${id}/events`));
  lines[1]?.write(head("GET", `/status/${id}?wait=50`));
  lines[2]?.write("GET /api/captcha/sessions HTT");
  lines[3]?.write(head("POST", "/sessions", { "content-type": "application/json", "content-length": "100" }));
  const { code, ms } = await terminate(mortal);
  expect(code, program.out()).toBe(0);
  expectWithin(ms, SOON_MS, "the stop");
  expect(await browsersOf(program)).toEqual([]);
});
