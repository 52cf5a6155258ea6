/** [S11] When a session needs a person, also across a crash of its page and a restart of the server. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { pino } from "pino";
import { Codes } from "../../src/auth/codes.ts";
import { KeyRing } from "../../src/auth/key-ring.ts";
import { Links } from "../../src/auth/links.ts";
import { Tickets } from "../../src/auth/tickets.ts";
import { loadConfig } from "../../src/config.ts";
import { EventPublisher } from "../../src/events/event-publisher.ts";
import { publicUrlsAt } from "../../src/server/public-urls.ts";
import { CaptchaRemoteController } from "../../src/session/controller.ts";
import { Attention } from "../../src/session/lifecycle/attention.ts";
import { OperatorLinks } from "../../src/session/operators/operator-links.ts";
import type { PageEvents } from "../../src/session/ports/page.ts";
import { openMemoryStorage } from "../../src/storage/storage.ts";
import { sessionRecord } from "../contract/store-contract.ts";
import { FakePage } from "../support/fake-page.ts";
import { TEST_FOLDER_PREFIX } from "../support/fixtures.ts";
import { NO_UPLOADS } from "../support/no-uploads.ts";

const ENDLESS_MS = 3_600_000;

function attention({ isWorking, patienceMs = ENDLESS_MS }: { isWorking: boolean; patienceMs?: number }) {
  const record = { needs_person: false };
  const page = { isWorking };
  const calls: boolean[] = [];
  const decided = new Attention({
    record,
    patienceMs,
    isWorking: () => page.isWorking,
    onNeeded: () => calls.push(record.needs_person),
  });
  return { decided, record, page, calls };
}

test("[S11] a page that does not work needs a person once it is ready, and its state says so without another event", () => {
  const { decided, record, calls } = attention({ isWorking: false });
  decided.challengeChanged();
  expect(record.needs_person).toBe(false);
  decided.pageReady();
  expect([record.needs_person, calls]).toEqual([true, []]);
});

test("[S11] a page that is opened again after a crash does not wait anew", async () => {
  const { decided, record, page, calls } = attention({ isWorking: true, patienceMs: 50 });
  decided.pageReady();
  // Again and again, faster than it is waited for.
  while (!record.needs_person) {
    decided.pageReady();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(calls).toEqual([true]);
  page.isWorking = false;
  decided.pageReady();
  decided.challengeChanged();
  expect(calls).toEqual([true]);
});

test("[S11] nothing is decided after the end", () => {
  const { decided, record, page, calls } = attention({ isWorking: true });
  decided.pageReady();
  decided.stop();
  page.isWorking = false;
  decided.challengeChanged();
  expect([record.needs_person, calls]).toEqual([false, []]);
});

for (const [what, needsPerson, isWorking, published] of [
  ["whose page still works needs a person when that stops", false, true, ["waiting true"]],
  ["whose page works no more needs a person at once", false, false, ["waiting true"]],
  ["that needed a person before is not announced again", true, true, []],
] as const) {
  test(`[S11] [S9] a session of an earlier server ${what}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
    const storage = openMemoryStorage();
    const log = pino({ level: "silent" });
    const events = new EventPublisher(storage.events, log);
    const states: string[] = [];
    events.onEvent(({ event: { type, data } }) => {
      if (type === "session.state") states.push(`${data.state} ${data.needs_person}`);
    });
    const now = Date.now();
    const record = sessionRecord({ needs_person: needsPerson, created_at: now, expires_at: now + ENDLESS_MS });
    storage.sessions.save(record);
    const request = {
      session_id: record.session_id,
      url: record.url,
      viewport: record.viewport,
      completion: undefined,
    };
    const place = { kind: "guest", target_id: "page" } as const;
    const resumed = Promise.withResolvers<{ page: FakePage; pageEvents: PageEvents }>();
    const urls = publicUrlsAt(() => "http://127.0.0.1:1");
    const links = new Links(storage.links, new KeyRing(folder));
    const controller = new CaptchaRemoteController({
      config: loadConfig({}),
      store: storage.sessions,
      uploads: NO_UPLOADS,
      events,
      links: new OperatorLinks({
        links,
        tickets: new Tickets(),
        codes: new Codes(),
        agentsGetCodes: true,
        areNeeded: false,
        urls,
      }),
      neverPorts: () => new Set(),
      openPage: () => Promise.reject(new Error("no new page is opened")),
      resumePage: async (_page, pageEvents) => {
        const page = new FakePage(pageEvents);
        page.isWorking = isWorking;
        resumed.resolve({ page, pageEvents });
        return page;
      },
      resumable: [
        {
          record,
          control: null,
          movedOnAt: null,
          page: { request, place, watch: undefined, held: null, checkpoint: null, proxy_port: null },
        },
      ],
      log,
      urls,
      workingPatienceMs: ENDLESS_MS,
    });
    const { page, pageEvents } = await resumed.promise;
    await expect
      .poll(() => controller.list().map(({ needs_person }) => needs_person))
      .toEqual([needsPerson || !isWorking]);
    events.flush();
    expect(states).toEqual(isWorking ? [] : published);
    page.isWorking = false;
    pageEvents.challenge();
    events.flush();
    expect(states).toEqual(published);
    await controller.close();
    await events.close();
    storage.close();
    await rm(folder, { recursive: true, force: true });
  });
}
