/** What a page can be opened again with after a crash, read off it without touching it: no tab is opened for it. */
import type { StorageState } from "../../protocol/rest.ts";
import type { Checkpoint } from "../../session/ports/resume-state.ts";
import type { PageFrames } from "../tabs/frames.ts";
import { cookiesOf, type Tab } from "../tabs/tab.ts";

/** Of one origin; a page may keep five times as much, but a checkpoint is written often. */
const MAX_STORAGE_CHARACTERS = 1_000_000;

/** Local storage is known of origins that a frame shows; of others it is as it was in the last checkpoint. */
export async function takeCheckpoint(frames: PageFrames, tab: Tab, last: Checkpoint | null): Promise<Checkpoint> {
  const listed = await frames.list();
  const [cookies, shown] = await Promise.all([
    cookiesOf(tab),
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
  // An error page of the browser's own is no place to go back to.
  return { url: /^https?:/.test(main) ? main : (last?.url ?? ""), storage_state };
}

/**
 * Runs inside a page, sent as text: the local storage of the frame's origin, in Playwright's format. Null where the
 * origin has none, or one of more than `most` characters.
 */
function localStorageOf(most: number): { origin: string; localStorage: { name: string; value: string }[] } | null {
  try {
    const localStorage = Object.entries(window.localStorage).map(([name, value]) => ({ name, value: String(value) }));
    const size = localStorage.reduce((sum, { name, value }) => sum + name.length + value.length, 0);
    return location.origin === "null" || size > most ? null : { origin: location.origin, localStorage };
  } catch {
    return null;
  }
}
