/** A session's life: the table of moves and the one function that moves. */
import { AppError } from "../../errors.ts";
import type { SessionState } from "../../protocol/common.ts";

/** [S1] Allowed moves, and no others. */
export const MOVES: Readonly<Record<SessionState, readonly SessionState[]>> = {
  starting: ["waiting", "failed", "cancelled", "expired"],
  waiting: ["active", "solved", "failed", "expired", "cancelled"],
  active: ["waiting", "solved", "failed", "expired", "cancelled"],
  solved: [],
  failed: [],
  expired: [],
  cancelled: [],
};

/** The state after a move; an AppError `internal` for a move that is not in the table. */
export function move<To extends SessionState>(from: SessionState, to: To): To {
  if (!MOVES[from].includes(to)) {
    throw new AppError("internal", { from, to }, { message: `A session cannot go from ${from} to ${to}.` });
  }
  return to;
}
