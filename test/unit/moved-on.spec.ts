/** The question whether a page that went on is done, over a restart of the server. */
import { expect, test } from "@playwright/test";
import { pino } from "pino";
import { resumableSessions } from "../../src/session/lifecycle/resume.ts";
import { Session } from "../../src/session/lifecycle/session.ts";
import { Viewer } from "../../src/session/pictures/viewer.ts";
import type { PageEvents } from "../../src/session/ports/page.ts";
import type { SessionRecord } from "../../src/session/ports/store.ts";
import { openMemoryStorage, type Storage } from "../../src/storage/storage.ts";
import { sessionRecord } from "../contract/store-contract.ts";
import { FakePage } from "../support/fake-page.ts";
import { NO_UPLOADS } from "../support/no-uploads.ts";

const BOX = { selector: "#c", x: 100, y: 50, width: 200, height: 100, in_iframe: false, kind: "generic" };
const MINUTE_MS = 60_000;

function sessionOf(record: SessionRecord, { sessions: store }: Storage) {
  const page = new FakePage();
  const opened = Promise.withResolvers<PageEvents>();
  const { session_id, url, viewport } = record;
  const request = { session_id, url, viewport, completion: undefined };
  const open = async (_request: unknown, events: PageEvents) => {
    opened.resolve(events);
    return page;
  };
  const session = new Session(
    record,
    { open, request },
    {
      store,
      uploads: NO_UPLOADS,
      save: (changed) => store.save(changed),
      saveResumeState: (parts) => store.saveResumeState(record.uid, parts),
      log: pino({ level: "silent" }),
      maxTimeoutSeconds: 600,
      publish: () => {},
      onEnd: () => {},
    },
  );
  return { session, page, request, open, events: opened.promise };
}

/** The messages that an operator gets who joins now. */
async function joined(session: Session): Promise<string[]> {
  const types: string[] = [];
  const line = {
    sendText: (text: string) => types.push(JSON.parse(text).type),
    sendBinary: () => {},
    pingBehind: () => {},
    bufferedBytes: () => 0,
    close: () => {},
  };
  await session.join(new Viewer("operator-1", line, "json"));
  return types;
}

for (const [what, challenge] of [
  ["is asked by the next server too", null],
  ["is not asked any more where a challenge shows", BOX],
] as const) {
  test(`[W33] [S9] the question whether it is done ${what}`, async () => {
    const storage = openMemoryStorage();
    const now = Date.now();
    const record = sessionRecord({ state: "starting", created_at: now, expires_at: now + MINUTE_MS });
    storage.sessions.save(record);
    const killed = sessionOf(record, storage);
    storage.sessions.saveResumeState(record.uid, {
      request: killed.request,
      place: { kind: "owned", target_id: "t", pid: 1, started: 1 },
    });
    await killed.session.start();
    expect(await joined(killed.session)).not.toContain("moved_on");
    (await killed.events).movedOn();

    const [earlier] = resumableSessions(storage.sessions);
    if (!earlier) throw new Error("The session is not stored.");
    const next = sessionOf(earlier.record, storage);
    next.page.challenge = challenge;
    await next.session.resume(next.open, earlier.page, earlier);
    const types = await joined(next.session);
    expect(types.filter((type) => type === "moved_on")).toHaveLength(challenge ? 0 : 1);
    for (const { session } of [killed, next]) session.end("cancelled", "cancelled_by_bot");
    storage.close();
  });
}
