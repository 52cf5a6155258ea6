/** Where pages of ours may go: real browsers that try what they can, against listeners that count. */

import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { mergeTests } from "@playwright/test";
import { pino } from "pino";
import { WebSocketServer } from "ws";
import { openBrowserPool } from "../../src/browser/open/browser-pool.ts";
import { loadConfig } from "../../src/config.ts";
import type { PageEvents } from "../../src/session/ports/page.ts";
import type { OwnedPageRequest } from "../../src/session/ports/page-request.ts";
import { openStorage } from "../../src/storage/storage.ts";
import { BRIEF_SEARCH_MS, expect, type TestSite } from "../support/fixtures.ts";
import { test as withBots } from "../support/guest.ts";
import { test as base, call, REPORTING, reportsOf } from "../support/requests.ts";

const OFF = { URL_ALLOW_PRIVATE: "off" };
const SILENT = pino({ level: "silent" });
const VIEWPORT = { width: 400, height: 300 };
const UNHEARD: PageEvents = {
  nextSeq: () => 1,
  picture() {},
  challenge() {},
  solved() {},
  lost() {},
  notice() {},
  resumeStateChanged() {},
  focused() {},
  progress() {},
  attemptFailed() {},
  movedOn() {},
  ask: () => false,
  withdraw() {},
  offer() {},
  windowsChanged() {},
  windowShown() {},
  condition() {},
};

/** A listener on loopback that nobody is to reach; it would tell everybody everything. */
interface Secret {
  readonly port: number;
  readonly hits: string[];
}

const test = mergeTests(base, withBots).extend<{ secret: Secret }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  secret: async ({}, use) => {
    const hits: string[] = [];
    const server = createServer((request, response) => {
      hits.push(`${request.method} ${request.url}`);
      response.setHeader("access-control-allow-origin", "*").end("a secret");
    });
    server.on("connection", () => hits.push("connection"));
    const sockets = new WebSocketServer({ server });
    const udp = createSocket("udp4");
    udp.on("message", () => hits.push("datagram"));
    const port = await listen(server, udp);
    await use({ port, hits });
    sockets.close();
    server.closeAllConnections();
    await Promise.all([
      new Promise((resolve) => server.close(resolve)),
      new Promise<void>((resolve) => udp.close(resolve)),
    ]);
  },
});

/** The same port for both. */
async function listen(server: Server, udp: UdpSocket): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => udp.bind(port, "127.0.0.1", resolve));
  return port;
}

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

test.describe("[R10] the url of a creation", () => {
  const PLACES: readonly string[] = [
    "http://127.0.0.1/",
    "http://127.0.0.1:22/",
    "https://127.0.0.1/",
    "http://localhost/",
    "http://LOCALHOST./",
    "http://sub.localhost/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://①②⑦.0.0.1/",
    "http://user:pass@127.0.0.1/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[0:0:0:0:0:ffff:7f00:0001]/",
    "http://[64:ff9b::7f00:1]/",
    "http://0.0.0.0/",
    "http://0/",
    "http://[::]/",
    "http://169.254.169.254/latest/meta-data/",
    "http://168.63.129.16/",
    "http://100.100.100.200/",
    "http://[fd00:ec2::254]/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.0.1/",
    "http://100.64.0.1/",
    "http://[fd00::1]/",
    "http://[fe80::1]/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
  ];
  const SCHEMES: readonly string[] = [
    "file:///etc/passwd",
    "view-source:http://example.org/",
    "chrome://version/",
    "devtools://devtools/bundled/inspector.html",
    "data:text/html,x",
    "javascript:alert(1)",
    "ftp://example.org/",
    "blob:http://example.org/1",
    "filesystem:http://example.org/",
    "ws://example.org/",
    "about:blank",
  ];

  test("private places are refused in every spelling, before a browser is started", async ({ startServer }) => {
    const { api } = await startServer({ ...OFF, CHROMIUM_PATH: "/nowhere" });
    for (const url of [...PLACES, ...SCHEMES]) {
      const refused = await call("POST", `${api}/sessions`, { url });
      expect([refused.status, refused.body.error.code], url).toEqual([422, "url_not_allowed"]);
      expect(refused.body.error.details.field, url).toBe("url");
    }
    const { body } = await call("POST", `${api}/sessions`, { url: "http://[::ffff:a9fe:a9fe]:8080/latest?token=1" });
    expect(body.error.details).toEqual({
      field: "url",
      host: "::ffff:a9fe:a9fe",
      why: "a private address; URL_ALLOW_PRIVATE=on allows it",
    });
  });

  test("a redirect to a private place is url_not_allowed, and it is not reached", async ({
    startServer,
    site,
    secret,
  }) => {
    const { api } = await startServer(OFF, { demoOrigin: () => site.origin });
    for (const to of [`http://127.0.0.1:${secret.port}/`, `https://127.0.0.1:${secret.port}/`]) {
      site.serve("/away", (_request, response) => response.writeHead(302, { location: `${to}path?token=1` }).end());
      const refused = await call("POST", `${api}/sessions`, { url: `${site.origin}/away` });
      expect([refused.status, refused.body.error.code], to).toEqual([422, "url_not_allowed"]);
      expect(refused.body.error.details, to).toMatchObject({ field: "url", host: "127.0.0.1" });
      const { body } = await call("GET", `${api}/sessions?state=failed`);
      expect(body.sessions[0].reason).toBe("url_not_allowed");
    }
    expect(secret.hits).toEqual([]);
  });

  test("a 403 of the site's own is a page like any other @long", async ({ startServer, site }) => {
    const { api } = await startServer(OFF, { demoOrigin: () => site.origin });
    site.serve("/", (_request, response) => response.writeHead(403).end("url_not_allowed"));
    expect((await call("POST", `${api}/sessions`, { url: `${site.origin}/` })).status).toBe(201);
  });

  test("the server's own ports are refused, whatever is allowed", async ({ startServer, site }) => {
    const { api, url } = await startServer();
    const { port } = new URL(url);
    for (const host of ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.8.8.8", "0x7f.1"]) {
      const refused = await call("POST", `${api}/sessions`, { url: `http://${host}:${port}/api/captcha/sessions` });
      expect([refused.status, refused.body.error.code], host).toEqual([422, "url_not_allowed"]);
      expect(refused.body.error.details.why).toBe("a port that no page may reach");
    }
    expect((await call("POST", `${api}/sessions`, { url: site.serve("/", "<p>a site</p>") })).status).toBe(201);
  });
});

test("the demo challenges can be opened without any switch, their frames of another origin too @long", async ({
  server,
  startServer,
}) => {
  const { api } = await startServer(OFF, { demoOrigin: () => server.demoOrigin, challengeSearchMs: undefined });
  for (const query of ["", "?frame=cross"]) {
    const { status, body } = await call("POST", `${api}/sessions`, { url: `${server.demoOrigin}/jigsaw.html${query}` });
    expect([query, status, body.captcha_info?.in_iframe]).toEqual([query, 201, query !== ""]);
  }
  const refused = await call("POST", `${api}/sessions`, { url: `${server.url}/` });
  expect(refused.body.error.code).toBe("url_not_allowed");
});

/** Every way by which a page can ask for something; each answers what it saw, or what stopped it. */
const TRIES = `<script>
  const within = (work) => Promise.race([work, new Promise((done) => setTimeout(() => done("nothing"), 10000))]);
  const settled = (work) => within(work).catch((error) => "failed: " + error.name);
  const element = (tag, attributes) => new Promise((done) => {
    const made = Object.assign(document.createElement(tag), attributes);
    made.onload = () => done("loaded"); made.onerror = () => done("failed");
    document.documentElement.append(made);
  });
  const socket = (url) => new Promise((done) => {
    const made = new WebSocket(url);
    made.onopen = () => done("open"); made.onclose = () => done("failed");
  });
  const worker = (source) => new Promise((done) => {
    const made = new Worker(URL.createObjectURL(new Blob([source])));
    made.onmessage = ({ data }) => done(data);
  });
  const serviceWorker = async (to) => {
    await navigator.serviceWorker.register("/worker.js");
    const { active } = await navigator.serviceWorker.ready;
    return new Promise((done) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = ({ data }) => done(data);
      active.postMessage(to, [port2]);
    });
  };
  const asking = (to) => "fetch('" + to + "').then((answer) => answer.text()).then(TELL, (error) => TELL('failed: ' + error.name))";
  const tries = {
    fetch: (to) => fetch(to).then((answer) => answer.text()),
    "fetch without cors": (to) => fetch(to, { mode: "no-cors" }).then((answer) => "status " + answer.status),
    "fetch by https": (to) => fetch(to.replace("http:", "https:"), { mode: "no-cors" }).then(() => "answered"),
    "fetch of a redirect": (to) => fetch("/away?" + to).then((answer) => answer.text()),
    image: (to) => element("img", { src: to }),
    script: (to) => element("script", { src: to }),
    style: (to) => element("link", { rel: "stylesheet", href: to }),
    WebSocket: (to) => socket(to.replace("http", "ws")),
    EventSource: (to) => new Promise((done) => {
      const made = new EventSource(to);
      made.onopen = () => done("open"); made.onerror = () => done("failed");
    }),
    beacon: (to) => navigator.sendBeacon(to, "x") && "sent",
    worker: (to) => worker(asking(to).replaceAll("TELL", "postMessage")),
    "service worker": serviceWorker,
    form: (to) => {
      const form = Object.assign(document.createElement("form"), { action: to, method: "post", target: "form of " + to });
      const frame = Object.assign(document.createElement("iframe"), { name: "form of " + to });
      document.documentElement.append(frame, form);
      form.submit();
      return "sent";
    },
    preconnect: (to) => {
      document.head.append(Object.assign(document.createElement("link"), { rel: "preconnect", href: to }));
      return "sent";
    },
    prefetch: (to) => {
      document.head.append(Object.assign(document.createElement("link"), { rel: "prefetch", href: to }));
      return "sent";
    },
    iframe: (to) => { void element("iframe", { src: to }); return "sent"; },
    window: (to) => { window.open(to); return "sent"; },
    WebTransport: (to) => new WebTransport(to.replace("http:", "https:")).ready.then(() => "open"),
    WebRTC: async (to) => {
      const { host } = new URL(to);
      const peer = new RTCPeerConnection({ iceServers: [
        { urls: "stun:" + host },
        { urls: ["turn:" + host, "turn:" + host + "?transport=tcp"], username: "a", credential: "b" },
      ] });
      const candidates = [];
      peer.onicecandidate = ({ candidate }) => candidate?.candidate && candidates.push(candidate.candidate);
      peer.createDataChannel("x");
      await peer.setLocalDescription(await peer.createOffer());
      await new Promise((done) => setTimeout(done, 2500));
      return "candidates " + candidates.length;
    },
  };
  (async () => {
    const all = await Promise.all(places.map(async (to) => ({ to, saw: Object.fromEntries(await Promise.all(
      Object.entries(tries).map(async ([name, attempt]) => [name, await settled((async () => attempt(to))())]))) })));
    await new Promise((done) => setTimeout(done, 300));
    all.forEach(report);
  })();
</script>`;

/** What a page may see of a place that it may not reach: its own tries, and that they failed. */
const NOTHING: Readonly<Record<string, string>> = {
  fetch: "failed: TypeError",
  "fetch without cors": "status 0",
  "fetch by https": "failed: TypeError",
  "fetch of a redirect": "failed: TypeError",
  image: "failed",
  script: "failed",
  style: "failed",
  WebSocket: "failed",
  EventSource: "failed",
  beacon: "sent",
  worker: "failed: TypeError",
  "service worker": "failed: TypeError",
  form: "sent",
  preconnect: "sent",
  prefetch: "sent",
  iframe: "sent",
  window: "sent",
  WebTransport: "failed: WebTransportError",
  WebRTC: "candidates 0",
};

function serveTries(site: TestSite, places: readonly string[]): string {
  site.serve("/away", (request, response) =>
    response.writeHead(302, { location: (request.url ?? "").split("?")[1] ?? "" }).end(),
  );
  site.serve("/worker.js", (_request, response) =>
    response.setHeader("content-type", "text/javascript").end(
      `onmessage = ({ data, ports: [port] }) => fetch(data).then((answer) => answer.text())
        .then((text) => port.postMessage(text), (error) => port.postMessage("failed: " + error.name));
       onactivate = (event) => event.waitUntil(clients.claim());`,
    ),
  );
  const list = `<script>const places = ${JSON.stringify(places)};</script>`;
  return site.serve("/", `<!doctype html><head></head>${REPORTING}${list}${TRIES}`);
}

test("a page that tries everything sees nothing of a private place, and nothing arrives there", async ({
  startServer,
  site,
  secret,
}) => {
  const { log, lines, refusals } = listening();
  const { api } = await startServer(OFF, { demoOrigin: () => site.origin, log });
  const reports = reportsOf(site);
  const places = [`http://127.0.0.1:${secret.port}/path?token=1`, `http://localhost:${secret.port}/path?token=1`];
  const { status, body } = await call("POST", `${api}/sessions`, { url: serveTries(site, places) });
  expect([status, body.error]).toEqual([201, undefined]);
  await expect.poll(() => reports.length).toBe(places.length);
  expect(reports).toEqual(places.map((to) => ({ to, saw: NOTHING })));
  expect(secret.hits).toEqual([]);
  // Told once for each host, and nothing of what was asked there.
  const refused = refusals().toSorted((one, other) => one.host.localeCompare(other.host));
  expect(refused.map(({ host, port }) => [host, port])).toEqual([
    ["127.0.0.1", secret.port],
    ["localhost", secret.port],
  ]);
  expect(refused[0]).toMatchObject({ session_id: body.session_id, why: expect.stringContaining("private") });
  expect(lines.join("")).not.toContain("token=1");
});

test("even with URL_ALLOW_PRIVATE=on no page reaches a debugging port, a proxy or the API", async ({
  site,
  secret,
}, testInfo) => {
  const config = loadConfig({ ...process.env, DATA_DIR: testInfo.outputPath("data"), URL_ALLOW_PRIVATE: "on" });
  const { log, refusals } = listening();
  const room = await openBrowserPool(config, { ...ALONE, serverPorts: () => [secret.port] }, log);
  try {
    const reports = reportsOf(site);
    const first = await room.openPage(request("first", site.serve("/first", "<p>x</p>")), UNHEARD, signal());
    const debugging = await debuggingPort(config.dataDir, "first");
    expect(first.proxyPort).toEqual(expect.any(Number));
    const ports = [secret.port, debugging, first.proxyPort];
    const places = ports.map((port) => `http://127.0.0.1:${port}/json/version`);
    const second = await room.openPage(request("second", serveTries(site, places)), UNHEARD, signal());
    await expect.poll(() => reports.length).toBe(places.length);
    expect(reports).toEqual(places.map((to) => ({ to, saw: NOTHING })));
    expect(secret.hits).toEqual([]);
    // Nothing of a browser's own would be shown to a page anyway: it must not even have been asked.
    expect(refusals().map(({ port, why }) => [port, why])).toEqual(
      expect.arrayContaining(ports.map((port) => [port, "a port that no page may reach"])),
    );
    await Promise.all([first.close(), second.close()]);
  } finally {
    await room.close();
  }
});

test("the debugging port of a guest is closed to pages while the guest is in a session", async ({
  server,
  site,
  bot,
  botBrowser,
}) => {
  await botBrowser.open(site.serve("/guest", "<p>a guest</p>"));
  const guest = await bot.create({ cdp: { endpoint: botBrowser.endpoint, url_contains: "/guest" } });
  const open = () => call("POST", `${server.api}/sessions`, { url: `${botBrowser.endpoint}/json/version` });
  expect((await open()).body.error).toMatchObject({
    code: "url_not_allowed",
    details: { why: "a port that no page may reach" },
  });
  await call("DELETE", `${server.api}/session/${guest.session_id}`);
  await bot.result(guest.session_id);
  const { status, body } = await open();
  expect(status).toBe(201);
  await call("DELETE", `${server.api}/session/${body.session_id}`);
});

test("a browser's own proxy port comes with its page, can be given, and is free again when it is closed @long", async ({
  site,
}, testInfo) => {
  const config = loadConfig({ ...process.env, DATA_DIR: testInfo.outputPath("data"), URL_ALLOW_PRIVATE: "on" });
  const room = await openBrowserPool(config, ALONE, SILENT);
  try {
    const url = site.serve("/", "<p>x</p>");
    const first = await room.openPage(request("first", url), UNHEARD, signal());
    const port = first.proxyPort ?? 0;
    await expect(
      room.openPage({ ...request("second", url), proxy_port: port }, UNHEARD, signal()),
    ).rejects.toMatchObject({
      code: "browser_unavailable",
      details: { why: expect.stringContaining("EADDRINUSE") },
    });
    await first.close();
    const again = await room.openPage({ ...request("third", url), proxy_port: port }, UNHEARD, signal());
    expect(again.proxyPort).toBe(port);
    await again.close();
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  } finally {
    await room.close();
  }
});

test("url_allow opens what it names, and nothing beside it", async ({ site }, testInfo) => {
  const config = loadConfig({ ...process.env, DATA_DIR: testInfo.outputPath("data"), ...OFF });
  const room = await openBrowserPool(config, ALONE, SILENT);
  const { port } = new URL(site.origin);
  site.serve("/", "<p>x</p>");
  try {
    const open = (url: string, url_allow: string[]) =>
      room.openPage({ ...request("one", url), url_allow }, UNHEARD, signal()).then((page) => page.close());
    await open(`${site.origin}/`, [`127.0.0.1:${port}`]);
    await open(`${site.otherOrigin}/`, ["localhost"]);
    await open(`${site.otherOrigin}/`, ["loopback"]);
    for (const others of [["127.0.0.1:1"], ["localhost"], ["10.0.0.0/8"], []]) {
      await expect(open(`${site.origin}/`, others), String(others)).rejects.toMatchObject({ code: "url_not_allowed" });
    }
  } finally {
    await room.close();
  }
});

test("[R10] the proxy's port is kept with the session @long", async ({ startServer, site }) => {
  const { api, dataDir, close } = await startServer();
  const { body } = await call("POST", `${api}/sessions`, { url: site.serve("/", "<p>x</p>") });
  await close();
  const storage = openStorage(dataDir);
  expect(storage.sessions.find(body.session_id)?.proxy_port).toBeGreaterThan(0);
  storage.close();
});

const ALONE = { serverPorts: () => [], demoOrigin: () => undefined, challengeSearchMs: BRIEF_SEARCH_MS };

function request(session_id: string, url: string): OwnedPageRequest {
  return { session_id, url, viewport: VIEWPORT, completion: undefined };
}

/** A log, its lines, and what it says of refusals. */
function listening() {
  const lines: string[] = [];
  const log = pino({ level: "info" }, { write: (line: string) => void lines.push(line) });
  const parsed = () => lines.map((line) => JSON.parse(line));
  return { log, lines, refusals: () => parsed().filter(({ msg }) => msg === "kept a page from an address") };
}

function signal(): AbortSignal {
  return AbortSignal.timeout(20_000);
}

async function debuggingPort(dataDir: string, session: string): Promise<number> {
  return Number((await readFile(join(dataDir, "profiles", session, "DevToolsActivePort"), "utf8")).split("\n")[0]);
}
