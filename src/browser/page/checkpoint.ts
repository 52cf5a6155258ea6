/** Takes what a page can be opened again with after a crash. It only reads, and opens no tab for that. */
import type { StorageState } from "../../protocol/rest.ts";
import type { Checkpoint } from "../../session/ports/resume-state.ts";
import type { PageFrames } from "../tabs/frames.ts";
import type { Tab } from "../tabs/tab.ts";

/** The most of one origin's local storage. A page may have five times as much, but a checkpoint is written often. */
const MAX_STORAGE_CHARACTERS = 1_000_000;

/**
 * The page's address, cookies and local storage. Local storage is read of origins that a frame shows; of other origins it
 * is taken from the last checkpoint. Rejects where the page does not answer.
 */
export async function takeCheckpoint(frames: PageFrames, tab: Tab, last: Checkpoint | null): Promise<Checkpoint> {
  const listed = await frames.list();
  const [cookies, shown] = await Promise.all([
    tab.cookies(),
    Promise.all(listed.map((frame) => frames.run(frame, localStorageOf, MAX_STORAGE_CHARACTERS).catch(() => null))),
  ]);
  const origins = new Map((last?.storage_state?.origins ?? []).map((entry) => [entry.origin, entry]));
  for (const entry of shown) if (entry) origins.set(entry.origin, entry);
  const storage_state: StorageState = {
    cookies: cookies.map(({ name, value, domain, path, expires, httpOnly, secure, sameSite }) => ({
      name,
      value,
      domain,
      path,
      expires,
      httpOnly,
      secure,
      sameSite: sameSite ?? "Lax",
    })),
    origins: [...origins.values()],
  };
  const main = listed.find(({ parent }) => parent === null)?.url ?? "";
  // The browser's own error page is not worth opening again.
  return { url: /^https?:/.test(main) ? main : (last?.url ?? ""), storage_state };
}

/**
 * Runs inside a page, sent as text: the local storage of the frame's origin, in Playwright's format. Null where the
 * origin has none, or one of more than `most` characters.
 */
export function localStorageOf(
  most: number,
): { origin: string; localStorage: { name: string; value: string }[] } | null {
  try {
    const localStorage = Object.entries(window.localStorage).map(([name, value]) => ({ name, value: String(value) }));
    const size = localStorage.reduce((sum, { name, value }) => sum + name.length + value.length, 0);
    return location.origin === "null" || size > most ? null : { origin: location.origin, localStorage };
  } catch {
    return null;
  }
}
