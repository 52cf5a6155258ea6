/** The environment and the flags: defaults, what wins, and a clear line for each wrong value. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test as base, expect } from "@playwright/test";
import { ConfigError, configFromOptions, loadConfig } from "../../src/config.ts";
import { type ENVIRONMENT, isLoopback } from "../../src/environment.ts";
import { TEST_FOLDER_PREFIX } from "../support/fixtures.ts";

const test = base.extend<{ file: (text: string) => Promise<string> }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  file: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
    await use(async (text) => {
      const path = join(folder, "kinds.json");
      await writeFile(path, text);
      return path;
    });
    await rm(folder, { recursive: true, force: true });
  },
});

function linesOf(env: Record<string, string>, argv: string[] = []): readonly string[] {
  try {
    loadConfig(env, argv);
  } catch (error) {
    if (error instanceof ConfigError) return error.lines;
    throw error;
  }
  return [];
}

test("without any variable the defaults of the contract stand, and cannot be changed", () => {
  const config = loadConfig({});
  expect(config).toEqual({
    host: "127.0.0.1",
    port: 3000,
    publicUrl: undefined,
    basePath: "",
    dataDir: resolve("data"),
    logLevel: "info",
    chromiumPath: undefined,
    auth: true,
    apiKeys: [],
    allowedOrigins: [],
    allowedHosts: [],
    trustProxy: [],
    maxUploadBytes: 26_214_400,
    maxUploadsPerSession: 10,
    maxUploadBytesPerSession: 104_857_600,
    maxUploadBytesAll: 1_073_741_824,
    maxSessions: 20,
    warmBrowsers: 1,
    maxSessionsPerKey: 20,
    maxRelays: 100,
    maxCreatesPerMinute: 60,
    maxMcpCallsPerMinute: 600,
    mcpCodes: true,
    maxConnections: 1_000,
    maxConnectionsPerAddress: 200,
    maxEventConnectionsPerKey: 50,
    maxPendingConnections: 100,
    otelServiceName: "captcha-remote",
    authenticateSeconds: 5,
    maxFailedAuthenticationsPerMinute: 60,
    maxMessageBytes: 65_536,
    maxMessagesPerSecond: 100,
    messageBurst: 200,
    maxMovesPerSecond: 1_000,
    requestTimeoutSeconds: 15,
    headersTimeoutSeconds: 10,
    keepBrowsers: false,
    maxBodyBytes: 4_194_304,
    defaultTimeoutSeconds: 180,
    maxTimeoutSeconds: 3_600,
    retentionSeconds: 86_400,
    shutdownSeconds: 10,
    cdpAllow: [{ host: "loopback", port: "*" }],
    urlAllowPrivate: false,
    webhookSecret: undefined,
    demo: true,
    customKinds: [],
    arrivalChannels: [],
    searchPath: "",
    browserEnvironment: { LC_CTYPE: "C.UTF-8" },
  });
  expect(Object.isFrozen(config)).toBe(true);
  expect(() => Object.assign(config, { port: 1 })).toThrow(TypeError);
});

test("a flag of the same name in kebab-case wins over the variable, an empty variable is none", () => {
  const env = { PORT: "4000", MAX_SESSIONS: "5", DATA_DIR: "", HOST: "" };
  const config = loadConfig(env, ["--port", "5000", "--public-url=https://bots.example/captcha/", "--demo", "on"]);
  expect(config).toMatchObject({
    port: 5000,
    maxSessions: 5,
    host: "127.0.0.1",
    dataDir: resolve("data"),
    publicUrl: "https://bots.example/captcha",
    basePath: "/captcha",
    demo: true,
  });
});

test("BASE_PATH is the path of PUBLIC_URL unless it is given", () => {
  expect(loadConfig({ PUBLIC_URL: "https://a.example" })).toMatchObject({
    publicUrl: "https://a.example",
    basePath: "",
  });
  expect(loadConfig({ PUBLIC_URL: "https://a.example/x/y/" })).toMatchObject({ basePath: "/x/y" });
  expect(loadConfig({ PUBLIC_URL: "https://a.example/x", BASE_PATH: "/z/" })).toMatchObject({ basePath: "/z" });
  expect(loadConfig({ BASE_PATH: "/" })).toMatchObject({ basePath: "" });
});

test("the demo is on unless PUBLIC_URL says that others come", () => {
  expect(loadConfig({}).demo).toBe(true);
  expect(loadConfig({ PUBLIC_URL: "https://a.example" }).demo).toBe(false);
  expect(loadConfig({ DEMO: "off" }).demo).toBe(false);
});

test("WEBHOOK_SECRET is 24 to 64 bytes in base64, with or without its prefix", () => {
  for (const bytes of [24, 25, 26, 64]) {
    const key = Buffer.alloc(bytes, 251).toString("base64");
    expect(loadConfig({ WEBHOOK_SECRET: key }).webhookSecret).toBe(key);
    expect(loadConfig({ WEBHOOK_SECRET: `whsec_${key}` }).webhookSecret).toBe(`whsec_${key}`);
  }
});

test("a WEBHOOK_SECRET that is refused is not printed", () => {
  expect(linesOf({ WEBHOOK_SECRET: "whsec_almost" }).join()).not.toContain("almost");
});

const WRONG: Readonly<Record<keyof typeof ENVIRONMENT, readonly string[]>> = {
  // Held back by AUTH=off only.
  HOST: [],
  PORT: ["many", "-1", "65536", "3000.5", "NaN", "Infinity"],
  PUBLIC_URL: ["bots.example", "ftp://bots.example", "https://a.example/?q", "https://a:b@a.example/", "https://a/#x"],
  BASE_PATH: ["bots", "/bots//x", "/b ts", "https://a.example/bots", "/bots?x"],
  // Any path may exist.
  DATA_DIR: [],
  LOG_LEVEL: ["loud", "INFO"],
  OTEL_EXPORTER_OTLP_ENDPOINT: ["collector:4318", "grpc://127.0.0.1:4317", "/v1/traces"],
  OTEL_SERVICE_NAME: [],
  // Looked for when a browser is started.
  CHROMIUM_PATH: [],
  AUTH: ["none", "OFF"],
  API_KEYS: ["bot", "bot:", ":secret", "b t:secret", "bot:secret:all", "bot:secret:ops+all", "a:one,a:two", "a:x,b:x"],
  API_KEYS_FILE: ["/nowhere/keys"],
  ALLOWED_ORIGINS: [
    "*",
    "null",
    "https://*.shop.example",
    "shop.example",
    "https://shop.example/",
    "https://shop.example/path",
    "https://SHOP.example",
    "https://shop.example:443",
    "https://a@shop.example",
    "file://",
    "wss://shop.example",
    "https://a.example,,https://b.example",
    "https://a.example;https://b.example",
  ],
  ALLOWED_HOSTS: ["*", "*.internal", "http://captcha", "captcha/path", "captcha:port", "a b", "a@b", "a,,b"],
  TRUST_PROXY: [
    "true",
    "1",
    "*",
    "0.0.0.0/0",
    "::/0",
    "10.0.0.0/33",
    "127.1",
    "proxy.internal",
    "10.0.0.1/",
    "private",
  ],
  MAX_SESSIONS: ["0", "-3", "1.5", "all", "1001"],
  MAX_UPLOAD_BYTES: ["0", "1023", "all"],
  MAX_UPLOADS_PER_SESSION: ["0", "101", "1.5"],
  MAX_UPLOAD_BYTES_PER_SESSION: ["0", "10737418241"],
  MAX_UPLOAD_BYTES_ALL: ["0", "-1", "many"],
  WARM_BROWSERS: ["-1", "101", "some"],
  MAX_SESSIONS_PER_KEY: ["0", "1001", "none"],
  MAX_RELAYS: ["0", "10001", "none"],
  MAX_CREATES_PER_MINUTE: ["0", "fast"],
  MAX_MCP_CALLS_PER_MINUTE: ["0", "fast"],
  MCP_CODES: ["none", "OFF"],
  MAX_CONNECTIONS: ["0", "100001"],
  MAX_EVENT_CONNECTIONS_PER_KEY: ["0", "x"],
  MAX_CONNECTIONS_PER_ADDRESS: ["0", "-1"],
  MAX_PENDING_CONNECTIONS: ["0", "1.5"],
  AUTHENTICATE_SECONDS: ["0", "61"],
  MAX_FAILED_AUTHENTICATIONS_PER_MINUTE: ["0", "few"],
  MAX_MESSAGE_BYTES: ["1000", "1048577", "64k"],
  MAX_MESSAGES_PER_SECOND: ["0", "9", "10001"],
  MESSAGE_BURST: ["0", "many"],
  MAX_MOVES_PER_SECOND: ["0", "59"],
  REQUEST_TIMEOUT_SECONDS: ["0", "601"],
  HEADERS_TIMEOUT_SECONDS: ["0", "16", "long"],
  MAX_BODY_BYTES: ["0", "65535", "4M"],
  DEFAULT_TIMEOUT_SECONDS: ["0", "soon", "86401", "3601"],
  MAX_TIMEOUT_SECONDS: ["0", "1e9"],
  RETENTION_SECONDS: ["0", "forever"],
  KEEP_BROWSERS: ["yes", "ON"],
  SHUTDOWN_SECONDS: ["0", "601", "ten"],
  URL_ALLOW_PRIVATE: ["yes", "true", "1"],
  // No base64, 23 bytes, 65 bytes, no padding, another alphabet.
  WEBHOOK_SECRET: [
    "whsec_not-a-secret",
    `whsec_${Buffer.alloc(23).toString("base64")}`,
    Buffer.alloc(65).toString("base64"),
    Buffer.alloc(25).toString("base64").replace(/=+$/, ""),
    `whsec_${Buffer.alloc(24, 255).toString("base64url")}`,
  ],
  CDP_ALLOW: ["127.0.0.1", "http://127.0.0.1:9222", "host:port", "*:9222", "a:1;b:2"],
  DEMO: ["yes", "true", "1", "ON"],
  ARRIVAL_NOTICES_FILE: ["/nowhere/channels.json"],
  CHALLENGE_KINDS_FILE: ["/nowhere/kinds.json"],
};

for (const [name, values] of Object.entries(WRONG)) {
  for (const value of values) {
    test(`${name}=${value} stops the start with one line that names it`, () => {
      expect(linesOf({ [name]: value })).toEqual([expect.stringMatching(new RegExp(`^${name}: \\S`))]);
    });
  }
}

for (const HOST of ["0.0.0.0", "::", "192.168.1.4", "example.org", "127.0.0.1.example.org", "1270.0.0.1"]) {
  test(`AUTH=off refuses to serve ${HOST}, and AUTH=on does not`, () => {
    expect(linesOf({ HOST, AUTH: "off" })).toEqual(["HOST: AUTH=off serves loopback addresses only"]);
    expect(linesOf({ HOST })).toEqual([]);
  });
}

test("API_KEYS and API_KEYS_FILE together are the keys; of their secrets only hashes are kept", async ({ file }) => {
  const path = await file(
    [
      "# for ops",
      "ops:ops-secret-0123456789:ops+operate labels=shop,bank",
      "",
      "lab:lab-secret-0123456789 url_allow=10.0.0.0/8 cdp_allow=chrome.internal:9222",
    ].join("\n"),
  );
  const config = loadConfig({ API_KEYS: "bot:short", API_KEYS_FILE: path });
  expect(config.apiKeys).toMatchObject([
    { id: "config:bot", isShort: true, grants: { scopes: ["sessions:create", "sessions:read", "sessions:control"] } },
    { id: "config:ops", isShort: false, grants: { scopes: ["ops", "operate"], labels: ["shop", "bank"] } },
    { id: "config:lab", grants: { url_allow: ["10.0.0.0/8"], cdp_allow: ["chrome.internal:9222"] } },
  ]);
  expect(JSON.stringify(config)).not.toMatch(/short"|secret-/);
  expect(linesOf({ API_KEYS: "ops:another", API_KEYS_FILE: path })).toEqual([
    "API_KEYS_FILE: ops: there are two keys of this name",
  ]);
});

test("a key that is refused is not printed", () => {
  for (const spec of [
    "bot:planted planted",
    "bot:planted:nothing",
    "b t:planted",
    "a:planted,b:planted",
    "bot:plan/ted!",
  ]) {
    expect(linesOf({ API_KEYS: spec }).join(), spec).not.toContain("planted");
  }
});

test("lists are taken apart, and their items are as browsers and proxies write them", () => {
  const env = {
    ALLOWED_ORIGINS: "https://shop.example, http://localhost:8080,http://[::1]:81",
    ALLOWED_HOSTS: "Captcha.internal,captcha:3000,[fd00::1]:3000",
    TRUST_PROXY: "loopback, 10.1.0.0/16,fd00::/8,192.0.2.7",
  };
  expect(loadConfig(env)).toMatchObject({
    allowedOrigins: ["https://shop.example", "http://localhost:8080", "http://[::1]:81"],
    allowedHosts: ["captcha.internal", "captcha:3000", "[fd00::1]:3000"],
    trustProxy: ["loopback", "10.1.0.0/16", "fd00::/8", "192.0.2.7"],
  });
});

test("a key may have all sessions unless it is said how many", () => {
  expect(loadConfig({ MAX_SESSIONS: "7" }).maxSessionsPerKey).toBe(7);
  expect(loadConfig({ MAX_SESSIONS: "7", MAX_SESSIONS_PER_KEY: "2" }).maxSessionsPerKey).toBe(2);
});

test("all wrong values are told at once, a line each", () => {
  const env = { PORT: "many", AUTH: "none", MAX_SESSIONS: "0", DEMO: "yes", PUBLIC_URL: "x" };
  const names = linesOf(env).map((line) => line.split(":")[0]);
  expect(names.toSorted()).toEqual(Object.keys(env).toSorted());
});

test("a flag that does not exist, or without a value, is told", () => {
  expect(linesOf({}, ["--prot", "4000"])).toEqual([expect.stringContaining("--prot")]);
  expect(linesOf({}, ["--port"])).toEqual([expect.stringContaining("--port")]);
  expect(linesOf({}, ["4000"])).toEqual([expect.stringContaining("4000")]);
  expect(linesOf({}, ["--port", "many"])).toEqual([expect.stringMatching(/^PORT: /)]);
});

test("loopback is what never leaves the machine, and nothing is resolved to find out", () => {
  for (const host of ["127.0.0.1", "127.8.9.10", "::1", "[::1]", "localhost"])
    expect(isLoopback(host), host).toBe(true);
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "localhost.example", "127.1", "::ffff:127.0.0.1", ""]) {
    expect(isLoopback(host), host).toBe(false);
  }
});

test("kinds of one's own are read from their file", async ({ file }) => {
  const path = await file('[{"kind":"my-box","selectors":["#box"]}]');
  expect(loadConfig({ CHALLENGE_KINDS_FILE: path }).customKinds).toEqual([
    {
      kind: "my-box",
      vendor: "",
      source: "",
      role: "widget",
      selectors: ["#box"],
      frame_urls: [],
      page_urls: [],
      not_when: { selectors: [], frame_urls: [] },
      working: { selectors: [], frame_urls: [] },
      done: [{ gone: true }],
      closes: false,
      min_width: 0,
      min_height: 0,
    },
  ]);
});

test("a kinds file has at most 200 kinds of 100 selectors, and each wrong field is named", async ({ file }) => {
  const load = async (kinds: readonly object[]) =>
    loadConfig({ CHALLENGE_KINDS_FILE: await file(JSON.stringify(kinds)) }).customKinds;
  const wrong = async (fields: object) =>
    linesOf({ CHALLENGE_KINDS_FILE: await file(JSON.stringify([{ kind: "a", selectors: ["#a"], ...fields }])) })[0];
  const full = Array.from({ length: 200 }, (_, index) => ({
    kind: `kind-${index}`,
    selectors: Array.from({ length: 100 }, () => `#${"x".repeat(999)}`),
  }));
  expect(await load(full)).toHaveLength(200);
  await expect(load([...full, { kind: "one-more", selectors: ["#a"] }])).rejects.toThrow(
    /^CHALLENGE_KINDS_FILE: .*200/,
  );
  expect(await wrong({ selectors: Array.from({ length: 101 }, () => "#a") })).toContain("at [0].selectors");
  expect(await wrong({ not_when: { selectors: [`#${"x".repeat(1_000)}`] } })).toContain("at [0].not_when.selectors[0]");
  expect(await wrong({ working: { urls: [] } })).toContain("at [0].working");
  expect(await wrong({ role: "banner" })).toContain("at [0].role");
  expect(await wrong({ min_width: -1 })).toContain("at [0].min_width");
  expect(await wrong({ selectors: [] })).toMatch(/nothing to find it by.*at \[0\]\.selectors/s);
  expect(await wrong({ done: [{ value: "#a", no_answer: "(" }] })).toContain("at [0].done[0].no_answer");
});

for (const text of ["{", "{}", '[{"kind":"My Box","selectors":["#box"]}]', '[{"kind":"a","selectors":[],"x":1}]']) {
  test(`a kinds file with ${text} stops the start`, async ({ file }) => {
    const [line, ...others] = linesOf({ CHALLENGE_KINDS_FILE: await file(text) });
    expect(line).toMatch(/^CHALLENGE_KINDS_FILE: \S/);
    expect(others).toEqual([]);
  });
}

test("[S17] a service inside another program has no demo, and no browsers that wait", () => {
  expect(configFromOptions({})).toMatchObject({ demo: false, warmBrowsers: 0 });
});

test("browsers inherit what they need of the environment, and none of the service's own", () => {
  const { browserEnvironment } = loadConfig({ PATH: "/bin", HOME: "/home/a", API_KEYS: "bot:secret", DATA_DIR: "/d" });
  expect(browserEnvironment).toEqual({ PATH: "/bin", HOME: "/home/a", LC_CTYPE: "C.UTF-8" });
});
