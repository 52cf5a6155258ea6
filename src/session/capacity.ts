/** How many sessions may live: in all, and of one key. */
import type { Config } from "../config.ts";
import { AppError } from "../errors.ts";
import type { SessionRecord } from "./ports/store.ts";

/** What the configuration says about sessions. */
export type SessionLimits = Pick<
  Config,
  | "maxSessions"
  | "maxSessionsPerKey"
  | "defaultTimeoutSeconds"
  | "maxTimeoutSeconds"
  | "retentionSeconds"
  | "urlAllowPrivate"
  | "keepBrowsers"
  | "webhookSecret"
>;

/** Throws capacity where one more session, of this key or of none (null), would be too many. */
export function checkCapacity(living: readonly SessionRecord[], owner: string | null, limits: SessionLimits): void {
  if (living.length >= limits.maxSessions) throw new AppError("capacity", { limit: "sessions" });
  const own = living.filter((record) => record.owner === owner).length;
  // One key must not take the places of the others.
  if (owner === null || own < limits.maxSessionsPerKey) return;
  throw new AppError("capacity", { limit: "sessions_per_key" }, { message: "All sessions of this key are taken." });
}
