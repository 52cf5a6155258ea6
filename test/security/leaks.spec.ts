/** Secrets planted everywhere, then a look through everything that the server said: to whom it need not be said, it is not. */
import { once } from "node:events";
import { readdir, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect as connectSocket } from "node:net";
import { join } from "node:path";
import { WebSocket } from "ws";
import type { SessionAnswer } from "../../src/protocol/rest.ts";
import type { TestSite } from "../support/fixtures.ts";
import { startFront } from "../support/fronts.ts";
import { type BotBrowser, test as base, expect } from "../support/guest.ts";
import { TEST_KEY, TEST_KEY_SPEC } from "../support/key.ts";
import { LiveClient } from "../support/live-client.ts";
import { leaks, neverSeen, type Place, type Planted } from "../support/planted-secrets.ts";
import { type RunningProgram, startProgram } from "../support/programs.ts";
import { call } from "../support/requests.ts";
import { WebhookReceiver } from "../support/webhook-receiver.ts";

const WEBHOOK_SECRET = `whsec_${Buffer.from("SERVERS-OWN-WEBHOOK-SECRET").toString("base64")}`;
const CALLBACK_SECRET = `whsec_${Buffer.from("CALLBACK-SECRET-OF-A-BOT").toString("base64")}`;

/** Every word is one of its own, and none is a part of another. */
const PLANTED = {
  cookie: { word: "PLANTEDCOOKIE", allowed: ["result"] },
  localStorage: { word: "PLANTEDLOCAL", allowed: ["result"] },
  header: { word: "PLANTEDHEADER", allowed: [] },
  signInName: { word: "PLANTEDSIGNIN", allowed: [] },
  signInPassword: { word: "PLANTEDPASSWORD", allowed: [] },
  userAgent: { word: "PLANTEDAGENT", allowed: [] },
  urlQuery: { word: "PLANTEDQUERY", allowed: ["detail"] },
  urlFragment: { word: "PLANTEDFRAGMENT", allowed: ["detail"] },
  laterQuery: { word: "PLANTEDLATER", allowed: [] },
  title: { word: "PLANTEDTITLE", allowed: ["socket"] },
  frameQuery: { word: "PLANTEDFRAME", allowed: [] },
  popupQuery: { word: "PLANTEDPOPUP", allowed: [] },
  downloadQuery: { word: "PLANTEDDOWNLOAD", allowed: [] },
  dialog: { word: "PLANTEDDIALOG", allowed: ["socket"] },
  typed: { word: "PLANTEDTYPED", allowed: [] },
  pasted: { word: "PLANTEDPASTED", allowed: [] },
  note: { word: "PLANTEDNOTE", allowed: ["result", "events", "webhook"] },
  report: { word: "PLANTEDREPORT", allowed: ["result", "detail"] },
  metadata: { word: "PLANTEDMETADATA", allowed: ["detail", "detailToOps"] },
  idempotencyKey: { word: "PLANTEDIDEMPOTENCY", allowed: [] },
  callbackQuery: { word: "PLANTEDCALLBACK", allowed: [] },
  callbackSecret: { word: CALLBACK_SECRET.slice(6), allowed: [] },
  callbackSecretText: { word: "CALLBACK-SECRET-OF-A-BOT", allowed: [] },
  webhookSecret: { word: WEBHOOK_SECRET.slice(6), allowed: [] },
  webhookSecretText: { word: "SERVERS-OWN-WEBHOOK-SECRET", allowed: [] },
  cdpQuery: { word: "PLANTEDCDP", allowed: [] },
  cdpPassword: { word: "PLANTEDPASSWORD", allowed: [] },
  serviceToken: { word: "PLANTEDSERVICE", allowed: [] },
  servicePath: { word: "PLANTEDWAY", allowed: [] },
  candidateQuery: { word: "PLANTEDTAB", allowed: [] },
  badCookie: { word: "PLANTEDBAD", allowed: [] },
  badBody: { word: "PLANTEDBODY", allowed: [] },
  authorization: { word: "PLANTEDBEARER", allowed: [] },
  ticket: { word: "PLANTEDTICKET", allowed: [] },
  key: { word: TEST_KEY, allowed: [] },
  keyOfOps: { word: "PLANTEDKEY", allowed: [] },
  pathQuery: { word: "PLANTEDPATH", allowed: [] },
} as const satisfies Record<string, Planted>;

const test = base.extend<{ program: RunningProgram; receiver: WebhookReceiver }>({
  /** The program itself, telling all that it can tell. */
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  program: async ({}, use) => {
    const program = await startProgram({
      LOG_LEVEL: "trace",
      WEBHOOK_SECRET,
      API_KEYS: `${TEST_KEY_SPEC},ops:PLANTEDKEY-of-ops:ops`,
    });
    await use(program);
    await program.remove();
  },
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  receiver: async ({}, use) => {
    const receiver = await WebhookReceiver.start();
    await use(receiver);
    await receiver.stop();
  },
});

/** Everything that was told, by where. */
type Told = Record<Place, string[]>;

function nothing(): Told {
  return {
    output: [],
    create: [],
    links: [],
    tickets: [],
    list: [],
    detail: [],
    detailToOps: [],
    status: [],
    result: [],
    events: [],
    webhook: [],
    audit: [],
    error: [],
    socket: [],
    metrics: [],
  };
}

/** A page that does all that pages do with addresses; its frame says when the challenge is done. */
function serveSite(site: TestSite): string {
  site.serve("/popup", "<title>popup</title>");
  site.serve("/file", (_request, response) => {
    response.setHeader("content-disposition", 'attachment; filename="a.bin"').end("data");
  });
  site.serve("/frame", `<div id="done">done</div>`);
  site.serve(
    "/later",
    `<title>PLANTEDTITLE</title><body><input id="field" style="display:block;width:600px;height:400px"><script>
      alert("PLANTEDDIALOG");
      onmouseup = () => {
        onmouseup = null;
        open("/popup?token=PLANTEDPOPUP#PLANTEDPOPUP");
        location.href = "/file?token=PLANTEDDOWNLOAD";
      };
      field.oninput = () => {
        if (field.value !== "PLANTEDTYPEDPLANTEDPASTED") return;
        const frame = document.createElement("iframe");
        frame.src = "/frame?token=PLANTEDFRAME#PLANTEDFRAME";
        document.body.append(frame);
      };
    </script></body>`,
  );
  // Nothing can be reached from here but by who has brought all that was given.
  return site.serve("/first", ({ headers }, response) => {
    const has =
      [headers["x-token"], headers["user-agent"], headers.cookie].join() ===
      "PLANTEDHEADER,PLANTEDAGENT,sid=PLANTEDCOOKIE";
    const script = `onmouseup = () => { location.href = "/later?token=PLANTEDLATER#PLANTEDLATER"; };`;
    // Found at once: the server need not search for it.
    const box = `<div id="captcha" style="width:600px;height:400px">hold</div>`;
    response.setHeader("content-type", "text/html").end(has ? `${box}<script>${script}</script>` : "not for you");
  });
}

function creation(site: TestSite, receiver: WebhookReceiver): Record<string, unknown> {
  const { hostname } = new URL(site.origin);
  return {
    session_id: "planted",
    url: `${serveSite(site)}?token=PLANTEDQUERY#PLANTEDFRAGMENT`,
    user_agent: "PLANTEDAGENT",
    extra_headers: { "x-token": "PLANTEDHEADER" },
    http_credentials: { username: "PLANTEDSIGNIN", password: "PLANTEDPASSWORD" },
    storage_state: {
      cookies: [
        {
          name: "sid",
          value: "PLANTEDCOOKIE",
          domain: hostname,
          path: "/",
          expires: -1,
          httpOnly: true,
          secure: false,
          sameSite: "Lax",
        },
      ],
      origins: [{ origin: site.origin, localStorage: [{ name: "token", value: "PLANTEDLOCAL" }] }],
    },
    metadata: { order: "PLANTEDMETADATA" },
    completion: { all: [{ visible: "#done" }, { url: "**/later**" }], stable_ms: 0 },
    callback_url: `${receiver.url}?token=PLANTEDCALLBACK`,
    callback_secret: CALLBACK_SECRET,
  };
}

/** A person works in the page: clicks, types, and is told of what the page does. */
async function work(client: LiveClient): Promise<void> {
  const click = () => {
    const at = { x: 300, y: 300, button: "left" };
    client.send({ type: "mouse_event", event_type: "down", buttons: 1, ...at });
    client.send({ type: "mouse_event", event_type: "up", buttons: 0, ...at });
  };
  click();
  await client.next("dialog");
  click();
  await client.next("page_notice", ({ notice }) => notice === "popup");
  await client.next("page_notice", ({ notice }) => notice === "download_refused");
  client.send({ type: "features", features: ["windows"] });
  const { windows } = await client.next("windows", (list) => list.windows.length === 2);
  client.send({ type: "window", window_id: windows[0]?.id, action: "show" });
  await client.next("windows", (list) => list.windows[0]?.active === true);
  for (const key of "PLANTEDTYPED") {
    for (const event_type of ["down", "up"])
      client.send({ type: "key", event_type, key, code: `Key${key}`, modifiers: 8 });
  }
  client.send({ type: "text", text: "PLANTEDPASTED" });
}

/** A person that gives up writes why, and the bot what it thinks of that. */
async function giveUp(program: RunningProgram, site: TestSite, receiver: WebhookReceiver, told: Told): Promise<void> {
  const { completion: _none, ...body } = creation(site, receiver);
  const created = await call("POST", `${program.api}/sessions`, { ...body, session_id: "given-up" });
  told.create.push(JSON.stringify(created.body));
  const client = await LiveClient.connect(created.body.ws_url, ["captcha.json.v1"]);
  await client.next("control", ({ you }) => you);
  client.send({ type: "finish", outcome: "cannot", note: "PLANTEDNOTE" });
  await client.closed;
  told.socket.push(...client.received.map((message) => JSON.stringify(message)));
  const report = { correct: false, note: "PLANTEDREPORT" };
  expect((await call("POST", `${program.api}/session/given-up/report`, report)).status).toBe(200);
}

/** A page at a browser service, whose address is a secret: found again after the server was killed, and closed then. */
async function beGuest(first: RunningProgram, site: TestSite, guest: BotBrowser, told: Told): Promise<RunningProgram> {
  const front = await startFront({
    browser: guest.wsEndpoint,
    path: "/PLANTEDWAY",
    query: { token: "PLANTEDSERVICE" },
  });
  await guest.open(site.serve("/at-a-service", `<div id="captcha" style="width:300px;height:200px">hold</div>`));
  const endpoint = `ws://127.0.0.1:${front.port}/PLANTEDWAY?token=PLANTEDSERVICE`;
  const session = { session_id: "at-a-service", cdp: { endpoint, url_contains: "/at-a-service" } };
  const created = await call("POST", `${first.api}/sessions`, session);
  expect(created.status, JSON.stringify(created.body)).toBe(201);
  told.create.push(JSON.stringify(created.body));
  const refused = await call("POST", `${first.api}/sessions`, { ...session, session_id: "another" });
  told.error.push(JSON.stringify(refused.body));
  await first.kill();
  told.output.push(first.out());
  const second = await first.startAgain();
  const client = await LiveClient.connect(created.body.ws_url, ["captcha.json.v1"]);
  await client.next("session_info", ({ screenshot }) => screenshot !== null);
  client.send({ type: "finish", outcome: "cannot", note: "PLANTEDNOTE" });
  await client.closed;
  told.socket.push(...client.received.map((message) => JSON.stringify(message)));
  await front.close();
  return second;
}

async function readAll(program: RunningProgram, told: Told): Promise<void> {
  const text = async (path: string, key = TEST_KEY) =>
    (await fetch(`${program.api}${path}`, { headers: { authorization: `Bearer ${key}` } })).text();
  const states = "starting,waiting,active,solved,failed,expired,cancelled";
  told.list.push(await text("/sessions"), await text(`/sessions?state=${states}`));
  told.audit.push(await text("/audit?limit=500"));
  told.metrics.push(await text("/metrics"), await text("/healthz"), await text("/readyz"));
  for (const id of ["planted", "given-up", "at-a-service"]) {
    told.detail.push(await text(`/session/${id}`));
    told.detailToOps.push(await text(`/session/${id}`, "PLANTEDKEY-of-ops"));
    told.status.push(await text(`/status/${id}`));
    told.result.push(await text(`/session/${id}/result`));
    told.events.push(await text(`/session/${id}/events?after=0`));
  }
  told.list.push(await text("/history?limit=500"));
}

/** Requests that are refused, each with something secret in it; what they are answered. */
async function beRefused(program: RunningProgram, site: TestSite, guest: BotBrowser): Promise<string[]> {
  const answers: string[] = [];
  const refused = async (body: unknown, headers = {}, path = "/sessions", method = "POST") => {
    const answer = await call(method, `${program.api}${path}`, body, headers);
    expect(answer.status, JSON.stringify(answer.body)).toBeGreaterThanOrEqual(400);
    answers.push(JSON.stringify(answer.body));
  };
  const page = site.serve("/tab", "<title>tab</title>");
  await refused({ url: "http://127.0.0.1:1/?token=PLANTEDQUERY" });
  await refused({
    url: `${site.serve("/file-only", (_request, response) => void response.setHeader("content-disposition", "attachment").end("data"))}?token=PLANTEDQUERY`,
  });
  await refused({ url: "ftp://user:PLANTEDQUERY@127.0.0.1/?token=PLANTEDQUERY" });
  const garbage = createServer((_request, response) => void response.end("PLANTEDCDP")).listen(0, "127.0.0.1");
  await once(garbage, "listening");
  const { port } = garbage.address() as AddressInfo;
  for (const endpoint of [
    "http://127.0.0.1:1/?token=PLANTEDCDP",
    "ws://127.0.0.1:1/?token=PLANTEDCDP",
    "http://bot:PLANTEDPASSWORD@127.0.0.1:1/",
    "ws://bot:PLANTEDPASSWORD@127.0.0.1:1/#PLANTEDCDP",
    `http://127.0.0.1:${port}/?token=PLANTEDCDP`,
    `ws://127.0.0.1:${port}/?token=PLANTEDCDP`,
    "http://chrome.example:9222/?token=PLANTEDCDP",
  ]) {
    await refused({ cdp: { endpoint } });
  }
  garbage.close();
  for (const number of [1, 2]) await guest.open(`${page}?token=PLANTEDTAB${number}#PLANTEDTAB`);
  await refused({ cdp: { endpoint: guest.endpoint, url_contains: "/tab" } });
  const bad = {
    name: "sid",
    value: "PLANTEDBAD",
    domain: "127.0.0.1",
    path: "no path",
    expires: 1,
    secure: "PLANTEDBAD",
  };
  await refused({ url: page, storage_state: { cookies: [bad] } });
  await refused({ url: page, storage_state: { origins: [{ origin: "PLANTEDBAD", localStorage: "PLANTEDBAD" }] } });
  await refused({ url: page, callback_secret: "PLANTEDBODY" });
  await refused({ url: page, locale: "PLANTEDBODY?" });
  await refused('{"url": PLANTEDBODY}');
  await refused(undefined, {}, "/nowhere?token=PLANTEDPATH", "GET");
  await refused(
    undefined,
    { authorization: "Bearer PLANTEDBEARER", cookie: "sid=PLANTEDBEARER" },
    "/session/unknown/result?token=PLANTEDPATH",
    "GET",
  );
  return answers;
}

/** What no well-behaved client sends. */
async function sendNonsense(program: RunningProgram): Promise<void> {
  const { hostname, port } = new URL(program.url);
  for (const text of [
    "GET / HTTP/1.1\r\nauthorization: Bearer PLANTEDBEARER\r\nno header\r\n\r\n",
    "GET /api/captcha/control?token=PLANTEDPATH HTTP/9.9\r\n\r\n",
    `GET / HTTP/1.1\r\ncookie: PLANTEDBEARER${"x".repeat(40_000)}\r\n\r\n`,
  ]) {
    const socket = connectSocket(Number(port), hostname);
    socket.on("error", () => {});
    socket.write(text);
    socket.resume();
    await once(socket, "close");
  }
  const socket = new WebSocket(
    `${program.api.replace("http", "ws")}/ws/unknown?token=PLANTEDPATH`,
    ["captcha.json.v1", "captcha.ticket.PLANTEDTICKET"],
    {
      headers: { authorization: "Bearer PLANTEDBEARER" },
    },
  );
  await once(socket, "close");
}

/** A link, traded for a ticket, that opens a socket: what each of them is, for the looking. */
async function comeByLink(
  { api }: RunningProgram,
  session: SessionAnswer,
  told: Told,
): Promise<Record<string, Planted>> {
  const { session_id: id, ws_url, control_url } = session;
  const made = await call("POST", `${api}/session/${id}/links`, { role: "watch" });
  told.links.push(JSON.stringify(made.body));
  const secretOf = (link: string) => link.split(".").at(-1) ?? "";
  const token = new URL(made.body.url).hash.slice(1);
  const traded = await call("POST", `${api}/session/${id}/ticket`, undefined, { authorization: `Bearer ${token}` });
  told.tickets.push(JSON.stringify(traded.body));
  const watcher = await LiveClient.connect(ws_url, ["captcha.json.v1", `captcha.ticket.${traded.body.ticket}`]);
  await watcher.next("session_info");
  watcher.terminate();
  const stranger = new WebSocket(ws_url, ["captcha.json.v1"]);
  await once(stranger, "open");
  stranger.send(JSON.stringify({ type: "authenticate", token }));
  const [answer] = await once(stranger, "message");
  told.socket.push(String(answer));
  stranger.terminate();
  return {
    firstLink: { word: secretOf(control_url), allowed: ["create"] },
    watchLink: { word: secretOf(token), allowed: ["links"] },
    usedTicket: { word: traded.body.ticket, allowed: ["tickets"] },
  };
}

test("no secret is told where it need not be", async ({ program, site, receiver, botBrowser }) => {
  const told = nothing();
  const body = creation(site, receiver);
  // The first tries fail: failures are told in the log.
  let tries = 0;
  receiver.answer = (response) => {
    tries += 1;
    response.writeHead(tries === 1 ? 500 : 204).end("PLANTEDCALLBACK");
  };
  const headers = { "idempotency-key": "PLANTEDIDEMPOTENCY" };
  const created = await call("POST", `${program.api}/sessions`, body, headers);
  expect(created.status, JSON.stringify(created.body)).toBe(201);
  told.create.push(JSON.stringify(created.body), created.headers.get("location") ?? "");
  const again = await call("POST", `${program.api}/sessions`, { ...body, label: "another" }, headers);
  told.error.push(JSON.stringify(again.body));
  const client = await LiveClient.connect(created.body.ws_url, ["captcha.json.v1"]);
  await client.next("control", ({ you }) => you);
  const links = await comeByLink(program, created.body, told);
  await work(client);
  expect((await client.closed).code).toBe(1000);
  told.socket.push(...client.received.map((message) => JSON.stringify(message)));
  await giveUp(program, site, receiver, told);
  told.error.push(...(await beRefused(program, site, botBrowser)));
  await sendNonsense(program);
  const restarted = await beGuest(program, site, botBrowser, told);
  await readAll(restarted, told);
  await expect.poll(() => receiver.types().filter((type) => type === "session.ended").length).toBeGreaterThanOrEqual(2);
  told.webhook.push(...receiver.received.map((webhook) => webhook.body));
  await restarted.stop();
  told.output.push(restarted.out());

  expect(told.result.join()).toContain('"rule":"{\\"visible\\":\\"#done\\"}"');
  expect(told.output.join()).toContain("webhook failed");
  const planted = { ...PLANTED, ...links };
  expect(leaks(planted, told)).toEqual([]);
  expect(neverSeen(planted, told)).toEqual([]);
});

test("what is kept in DATA_DIR is its owner's alone", async ({ program, site }) => {
  const url = site.serve("/", `<title>page</title><div id="captcha" style="width:300px;height:200px">hold</div>`);
  const created = await call("POST", `${program.api}/sessions`, { url });
  expect(created.status).toBe(201);
  const entries = await readdir(program.dataDir, { withFileTypes: true });
  const modes = await Promise.all(
    entries.map(async (entry) => {
      const { mode } = await stat(join(program.dataDir, entry.name));
      return [entry.name, entry.isDirectory(), (mode & 0o777).toString(8)];
    }),
  );
  expect(modes.map(([name]) => name)).toEqual(
    expect.arrayContaining(["sessions.db", "sessions.db-wal", "sessions.db-shm", "server.lock", "profiles"]),
  );
  for (const [name, isFolder, mode] of modes) expect([name, mode]).toEqual([name, isFolder ? "700" : "600"]);
  const profile = await stat(join(program.dataDir, "profiles", created.body.session_id));
  expect((profile.mode & 0o777).toString(8)).toBe("700");
});
