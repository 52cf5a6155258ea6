/** The reference design: see reference-server.ts. */
import { type ChildProcess, fork } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { chromiumPath } from "../browser.ts";
import { atEnd, forgetChild, killAtExit, RUN_FOLDER } from "../cleanup.ts";
import type { Point } from "../moves.ts";
import { CHALLENGE_VIEW, VIEWPORT } from "../page.ts";
import { PictureLog } from "../pictures.ts";
import type { ReferenceEvent, ReferenceSettings } from "./reference-server.ts";
import type { Line, OpenOptions } from "./way.ts";

const PROGRAM = fileURLToPath(new URL("./reference-server.ts", import.meta.url));
const START_DEADLINE_MS = 20_000;
const STOP_DEADLINE_MS = 5_000;
/** The longest wait for it to catch up. It answers every event, however late, so the true latencies are known only then. */
const PATIENCE_MS = 12_000;

export async function openReference({ site, asked, view }: OpenOptions): Promise<Line> {
  const opened = site.page(asked);
  const clip = view === "page" ? null : CHALLENGE_VIEW;
  const settings = { chromiumPath: await chromiumPath(), url: opened.url, viewport: VIEWPORT, clip };
  // The browser's profile is created there, which identifies the browser's processes.
  const folder = await mkdtemp(join(RUN_FOLDER, "reference-"));
  const { child, port, stop } = await startServer(settings, folder);
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
  await new Promise<void>((resolve, reject) => {
    socket.once("open", () => resolve());
    socket.once("error", reject);
  });
  socket.on("error", () => {});
  const log = new PictureLog(asked.kind);
  socket.on("message", (data: Buffer) => {
    const at = performance.now();
    const { screenshot } = JSON.parse(data.toString()) as { screenshot: string };
    const jpeg = Buffer.from(screenshot, "base64");
    const shown = clip ?? { x: 0, y: 0, ...VIEWPORT };
    log.add({ at, jpeg, wireBytes: data.length, view: shown, scale: 1, capturedAt: null });
  });
  const send = (event_type: ReferenceEvent["event_type"], { x, y }: Point) => {
    socket.send(JSON.stringify({ type: "mouse_event", event_type, x, y } satisfies ReferenceEvent));
  };
  return {
    measured: { browserFolder: folder, serverPid: child.pid ?? null },
    page: opened,
    patienceMs: PATIENCE_MS,
    press: (at) => {
      send("move", at);
      send("down", at);
    },
    move: (to) => send("move", to),
    release: (at) => send("up", at),
    begin: async () => log.clear(),
    lastShown: () => log.lastShown(),
    record: async () => ({ sent: null, ...(await log.read()) }),
    close: async () => {
      socket.terminate();
      await stop();
    },
  };
}

async function startServer(settings: ReferenceSettings, folder: string) {
  const child = fork(PROGRAM, [JSON.stringify(settings)], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env: { ...process.env, TMPDIR: folder },
  });
  killAtExit(child.pid);
  const stop = atEnd(() => stopChild(child));
  const port = await new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("The reference did not start.")), START_DEADLINE_MS);
    child.once("message", (message) => {
      clearTimeout(timer);
      resolve(Number(message));
    });
    child.once("exit", () => reject(new Error("The reference ended before it listened.")));
  });
  return { child, port, stop };
}

/** Playwright ends its browser on SIGTERM. */
async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_DEADLINE_MS);
    await gone;
    clearTimeout(timer);
  }
  forgetChild(child.pid);
}
