/** Process priorities on a busy machine: the server, which all sessions share, comes before any of their browsers. */
import { constants, getPriority, setPriority } from "node:os";

/** Chromium gives its own important threads -8 where it may, as root: the server's priority is higher. */
const SERVER_PRIORITY = -20;

/** Raises this process' priority. Where the system forbids it (an ordinary user), Chromium may not either: all are equal. */
export function raisePriority(): void {
  try {
    setPriority(SERVER_PRIORITY);
  } catch {
    // The priority stays as it is.
  }
}

/** Gives a started process, which inherits this process' priority, the normal one. */
export function resetPriority(pid: number): void {
  try {
    if (getPriority() < constants.priority.PRIORITY_NORMAL) setPriority(pid, constants.priority.PRIORITY_NORMAL);
  } catch {
    // The process has ended already.
  }
}
