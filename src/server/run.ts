/** Runs the standalone server as a program: with the demo beside it, a banner, and signals that end everything it has started. */
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { type Logger, pino } from "pino";
import { type FirstKey, makeFirstKey } from "../auth/first-key.ts";
import { hashOf, type KeyRecord, newSecret } from "../auth/key-spec.ts";
import { type Config, ConfigError, configFromProcess } from "../config.ts";
import { buildDemoApp } from "../demo/demo-app.ts";
import { API_PREFIX } from "../protocol/api-prefix.ts";
import type { SessionAnswer } from "../protocol/rest.ts";
import { raisePriority } from "../util/process-priority.ts";
import { redactingLogger } from "../util/redacting-logger.ts";
import { buildApp, type CaptchaRemote } from "./standalone.ts";

/** npm passes a Ctrl-C on, so that it arrives twice in the same millisecond. */
const SAME_SIGNAL_MS = 1_000;
const DEMO_HOST = "127.0.0.1";

/** Starts the server and resolves once it listens; it runs until a signal ends it. Rejects with ConfigError, or if DATA_DIR cannot be used. */
export async function serve(argv: readonly string[]): Promise<void> {
  const config = configFromProcess(argv);
  const log = makeLog(config);
  raisePriority();
  const demoSecret = newSecret();
  const demoApp = config.demo
    ? await buildDemoApp({
        api: () => ({ origin: remote.localUrl(), key: config.auth ? demoSecret : undefined }),
        puzzleFile: join(config.dataDir, "demo-puzzles.json"),
        logger: log.child({ part: "demo" }),
      })
    : null;
  const remote: CaptchaRemote = await buildApp(config, {
    log,
    demoOrigin: () => (demoApp ? originOf(demoApp) : undefined),
    ownKeys: demoApp ? [demoKey(demoSecret)] : [],
  });
  const ending = endOnSignals(config, log, {
    close: async () => {
      await remote.app.close();
      await demoApp?.close();
    },
    kill: remote.kill,
  });
  await listen(remote.app, config);
  if (demoApp) await listenNearby(demoApp, config.port);
  if (!config.auth) log.warn("AUTH=off: whoever reaches this server from this machine may do everything");
  for (const name of remote.keys.short) log.warn({ key: name }, "this key is short: it may be guessed");
  const demo = config.demo ? await openDemoSession(remote, log) : undefined;
  if (ending.aborted) return;
  const firstKey = config.auth ? makeFirstKey(remote.keys, config.dataDir, process.stdout.isTTY) : null;
  write(banner(remote, { config, firstKey, demoUrl: demo?.control_url, demoApp }));
}

/** The key that opens the demo's sessions. Each start makes a new one. */
function demoKey(secret: string): KeyRecord {
  const grants = { scopes: ["sessions:create"], labels: [], cdp_allow: null, url_allow: [] } as const;
  return { id: "demo", name: "demo", hash: hashOf(secret), grants };
}

/** The log: pretty in a terminal, JSON lines otherwise; redacted in both. */
function makeLog(config: Config): Logger {
  const options = { level: config.logLevel };
  if (!process.stdout.isTTY) return redactingLogger(pino(options));
  const pretty = { target: "pino-pretty", options: { ignore: "pid,hostname", translateTime: "HH:MM:ss" } };
  return redactingLogger(pino({ ...options, transport: pretty }));
}

async function listen(app: FastifyInstance, { host, port }: Config): Promise<void> {
  await app.listen({ host, port, listenTextResolver: listenText }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "EADDRINUSE")
      throw new ConfigError([`PORT: ${port} is in use on ${host}; set another (0: any)`]);
    throw error;
  });
}

function listenText(address: string): string {
  return `listening on ${address}`;
}

/** Listens on the port after the server's, or on any free port if that one is taken. */
async function listenNearby(app: FastifyInstance, port: number): Promise<void> {
  const listenAt = (at: number) => app.listen({ host: DEMO_HOST, port: at, listenTextResolver: listenText });
  await (port === 0 ? listenAt(0) : listenAt(port + 1).catch(() => listenAt(0)));
}

/** Opens the demo session. A failure, such as a missing browser, is logged and does not end the server. */
async function openDemoSession({ demo }: CaptchaRemote, log: Logger): Promise<SessionAnswer | undefined> {
  return demo.open().catch((error: unknown) => {
    log.error({ err: error }, "the demo session could not be opened");
    return undefined;
  });
}

interface BannerFacts {
  readonly config: Config;
  readonly firstKey: FirstKey | null;
  readonly demoUrl: string | undefined;
  readonly demoApp: FastifyInstance | null;
}

function banner(remote: CaptchaRemote, { config, firstKey, demoUrl, demoApp }: BannerFacts): string {
  const url = remote.publicUrl();
  const demoLines = demoApp
    ? [...(demoUrl ? [`  Try it now      ${shown(demoUrl)}`] : []), `  More challenges ${originOf(demoApp)}/`]
    : [];
  return [
    "",
    "  captcha-remote is running. For pages and accounts that you may automate.",
    "",
    ...demoLines,
    `  Console         ${url}${API_PREFIX}/control`,
    `  API             ${url}/documentation`,
    "",
    ...keyLines(firstKey),
    `  ${config.auth ? "" : "AUTH=off: anyone on this machine can use it. "}${endingLine(config)}`,
    "",
    "",
  ].join("\n");
}

function endingLine({ keepBrowsers }: Config): string {
  return keepBrowsers ? "Ctrl-C ends it; its sessions go on with the next start." : "Ctrl-C ends it and its browsers.";
}

function keyLines(firstKey: FirstKey | null): string[] {
  if (firstKey === null) return [];
  if ("path" in firstKey) return [`  A first key was made: it is in ${firstKey.path}`, ""];
  return [`  Your first key  ${firstKey.secret}`, "  It is shown this once; captcha-remote keys makes more.", ""];
}

/** The link as it is printed. Its part after # is a secret, which only a terminal gets: other outputs may be stored. */
function shown(link: string): string {
  return process.stdout.isTTY ? link : link.replace(/#.*/, "");
}

/** Ends everything in order at the first signal, and at once at another one more than a second later. Returns a signal that the first one aborts. */
function endOnSignals(
  config: Config,
  log: Logger,
  { close, kill }: { close: () => Promise<void>; kill: () => void },
): AbortSignal {
  const ending = new AbortController();
  let firstAt: number | null = null;
  const exitNow = () => {
    kill();
    process.exit(1);
  };
  const onSignal = (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (firstAt !== null && now - firstAt < SAME_SIGNAL_MS) return;
    if (firstAt !== null) return exitNow();
    firstAt = now;
    ending.abort();
    log.info({ signal }, "shutting down");
    setTimeout(exitNow, config.shutdownSeconds * 1_000).unref();
    close().then(
      () => process.exit(),
      (error: unknown) => {
        log.fatal({ err: error }, "shutdown failed");
        exitNow();
      },
    );
  };
  // After a defect no state can be trusted, but an orderly end leaves no browsers behind.
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error: unknown) => {
      log.fatal({ err: error }, "unexpected error, shutting down");
      process.exitCode = 1;
      onSignal("SIGTERM");
    });
  }
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  process.on("SIGHUP", onSignal);
  return ending.signal;
}

function originOf(app: FastifyInstance): string {
  const address = app.server.address();
  return typeof address === "object" && address !== null ? `http://${DEMO_HOST}:${address.port}` : "";
}

function write(text: string): void {
  process.stdout.write(text);
}
