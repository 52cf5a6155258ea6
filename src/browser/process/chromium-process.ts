/**
 * One detached Chromium process for each session: starts it or takes it over, finds its debugging address, stops it, and
 * ends processes that belong to no session.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readlinkSync, rmSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { AppError } from "../../errors.ts";
import type { Size } from "../../protocol/common.ts";
import { MAX_TOUCHES } from "../../protocol/live.ts";
import { resetPriority } from "../../util/process-priority.ts";
import { waitUntil } from "../../util/with-deadline.ts";
import {
  groupEnd,
  groupsUsing,
  identityOf,
  type ProcessIdentity,
  processesIn,
  signalProcess,
} from "./process-table.ts";

/** A cold start on a busy machine; warm it is about 0.2 s. */
const START_DEADLINE_MS = 20_000;
const ADDRESS_POLL_MS = 10;
/** Time to write cookies and exit after SIGTERM, before SIGKILL. */
const TERM_PATIENCE_MS = 2_000;
const KILL_PATIENCE_MS = 2_000;
const EXIT_POLL_MS = 20;
const TEMPORARY_PREFIX = "captcha-";
const TEMPORARY_LINK = "tmp";

/** Flags that stop requests of the browser's own and keep its windows quiet. None of them hides automation. */
const QUIET_FLAGS = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--no-default-browser-check",
  "--disable-quic",
  "--disable-dev-shm-usage",
  "--disable-background-timer-throttling",
  "--disable-renderer-backgrounding",
  "--disable-backgrounding-occluded-windows",
  "--mute-audio",
  "--password-store=basic",
  "--use-mock-keychain",
];

/** For frames with a process of their own, too: emulation reaches the page's own process only. */
const TOUCH_FLAGS = {
  also: ["--touch-events=enabled", `--blink-settings=maxTouchPoints=${MAX_TOUCHES}`],
  // A coarse pointer (2) and no hover (1), as a phone has.
  only: [
    "--touch-events=enabled",
    `--blink-settings=maxTouchPoints=${MAX_TOUCHES},primaryPointerType=2,availablePointerTypes=2,primaryHoverType=1,availableHoverTypes=1`,
  ],
};

/** Flags that send all traffic through the proxy, traffic to loopback too: no datagrams beside it, no names resolved. */
function proxyFlags(port: number): string[] {
  return [
    `--proxy-server=http://127.0.0.1:${port}`,
    "--proxy-bypass-list=<-loopback>",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
  ];
}

export interface BrowserSettings {
  readonly chromiumPath: string;
  /** The folder of this session's profile; made here, removed at stop(). */
  readonly profileDir: string;
  /** The environment that the browser gets; it holds none of the service's own settings. */
  readonly environment: Readonly<Record<string, string>>;
  readonly viewport: Size;
  readonly locale?: string | undefined;
  readonly timezone?: string | undefined;
  readonly userAgent?: string | undefined;
  /** The screen takes fingers; `only`: there is no mouse, as on a phone. Left out: no touch. */
  readonly touch?: "also" | "only" | undefined;
  /** The port of the proxy on loopback that takes all traffic; left out: no proxy. */
  readonly proxyPort?: number | undefined;
}

export interface BrowserProcess {
  /** DevTools WebSocket address. */
  readonly endpoint: string;
  /** The name of its profile's folder. */
  readonly profile: string;
  /** Identifies the process for the next server, which may take it over. */
  readonly identity: ProcessIdentity;
  /** Ends the process group and removes the profile; safe to call more than once. */
  stop(): Promise<void>;
  /** Does the same at once and without waiting: for a server that is about to exit. */
  kill(): void;
}

/**
 * Starts a Chromium for one session. Locale, time zone and user agent are given to the process itself, so every frame,
 * worker and popup has them. `signal` stops the start. AppError: browser_unavailable.
 */
export async function startBrowser(settings: BrowserSettings, signal: AbortSignal): Promise<BrowserProcess> {
  const { profileDir } = settings;
  let child: ChildProcess | null = null;
  try {
    child = await spawnBrowser(settings);
    const endpoint = await waitForEndpoint(child, profileDir, signal);
    const identity = await identityOf(child.pid ?? 0);
    if (!identity) throw new AppError("browser_unavailable", { why: "it has just gone" });
    return runningBrowser(endpoint, identity, profileDir);
  } catch (cause) {
    await stopBrowser(child?.pid, profileDir);
    if (cause instanceof AppError) throw cause;
    throw new AppError("browser_unavailable", { why: String(cause) }, { cause });
  }
}

/** Takes over the browser that an earlier server started with this profile. AppError browser_lost: it runs no longer. */
export async function adoptBrowser(profileDir: string, identity: ProcessIdentity): Promise<BrowserProcess> {
  if (!(await isUsing(profileDir, identity))) throw new AppError("browser_lost");
  const endpoint = await readEndpoint(profileDir);
  if (endpoint === null) throw new AppError("browser_lost");
  return runningBrowser(endpoint, identity, profileDir);
}

/** Ends a browser that cannot be taken over, where it still runs, and removes its profile. */
export async function discardBrowser(profileDir: string, identity: ProcessIdentity): Promise<void> {
  await stopBrowser((await isUsing(profileDir, identity)) ? identity.pid : undefined, profileDir);
}

function runningBrowser(endpoint: string, identity: ProcessIdentity, profileDir: string): BrowserProcess {
  const { pid } = identity;
  return {
    endpoint,
    profile: basename(profileDir),
    identity,
    stop: onceOnly(() => stopBrowser(pid, profileDir)),
    kill: () => killBrowser(pid, profileDir),
  };
}

async function spawnBrowser(settings: BrowserSettings): Promise<ChildProcess> {
  const { profileDir, chromiumPath, environment, timezone } = settings;
  await removeProfile(profileDir);
  await mkdir(profileDir, { recursive: true, mode: 0o700 });
  const TMPDIR = await makeTemporary(profileDir);
  const child = spawn(chromiumPath, commandLine(settings), {
    detached: true,
    stdio: "ignore",
    env: { ...environment, TMPDIR, ...(timezone === undefined ? {} : { TZ: timezone }) },
  });
  if (child.pid !== undefined) resetPriority(child.pid);
  child.unref();
  return child;
}

/**
 * Ends the browsers of this profiles folder and removes their profiles, except those in `toKeep`: the name of a profile
 * and the process that uses it. It ends whole process groups, as a browser's helpers outlive it for a moment and still
 * write. Returns how many groups were ended.
 */
export async function reapBrowsers(profilesDir: string, toKeep: ReadonlyMap<string, ProcessIdentity>): Promise<number> {
  const kept = new Map<string, number>();
  for (const [profile, identity] of toKeep) {
    if (await isUsing(join(profilesDir, profile), identity)) kept.set(profile, identity.pid);
  }
  const pids = new Set(kept.values());
  const groups = (await groupsUsing(`${profileFlag(profilesDir)}/`, "prefix")).filter((group) => !pids.has(group));
  for (const group of groups) signalProcess(-group, "SIGKILL");
  for (const group of groups) await waitUntil(groupEnd(group), KILL_PATIENCE_MS, EXIT_POLL_MS);
  const profiles = await readdir(profilesDir).catch(() => []);
  for (const profile of profiles) if (!kept.has(profile)) await removeProfile(join(profilesDir, profile));
  return groups.length;
}

/**
 * Counts the processes that run for browsers of this profiles folder, as the machine lists them. `groups` are the known
 * process groups: they count too, as a helper need not name its profile.
 */
export async function countProcesses(profilesDir: string, groups: readonly number[]): Promise<number> {
  return processesIn(new Set([...groups, ...(await groupsUsing(`${profileFlag(profilesDir)}/`, "prefix"))]));
}

/** Compares the start and the profile too: the system may have given the pid to another process by now. */
async function isUsing(profileDir: string, { pid, started }: ProcessIdentity): Promise<boolean> {
  return (await identityOf(pid))?.started === started && (await groupsUsing(profileFlag(profileDir))).includes(pid);
}

function profileFlag(path: string): string {
  return `--user-data-dir=${path}`;
}

function commandLine({
  chromiumPath,
  profileDir,
  viewport,
  locale,
  userAgent,
  proxyPort,
  touch,
}: BrowserSettings): string[] {
  const isShell =
    basename(chromiumPath).includes("headless-shell") || basename(chromiumPath).includes("headless_shell");
  return [
    ...(isShell ? [] : ["--headless=new"]),
    "--remote-debugging-port=0",
    profileFlag(profileDir),
    `--window-size=${viewport.width},${viewport.height}`,
    "--hide-scrollbars",
    ...QUIET_FLAGS,
    ...(proxyPort === undefined ? [] : proxyFlags(proxyPort)),
    ...(locale === undefined ? [] : [`--lang=${locale}`, `--accept-lang=${locale}`]),
    ...(touch === undefined ? [] : TOUCH_FLAGS[touch]),
    ...(userAgent === undefined ? [] : [`--user-agent=${userAgent}`]),
    // As root Chromium refuses to start inside its own sandbox.
    ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
    "about:blank",
  ];
}

/** Chromium writes the file once the port is open, and only for port 0. */
async function waitForEndpoint(child: ChildProcess, profileDir: string, signal: AbortSignal): Promise<string> {
  let spawnError: Error | null = null;
  child.once("error", (error) => {
    spawnError = error;
  });
  let endpoint: string | null = null;
  const over = () => spawnError !== null || child.exitCode !== null || child.signalCode !== null || signal.aborted;
  await waitUntil(
    async () => {
      endpoint = await readEndpoint(profileDir);
      return endpoint !== null || over();
    },
    START_DEADLINE_MS,
    ADDRESS_POLL_MS,
  );
  if (endpoint !== null && !signal.aborted) return endpoint;
  const why = spawnError ? String(spawnError) : `exit ${child.exitCode ?? child.signalCode ?? "none yet"}`;
  throw new AppError("browser_unavailable", { why });
}

async function readEndpoint(profileDir: string): Promise<string | null> {
  const text = await readFile(join(profileDir, "DevToolsActivePort"), "utf8").catch(() => "");
  const [port, path] = text.split("\n");
  return port && path ? `ws://127.0.0.1:${port}${path.trim()}` : null;
}

async function stopBrowser(pid: number | undefined, profileDir: string): Promise<void> {
  if (pid !== undefined) {
    const gone = groupEnd(pid);
    signalProcess(-pid, "SIGTERM");
    if (!(await waitUntil(gone, TERM_PATIENCE_MS, EXIT_POLL_MS))) {
      signalProcess(-pid, "SIGKILL");
      await waitUntil(gone, KILL_PATIENCE_MS, EXIT_POLL_MS);
    }
  }
  await removeProfile(profileDir);
}

/**
 * Makes a folder with a short path for the browser's temporary files. A full Chromium puts a socket there, and a socket's
 * path is limited to 107 bytes, which DATA_DIR may use up alone. The profile links to the folder, so that whatever
 * removes the profile finds it.
 */
async function makeTemporary(profileDir: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), TEMPORARY_PREFIX));
  await symlink(folder, join(profileDir, TEMPORARY_LINK));
  return folder;
}

function killBrowser(pid: number, profileDir: string): void {
  signalProcess(-pid, "SIGKILL");
  for (const folder of [realTemporary(profileDir), profileDir]) {
    if (folder !== null) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  }
}

function realTemporary(profileDir: string): string | null {
  try {
    const folder = readlinkSync(join(profileDir, TEMPORARY_LINK));
    return basename(folder).startsWith(TEMPORARY_PREFIX) ? folder : null;
  } catch {
    return null;
  }
}

async function removeProfile(profileDir: string): Promise<void> {
  for (const folder of [realTemporary(profileDir), profileDir]) {
    if (folder !== null) await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

function onceOnly(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}
