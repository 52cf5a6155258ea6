/** Whether a browser's pages answer: one that does not holds up whoever attaches to all of them. */
import { setTimeout as delay } from "node:timers/promises";
import { withDeadline } from "../deadline.ts";
import { AppError } from "../errors.ts";
import type { DevTools } from "./devtools.ts";
import type { Lines } from "./lines.ts";

/** A page that does not even evaluate `1` in this time is busy, or waits for a dialog. */
const ANSWER_MS = 800;
/** A page that has not answered for so long is not coming back. */
export const UNRESPONSIVE_LIMIT_MS = 30_000;
const CALL_DEADLINE_MS = 2_000;
const ASK_AGAIN_MS = 500;

/**
 * Waits until one page of a browser of ours answers, dialogs that nobody is there to answer dismissed. Its other pages
 * are closed where they do not. AppError: page_closed (there is no such page), browser_lost (it never answered).
 */
export async function waitForPage(
  lines: Lines,
  endpoint: string,
  targetId: string,
  signal: AbortSignal,
): Promise<void> {
  const end = performance.now() + UNRESPONSIVE_LIMIT_MS;
  for (;;) {
    try {
      if (await doAnswer(lines, endpoint, targetId, signal)) return;
    } catch (error) {
      signal.throwIfAborted();
      // A browser that is stopped does not even accept a connection in time; it may go on.
      if (!(error instanceof AppError) || error.code !== "timeout") throw error;
    }
    if (performance.now() > end) throw new AppError("browser_lost", { why: "the page did not answer" });
    await delay(ASK_AGAIN_MS, undefined, { signal });
  }
}

async function doAnswer(lines: Lines, endpoint: string, targetId: string, signal: AbortSignal): Promise<boolean> {
  const devtools = await lines.connect(endpoint, signal).catch((cause: unknown) => {
    throw cause instanceof AppError ? cause : new AppError("browser_lost", undefined, { cause });
  });
  try {
    const asking = devtools.send("Target.getTargets");
    const { targetInfos } = await withDeadline(asking, CALL_DEADLINE_MS, "browser", signal);
    const pages = targetInfos.filter(({ type }) => type === "page").map((target) => target.targetId);
    if (!pages.includes(targetId)) throw new AppError("page_closed");
    const answers = await Promise.all(pages.map(async (id) => ({ id, isThere: await isAnswering(devtools, id) })));
    for (const { id, isThere } of answers) {
      if (!isThere && id !== targetId) devtools.send("Target.closeTarget", { targetId: id }).catch(() => {});
    }
    return answers.some(({ id, isThere }) => id === targetId && isThere);
  } finally {
    devtools.close();
  }
}

async function isAnswering(devtools: DevTools, targetId: string): Promise<boolean> {
  try {
    const session = await devtools.attach(targetId);
    // Whoever has the domain on is asked about dialogs: an open one is answered with "no".
    session.send("Page.enable").catch(() => {});
    session.send("Page.handleJavaScriptDialog", { accept: false }).catch(() => {});
    await withDeadline(session.send("Runtime.evaluate", { expression: "1" }), ANSWER_MS, "page");
    return true;
  } catch {
    return false;
  }
}
