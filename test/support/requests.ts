/** What the API tests need beyond the fixtures: raw requests, pages that tell what they saw, servers with settings of their own. */
import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { loadConfig } from "../../src/config.ts";
import type { EventPublisher } from "../../src/events/event-publisher.ts";
import { type AppDeps, buildApp } from "../../src/server/standalone.ts";
import type { CaptchaRemoteController } from "../../src/session/controller.ts";
import { test as base, TEST_FOLDER_PREFIX, type TestSite } from "./fixtures.ts";
import { BEARER, TEST_KEY_SPEC } from "./key.ts";

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes.
type Json = any;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
}

/** Sends a request with the key of the tests; objects go as JSON, strings as they are. Redirects are answered as such. */
export async function call(
  method: string,
  url: string,
  body?: unknown,
  headers: Record<string, string | undefined> = {},
): Promise<Answer> {
  const response = await fetch(url, {
    method,
    redirect: "manual",
    headers: given({ ...BEARER, ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers }),
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") && text !== "";
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

function given(headers: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** The sites of the tests are on this machine. */
const SITES = { URL_ALLOW_PRIVATE: "on" };

export interface OwnServer {
  readonly url: string;
  readonly api: string;
  /** Where it listens, whatever PUBLIC_URL says. */
  readonly listening: string;
  readonly dataDir: string;
  readonly events: EventPublisher;
  readonly controller: CaptchaRemoteController;
  close(): Promise<void>;
}

export const test = base.extend<{
  /** A server with settings of its own; the folder is kept between servers of one test. */
  startServer: (env?: Record<string, string>, deps?: Partial<AppDeps>) => Promise<OwnServer>;
}>({
  startServer: async ({ challengeSearchMs }, use) => {
    const dataDir = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
    const closers: (() => Promise<void>)[] = [];
    await use(async (given = {}, deps = {}) => {
      const env = {
        ...process.env,
        HOST: "127.0.0.1",
        PORT: "0",
        DATA_DIR: dataDir,
        DEMO: "off",
        API_KEYS: TEST_KEY_SPEC,
        ...SITES,
        ...given,
      };
      const config = loadConfig(env);
      const { app, publicUrl, events, controller } = await buildApp(config, {
        log: pino({ level: "silent" }),
        challengeSearchMs,
        ...deps,
      });
      const close = () => app.close();
      closers.push(close);
      const listening = await app.listen({ host: config.host, port: config.port });
      return { url: publicUrl(), api: `${publicUrl()}/api/captcha`, listening, dataDir, events, controller, close };
    });
    for (const close of closers) await close();
    await rm(dataDir, { recursive: true, force: true });
  },
});

/** A script for a page: `report(value)` sends a value to the site, one after the other. */
export const REPORTING = `<script>
  let last = Promise.resolve();
  const report = (value) => {
    const body = JSON.stringify(value);
    last = last.then(() => fetch("/report", { method: "POST", body, keepalive: true })).catch(() => {});
  };
</script>`;

/** What pages of this site report; grows as they do. */
export function reportsOf(site: TestSite): Json[] {
  const reports: Json[] = [];
  site.serve("/report", async (request, response) => {
    reports.push(JSON.parse(await textOf(request)));
    response.end();
  });
  return reports;
}

async function textOf(request: IncomingMessage): Promise<string> {
  return Buffer.concat(await request.toArray()).toString("utf8");
}
