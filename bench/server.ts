/** The real server in a process of its own, started as a user starts it, and the REST calls that the bench needs. */
import { type ChildProcess, fork } from "node:child_process";
import { chmod, mkdtemp, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CreateSessionInput, SessionAnswer } from "../src/protocol/rest.ts";
import { chromiumPath } from "./browser.ts";
import { atEnd, forgetChild, killAtExit, RUN_FOLDER } from "./cleanup.ts";
import { BEARER, BENCH_KEY_SPEC } from "./key.ts";
import type { ServerMemory } from "./memory-probe.ts";

const START_DEADLINE_MS = 20_000;
const STOP_DEADLINE_MS = 12_000;
const CALL_DEADLINE_MS = 30_000;
/** Folder of this checkout. */
const HERE = fileURLToPath(new URL("../", import.meta.url));
const PROGRAM = "src/cli.ts";
const PROBE = new URL("./memory-probe.ts", import.meta.url).href;

export interface ServerOptions {
  /** Frames of other sites get processes of their own, as in a full Chromium; the headless shell does not by itself. */
  readonly siteIsolation?: boolean;
  /** Browsers that wait for creations; none when left out, as they would count in the rows. */
  readonly warmBrowsers?: number;
  /** Folder of the checkout whose server is started; this one when left out. */
  readonly checkout?: string;
}

export class BenchServer {
  readonly dataDir: string;
  readonly #chromium: string;
  readonly #program: string;
  readonly #warmBrowsers: number;
  #child: ChildProcess;
  #origin: string;
  #stop: () => Promise<void>;

  private constructor({ dataDir, program, chromium, warmBrowsers }: Launch, launched: Launched) {
    this.dataDir = dataDir;
    this.#program = program;
    this.#chromium = chromium;
    this.#warmBrowsers = warmBrowsers;
    this.#child = launched.child;
    this.#origin = launched.origin;
    this.#stop = launched.stop;
  }

  static async start({
    siteIsolation = false,
    warmBrowsers = 0,
    checkout = HERE,
  }: ServerOptions = {}): Promise<BenchServer> {
    const dataDir = await mkdtemp(join(RUN_FOLDER, "server-"));
    const chromium = siteIsolation ? await isolating(await chromiumPath(), dataDir) : await chromiumPath();
    const program = join(checkout, PROGRAM);
    const asked = { program, dataDir, chromium, warmBrowsers, port: "0" };
    return new BenchServer(asked, await launch(asked));
  }

  stop(): Promise<void> {
    return this.#stop();
  }

  /** Ends it as a crash does; its browsers go on. */
  async kill(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await gone;
  }

  /** Starts it again at the same address and folder; resolves as soon as it listens. */
  async startAgain(): Promise<void> {
    const launched = await launch({
      program: this.#program,
      dataDir: this.dataDir,
      chromium: this.#chromium,
      warmBrowsers: this.#warmBrowsers,
      port: this.url.port,
    });
    this.#child = launched.child;
    this.#stop = launched.stop;
  }

  get pid(): number | null {
    return this.#child.pid ?? null;
  }

  get url(): URL {
    return new URL(this.#origin);
  }

  async createSession(body: CreateSessionInput): Promise<SessionAnswer> {
    const response = await fetch(`${this.#origin}/api/captcha/sessions`, {
      method: "POST",
      headers: { ...BEARER, "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(CALL_DEADLINE_MS),
    });
    if (response.status !== 201) throw new Error(`No session: ${response.status} ${await response.text()}`);
    return (await response.json()) as SessionAnswer;
  }

  async endSession(id: string): Promise<void> {
    const signal = AbortSignal.timeout(CALL_DEADLINE_MS);
    const response = await fetch(`${this.#origin}/api/captcha/session/${id}`, {
      method: "DELETE",
      headers: BEARER,
      signal,
    });
    await response.arrayBuffer();
  }

  /** Taken after a full garbage collection. */
  async memory(): Promise<ServerMemory> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("The server did not tell its memory.")), CALL_DEADLINE_MS);
      this.#child.once("message", (message) => {
        clearTimeout(timer);
        resolve(message as ServerMemory);
      });
      this.#child.send("memory");
    });
  }
}

interface Launched {
  readonly child: ChildProcess;
  readonly origin: string;
  readonly stop: () => Promise<void>;
}

interface Launch {
  readonly program: string;
  readonly dataDir: string;
  readonly chromium: string;
  readonly warmBrowsers: number;
  readonly port: string;
}

async function launch({ program, dataDir, chromium, warmBrowsers, port }: Launch): Promise<Launched> {
  const child = fork(program, [], {
    // Outside of the repository, as a user's .env there must not change the results.
    cwd: dataDir,
    execArgv: ["--expose-gc", "--import", PROBE],
    stdio: ["ignore", "pipe", "inherit", "ipc"],
    env: {
      ...process.env,
      ...SETTINGS,
      PORT: port,
      API_KEYS: BENCH_KEY_SPEC,
      DATA_DIR: dataDir,
      CHROMIUM_PATH: chromium,
      WARM_BROWSERS: String(warmBrowsers),
    },
  });
  killAtExit(child.pid);
  const stop = atEnd(() => stopChild(child));
  return { child, origin: await originOf(child), stop };
}

const SETTINGS = {
  // The bench's own pages and its receiver of webhooks are on this machine.
  URL_ALLOW_PRIVATE: "on",
  WEBHOOK_SECRET: `whsec_${"A".repeat(32)}`,
  HOST: "127.0.0.1",
  DEMO: "off",
  LOG_LEVEL: process.env["BENCH_LOG_LEVEL"] ?? "silent",
  // One address and one key create and read all sessions, so the limits must admit that.
  MAX_CREATES_PER_MINUTE: "10000",
  MAX_CONNECTIONS: "5000",
  MAX_CONNECTIONS_PER_ADDRESS: "5000",
  MAX_EVENT_CONNECTIONS_PER_KEY: "5000",
  PUBLIC_URL: "",
  BASE_PATH: "",
  CHALLENGE_KINDS_FILE: "",
} as const;

/** A wrapper that starts the browser with one more flag. Its name stays, as the server recognizes a headless shell by it. */
async function isolating(chromium: string, folder: string): Promise<string> {
  const path = join(folder, basename(chromium));
  await writeFile(path, `#!/bin/sh\nexec "${chromium}" --site-per-process "$@"\n`);
  await chmod(path, 0o700);
  return path;
}

/** The banner names the address once the server listens. */
async function originOf(child: ChildProcess): Promise<string> {
  let text = "";
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`The server did not start (${why}): ${text}`));
    const timer = setTimeout(() => fail("no banner"), START_DEADLINE_MS);
    child.once("exit", (code) => fail(`exit ${code}`));
    child.stdout?.on("data", (data: Buffer) => {
      text += data.toString();
      const origin = /(http:\/\/127\.0\.0\.1:\d+)\/api\/captcha\/control/.exec(text)?.[1];
      if (origin === undefined) return;
      clearTimeout(timer);
      resolve(origin);
    });
  });
}

async function stopChild(child: ChildProcess): Promise<void> {
  const gone = new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once("exit", () => resolve());
  });
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_DEADLINE_MS);
  await gone;
  clearTimeout(timer);
  forgetChild(child.pid);
}
