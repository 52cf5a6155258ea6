/** Traces: each session as one trace at a collector, inside its bot's own where it has one; and nothing of it while that is off. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { SpanExporter } from "@opentelemetry/sdk-trace";
import { pino } from "pino";
import { attachDatabase } from "../../src/storage/database.ts";
import { LoggedExporter } from "../../src/tracing/tracing.ts";
import { BRIEF_SEARCH_MS, expect } from "../support/fixtures.ts";
import { longUnless } from "../support/long-run.ts";
import { expectWithin } from "../support/pace.ts";
import { test as base, call } from "../support/requests.ts";
import { WebhookReceiver } from "../support/webhook-receiver.ts";

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { key: string; value: { stringValue?: string } }[];
  readonly events: readonly { name: string }[];
  readonly status: { code?: number; message?: string };
}

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";

const test = base.extend<{ collector: WebhookReceiver }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  collector: async ({}, use) => {
    const collector = await WebhookReceiver.start();
    collector.answer = (response) => response.writeHead(200, { "content-type": "application/json" }).end("{}");
    await use(collector);
    await collector.stop();
  },
});

/** Its pages have no challenge. */
test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

const settings = ({ url }: WebhookReceiver) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: new URL("/", url).href });

function spansOf({ received }: WebhookReceiver): Span[] {
  return received.flatMap(({ body }) =>
    JSON.parse(body).resourceSpans.flatMap(({ scopeSpans }: { scopeSpans: { spans: Span[] }[] }) =>
      scopeSpans.flatMap(({ spans }) => spans),
    ),
  );
}

function attributesOf({ attributes }: Span): Record<string, string | undefined> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue]));
}

test("[R10] a session is one trace with its steps, inside its bot's own, and says how it ended", async ({
  startServer,
  collector,
  site,
  connect,
}) => {
  const server = await startServer(settings(collector));
  const url = site.serve("/secret-path", "<p>x</p>");
  const body = { url, label: "shop" };
  const created = await call("POST", `${server.api}/sessions`, body, { traceparent: `00-${TRACE}-${PARENT}-01` });
  const operator = await connect(created.body.ws_url);
  operator.send({ type: "finish", outcome: "done" });
  await expect
    .poll(async () => (await call("GET", `${server.api}/status/${created.body.session_id}`)).body.state)
    .toBe("solved");
  const alone = await call("POST", `${server.api}/sessions`, { url }, { traceparent: "none of the kind" });
  await call("DELETE", `${server.api}/session/${alone.body.session_id}`);
  await server.close();

  const spans = spansOf(collector);
  expect(JSON.stringify(spans)).not.toContain("secret-path");
  const [whole, other] = spans.filter(({ name }) => name === "captcha session");
  if (!whole || !other) throw new Error("Not both sessions were traced.");
  expect(whole).toMatchObject({ traceId: TRACE, parentSpanId: PARENT, status: {} });
  expect(attributesOf(whole)).toEqual({
    "captcha_remote.session.id": created.body.session_id,
    "captcha_remote.session.label": "shop",
    "captcha_remote.session.outcome": "solved",
    "captcha_remote.session.reason": "operator_done",
    "captcha_remote.session.verified": "operator",
  });
  expect(whole.events.map(({ name }) => name)).toContain("session.operator_joined");
  const steps = spans.filter(({ parentSpanId }) => parentSpanId === whole.spanId);
  expect(steps.map(({ name }) => name)).toEqual([
    "start the browser",
    "open the page",
    "look for the challenge",
    "wait for a person",
    "a person looks",
  ]);
  for (const [index, { traceId, startTimeUnixNano, endTimeUnixNano }] of steps.entries()) {
    expect(traceId).toBe(TRACE);
    expect(BigInt(endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(startTimeUnixNano));
    const next = steps[index + 1];
    if (next) expect(next.startTimeUnixNano).toBe(endTimeUnixNano);
  }
  // No parent, and the bot's own wish is no error.
  expect(other.parentSpanId ?? "").toBe("");
  expect(other.traceId).not.toBe(TRACE);
  expect(other.status.code ?? 0).toBe(0);
  expect(JSON.parse(collector.received[0]?.body ?? "").resourceSpans[0].resource.attributes).toContainEqual({
    key: "service.name",
    value: { stringValue: "captcha-remote" },
  });
});

test("[S5] the end of a session whose server was killed is in its trace", async ({ startServer, collector, site }) => {
  const first = await startServer();
  const { body } = await call(
    "POST",
    `${first.api}/sessions`,
    { url: site.serve("/", "<p>x</p>"), label: "shop" },
    { traceparent: `00-${TRACE}-${PARENT}-01` },
  );
  await first.close();
  // As if it had been killed before it could tell.
  const db = attachDatabase(first.dataDir);
  db.exec("DELETE FROM events");
  db.close();
  const second = await startServer(settings(collector));
  await second.close();
  const [whole] = spansOf(collector);
  if (!whole) throw new Error("Its end was not traced.");
  expect(whole).toMatchObject({ name: "captcha session", traceId: TRACE, parentSpanId: PARENT });
  expect(attributesOf(whole)).toMatchObject({
    "captcha_remote.session.id": body.session_id,
    "captcha_remote.session.outcome": "cancelled",
  });
  expect(BigInt(whole.endTimeUnixNano)).toBeGreaterThan(BigInt(whole.startTimeUnixNano));
});

for (const what of ["is away", "hangs"] as const) {
  const tag = longUnless(what === "hangs");
  test(`a collector that ${what} holds up neither sessions nor the stop${tag}`, async ({
    startServer,
    collector,
    site,
  }) => {
    const env = settings(collector);
    if (what === "is away") await collector.stop();
    else collector.answer = () => {};
    const lines: string[] = [];
    const log = pino({ level: "warn" }, { write: (line: string) => void lines.push(line) });
    const server = await startServer(env, { log });
    const { body } = await call("POST", `${server.api}/sessions`, { url: site.serve("/", "<p>x</p>") });
    expect((await call("DELETE", `${server.api}/session/${body.session_id}`)).status).toBe(200);
    const startedAt = performance.now();
    await server.close();
    // A second for the collector, and the browser's end.
    expectWithin(performance.now() - startedAt, 5_000);
    expect(lines.filter((line) => line.includes("traces"))).not.toEqual([]);
  });
}

test("a collector that is lost is told of once, and once when it is back", async () => {
  const lines: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line).msg) });
  let isThere = true;
  const inner: SpanExporter = {
    export: (_spans, done) => done(isThere ? { code: 0 } : { code: 1, error: new Error("ECONNREFUSED") }),
    shutdown: async () => {},
  };
  const exporter = new LoggedExporter(inner, log);
  for (const now of [true, false, false, false, true, true, false]) {
    isThere = now;
    await new Promise((resolve) => exporter.export([], resolve));
  }
  const lost = "traces cannot be exported, and are dropped";
  expect(lines).toEqual([lost, "traces are exported again", lost]);
});

test("without a collector nothing of it is even loaded", async () => {
  const app = new URL("../../src/server/standalone.ts", import.meta.url).href;
  const program = `
    import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({ resolve: (name, context, next) => (loaded.push(name), next(name, context)) });
    const { buildApp } = await import(${JSON.stringify(app)});
    process.stdout.write(typeof buildApp + " " + loaded.filter((name) => /opentelemetry.(sdk|exporter|resources)|tracing/.test(name)).length);`;
  const cwd = fileURLToPath(new URL("../../", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], { cwd });
  expect(stdout.trim()).toBe("function 0");
});
