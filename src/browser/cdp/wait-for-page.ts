/** Waits until a browser's page answers. A page that does not answer blocks every client that attaches to all pages. */
import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "../../errors.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import type { CdpConnection } from "./connection.ts";
import type { ConnectionRegistry } from "./connection-registry.ts";

/** A page that has not evaluated `1` in this time is busy, or has a dialog open. */
const ANSWER_MS = 800;
/** After this long without an answer a page counts as lost. */
export const UNRESPONSIVE_LIMIT_MS = 30_000;
const CALL_DEADLINE_MS = 2_000;
const ASK_AGAIN_MS = 500;

/**
 * Repeats `work` while it fails with AppError timeout (the page does not answer), for at most `withinMs`, not counted while
 * `isAsking` says that the page waits for a person. After that it throws AppError browser_lost. Throws any other error of
 * `work`, or what `signal` aborts with.
 */
export async function whenResponsive<T>(
  work: () => Promise<T>,
  withinMs: number,
  signal: AbortSignal,
  isAsking: () => boolean = () => false,
): Promise<T> {
  let end = performance.now() + withinMs;
  for (;;) {
    const wasAsking = isAsking();
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof AppError) || error.code !== "timeout") throw error;
      if (wasAsking || isAsking()) end = performance.now() + withinMs;
      if (performance.now() > end) throw new AppError("browser_lost", undefined, { cause: error });
    }
    await delay(ASK_AGAIN_MS, undefined, { signal });
  }
}

/**
 * Resolves when this page of a browser of ours answers. Open dialogs are dismissed, as nobody is there to answer them,
 * and other pages that do not answer are closed. AppError: page_closed (there is no such page), page_crashed,
 * browser_lost (the page never answered).
 */
export function waitForPage(
  connections: ConnectionRegistry,
  endpoint: string,
  targetId: string,
  signal: AbortSignal,
): Promise<void> {
  // A browser that is stopped (SIGSTOP) does not even accept a connection in time, but it may be continued.
  return whenResponsive(() => askPages(connections, endpoint, targetId, signal), UNRESPONSIVE_LIMIT_MS, signal);
}

async function askPages(
  connections: ConnectionRegistry,
  endpoint: string,
  targetId: string,
  signal: AbortSignal,
): Promise<void> {
  const connection = await connections.connect(endpoint, signal).catch((cause: unknown) => {
    throw cause instanceof AppError ? cause : new AppError("browser_lost", undefined, { cause });
  });
  try {
    const asking = connection.send("Target.getTargets");
    const { targetInfos } = await withDeadline(asking, CALL_DEADLINE_MS, "browser", signal);
    const pages = targetInfos.filter(({ type }) => type === "page").map((target) => target.targetId);
    if (!pages.includes(targetId)) throw new AppError("page_closed");
    const others = pages.filter((id) => id !== targetId);
    const closing = others.map((id) =>
      askPage(connection, id).catch(() => connection.send("Target.closeTarget", { targetId: id })),
    );
    await Promise.all([askPage(connection, targetId), ...closing.map((closed) => closed.catch(() => {}))]);
  } finally {
    connection.close();
  }
}

async function askPage(connection: CdpConnection, targetId: string): Promise<void> {
  const session = await connection.attach(targetId);
  const crashed = new Promise<never>((_resolve, reject) => {
    session.on("Inspector.targetCrashed", () => reject(new AppError("page_crashed")));
  });
  session.send("Inspector.enable").catch(() => {});
  // The browser leaves dialogs to a client that enables the Page domain: an open one is dismissed.
  session.send("Page.enable").catch(() => {});
  session.send("Page.handleJavaScriptDialog", { accept: false }).catch(() => {});
  const answered = session.send("Runtime.evaluate", { expression: "1" });
  await withDeadline(Promise.race([answered, crashed]), ANSWER_MS, "page");
}
