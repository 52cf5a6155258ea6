/** Orders of events in a controller that a real browser is too quick or too slow to show: the pages here end when told. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base, expect } from "@playwright/test";
import { pino } from "pino";
import { loadConfig } from "../../src/config.ts";
import { AppError } from "../../src/errors.ts";
import { createSessionSchema } from "../../src/protocol/rest.ts";
import { CaptchaRemoteController } from "../../src/session/controller.ts";
import { EventFeed } from "../../src/session/event-feed.ts";
import type { ChallengePage, OpenPage, PageEvents, Picture, Verdict } from "../../src/session/page.ts";
import { openSqliteStore } from "../../src/session/sqlite-store.ts";
import type { ViewerLine } from "../../src/session/viewer.ts";
import { TEST_FOLDER_PREFIX } from "../fixtures.ts";

const VIEWPORT = { width: 400, height: 300 };

/** A page under the test's hand. */
class Page implements ChallengePage {
  readonly challenge = null;
  readonly viewport = VIEWPORT;
  readonly url = null;
  readonly events: PageEvents;
  readonly opened = Promise.withResolvers<void>();
  readonly closed = Promise.withResolvers<void>();
  readonly checked = Promise.withResolvers<Verdict>();
  readonly log: string[] = [];

  constructor(events: PageEvents) {
    this.events = events;
  }

  view() {
    return { x: 0, y: 0, ...VIEWPORT };
  }

  async picture() {
    const facts = { seq: 1, captured_at: 0, view: this.view(), scale: 1, quality: 80, kind: "still" as const };
    return { ...facts, jpeg: Buffer.from("jpeg") };
  }

  async cut(picture: Picture) {
    return picture;
  }

  setWish(): void {}
  setDemand(): void {}
  setKeepView(): void {}

  input(input: { type: string }): void {
    this.log.push(input.type);
  }

  releaseAll(): void {
    this.log.push("release all");
  }

  check(): Promise<Verdict> {
    return this.checked.promise;
  }

  async storageState() {
    return null;
  }

  close(): Promise<void> {
    return this.closed.promise;
  }
}

interface World {
  readonly controller: CaptchaRemoteController;
  /** Every page that was opened, in order. */
  readonly pages: Page[];
  create(id: string, respondAsync?: boolean): ReturnType<CaptchaRemoteController["create"]>;
}

const test = base.extend<{ world: World }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  world: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
    const pages: Page[] = [];
    const openPage: OpenPage = async (_request, events, signal) => {
      const page = new Page(events);
      pages.push(page);
      signal.addEventListener("abort", () => page.opened.reject(new AppError("session_ended")), { once: true });
      page.opened.promise.catch(() => {});
      await page.opened.promise;
      return page;
    };
    const store = openSqliteStore(folder);
    const log = pino({ level: "silent" });
    const config = { ...loadConfig({}), maxSessions: 5, defaultTimeoutSeconds: 60, maxTimeoutSeconds: 60 };
    const controller = new CaptchaRemoteController({
      config,
      store,
      events: new EventFeed(store.events, log),
      openPage,
      log,
      publicUrl: () => "http://127.0.0.1:1",
    });
    const create = (session_id: string, respondAsync = true) =>
      controller.create(createSessionSchema.parse({ session_id, url: "http://127.0.0.1/" }), { respondAsync });
    await use({ controller, pages, create });
    for (const page of pages) page.closed.resolve();
    await controller.close();
    store.close();
    await rm(folder, { recursive: true, force: true });
  },
});

/** The messages a viewer was sent, and the code its socket was closed with. */
function line(): ViewerLine & { readonly types: string[] } {
  const types: string[] = [];
  return {
    types,
    sendText: (text) => types.push(JSON.parse(text).type),
    sendBinary: () => types.push("frame"),
    pingBehind: () => {},
    bufferedBytes: () => 0,
    close: (code) => types.push(`close ${code}`),
  };
}

async function livingPage({ controller, pages, create }: World, id: string): Promise<Page> {
  await create(id);
  await expect.poll(() => pages.length).toBeGreaterThan(0);
  const page = pages.at(-1) as Page;
  page.opened.resolve();
  await expect.poll(() => controller.living(id)?.state).toBe("waiting");
  return page;
}

test("[R10] a session waits for the page of an ended one with its id: they share a profile folder", async ({
  world,
}) => {
  const { controller, pages, create } = world;
  const first = await livingPage(world, "same");
  controller.cancel("same");
  await create("same");
  await create("other");
  await expect.poll(() => pages.length).toBe(2);
  pages[1]?.opened.resolve();
  await expect.poll(() => controller.living("other")?.state).toBe("waiting");
  expect(controller.living("same")?.state).toBe("starting");

  first.closed.resolve();
  await expect.poll(() => pages.length).toBe(3);
  pages[2]?.opened.resolve();
  await expect.poll(() => controller.living("same")?.state).toBe("waiting");
});

test("[R10] a session that ends while it waits for its place never opens a page", async ({ world }) => {
  const { controller, pages, create } = world;
  const first = await livingPage(world, "same");
  controller.cancel("same");
  const second = create("same", false);
  const refused = expect(second).rejects.toMatchObject({ code: "session_ended" });
  controller.cancel("same");
  await refused;
  first.closed.resolve();
  expect((await controller.result("same")).reason).toBe("cancelled_by_bot");
  expect(pages).toEqual([first]);
});

test("[W7] who asked is answered before the end is told, whoever else found it", async ({ world }) => {
  const { controller } = world;
  const page = await livingPage(world, "one");
  const [asking, other] = [line(), line()];
  const { session, viewer } = await controller.join("one", asking, "plain");
  await controller.join("one", other, "plain");
  asking.types.length = 0;
  void session.check((answer) => viewer.send({ type: "completion_status", ...answer }));
  const verdict = { value: true, stable: true, evidence: [] } as const;
  page.events.solved(verdict);
  page.checked.resolve(verdict);
  expect(asking.types).toEqual(["completion_status", "completed", "close 1000"]);
  expect(other.types.slice(-2)).toEqual(["completed", "close 1000"]);
});

test("[S4] ends that come after the first change nothing", async ({ world }) => {
  const { controller } = world;
  const page = await livingPage(world, "one");
  page.events.lost("page_crashed");
  page.events.solved({ value: true, stable: true, evidence: [] });
  controller.cancel("one");
  page.events.lost("browser_lost");
  page.closed.resolve();
  expect(await controller.result("one")).toMatchObject({ outcome: "failed", reason: "page_crashed", verified: null });
});

test("[W17] Done is refused while the page is starting; Cannot is not", async ({ world }) => {
  const { controller, create } = world;
  await create("one");
  const { session, viewer } = await controller.join("one", line(), "json");
  await expect(session.finish(viewer, "done", undefined)).rejects.toMatchObject({ code: "page_unresponsive" });
  expect(session.record.state).toBe("starting");
  await session.finish(viewer, "cannot", "too hard");
  expect(session.record).toMatchObject({ state: "failed", reason: "operator_gave_up", note: "too hard" });
});

test("[W24] a newcomer does not inherit what a lost holder held down", async ({ world }) => {
  const { controller } = world;
  const page = await livingPage(world, "one");
  const first = await controller.join("one", line(), "plain");
  first.session.input(first.viewer, { type: "mouse_event", event_type: "down", x: 1, y: 1 });
  first.session.crowd.leave(first.viewer);
  page.log.length = 0;
  const second = await controller.join("one", line(), "plain");
  second.session.input(second.viewer, { type: "mouse_event", event_type: "down", x: 2, y: 2 });
  expect(page.log).toEqual(["release all", "mouse_event"]);
});
