/** Routes for whoever may act in a session: with a key, or a link to control. */
import type { Caller } from "../../auth/caller.ts";
import { type RouteAccess, roleIn, type Subject } from "../../auth/permissions.ts";
import { AppError } from "../../errors.ts";

export const TO_ACT = {
  scopes: ["sessions:control", "operate"],
  session: "params",
  byLink: true,
} as const satisfies RouteAccess;

/** Throws forbidden for whoever may only watch. */
export function assertMayAct(caller: Caller, subject: Subject | undefined): void {
  if (subject && caller.kind !== "anybody" && roleIn(caller, subject) !== "control") throw new AppError("forbidden");
}
