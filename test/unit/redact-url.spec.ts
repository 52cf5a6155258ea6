/** How URLs are redacted, and errors and requests in the log. */
import { expect, test } from "@playwright/test";
import Fastify from "fastify";
import { pino } from "pino";
import { AppError } from "../../src/errors.ts";
import { redactUrl, redactUrlsIn } from "../../src/util/redact-url.ts";
import { redactingLogger, redactingLogOptions } from "../../src/util/redacting-logger.ts";
import { expectWithin } from "../support/pace.ts";

for (const [url, kept] of [
  ["https://shop.example/login?token=SECRET#SECRET", "https://shop.example/login"],
  ["https://bot:SECRET@shop.example:8443/", "https://shop.example:8443/"],
  ["wss://shop.example/ws?SECRET", "wss://shop.example/ws"],
  ["http://127.0.0.1:9222", "http://127.0.0.1:9222/"],
  ["http://[::1]:80/a/b%20c?SECRET", "http://[::1]/a/b%20c"],
  ["about:blank", "about:blank"],
  ["about:srcdoc#SECRET", "about:srcdoc"],
  ["data:text/html,SECRET", "data:"],
  ["blob:https://shop.example/SECRET", "blob:"],
  ["javascript:SECRET", "javascript:"],
  ["chrome-error://chromewebdata/", "chrome-error://chromewebdata/"],
  ["SECRET", ""],
  ["", ""],
  [`https://shop.example/${"a".repeat(5_000)}`, `https://shop.example/${"a".repeat(1_979)}`],
] as const) {
  test(`of ${url.slice(0, 60)} only ${kept.slice(0, 40) || "nothing"} is kept`, () => {
    expect(redactUrl(url)).toBe(kept);
  });
}

test("texts keep what they say, and lose what is secret in their URLs", () => {
  const text = `page.goto: net::ERR_X at http://a.example/b?token=SECRET
    - navigating to "https://bot:SECRET@a.example/c#SECRET", waiting (why?)
    at file:///app/src/a.ts:10:5 <ws://a.example?SECRET> data:text/html,SECRET`;
  expect(redactUrlsIn(text)).toBe(`page.goto: net::ERR_X at http://a.example/b
    - navigating to "https://a.example/c", waiting (why?)
    at file:///app/src/a.ts:10:5 <ws://a.example> data:`);
});

test("texts of any kind take no time", () => {
  for (const part of ["://", "://a?", "data:", "a://b@", "?#"]) {
    const from = performance.now();
    redactUrlsIn(part.repeat(200_000));
    expectWithin(performance.now() - from, 1_000, part);
  }
});

function logOf(write: (log: ReturnType<typeof redactingLogger>) => void): string {
  const lines: string[] = [];
  write(redactingLogger(pino({ level: "trace" }, { write: (line: string) => lines.push(line) })));
  expect(lines.length).toBeGreaterThan(0);
  return lines.join("");
}

test("errors are logged with their causes, but not with what else they carry", () => {
  const cause = Object.assign(new Error("at https://a.example/?SECRET"), {
    code: "E1",
    rawPacket: Buffer.from("SECRET"),
  });
  const error = new AppError("navigation_failed", { field: "url", why: "http://a.example/?SECRET" }, { cause });
  const text = logOf((log) => {
    log.error({ err: error }, "failed");
    log.child({ part: "inner" }).error({ err: cause }, "failed");
    log.error({ err: "https://a.example/?SECRET" }, "failed");
  });
  expect(text).not.toContain("SECRET");
  expect(text).not.toContain(Buffer.from("SECRET").join(","));
  for (const kept of [
    "navigation_failed",
    "at https://a.example/",
    "E1",
    "caused by",
    "redact-url.spec.ts",
    '\\"field\\"',
  ]) {
    expect(text).toContain(kept);
  }
});

test("requests and headers that come into the log are logged without credentials", () => {
  const headers = { authorization: "SECRET", cookie: "SECRET", "sec-websocket-protocol": "SECRET", accept: "kept" };
  const text = logOf((log) => {
    log.info({ req: { method: "GET", url: "/path?token=SECRET", headers } }, "request");
    log.info({ headers }, "headers");
    log.info({ request: { headers } }, "headers");
    log.info(headers, "headers");
  });
  expect(text).not.toContain("SECRET");
  expect(text).toContain("/path");
  expect(text).toContain("kept");
});

test("inside somebody else's server our requests are logged redacted, theirs as they configure it", async () => {
  const lines: string[] = [];
  const log = pino({ level: "error" }, { write: (line: string) => lines.push(line) });
  const app = Fastify({ loggerInstance: log });
  const fail = (request: { log: { error: (facts: object, text: string) => void } }) => {
    request.log.error({ err: new Error("at https://a.example/?SECRET") }, "failed");
    return "done";
  };
  app.get("/theirs", fail);
  await app.register(async (scope) => {
    redactingLogOptions(scope);
    scope.get("/ours", fail);
  });
  await app.inject("/ours");
  expect(lines.splice(0).join("")).toMatch(/^(?!.*SECRET).*https:\/\/a\.example\//);
  await app.inject("/theirs");
  expect(lines.join("")).toContain("SECRET");
  await app.close();
});
