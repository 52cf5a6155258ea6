/** What a server keeps for the next one, read from its database beside it. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { ResumeState } from "../../src/session/ports/resume-state.ts";

/** Parts of what is remembered of the living session with this id. */
export function memoryOf(dataDir: string, sessionId: string): Partial<ResumeState> {
  const db = new DatabaseSync(join(dataDir, "sessions.db"), { readOnly: true });
  try {
    const rows = db
      .prepare("SELECT part, value FROM page_memory JOIN sessions USING (uid) WHERE session_id = ?")
      .all(sessionId);
    return Object.fromEntries(rows.map(({ part, value }) => [part, JSON.parse(String(value))]));
  } finally {
    db.close();
  }
}
