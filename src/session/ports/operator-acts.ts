/** The port to the record of what operators do. */
import type { Action } from "../../protocol/audit.ts";

/** Records one act of an operator for the audit trail; `operator` is its name in the session. Never throws. */
export type RecordOperatorAct = (
  action: Extract<Action, "operator.join" | "operator.leave" | "control.take" | "control.release">,
  operator: string,
) => void;
