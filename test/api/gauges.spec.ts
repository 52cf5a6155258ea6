/** [R20] What is open, as numbers: they go up with what sessions do, and are back where they were once all is over. */
import { mergeTests } from "@playwright/test";
import { GAUGE_NAMES, GAUGES, type GaugeName, type Gauges } from "../../src/protocol/health.ts";
import { EventStream } from "../support/event-stream.ts";
import { FeedClient } from "../support/feed-client.ts";
import { expect } from "../support/fixtures.ts";
import { test as withBots } from "../support/guest.ts";
import { NO_KEY } from "../support/key.ts";
import { IS_LONG_RUN } from "../support/long-run.ts";
import { pidsWith, signalAll } from "../support/processes.ts";
import { call, type OwnServer, test as withServers } from "../support/requests.ts";

const PAGE = `<!doctype html><div id="captcha-box" style="width:300px;height:200px;background:#ddd">hold</div>`;
const READER = "crk_reader-0123456789";
const MANY = IS_LONG_RUN ? 20 : 3;

interface Target extends OwnServer {
  /** When nothing has happened yet. */
  readonly before: Gauges;
  create(body: object, headers?: Record<string, string>): Promise<{ session_id: string; ws_url: string }>;
  end(id: string): Promise<void>;
}

const test = mergeTests(withServers, withBots).extend<{ target: Target }>({
  // After the site, which listens in this process too.
  target: async ({ startServer, site: _ }, use) => {
    const server = await startServer();
    await use({
      ...server,
      before: await gauges(server),
      async create(body, headers) {
        const { status, body: answer } = await call("POST", `${server.api}/sessions`, body, headers);
        expect(status, JSON.stringify(answer)).toBe(201);
        return answer;
      },
      async end(id) {
        expect((await call("DELETE", `${server.api}/session/${id}`)).status).toBe(200);
      },
    });
  },
});

async function gauges({ url }: Pick<OwnServer, "url">): Promise<Gauges> {
  return (await call("GET", `${url}/healthz`)).body.gauges;
}

/** Everything that went up has come down again. */
async function allBack(target: Target): Promise<void> {
  await expect.poll(() => gauges(target)).toEqual(target.before);
}

function browserOf({ dataDir }: OwnServer, id: string): Promise<number[]> {
  return pidsWith(`--user-data-dir=${dataDir}/profiles/${id}`);
}

test("every gauge goes up with a session, a guest, their sockets and a stream, and back when all has ended", async ({
  target,
  site,
  botBrowser,
  connect,
}) => {
  const url = site.serve("/", PAGE);
  await botBrowser.open(url);
  const owned = await target.create({ url });
  const guest = await target.create({ cdp: { endpoint: botBrowser.endpoint, url_contains: site.origin } });
  for (const { ws_url } of [owned, guest]) await (await connect(ws_url)).next("control");
  const stream = await EventStream.open(`${target.api}/session/${owned.session_id}/events`);
  await stream.next("session.state");
  const feed = await FeedClient.connect(target.api);

  expect(target.before).toMatchObject({ sessions: 0, releasing: 0, browsers: 0, processes: 0, profile_folders: 0 });
  const during = await gauges(target);
  const rise = Object.fromEntries(GAUGE_NAMES.map((name) => [name, during[name] - target.before[name]]));
  expect(rise).toEqual({
    sessions: 2,
    releasing: 0,
    operator_sockets: 2,
    event_sockets: 1,
    relay_sockets: 0,
    event_streams: 1,
    cdp_connections: 2,
    playwright_connections: 0,
    // The page's twice, as what it logs is heard apart from pictures and input; the guest's.
    cdp_sessions: 3,
    browsers: 1,
    warm_browsers: 0,
    processes: expect.any(Number),
    profile_folders: 1,
    proxies: 1,
    listeners: 1,
  });
  // A Chromium is several processes, whatever we remember of it.
  expect(rise["processes"]).toBeGreaterThan(1);

  for (const { session_id } of [owned, guest]) await target.end(session_id);
  await stream.ended;
  feed.socket.close();
  await allBack(target);
});

test("a socket that is cut, and a stream that is left, are counted no longer while the session goes on", async ({
  target,
  site,
  connect,
}) => {
  const { session_id, ws_url } = await target.create({ url: site.serve("/", PAGE) });
  const alone = await gauges(target);
  const client = await connect(ws_url);
  await client.next("control");
  const stream = await EventStream.open(`${target.api}/session/${session_id}/events`);
  await stream.next("session.state");
  expect(await gauges(target)).toMatchObject({ operator_sockets: 1, event_streams: 1 });
  client.terminate();
  stream.close();
  // The browser may start and end helpers of its own.
  const watched = ({ processes: _, ...rest }: Gauges) => rest;
  await expect.poll(async () => watched(await gauges(target))).toEqual(watched(alone));
  await target.end(session_id);
  await allBack(target);
});

test("a creation that fails leaves nothing open", async ({ target, site }) => {
  const cut = site.serve("/cut", (request) => request.socket.destroy());
  const failed = await call("POST", `${target.api}/sessions`, { url: cut });
  expect([failed.status, failed.body.error.code]).toEqual([502, "navigation_failed"]);
  const unreachable = await call("POST", `${target.api}/sessions`, { cdp: { endpoint: "http://127.0.0.1:9" } });
  expect([unreachable.status, unreachable.body.error.code]).toEqual([502, "cdp_unreachable"]);
  await allBack(target);
});

test("a browser that is killed leaves nothing open", async ({ target, site, connect }) => {
  const { session_id, ws_url } = await target.create({ url: site.serve("/", PAGE) });
  const client = await connect(ws_url);
  await client.next("control");
  signalAll(await browserOf(target, session_id), "SIGKILL");
  await client.closed;
  await allBack(target);
});

test(`${MANY} sessions that are created and cancelled at once leave nothing open @long`, async ({ target, site }) => {
  const url = site.serve("/", PAGE);
  const ids = await Promise.all(
    Array.from({ length: MANY }, async () => (await target.create({ url }, { prefer: "respond-async" })).session_id),
  );
  // Some have no process yet, some have their page.
  await expect.poll(async () => (await gauges(target)).cdp_connections).toBeGreaterThan(0);
  expect((await gauges(target)).sessions).toBe(MANY);
  await Promise.all(ids.map((id) => target.end(id)));
  expect((await gauges(target)).releasing).toBeGreaterThan(0);
  await expect.poll(() => gauges(target)).toEqual(target.before);
});

test("a stranger is told that the server is well, and nothing else; a wrong key counts as it does elsewhere", async ({
  startServer,
}) => {
  const server = await startServer({
    API_KEYS: `reader:${READER}:sessions:create+sessions:read+sessions:control+operate`,
    MAX_FAILED_AUTHENTICATIONS_PER_MINUTE: "2",
  });
  const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });
  for (const base of [server.url, server.api]) {
    for (const headers of [
      NO_KEY,
      bearer(READER),
      bearer("crk_wrong-0123456789"),
      { authorization: "Basic b3BzOm9wcw" },
    ]) {
      expect((await call("GET", `${base}/healthz`, undefined, headers)).body).toEqual({ status: "ok" });
    }
  }
  const next = await call("GET", `${server.api}/sessions`, undefined, bearer("crk_wrong-0123456789"));
  expect([next.status, next.body.error.code]).toEqual([429, "rate_limited"]);
});

test("with AUTH=off whoever reaches the server is told", async ({ startServer }) => {
  const server = await startServer({ AUTH: "off", API_KEYS: "" });
  const { body } = await call("GET", `${server.url}/healthz`, undefined, NO_KEY);
  expect(Object.keys(body.gauges).toSorted()).toEqual(GAUGE_NAMES.toSorted());
});

test("GET /metrics has the same numbers, one series each, and OpenAPI says what they are", async ({ target, site }) => {
  const { session_id } = await target.create({ url: site.serve("/", PAGE) });
  const { body } = await call("GET", `${target.url}/metrics`);
  const series = [...String(body).matchAll(/^captcha_remote_open\{kind="(\w+)"\} (\d+)$/gm)];
  expect(series.map(([, kind]) => kind).toSorted()).toEqual(GAUGE_NAMES.toSorted());
  const shown = Object.fromEntries(series.map(([, kind, value]) => [kind, Number(value)]));
  expect(shown).toMatchObject({ sessions: 1, browsers: 1, proxies: 1, profile_folders: 1, releasing: 0 });
  await target.end(session_id);
  const { paths } = (await call("GET", `${target.url}/documentation/json`)).body;
  const described = paths["/healthz"].get.responses["200"].content["application/json"].schema.properties.gauges;
  const texts = Object.entries(described.properties as Record<GaugeName, { description: string }>);
  expect(Object.fromEntries(texts.map(([name, { description }]) => [name, description]))).toEqual(GAUGES);
});
