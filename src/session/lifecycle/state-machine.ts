/** The states of a session: the table of moves and the one function that moves. */
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

/** Returns the state after a move. Throws AppError `internal` for a move that is not in the table. */
export function move<To extends SessionState>(from: SessionState, to: To): To {
  if (!MOVES[from].includes(to)) {
    throw new AppError("internal", { from, to }, { message: `A session cannot go from ${from} to ${to}.` });
  }
  return to;
}
