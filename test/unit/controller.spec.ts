/** Orders of events in a controller that a real browser is too quick or too slow to show: the pages here end when told. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base, expect } from "@playwright/test";
import { pino } from "pino";
import { type Caller, SCOPES } from "../../src/auth/caller.ts";
import { Codes } from "../../src/auth/codes.ts";
import { KeyRing } from "../../src/auth/key-ring.ts";
import { Links } from "../../src/auth/links.ts";
import { Tickets } from "../../src/auth/tickets.ts";
import { loadConfig } from "../../src/config.ts";
import { AppError } from "../../src/errors.ts";
import { EventPublisher } from "../../src/events/event-publisher.ts";
import { handleMessage } from "../../src/http/operator-socket/handlers.ts";
import type { CaptchaInfo } from "../../src/protocol/common.ts";
import type { SessionEvent } from "../../src/protocol/events.ts";
import { createSessionSchema, type StorageState } from "../../src/protocol/rest.ts";
import { publicUrlsAt } from "../../src/server/public-urls.ts";
import { CaptchaRemoteController, type Seat } from "../../src/session/controller.ts";
import { processedMessagesOf } from "../../src/session/lifecycle/processed-messages.ts";
import { OperatorLinks } from "../../src/session/operators/operator-links.ts";
import type { ViewerSocket } from "../../src/session/pictures/viewer.ts";
import type { ChallengePage, OpenPage, PageEvents, Picture, Verdict } from "../../src/session/ports/page.ts";
import type { SessionRecord, SessionStore } from "../../src/session/ports/store.ts";
import { openStorage, type Storage } from "../../src/storage/storage.ts";
import { sessionRecord } from "../contract/store-contract.ts";
import { TEST_FOLDER_PREFIX } from "../support/fixtures.ts";
import { NO_UPLOADS } from "../support/no-uploads.ts";

const VIEWPORT = { width: 400, height: 300 };
const SOLVED: Verdict = { value: true, stable: true, evidence: [], contradictions: [], mayOverride: false };

/** A page under the test's hand. */
class Page implements ChallengePage {
  challenge: CaptchaInfo | null = null;
  readonly viewport = VIEWPORT;
  readonly url = null;
  readonly hidden = false;
  isWorking = false;
  readonly proxyPort = null;
  readonly place = null;
  readonly condition = "page_responsive";
  readonly touch = { isOn: false, isMobile: false };
  readonly canNavigate = false;
  readonly events: PageEvents;
  readonly opened = Promise.withResolvers<void>();
  readonly closed = Promise.withResolvers<void>();
  readonly checked = Promise.withResolvers<Verdict>();
  readonly log: string[] = [];
  storage: Promise<StorageState | null> = Promise.resolve(null);

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

  async navigate() {}

  async keptStill() {
    return null;
  }

  async cut(picture: Picture) {
    return picture;
  }

  async masked(picture: Picture) {
    return { picture, isWhole: true };
  }

  async damage() {
    return null;
  }

  setCaptureRequest(): void {}
  setCapturing(): void {}
  setKeepView(): void {}

  answer(): void {}
  async codeField() {
    return null;
  }
  sound = () => null;
  askAgain(): void {}
  tellFocus(): void {}
  readonly windows = [];
  async window() {}

  input(input: { type: string }): void {
    this.log.push(input.type);
  }

  takeCropHelper = () => () => {};

  releaseAll(): void {
    this.log.push("release all");
  }

  check(): Promise<Verdict> {
    return this.checked.promise;
  }

  storageState() {
    return this.storage;
  }

  async detach() {}

  async checkpoint() {
    return { url: "", storage_state: null };
  }

  close(): Promise<void> {
    return this.closed.promise;
  }
}

interface World {
  readonly storage: Storage;
  /** Of `storage`. */
  readonly store: SessionStore;
  readonly events: EventPublisher;
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
    const storage = openStorage(folder);
    const { sessions: store } = storage;
    const log = pino({ level: "silent" });
    const events = new EventPublisher(storage.events, log);
    const config = {
      ...loadConfig({}),
      maxSessions: 5,
      maxSessionsPerKey: 2,
      defaultTimeoutSeconds: 60,
      maxTimeoutSeconds: 60,
    };
    const urls = publicUrlsAt(() => "http://127.0.0.1:1");
    const operatorLinks = new Links(storage.links, new KeyRing(folder));
    const links = new OperatorLinks({
      links: operatorLinks,
      tickets: new Tickets(),
      codes: new Codes(),
      agentsGetCodes: true,
      areNeeded: true,
      urls,
    });
    const controller = new CaptchaRemoteController({
      config,
      links,
      neverPorts: () => new Set(),
      store,
      uploads: NO_UPLOADS,
      events,
      openPage,
      resumePage: async () => Promise.reject(new Error("there is no earlier server")),
      resumable: [],
      log,
      urls,
      sweepEveryMs: 50,
    });
    const create = (session_id: string, respondAsync = true) =>
      controller.create(createSessionSchema.parse({ session_id, url: "http://127.0.0.1/" }), { respondAsync });
    await use({ storage, store, events, controller, pages, create });
    for (const page of pages) page.closed.resolve();
    await controller.close();
    await events.close();
    storage.close();
    await rm(folder, { recursive: true, force: true });
  },
});

/** What was told of the newest session with this id, in order. */
function toldOf({ storage, store, events }: World, id: string): SessionEvent[] {
  events.flush();
  return storage.events.after(store.find(id)?.uid ?? "", 0, 1_000).map(({ event }) => event);
}

/** The messages a viewer was sent, and the code its socket was closed with. */
function line(): ViewerSocket & { readonly types: string[] } {
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

async function welcomed(
  controller: CaptchaRemoteController,
  ...viewer: Parameters<CaptchaRemoteController["join"]>
): Promise<Seat> {
  const joined = controller.join(...viewer);
  await joined.welcomed;
  return joined;
}

async function livingPage({ controller, pages, create }: World, id: string): Promise<Page> {
  await create(id);
  await expect.poll(() => pages.length).toBeGreaterThan(0);
  const page = pages.at(-1) as Page;
  page.opened.resolve();
  await expect.poll(async () => (await controller.living(id))?.state).toBe("waiting");
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
  await expect.poll(async () => (await controller.living("other"))?.state).toBe("waiting");
  expect((await controller.living("same"))?.state).toBe("starting");

  first.closed.resolve();
  await expect.poll(() => pages.length).toBe(3);
  pages[2]?.opened.resolve();
  await expect.poll(async () => (await controller.living("same"))?.state).toBe("waiting");
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
  const { session, viewer } = await welcomed(controller, "one", asking, "plain");
  await welcomed(controller, "one", other, "plain");
  asking.types.length = 0;
  void session.check((answer) => viewer.send({ type: "completion_status", ...answer }));
  page.events.solved(SOLVED);
  page.checked.resolve(SOLVED);
  expect(asking.types).toEqual(["completion_status", "completed", "close 1000"]);
  expect(other.types.slice(-2)).toEqual(["completed", "close 1000"]);
});

test("[S9] what is kept for a restart is how the page was asked for, and nothing else of the creation", async ({
  world: { controller, store },
}) => {
  const page = { url: "http://127.0.0.1/", locale: "de", extra_headers: { "x-shop": "1" }, on_crash: "reopen" };
  const rest = {
    callback_url: "https://hooks.example/",
    callback_secret: `whsec_${"a".repeat(40)}`,
    metadata: { order: 7 },
    label: "shop",
    instructions: "Slide it.",
    storage_state: { cookies: [{ name: "pass", value: "secret" }], origins: [] },
  };
  const body = createSessionSchema.parse({ session_id: "one", ...page, ...rest });
  await controller.create(body, { respondAsync: true });
  expect(store.resumeState(store.find("one")?.uid ?? "").request).toEqual({
    session_id: "one",
    viewport: { width: 1280, height: 720 },
    url_allow: [],
    ...page,
  });
});

test("[R19] a claim is of the session that was taken, not of an ended one with the same id", async ({ world }) => {
  const { controller, create } = world;
  const first = await livingPage(world, "same");
  controller.cancel("same");
  first.closed.resolve();
  await create("same");
  controller.claim("same").take({ who: "key:anna", name: "Anna" });
  expect(controller.list()).toMatchObject([{ session_id: "same", claimed_by: "Anna" }]);
  const free = { claimed_by: null, claimed_until: null };
  expect(controller.list(["cancelled"])).toMatchObject([{ session_id: "same", state: "cancelled", ...free }]);
});

test("[R1] an operator's list has the sessions of its labels, however many of other labels came after them", ({
  world: { controller, store },
}) => {
  const made = { owner: "bot", created_at: Date.now() };
  store.save(sessionRecord({ ...made, uid: "waits", session_id: "waits", label: "shop" }));
  for (let count = 0; count < 600; count += 1) {
    store.save(sessionRecord({ ...made, uid: `u${count}`, session_id: `s${count}`, label: "bulk" }));
  }
  const operating = (...labels: string[]): Caller => {
    const grants = { scopes: ["operate"] as const, labels, cdp_allow: null, url_allow: [] };
    return { kind: "key", id: "anna", name: "anna", grants };
  };
  const ids = (caller: Caller) => controller.list(undefined, caller).map(({ session_id }) => session_id);
  expect(ids(operating("shop"))).toEqual(["waits"]);
  expect(ids(operating("shop", "bulk"))).toHaveLength(500);
  expect(ids(operating())).toHaveLength(500);
});

test("[S4] ends that come after the first change nothing", async ({ world }) => {
  const { controller } = world;
  const page = await livingPage(world, "one");
  page.events.lost("page_crashed");
  page.events.solved(SOLVED);
  controller.cancel("one");
  page.events.lost("browser_lost");
  page.closed.resolve();
  expect(await controller.result("one")).toMatchObject({ outcome: "failed", reason: "page_crashed", verified: null });
});

test("[W17] Done is refused while the page is starting; Cannot is not", async ({ world }) => {
  const { controller, create } = world;
  await create("one");
  const { session, viewer } = await welcomed(controller, "one", line(), "json");
  await expect(session.finish(viewer, { outcome: "done" })).rejects.toMatchObject({ code: "page_unresponsive" });
  expect(session.record.state).toBe("starting");
  await session.finish(viewer, { outcome: "cannot", note: "too hard" });
  expect(session.record).toMatchObject({ state: "failed", reason: "operator_gave_up", note: "too hard" });
});

test("[W24] a newcomer does not inherit what a lost holder held down", async ({ world }) => {
  const { controller } = world;
  const page = await livingPage(world, "one");
  const first = await welcomed(controller, "one", line(), "plain");
  first.session.input(first.viewer, { type: "mouse_event", event_type: "down", x: 1, y: 1 });
  first.session.operators.leave(first.viewer);
  page.log.length = 0;
  const second = await welcomed(controller, "one", line(), "plain");
  second.session.input(second.viewer, { type: "mouse_event", event_type: "down", x: 2, y: 2 });
  expect(page.log).toEqual(["release all", "mouse_event"]);
});

test("[W30] a numbered message is noted before it is done, found again by a later server, and forgotten with the end", async ({
  world,
}) => {
  const { controller, store } = world;
  const page = await livingPage(world, "one");
  const { record } = (await welcomed(controller, "one", line(), "json")).session;
  const seat = { ...(await welcomed(controller, "one", line(), "json")), record: () => {} };
  seat.session.operators.takeControl(seat.viewer);
  const message = { type: "text" as const, text: "a", id: "k3f9x2mbq07zt1cd-7" };
  const number = { client: "k3f9x2mbq07zt1cd", number: 7 };
  let noted: unknown;
  page.input = () => {
    noted = store.resumeState(record.uid).done;
    throw new AppError("rate_limited");
  };
  await expect(handleMessage(seat, message)).rejects.toMatchObject({ code: "rate_limited" });
  expect(noted).toEqual({ [number.client]: number.number });
  const later = processedMessagesOf(record, { store, log: pino({ level: "silent" }) });
  expect(later.begin(number)).toBe(false);
  expect(later.begin({ ...number, number: 8 })).toBe(true);
  controller.cancel("one");
  expect(seat.session.processed.begin({ ...number, number: 9 })).toBe(true);
  expect(store.resumeState(record.uid)).toEqual({});
});

test("[W30] a store that cannot note it does not keep a message from being done", async ({ world }) => {
  const { controller, store } = world;
  const page = await livingPage(world, "one");
  Object.assign(store, { remember: failing });
  const seat = { ...(await welcomed(controller, "one", line(), "json")), record: () => {} };
  await handleMessage(seat, { type: "text", text: "a", id: "k3f9x2mbq07zt1cd-1" });
  expect(page.log).toContain("text");
});

test("[R14] the end is told once the storage state is kept, the state and the long poll at once", async ({ world }) => {
  const { controller, store } = world;
  const page = await livingPage(world, "one");
  const storage = Promise.withResolvers<StorageState>();
  page.storage = storage.promise;
  const polled = controller.status("one", 50, new AbortController().signal);
  page.events.solved(SOLVED);
  expect(await polled).toMatchObject({ completed: true, state: "solved" });
  expect(toldOf(world, "one").at(-1)).toMatchObject({ type: "session.state", data: { state: "solved" } });
  storage.resolve({ cookies: [], origins: [] });
  await expect.poll(() => toldOf(world, "one").at(-1)?.type).toBe("session.ended");
  expect(toldOf(world, "one").at(-1)).toMatchObject({ data: { outcome: "solved", has_storage_state: true } });
  expect(store.storageState(store.find("one")?.uid ?? "")).toEqual({ cookies: [], origins: [] });
});

for (const [name, fail] of [
  ["cannot be had", (page: Page) => Object.assign(page, { storage: Promise.reject(new Error("the browser is gone")) })],
  ["cannot be kept", (_page: Page, store: SessionStore) => Object.assign(store, { saveStorageState: failing })],
] as const) {
  test(`[R14] a storage state that ${name} is not told as there`, async ({ world }) => {
    const page = await livingPage(world, "one");
    page.storage = Promise.resolve({ cookies: [], origins: [] });
    fail(page, world.store);
    page.storage.catch(() => {});
    world.controller.cancel("one");
    await expect.poll(() => toldOf(world, "one").at(-1)?.type).toBe("session.ended");
    expect(toldOf(world, "one").at(-1)).toMatchObject({ data: { has_storage_state: false } });
    page.closed.resolve();
    expect(await world.controller.result("one")).toMatchObject({ has_storage_state: false });
  });
}

test("[R14] a challenge that moves all the time is told at once, then once a second, and the newest place", async ({
  world,
}) => {
  const page = await livingPage(world, "one");
  const box = { selector: "#a", y: 1, width: 10, height: 10, in_iframe: false, kind: "generic" };
  for (let x = 1; x <= 50; x += 1) {
    page.challenge = { ...box, x };
    page.events.challenge();
    page.events.challenge();
  }
  const places = () =>
    toldOf(world, "one").flatMap((event) => (event.type === "session.challenge" ? [event.data.captcha_info?.x] : []));
  expect(places()).toEqual([1]);
  await expect.poll(places).toEqual([1, 50]);
});

test("[R14] [W33] a page that moves on all the time is told at once, then once a second @long", async ({ world }) => {
  const page = await livingPage(world, "one");
  const told = () => toldOf(world, "one").filter(({ type }) => type === "session.moved_on").length;
  for (let time = 1; time <= 50; time += 1) page.events.movedOn();
  expect(told()).toBe(1);
  await expect.poll(told).toBe(2);
});

test("[R14] a challenge is told as found, moved, replaced and lost, and where it stays nothing is told", async ({
  world,
}) => {
  const page = await livingPage(world, "one");
  const box = { selector: "#a", x: 1, y: 1, width: 10, height: 10, in_iframe: false, kind: "generic" };
  const changes = () =>
    toldOf(world, "one").flatMap((event) => (event.type === "session.challenge" ? [event.data.change] : []));
  const expected: string[] = [];
  for (const [challenge, change] of [
    [box, "found"],
    [{ ...box, x: 2 }, "moved"],
    [{ ...box, x: 2 }, null],
    [{ ...box, selector: "#b" }, "replaced"],
    [null, "lost"],
    [{ ...box, kind: "slider" }, "found"],
  ] as const) {
    page.challenge = challenge;
    page.events.challenge();
    if (change !== null) expected.push(change);
    await expect.poll(changes).toEqual(expected);
  }
});

test("[R14] the first operator is told as such once, also when everybody had left", async ({ world }) => {
  const { controller } = world;
  await livingPage(world, "one");
  for (let count = 0; count < 2; count += 1) {
    const { session, viewer } = await welcomed(controller, "one", line(), "json");
    session.operators.leave(viewer);
  }
  const told = toldOf(world, "one").flatMap(({ type, data }) =>
    "operators" in data && "operator" in data ? [[type, data]] : [],
  );
  expect(told).toEqual([
    ["session.operator_joined", { session_id: "one", operator: "operator-1", operators: 1, first: true }],
    ["session.operator_left", { session_id: "one", operator: "operator-1", operators: 0 }],
    ["session.operator_joined", { session_id: "one", operator: "operator-2", operators: 1, first: false }],
    ["session.operator_left", { session_id: "one", operator: "operator-2", operators: 0 }],
  ]);
});

test("[R14] nothing is told after the end", async ({ world }) => {
  const { controller } = world;
  const page = await livingPage(world, "one");
  const { session, viewer } = await welcomed(controller, "one", line(), "json");
  controller.cancel("one");
  page.challenge = { selector: "#a", x: 1, y: 1, width: 10, height: 10, in_iframe: false, kind: "generic" };
  page.events.challenge();
  session.operators.leave(viewer);
  await expect.poll(() => toldOf(world, "one").at(-1)?.type).toBe("session.ended");
  page.closed.resolve();
  await controller.result("one");
  const types = toldOf(world, "one").map(({ type }) => type);
  expect(types.slice(-2)).toEqual(["session.state", "session.ended"]);
  expect(types).not.toContain("session.operator_left");
});

test("[R14] [R6] [R11] an end that could not be written is answered all the same, and written and told once it can be", async ({
  world,
}) => {
  const { controller, storage, store, pages } = world;
  const page = await livingPage(world, "one");
  const [save, append] = [store.save.bind(store), storage.events.append.bind(storage.events)];
  Object.assign(store, { save: failing });
  Object.assign(storage.events, { append: failing });
  page.events.lost("page_crashed");
  page.closed.resolve();
  expect(await controller.result("one")).toMatchObject({ outcome: "failed", reason: "page_crashed" });
  expect(await controller.status("one", 50, new AbortController().signal)).toMatchObject({ state: "failed" });
  expect(store.find("one")?.state).toBe("waiting");
  Object.assign(store, { save });
  Object.assign(storage.events, { append });
  await expect.poll(() => store.find("one")).toMatchObject({ state: "failed", reason: "page_crashed" });
  await expect.poll(() => toldOf(world, "one").at(-1)?.type).toBe("session.ended");
  expect(toldOf(world, "one").filter(({ type }) => type === "session.ended")).toHaveLength(1);
  expect(pages).toHaveLength(1);
});

test("[R14] a sweep does not tell an end whose storage state is still being kept", async ({ world }) => {
  const { controller } = world;
  const page = await livingPage(world, "one");
  const storage = Promise.withResolvers<StorageState>();
  page.storage = storage.promise;
  controller.cancel("one");
  // Another session's end, told by a sweep, says that there was one.
  world.store.save({ ...(world.store.find("one") as SessionRecord), uid: "other", session_id: "other" });
  await expect.poll(() => toldOf(world, "other").at(-1)?.type).toBe("session.ended");
  expect(toldOf(world, "one").at(-1)?.type).toBe("session.state");
  storage.resolve({ cookies: [], origins: [] });
  await expect.poll(() => toldOf(world, "one").at(-1)).toMatchObject({ data: { has_storage_state: true } });
});

test("[R10] a session that cannot be written leaves nothing: no row, no id that is taken, no place", async ({
  world,
}) => {
  const { controller, storage, store, create } = world;
  const { saveCallback } = storage.deliveries;
  Object.assign(storage.deliveries, { saveCallback: failing });
  const callback = { callback_url: "https://hooks.example/", callback_secret: `whsec_${"a".repeat(40)}` };
  const body = createSessionSchema.parse({ session_id: "one", url: "http://127.0.0.1/", ...callback });
  for (let turn = 0; turn < 6; turn += 1) await expect(controller.create(body)).rejects.toThrow("disk full");
  Object.assign(storage.deliveries, { saveCallback });
  expect(store.find("one")).toBeUndefined();
  expect(controller.list()).toEqual([]);
  await create("one");
  expect((await controller.living("one"))?.state).toBe("starting");
});

test("[R14] control that changes hands all the time is told at once, then once a second, and the last holder @long", async ({
  world,
}) => {
  const { controller } = world;
  await livingPage(world, "one");
  const seats = [await welcomed(controller, "one", line(), "json"), await welcomed(controller, "one", line(), "json")];
  for (let turn = 0; turn < 31; turn += 1) {
    const { session, viewer } = seats[turn % 2 === 0 ? 1 : 0] as (typeof seats)[number];
    session.operators.takeControl(viewer);
    if (turn % 3 === 0) session.operators.releaseControl(viewer);
  }
  const told = () =>
    toldOf(world, "one").flatMap((event) =>
      event.type === "session.control" ? [event.data.holder] : event.type === "session.state" ? [event.data.state] : [],
    );
  const first = seats[0]?.viewer.name;
  expect(told()).toEqual(["waiting", first, "active"]);
  await expect.poll(told).toEqual(["waiting", first, "active", null, "waiting"]);
  // The end is not held back.
  seats[1]?.session.operators.takeControl(seats[1].viewer);
  controller.cancel("one");
  expect(told().at(-1)).toBe("cancelled");
});

function failing(): never {
  throw new Error("disk full");
}

test("[R10] a key has its own share of the places, and the others keep theirs", async ({ world: { controller } }) => {
  const grants = { scopes: SCOPES, labels: [], cdp_allow: null, url_allow: [] };
  const create = (id: string | null) => {
    const body = createSessionSchema.parse({ url: "http://127.0.0.1/" });
    const caller: Caller = id === null ? { kind: "anybody" } : { kind: "key", id, name: id, grants };
    return controller.create(body, { respondAsync: true, caller });
  };
  const capacity = (limit: string) => ({ code: "capacity", details: { limit } });
  const first = await create("key-1");
  await create("key-1");
  await expect(create("key-1")).rejects.toMatchObject(capacity("sessions_per_key"));
  await create("key-2");
  controller.cancel(first.session_id);
  await create("key-1");
  // No key at all has no share but the server's size.
  await create(null);
  await create(null);
  await expect(create(null)).rejects.toMatchObject(capacity("sessions"));
  await expect(create("key-2")).rejects.toMatchObject(capacity("sessions"));
});

test("[W29] a watcher sees, and changes nothing", async ({ world }) => {
  const { controller } = world;
  const page = await livingPage(world, "watched");
  const { session, viewer } = await welcomed(controller, "watched", line(), "json", { role: "watch" });
  const { operators } = session;
  expect((await controller.living("watched"))?.state).toBe("waiting");
  const [at, modifiers] = [{ x: 1, y: 1 }, 0];
  const inputs = [
    ...(["down", "move", "up"] as const).map((event_type) => ({ type: "mouse_event" as const, event_type, ...at })),
    { type: "wheel" as const, ...at, delta_x: 0, delta_y: 1 },
    { type: "key" as const, event_type: "down" as const, key: "a", code: "KeyA", modifiers },
    { type: "text" as const, text: "a" },
  ];
  const before = page.log.length;
  const refused = expect.objectContaining({ code: "forbidden" });
  for (const input of inputs) expect(() => session.input(viewer, input), input.type).toThrow(refused);
  expect(() => operators.takeControl(viewer)).toThrow(refused);
  for (const outcome of ["done", "cannot"] as const) {
    await expect(session.finish(viewer, { outcome })).rejects.toMatchObject({ code: "forbidden" });
  }
  operators.releaseControl(viewer);
  expect(page.log.slice(before)).toEqual([]);
  expect(operators.holder).toBeNull();
  const { viewer: operator } = await welcomed(controller, "watched", line(), "json");
  operators.releaseControl(viewer);
  expect(operators.holder).toBe(operator.name);
  operators.leave(operator);
  expect(operators.holder).toBeNull();
});
