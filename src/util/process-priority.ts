/** Who comes first on a busy machine: the one process that all sessions share, before any of their browsers. */
import { constants, getPriority, setPriority } from "node:os";

/** Chromium gives its own important threads -8 where it may, as root; above that nobody waits for the server. */
const SERVER_PRIORITY = -20;

/** Where the system does not let it (an ordinary user), it does not let Chromium either, and all are equal. */
export function raisePriority(): void {
  try {
    setPriority(SERVER_PRIORITY);
  } catch {
    // As it was, then.
  }
}

/** A process that was just started inherits our priority: it gets back what it would have had. */
export function resetPriority(pid: number): void {
  try {
    if (getPriority() < constants.priority.PRIORITY_NORMAL) setPriority(pid, constants.priority.PRIORITY_NORMAL);
  } catch {
    // It has ended already.
  }
}
