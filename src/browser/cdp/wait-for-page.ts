/** Whether a browser's pages answer: one that does not holds up whoever attaches to all of them. */
import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "../../errors.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import type { CdpConnection } from "./connection.ts";
import type { ConnectionRegistry } from "./connection-registry.ts";

/** A page that does not even evaluate `1` in this time is busy, or waits for a dialog. */
const ANSWER_MS = 800;
/** A page that has not answered for so long is not coming back. */
export const UNRESPONSIVE_LIMIT_MS = 30_000;
const CALL_DEADLINE_MS = 2_000;
const ASK_AGAIN_MS = 500;

/** Tries again while the page does not answer (AppError timeout), within this time. AppError browser_lost: it never did. */
export async function whenResponsive<T>(work: () => Promise<T>, withinMs: number, signal: AbortSignal): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof AppError) || error.code !== "timeout") throw error;
      if (performance.now() > end) throw new AppError("browser_lost", undefined, { cause: error });
    }
    await delay(ASK_AGAIN_MS, undefined, { signal });
  }
}

/**
 * Resolves when one page of a browser of ours answers, dialogs that nobody is there to answer dismissed. Its other pages
 * are closed where they do not. AppError: page_closed (there is no such page), page_crashed, browser_lost (it never
 * answered).
 */
export function waitForPage(
  connections: ConnectionRegistry,
  endpoint: string,
  targetId: string,
  signal: AbortSignal,
): Promise<void> {
  // A browser that is stopped does not even accept a connection in time; it may go on.
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
  // Whoever has the domain on is asked about dialogs: an open one is answered with "no".
  session.send("Page.enable").catch(() => {});
  session.send("Page.handleJavaScriptDialog", { accept: false }).catch(() => {});
  const answered = session.send("Runtime.evaluate", { expression: "1" });
  await withDeadline(Promise.race([answered, crashed]), ANSWER_MS, "page");
}
