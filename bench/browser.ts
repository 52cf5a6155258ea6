/** Chromium for the bench's own use, with the flags and viewport of the server's sessions. */
import { join } from "node:path";
import { startBrowser } from "../src/browser/process/chromium-process.ts";
import { findChromium } from "../src/browser/process/find-chromium.ts";
import type { Size } from "../src/protocol/common.ts";
import { Cdp, type CdpSession } from "./cdp.ts";
import { atEnd, RUN_FOLDER } from "./cleanup.ts";

export interface BenchBrowser {
  readonly page: CdpSession;
  /** DevTools WebSocket address. */
  readonly endpoint: string;
  /** From its start until its debugging port was open, ms. */
  readonly portMs: number;
  /** Its processes name this folder in their command lines. */
  readonly folder: string;
  close(): Promise<void>;
}

/** Prefix of the browsers' folders. */
export const BENCH_BROWSERS = join(RUN_FOLDER, "browser-");

let started = 0;
let found: Promise<string> | undefined;

/** The path of the Chromium that the server would run. Rejects if there is none. */
export function chromiumPath(): Promise<string> {
  found ??= findChromium({ chromiumPath: process.env["CHROMIUM_PATH"], path: process.env["PATH"] }).then((path) => {
    if (path === undefined) throw new Error("No Chromium found; name one in CHROMIUM_PATH.");
    return path;
  });
  return found;
}

/** One browser with one blank page. */
export async function startBenchBrowser(viewport: Size): Promise<BenchBrowser> {
  started += 1;
  const folder = `${BENCH_BROWSERS}${started}`;
  const environment = Object.fromEntries(
    ["PATH", "HOME", "LANG"].map((name) => [name, process.env[name] ?? ""]).filter(([, value]) => value !== ""),
  ) as Record<string, string>;
  const settings = { chromiumPath: await chromiumPath(), profileDir: folder, environment, viewport };
  const startedAt = performance.now();
  const browser = await startBrowser(settings, new AbortController().signal);
  const portMs = performance.now() - startedAt;
  let cdp: Cdp | undefined;
  const close = atEnd(async () => {
    cdp?.close();
    await browser.stop();
  });
  cdp = await Cdp.connect(browser.endpoint);
  return { page: await cdp.page(), endpoint: browser.endpoint, portMs, folder, close };
}
