/** The watcher leaves no trace in the page's own world, and hides nothing either. */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startBrowser } from "../../src/browser/process/chromium-process.ts";
import { expect, TEST_FOLDER_PREFIX, type TestSite, test } from "../support/fixtures.ts";
import { fetchAsBot } from "../support/key.ts";

/** What a page saw of its own world, from before its first element to the moment it was asked. */
interface Report {
  readonly where: string;
  /** Own property names of the window: all of them, and those that came after the page had loaded. */
  readonly globals: string[];
  readonly newGlobals: string[];
  readonly foreignListeners: string[];
  readonly mutations: string[];
  readonly nodes: { readonly before: number; readonly after: number };
  readonly resizes: number;
  readonly sizes: { readonly before: string; readonly after: string };
  readonly clicks: number;
  readonly webdriver: unknown;
  readonly userAgent: string;
}

const VIEWPORT = { width: 900, height: 600 };
const BOX = { x: 60, y: 60, width: 300, height: 120 };
const FRAME = { x: 60, y: 260, width: 300, height: 160 };
/** Inside the box, and inside the box of the frame. */
const FIELD = { x: 20, y: 20, width: 200, height: 30 };
/** A click here makes the document report what it saw. */
const TELL = { x: 230, y: 20, width: 50, height: 30 };

/** Runs first in the page's own world. It records until `tell()`; whatever it then reports was not its own doing. */
function record(where: string): void {
  const names = () => Object.getOwnPropertyNames(window);
  const known = new Set<string>();
  const newGlobals = new Set<string>();
  const foreignListeners: string[] = [];
  const mutations: string[] = [];
  let resizes = 0;
  let clicks = 0;
  let before = 0;
  const sizes = () =>
    [innerWidth, innerHeight, outerWidth, outerHeight, screen.width, screen.height, devicePixelRatio].join();
  let sizesBefore = "";
  const countNodes = () => {
    const elements = [...document.querySelectorAll("*")];
    return elements.reduce((sum, element) => sum + element.childNodes.length + element.attributes.length, 0);
  };
  const look = () => {
    for (const name of names()) if (!known.has(name)) newGlobals.add(name);
  };
  addEventListener("resize", () => {
    if (sizesBefore !== "") resizes += 1;
  });
  addEventListener("load", () => {
    before = countNodes();
    // A window that has just been opened does not know its outer size yet.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        sizesBefore = sizes();
      }),
    );
    for (const name of names()) known.add(name);
    const observer = new MutationObserver((records) => {
      for (const { type, target } of records) mutations.push(`${type} ${target.nodeName}`);
    });
    observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    setInterval(look, 20);
    document.querySelector("#tell")?.addEventListener("click", () => {
      clicks += 1;
      look();
      const report: Report = {
        where,
        globals: names(),
        newGlobals: [...newGlobals],
        foreignListeners,
        mutations,
        nodes: { before, after: countNodes() },
        resizes,
        sizes: { before: sizesBefore, after: sizes() },
        clicks,
        webdriver: navigator.webdriver,
        userAgent: navigator.userAgent,
      };
      void fetch("/report", { method: "POST", body: JSON.stringify(report) });
    });
    // From here on the page adds no listener any more: who does is somebody else.
    const own = EventTarget.prototype.addEventListener;
    EventTarget.prototype.addEventListener = function (type, ...rest) {
      foreignListeners.push(type);
      own.call(this, type, ...rest);
    };
    if (location.search === "?tell") document.querySelector<HTMLElement>("#tell")?.click();
  });
}

function recordingPage(where: string, body: string): string {
  const at = ({ x, y, width, height }: typeof BOX) =>
    `position:absolute;margin:0;border:0;left:${x}px;top:${y}px;width:${width}px;height:${height}px;box-sizing:border-box`;
  return `<!doctype html><html><head><script>(${record})(${JSON.stringify(where)})</script><style>
    html, body { margin: 0 } .box { ${at(BOX)}; background: #def } iframe { ${at(FRAME)} }
    .inner { ${at({ x: 0, y: 0, width: BOX.width, height: BOX.height })} }
    #field { ${at(FIELD)} } #tell { ${at(TELL)}; background: #fa0 }
    @keyframes turn { to { transform: translateX(200px) } }
    .moving { position: absolute; top: 70px; width: 30px; height: 30px; background: #06c; animation: turn 1s infinite }
    </style></head><body>${body}</body></html>`;
}

const PARTS = `<input id="field"><div id="tell"></div><div class="moving"></div>`;

/** A page with a challenge to be watched and a frame of another origin; answers its URL and what it reports. */
function serveRecorder(site: TestSite): { url: string; reports: Report[]; userAgents: string[] } {
  const reports: Report[] = [];
  const userAgents: string[] = [];
  site.serve("/frame", recordingPage("frame", `<div class="inner">${PARTS}</div>`));
  site.serve("/report", (request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      reports.push(JSON.parse(body) as Report);
      response.end();
    });
  });
  const frame = `<iframe src="${site.otherOrigin}/frame"></iframe>`;
  const html = recordingPage("page", `<div class="box test-captcha">${PARTS}</div>${frame}`);
  const url = site.serve("/", (request, response) => {
    userAgents.push(request.headers["user-agent"] ?? "");
    response.setHeader("content-type", "text/html; charset=utf-8").end(html);
  });
  return { url, reports, userAgents };
}

test("watching and acting leave no globals, no listeners and no changes in the page's world", async ({
  site,
  bot,
  server,
  connect,
  sessionBrowser,
}) => {
  const { url, reports } = serveRecorder(site);
  const untouched = await reportOfUntouchedPage(sessionBrowser ?? process.env["CHROMIUM_PATH"] ?? "", url, reports);

  const session = await bot.create({ url, viewport: VIEWPORT, completion: { any: [{ gone: ".test-captcha" }] } });
  expect(session.captcha_info).toMatchObject(BOX);
  const client = await connect(session.ws_url);
  await expect.poll(() => count(client.received, "screenshot_update")).toBeGreaterThan(20);
  const mouse = (event_type: string, point: { x: number; y: number }) =>
    client.send({ type: "mouse_event", event_type, ...point, button: "left", buttons: 1 });
  const click = (origin: { x: number; y: number }, part: typeof FIELD) => {
    const point = { x: origin.x + part.x + part.width / 2, y: origin.y + part.y + part.height / 2 };
    mouse("move", point);
    mouse("down", point);
    mouse("up", point);
  };
  for (const origin of [BOX, FRAME]) {
    click(origin, FIELD);
    client.send({ type: "text", text: "typed" });
    mouse("down", { x: origin.x + 10, y: origin.y + 80 });
    for (let x = 10; x < 250; x += 4) mouse("move", { x: origin.x + x, y: origin.y + 80 });
    mouse("up", { x: origin.x + 250, y: origin.y + 80 });
  }
  client.send({ type: "wheel", x: BOX.x + 5, y: BOX.y + 5, delta_x: 0, delta_y: 40 });
  client.send({ type: "check_completion" });
  expect(await client.next("completion_status")).toMatchObject({ completed: false });
  expect((await fetchAsBot(`${server.api}/screenshot/${session.session_id}`)).status).toBe(200);

  for (const [where, origin] of [["page", BOX] as const, ["frame", FRAME] as const]) {
    click(origin, TELL);
    await expect.poll(() => reports.some((report) => report.where === where)).toBe(true);
    const report = reports.find((candidate) => candidate.where === where) as Report;
    expect(report).toMatchObject({ newGlobals: [], foreignListeners: [], mutations: [], resizes: 0, clicks: 1 });
    expect(report.nodes.after).toBe(report.nodes.before);
    expect(report.sizes.after).toBe(report.sizes.before);
    expect(report.webdriver).toBe(true);
  }
  const page = reports.find(({ where }) => where === "page") as Report;
  expect(page.globals).toEqual(untouched.globals);
  expect(page.userAgent).toBe(untouched.userAgent);
  expect(page.webdriver).toBe(untouched.webdriver);
});

test("the user agent is the browser's own unless the bot gives one, and then the same everywhere @long", async ({
  site,
  bot,
  connect,
}) => {
  const { url, reports, userAgents } = serveRecorder(site);
  const given = "Mozilla/5.0 (X11; Linux x86_64) ExampleBot/1.0";
  const session = await bot.create({ url: `${url}?tell`, viewport: VIEWPORT, user_agent: given });
  await expect.poll(() => reports.length).toBeGreaterThan(0);
  expect(reports[0]).toMatchObject({ where: "page", userAgent: given, webdriver: true });
  expect(userAgents).toEqual([given]);
  await connect(session.ws_url);

  const plain = await bot.create({ url: `${url}?tell`, viewport: VIEWPORT });
  await expect.poll(() => reports.length).toBeGreaterThan(1);
  expect(reports[1]?.userAgent).toMatch(/ (Headless)?Chrome\/\d+/);
  expect(userAgents[1]).toBe(reports[1]?.userAgent);
  expect(plain.state).toBe("waiting");
});

/** The same page in the same browser, opened without anybody attaching to it. */
async function reportOfUntouchedPage(chromiumPath: string, url: string, reports: Report[]): Promise<Report> {
  const browser = await startBrowser(
    {
      chromiumPath,
      profileDir: await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX)),
      environment: {},
      viewport: VIEWPORT,
    },
    AbortSignal.timeout(20_000),
  );
  try {
    const { host } = new URL(browser.endpoint);
    await fetch(`http://${host}/json/new?${url}?tell`, { method: "PUT" });
    await expect.poll(() => reports.length).toBe(1);
    return reports.pop() as Report;
  } finally {
    await browser.stop();
  }
}

function count(received: readonly { type: string }[], type: string): number {
  return received.filter((message) => message.type === type).length;
}
