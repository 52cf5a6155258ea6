/** Real parts for the tests: a server and its demo challenges a worker, sites of the test's own, an operator's hands. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { test as base, type Page, expect as playwrightExpect } from "@playwright/test";
import { pino } from "pino";
import { loadConfig } from "../../src/config.ts";
import { buildDemoApp } from "../../src/demo/demo-app.ts";
import type { Puzzle } from "../../src/demo/puzzle-types.ts";
import type { CaptchaInfo, Rect } from "../../src/protocol/common.ts";
import { GAUGE_NAMES, type Gauges } from "../../src/protocol/health.ts";
import type { SessionAnswer, SessionResult } from "../../src/protocol/rest.ts";
import { buildApp } from "../../src/server/standalone.ts";
import type { CaptchaRemoteController } from "../../src/session/controller.ts";
import { type GuestPage, GuestPages } from "./guest-pages.ts";
import { fetchAsBot, TEST_KEY, TEST_KEY_SPEC } from "./key.ts";
import { LiveClient } from "./live-client.ts";

/** How soon a poll looks again, and then each time; Playwright's own looks once a second, which is what a test then waits. */
const POLL_INTERVALS_MS = [50, 100, 200];

/** Playwright's, with polls that look often. */
export const expect: typeof playwrightExpect = new Proxy(playwrightExpect, {
  get: (own, name) => (name === "poll" ? pollOften : Reflect.get(own, name)),
});

const pollOften: typeof playwrightExpect.poll = (actual, options) =>
  playwrightExpect.poll(actual, {
    intervals: POLL_INTERVALS_MS,
    ...(typeof options === "string" ? { message: options } : options),
  });

/** For files whose pages have no challenge, or have it from the start: each session without one would wait for the other. */
export const BRIEF_SEARCH_MS = 500;
/** The server's own 3 s are not enough for a page on a machine that is very busy; one with a challenge never waits so long. */
const SEARCH_MS = 5_000;

/** All folders of this run begin with this; leftovers.spec.ts looks for it. */
export const TEST_FOLDER_PREFIX = `captcha-remote-test-${process.env["TEST_RUN"]}-`;

export interface TestServer {
  readonly url: string;
  /** `url` plus /api/captcha */
  readonly api: string;
  readonly dataDir: string;
  readonly controller: CaptchaRemoteController;
  readonly demoOrigin: string;
  /** Every puzzle the demo server handed out, answers included, oldest first. */
  readonly puzzles: readonly Puzzle[];
}

/** A web site of one test: paths and what they answer. */
export interface TestSite {
  readonly origin: string;
  /** The same site under the other loopback name: another origin, in a frame another process. */
  readonly otherOrigin: string;
  /** Serves HTML, or whatever the handler does, at this path; answers the full URL. */
  serve(path: string, content: string | ((request: IncomingMessage, response: ServerResponse) => void)): string;
}

/** What a creation with a page of the server's own says of that page. */
interface OwnPage {
  readonly url: string;
  readonly viewport?: { width: number; height: number };
  readonly [field: string]: unknown;
}

export interface Bot {
  create(body: Record<string, unknown>): Promise<SessionAnswer>;
  /** The same on a page of a browser that the worker's tests share: much cheaper, where it does not matter who opens it. */
  createGuest(body: OwnPage): Promise<SessionAnswer>;
  /** Opens that page and answers the body of such a creation. */
  guest(body: OwnPage): Promise<Record<string, unknown>>;
  /** The long poll: the status when the session has ended. */
  waitForEnd(
    id: string,
  ): Promise<{ state: string; completed: boolean; verified: string | null; reason: string | null }>;
  result(id: string): Promise<SessionResult>;
  info(id: string): Promise<{ captcha_info: CaptchaInfo | null; state: string; operators: number }>;
}

interface TestFixtures {
  site: TestSite;
  bot: Bot;
  /** Connects a socket to a session; closed at the end of the test. */
  connect: (wsUrl: string, options?: { protocols?: string[] }) => Promise<LiveClient>;
  operator: Operator;
}

interface WorkerFixtures {
  auth: "on" | "off";
  siteIsolation: boolean;
  sessionBrowser: string | undefined;
  challengeSearchMs: number | undefined;
  server: TestServer;
  guestPages: GuestPages;
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  /** off for older clients, which have no keys. */
  auth: ["on", { option: true, scope: "worker" }],
  /** Frames of other sites in processes of their own, as in a full Chromium; the headless shell does not by itself. */
  siteIsolation: [false, { option: true, scope: "worker" }],
  /** Another browser for the sessions than the one the tests found. */
  sessionBrowser: [undefined, { option: true, scope: "worker" }],
  /** How long a page that opens is searched for its challenge; undefined: the server's own 3 s. */
  challengeSearchMs: [SEARCH_MS, { option: true, scope: "worker" }],

  server: [
    async ({ auth, siteIsolation, sessionBrowser, challengeSearchMs }, use) => {
      const dataDir = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
      const log = pino({ level: process.env["TEST_LOG_LEVEL"] ?? "silent" });
      const puzzles: Puzzle[] = [];
      const chromium = sessionBrowser ?? process.env["CHROMIUM_PATH"] ?? "";
      const env = {
        ...process.env,
        CHROMIUM_PATH: chromium,
        HOST: "127.0.0.1",
        PORT: "0",
        DATA_DIR: dataDir,
        DEMO: "off",
        MAX_SESSIONS: "60",
        AUTH: auth,
        API_KEYS: TEST_KEY_SPEC,
        // All tests of a worker are one address.
        MAX_CREATES_PER_MINUTE: "10000",
        // The sites of the tests are on this machine.
        URL_ALLOW_PRIVATE: "on",
      };
      const config = loadConfig(siteIsolation ? { ...env, CHROMIUM_PATH: await isolating(chromium, dataDir) } : env);
      const { app, controller, publicUrl, gauges } = await buildApp(config, { log, challengeSearchMs });
      const demo = await buildDemoApp({
        api: () => ({ origin: publicUrl(), key: TEST_KEY }),
        onPuzzle: (puzzle) => puzzles.push(puzzle),
      });
      await app.listen({ host: config.host, port: config.port });
      await demo.listen({ host: "127.0.0.1", port: 0 });
      const demoOrigin = `http://127.0.0.1:${(demo.server.address() as AddressInfo).port}`;
      const before = await gauges();
      await use({ url: publicUrl(), api: `${publicUrl()}/api/captcha`, dataDir, controller, demoOrigin, puzzles });
      await controller.close();
      const leftOpen = async () => more(await gauges(), before);
      await expect.poll(leftOpen, "what a server opens is closed again").toEqual({});
      await app.close();
      await demo.close();
      await rm(dataDir, { recursive: true, force: true });
    },
    { scope: "worker" },
  ],

  guestPages: [
    async ({ sessionBrowser }, use) => {
      const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
      const pages = new GuestPages(sessionBrowser ?? process.env["CHROMIUM_PATH"] ?? "", folder);
      await use(pages);
      await pages.stop();
      await rm(folder, { recursive: true, force: true });
    },
    { scope: "worker" },
  ],

  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  site: async ({}, use) => {
    const paths = new Map<string, Parameters<TestSite["serve"]>[1]>();
    const server = createServer((request, response) => {
      const content = paths.get(new URL(request.url ?? "/", "http://site").pathname);
      if (typeof content === "function") return content(request, response);
      response.statusCode = content === undefined ? 404 : 200;
      response.setHeader("content-type", "text/html; charset=utf-8").end(content ?? "not found");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const origin = `http://127.0.0.1:${port}`;
    await use({
      origin,
      otherOrigin: `http://localhost:${port}`,
      serve(path, content) {
        paths.set(path, content);
        return `${origin}${path}`;
      },
    });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  },

  bot: async ({ server, guestPages }, use) => {
    const created: string[] = [];
    const pages: GuestPage[] = [];
    const get = async <T>(path: string): Promise<T> => {
      const response = await fetchAsBot(`${server.api}${path}`);
      expect(response.status, await response.clone().text()).toBe(200);
      return (await response.json()) as T;
    };
    const create = async (body: Record<string, unknown>) => {
      const response = await fetchAsBot(`${server.api}/sessions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      expect(response.status, await response.clone().text()).toBe(201);
      const answer = (await response.json()) as SessionAnswer;
      created.push(answer.session_id);
      return answer;
    };
    const guest = async ({ url, viewport, ...others }: OwnPage) => {
      const page = await guestPages.open(url, viewport);
      pages.push(page);
      return { ...others, cdp: page.cdp };
    };
    await use({
      create,
      guest,
      createGuest: async (body) => create(await guest(body)),
      waitForEnd: (id) => get(`/status/${id}?wait=50`),
      result: (id) => get(`/session/${id}/result`),
      info: (id) => get(`/session/${id}`),
    });
    for (const id of created) await fetchAsBot(`${server.api}/session/${id}`, { method: "DELETE" });
    for (const page of pages) await page.close();
  },

  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  connect: async ({}, use) => {
    const clients: LiveClient[] = [];
    await use(async (wsUrl, options) => {
      const client = await LiveClient.connect(wsUrl, options?.protocols);
      clients.push(client);
      return client;
    });
    for (const client of clients) client.terminate();
  },

  operator: async ({ page }, use) => {
    await use(new Operator(page));
  },
});

/** What there is more of than before; a listener less is that of the test that began with this server. */
function more(now: Gauges, before: Gauges): Partial<Gauges> {
  return Object.fromEntries(GAUGE_NAMES.filter((name) => now[name] > before[name]).map((name) => [name, now[name]]));
}

/** A browser with one flag more. */
export async function isolating(chromium: string, folder: string): Promise<string> {
  const path = join(folder, basename(chromium));
  await writeFile(path, `#!/bin/sh\nexec "${chromium}" --site-per-process "$@"\n`, { mode: 0o700 });
  return path;
}

/** A person at the console in a real browser: sees the canvas only, moves in straight lines at an even pace. */
export class Operator {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  /** Opens an operator link and waits for the live picture. */
  async open(controlUrl: string): Promise<void> {
    await this.page.goto(controlUrl);
    await expect(this.page.locator("body")).toHaveAttribute("data-phase", "live");
    await this.untilStill();
  }

  /** The picture has not changed for a moment: the page has finished drawing. */
  async untilStill(): Promise<void> {
    let last = "";
    let since = Date.now();
    await expect
      .poll(
        async () => {
          const { seq = "", view = "" } = await this.#shown();
          if (`${seq} ${view}` !== last || seq === "" || seq === "0") {
            last = `${seq} ${view}`;
            since = Date.now();
          }
          return Date.now() - since;
        },
        { intervals: [100, 250, 500] },
      )
      .toBeGreaterThan(300);
  }

  async drag(from: Point, to: Point, durationMs = 400): Promise<void> {
    const STEP_MS = 16;
    const steps = Math.max(2, Math.round(durationMs / STEP_MS));
    const [start, end] = [await this.#onScreen(from), await this.#onScreen(to)];
    const { mouse } = this.page;
    await mouse.move(start.x, start.y);
    await mouse.down();
    for (let step = 1; step <= steps; step += 1) {
      const part = step / steps;
      await mouse.move(start.x + (end.x - start.x) * part, start.y + (end.y - start.y) * part);
    }
    await mouse.up();
  }

  async click(at: Point): Promise<void> {
    const { x, y } = await this.#onScreen(at);
    await this.page.mouse.click(x, y);
  }

  /** Types into the page through the console's text box. */
  async type(text: string): Promise<void> {
    await this.page.locator("#text-input").fill(text);
    await this.page.locator("#send-text").click();
    await expect(this.page.locator("#text-input")).toHaveValue("");
  }

  async #shown(): Promise<{ seq?: string; view?: string }> {
    return this.page.locator("#screen").evaluate((canvas) => ({ ...(canvas as HTMLCanvasElement).dataset }));
  }

  /** From page CSS px to the console's own coordinates. */
  async #onScreen({ x, y }: Point): Promise<Point> {
    const { view } = await this.#shown();
    const [viewX = 0, viewY = 0, width = 1, height = 1] = (view ?? "").split(",").map(Number);
    const box = await this.page.locator("#screen").boundingBox();
    if (!box) throw new Error("The canvas is not on the screen.");
    return { x: box.x + ((x - viewX) * box.width) / width, y: box.y + ((y - viewY) * box.height) / height };
  }
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A point given from a box's top left corner. */
export function inside(box: Pick<Rect, "x" | "y">, point: Point): Point {
  return { x: box.x + point.x, y: box.y + point.y };
}
