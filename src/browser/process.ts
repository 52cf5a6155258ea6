/** One detached Chromium process a session: start it, find its debugging address, stop it, reap what a killed server left. */
import { type ChildProcess, spawn } from "node:child_process";
import { readlinkSync, rmSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { waitUntil } from "../deadline.ts";
import { AppError } from "../errors.ts";
import { makeOrdinary } from "../priority.ts";
import type { Size } from "../protocol/common.ts";

/** A cold start on a busy machine; warm it is about 0.2 s. */
const START_DEADLINE_MS = 20_000;
const ADDRESS_POLL_MS = 10;
/** Time to write cookies and leave after SIGTERM, before SIGKILL. */
const TERM_PATIENCE_MS = 2_000;
const KILL_PATIENCE_MS = 2_000;
const EXIT_POLL_MS = 20;
const TEMPORARY_PREFIX = "captcha-";
const TEMPORARY_LINK = "tmp";

/** Keeps the browser off the network by itself and its windows quiet; nothing here hides automation. */
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

/** Everything through the proxy, also what leads to loopback; no datagrams beside it, and no names resolved. */
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
  /** What the browser inherits; none of the service's own settings. */
  readonly environment: Readonly<Record<string, string>>;
  readonly viewport: Size;
  readonly locale?: string | undefined;
  readonly timezone?: string | undefined;
  readonly userAgent?: string | undefined;
  /** Of the proxy on loopback that all of its traffic goes through; left out: it goes out by itself. */
  readonly proxyPort?: number | undefined;
}

export interface BrowserProcess {
  /** DevTools WebSocket address. */
  readonly endpoint: string;
  /** Ends the process group and removes the profile; safe to call more than once. */
  stop(): Promise<void>;
  /** The same at once and without waiting, for a process that is about to exit. */
  kill(): void;
}

/**
 * Starts a Chromium of its own for one session. Locale, time zone and user agent are given to the process itself, so
 * every frame, worker and popup has them. AppError: browser_unavailable.
 */
export async function startBrowser(settings: BrowserSettings, signal: AbortSignal): Promise<BrowserProcess> {
  const { profileDir } = settings;
  let child: ChildProcess | null = null;
  const stop = onceOnly(() => stopBrowser(child, profileDir));
  try {
    child = await spawnBrowser(settings);
    return {
      endpoint: await readEndpoint(child, profileDir, signal),
      stop,
      kill: () => killBrowser(child, profileDir),
    };
  } catch (cause) {
    await stop();
    if (cause instanceof AppError) throw cause;
    throw new AppError("browser_unavailable", { why: String(cause) }, { cause });
  }
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
  if (child.pid !== undefined) makeOrdinary(child.pid);
  child.unref();
  return child;
}

/**
 * Ends every browser of this profiles folder, and removes what is in it: nobody owns them at a server's start.
 * Whole process groups, as a browser's helpers outlive it for a moment and still write.
 */
export async function reapBrowsers(profilesDir: string): Promise<number> {
  const groups = await groupsUsing(`--user-data-dir=${profilesDir}/`);
  for (const group of groups) signalProcess(-group, "SIGKILL");
  for (const group of groups) await waitUntil(async () => !(await groupLives(group)), KILL_PATIENCE_MS, EXIT_POLL_MS);
  for (const profile of await readdir(profilesDir).catch(() => [])) await removeProfile(join(profilesDir, profile));
  return groups.length;
}

function commandLine({ chromiumPath, profileDir, viewport, locale, userAgent, proxyPort }: BrowserSettings): string[] {
  const isShell =
    basename(chromiumPath).includes("headless-shell") || basename(chromiumPath).includes("headless_shell");
  return [
    ...(isShell ? [] : ["--headless=new"]),
    "--remote-debugging-port=0",
    `--user-data-dir=${profileDir}`,
    `--window-size=${viewport.width},${viewport.height}`,
    "--hide-scrollbars",
    ...QUIET_FLAGS,
    ...(proxyPort === undefined ? [] : proxyFlags(proxyPort)),
    ...(locale === undefined ? [] : [`--lang=${locale}`, `--accept-lang=${locale}`]),
    ...(userAgent === undefined ? [] : [`--user-agent=${userAgent}`]),
    // As root Chromium refuses to start inside its own sandbox.
    ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
    "about:blank",
  ];
}

/** The file is written once the port is open, and only for port 0. */
async function readEndpoint(child: ChildProcess, profileDir: string, signal: AbortSignal): Promise<string> {
  let spawnError: Error | null = null;
  child.once("error", (error) => {
    spawnError = error;
  });
  let endpoint: string | null = null;
  const over = () => spawnError !== null || child.exitCode !== null || child.signalCode !== null || signal.aborted;
  await waitUntil(
    async () => {
      const text = await readFile(join(profileDir, "DevToolsActivePort"), "utf8").catch(() => "");
      const [port, path] = text.split("\n");
      if (port && path) endpoint = `ws://127.0.0.1:${port}${path.trim()}`;
      return endpoint !== null || over();
    },
    START_DEADLINE_MS,
    ADDRESS_POLL_MS,
  );
  if (endpoint !== null && !signal.aborted) return endpoint;
  const why = spawnError ? String(spawnError) : `exit ${child.exitCode ?? child.signalCode ?? "none yet"}`;
  throw new AppError("browser_unavailable", { why });
}

async function stopBrowser(child: ChildProcess | null, profileDir: string): Promise<void> {
  const pid = child?.pid;
  if (pid !== undefined) {
    const gone = async () => !(await groupLives(pid));
    signalProcess(-pid, "SIGTERM");
    if (!(await waitUntil(gone, TERM_PATIENCE_MS, EXIT_POLL_MS))) {
      signalProcess(-pid, "SIGKILL");
      await waitUntil(gone, KILL_PATIENCE_MS, EXIT_POLL_MS);
    }
  }
  await removeProfile(profileDir);
}

/**
 * A short path for the browser's temporary files: a full Chromium puts a socket there, and a socket's path is limited
 * to 107 bytes, which DATA_DIR may use up alone. The profile links to it, so that a reaper finds it.
 */
async function makeTemporary(profileDir: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), TEMPORARY_PREFIX));
  await symlink(folder, join(profileDir, TEMPORARY_LINK));
  return folder;
}

function killBrowser(child: ChildProcess | null, profileDir: string): void {
  if (child?.pid !== undefined) signalProcess(-child.pid, "SIGKILL");
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

/** Whether a process of the group still runs. Where no init collects them, dead ones stay listed as Z: not alive. */
async function groupLives(group: number): Promise<boolean> {
  try {
    process.kill(-group, 0);
  } catch {
    return false;
  }
  const stats = await Promise.all((await listedProcesses()).map(processStat));
  return stats.some((stat) => stat.group === group && stat.state !== "Z" && stat.state !== "X");
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already.
  }
}

/** Groups of the processes with this argument prefix; the profile's path is what identifies a browser of ours. */
async function groupsUsing(argument: string): Promise<number[]> {
  const groups = new Set<number>();
  for (const pid of await listedProcesses()) {
    const text = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (!text.split("\0").some((part) => part.startsWith(argument))) continue;
    const { group } = await processStat(pid);
    // Browsers lead groups of their own: anything else, and 0 and 1 above all, is not ours to signal.
    if (group > 1 && group !== (await processStat(process.pid)).group) groups.add(group);
  }
  return [...groups];
}

async function processStat(pid: number): Promise<{ state: string; group: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The name in parentheses may hold anything; what follows it is separated by spaces.
  const [state = "", , group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { state, group: Number(group ?? 0) };
}

async function listedProcesses(): Promise<number[]> {
  const entries = await readdir("/proc").catch(() => []);
  return entries.filter((entry) => /^\d+$/.test(entry)).map(Number);
}

function onceOnly(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}
