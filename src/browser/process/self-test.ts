/** Tests whether browsers run on this machine as sessions run them, and whether fonts for the common scripts are there. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Config } from "../../config.ts";
import { DEFAULT_VIEWPORT } from "../../protocol/rest.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import { startBrowser } from "./chromium-process.ts";
import { findChromium } from "./find-chromium.ts";

const DEADLINE_MS = 30_000;
/** One character of each script. A font that has the character draws it; else the box for a missing glyph is drawn. */
const SIGNS = { Latin: "A", Chinese: "验", Japanese: "あ", Korean: "한", Arabic: "ع", emoji: "🙂" } as const;

export interface BrowserSelfTest {
  readonly path: string;
  readonly version: string;
  /** From the start of the process to the connection, ms. */
  readonly startMs: number;
  /** Scripts that no font has characters of. */
  readonly missing: readonly string[];
}

/** Starts a browser, asks it for missing fonts and stops it. Throws where none is found, or none can be started. */
export async function testBrowser(
  config: Pick<Config, "chromiumPath" | "searchPath" | "browserEnvironment">,
): Promise<BrowserSelfTest> {
  const path = await findChromium({ chromiumPath: config.chromiumPath, path: config.searchPath });
  if (path === undefined) throw new Error("no Chromium was found");
  const folder = await mkdtemp(join(tmpdir(), "captcha-remote-doctor-"));
  try {
    return { path, ...(await testIn(folder, path, config)) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function testIn(
  folder: string,
  chromiumPath: string,
  { browserEnvironment: environment }: Pick<Config, "browserEnvironment">,
): Promise<Omit<BrowserSelfTest, "path">> {
  const startedAt = performance.now();
  const settings = { chromiumPath, profileDir: join(folder, "profile"), environment, viewport: DEFAULT_VIEWPORT };
  const { chromium } = await import("playwright");
  const process = await startBrowser(settings, AbortSignal.timeout(DEADLINE_MS));
  try {
    const browser = await chromium.connectOverCDP(process.endpoint, { timeout: DEADLINE_MS });
    const startMs = Math.round(performance.now() - startedAt);
    const page = await (browser.contexts()[0] ?? (await browser.newContext())).newPage();
    const missing = await withDeadline(page.evaluate(missingSigns, SIGNS), DEADLINE_MS, "fonts");
    return { version: browser.version(), startMs, missing };
  } finally {
    await process.stop();
  }
}

/** Runs inside a page, sent as text. Returns the names of the characters that are drawn as a missing glyph. */
function missingSigns(signs: Readonly<Record<string, string>>): string[] {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  if (!context) return [];
  const drawn = (text: string) => {
    context.clearRect(0, 0, 64, 64);
    context.font = "40px sans-serif";
    context.textBaseline = "top";
    context.fillText(text, 4, 4);
    return context.getImageData(0, 0, 64, 64).data.join();
  };
  // An unassigned code point: every font draws it as missing.
  const box = drawn("\u{5FFFD}");
  return Object.entries(signs).flatMap(([name, sign]) => (drawn(sign) === box ? [name] : []));
}
