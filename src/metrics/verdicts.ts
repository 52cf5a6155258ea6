/** [R23] Counts what bots report of the outcomes of their sessions. */
import { Counter, type Registry } from "prom-client";
import type { EventPublisher } from "../events/event-publisher.ts";
import type { VerdictLabels } from "../session/verdict-labels.ts";
import { PREFIX } from "./metrics.ts";

export interface VerdictCounterDeps {
  readonly registry: Registry;
  readonly events: Pick<EventPublisher, "onEvent">;
  /** The labels of the ended session with this session_id; null if it is not stored. */
  readonly labelsOf: (sessionId: string) => VerdictLabels | null;
}

/** Returns a function that counts one report. */
export function startVerdictCounter(deps: VerdictCounterDeps): (labels: VerdictLabels, correct: boolean) => void {
  const { registry, events, labelsOf } = deps;
  const reported = new Counter({
    name: `${PREFIX}verdicts_reported_total`,
    help: "Outcomes of sessions that bots reported as correct or wrong, by kind of challenge and type of rule.",
    labelNames: ["kind", "rule_type", "correct"],
    registers: [registry],
  });
  // Prometheus sees no increase in a series that begins with 1: each begins with 0, when such a session ends.
  events.onEvent(({ event }) => {
    const labels = event.type === "session.ended" ? labelsOf(event.data.session_id) : null;
    if (!labels) return;
    for (const correct of ["true", "false"]) reported.inc({ ...labels, correct }, 0);
  });
  return (labels, correct) => reported.inc({ ...labels, correct: String(correct) });
}
