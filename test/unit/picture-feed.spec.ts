/** [W14] [W21] What a page is asked to capture, of what its viewers want and can take. */
import { expect, test } from "@playwright/test";
import type { Role } from "../../src/auth/caller.ts";
import { PictureFeed } from "../../src/session/pictures/picture-distributor.ts";
import { Viewer, type ViewerForm, type ViewerSocket } from "../../src/session/pictures/viewer.ts";
import type { ChallengePage, MaskedPicture, Picture, ViewMode, Wish } from "../../src/session/ports/page.ts";
import { sessionRecord } from "../contract/store-contract.ts";

const VIEWPORT = { width: 400, height: 300 };
const WHOLE = { x: 0, y: 0, ...VIEWPORT };
const PART = { x: 100, y: 50, width: 200, height: 100 };
const LATE_MS = 1_000;

/** A page that does as it is told and remembers it. */
class Page implements ChallengePage {
  readonly challenge = null;
  readonly viewport = VIEWPORT;
  readonly url = null;
  readonly hidden = false;
  readonly proxyPort = null;
  readonly place = null;
  readonly condition = "page_responsive";
  readonly wishes: (Wish | null)[] = [];
  demand: boolean | null = null;
  cuts = 0;
  /** What watchers are shown of a picture; null: nothing. */
  veil: (picture: Picture) => MaskedPicture | null = (picture) => ({ picture, isWhole: true });
  /** Pictures taken, and for how many of them a watcher asked. */
  readonly taken = { all: 0, forWatchers: 0 };
  #seq = 100;

  view(mode: ViewMode) {
    return mode === "page" ? WHOLE : PART;
  }

  async picture(mode: ViewMode, _scale: number, forWatcher = false): Promise<Picture> {
    this.#seq += 1;
    this.taken.all += 1;
    if (forWatcher) this.taken.forWatchers += 1;
    return picture(this.#seq, { view: this.view(mode) });
  }

  async cut(of: Picture, mode: ViewMode, scale: number): Promise<Picture> {
    this.cuts += 1;
    return { ...of, view: this.view(mode), scale: Math.min(of.scale, scale) };
  }

  async masked(of: Picture, mode: ViewMode, scale: number) {
    return this.veil(await this.cut(of, mode, scale));
  }

  setWish(wish: Wish | null): void {
    this.wishes.push(wish);
  }

  setDemand(demand: boolean): void {
    this.demand = demand;
  }

  setKeepView(): void {}
  input(): void {}
  releaseAll(): void {}
  async check() {
    return { value: "unknown" as const, stable: false, evidence: [] };
  }
  async storageState() {
    return null;
  }
  async detach() {}

  async checkpoint() {
    return { url: "", storage_state: null };
  }

  async close(): Promise<void> {}
}

class Line implements ViewerSocket {
  readonly texts: Record<string, unknown>[] = [];
  sendText(text: string): void {
    this.texts.push(JSON.parse(text));
  }
  sendBinary(): void {}
  pingBehind(): void {}
  bufferedBytes(): number {
    return 0;
  }
  close(): void {}

  get shown() {
    return this.texts.filter(({ type }) => type === "screenshot_update");
  }
}

function picture(seq: number, given: Partial<Picture> = {}): Picture {
  const facts = { captured_at: 0, view: PART, scale: 1, quality: 80, kind: "still" as const };
  return { seq, jpeg: Buffer.from(`jpeg ${seq}`), ...facts, ...given };
}

function world() {
  const page = new Page();
  const viewers = new Set<Viewer>();
  const feed = new PictureFeed({ record: sessionRecord(), viewers, page: () => page });
  const join = async (form: ViewerForm = "json", role: Role = "control") => {
    const line = new Line();
    const viewer = new Viewer(`operator-${viewers.size + 1}`, line, form, { role });
    viewers.add(viewer);
    await feed.welcome(viewer);
    arriveAll(viewer);
    return { viewer, line };
  };
  const leave = (viewer: Viewer) => {
    viewers.delete(viewer);
    viewer.dispose();
    feed.sync();
  };
  return { page, feed, join, leave };
}

function arriveAll(viewer: Viewer): void {
  for (let seq = 0; seq < 200; seq += 1) viewer.arrived(seq);
}

/** Two late pictures are one step down; time is not waited for but told. */
function fallBy(viewer: Viewer, rungs: number, firstSeq: number): void {
  const now = performance.now;
  let clock = now.call(performance);
  performance.now = () => clock;
  try {
    for (let seq = firstSeq; seq < firstSeq + 2 * rungs; seq += 1) {
      viewer.show(picture(seq));
      clock += LATE_MS;
      viewer.arrived(seq);
    }
  } finally {
    performance.now = now;
  }
}

test("[W14] one capture for all: the whole page where anybody wants it, as fine as anybody wants", async () => {
  const { page, feed, join, leave } = world();
  const [first, second] = [await join(), await join("binary")];
  expect(page.wishes.at(-1)).toMatchObject({ mode: "challenge", scale: 1 });
  feed.setLens(first.viewer, { scale: 2 });
  feed.setLens(second.viewer, { mode: "page" });
  expect(page.wishes.at(-1)).toMatchObject({ mode: "page", scale: 2 });
  leave(second.viewer);
  expect(page.wishes.at(-1)).toMatchObject({ mode: "challenge", scale: 2 });
  leave(first.viewer);
  expect(page.wishes.at(-1)).toBeNull();
  expect(page.demand).toBe(false);
});

test("[W21] what is wished for is told once", async () => {
  const { page, feed, join } = world();
  const { viewer } = await join();
  const before = page.wishes.length;
  for (let count = 0; count < 5; count += 1) feed.sync();
  feed.setLens(viewer, { mode: "challenge", scale: 1 });
  feed.setLens(viewer, {});
  expect(page.wishes.length).toBe(before);
});

test("[W21] pictures are in demand as long as anybody can take one", async () => {
  const { page, feed, join } = world();
  const [quick, slow] = [await join(), await join()];
  expect(page.demand).toBe(true);
  for (const seq of [201, 202, 203]) {
    feed.show(picture(seq));
    quick.viewer.arrived(seq);
  }
  expect([slow.viewer.isFree, page.demand]).toEqual([false, true]);
  for (const seq of [204, 205]) feed.show(picture(seq));
  await expect.poll(() => page.demand, { intervals: [5] }).toBe(false);
  slow.viewer.arrived(202);
  expect(page.demand).toBe(true);
});

test("[W22] the best of the lines decides how motion is made, whoever joined first", async () => {
  for (const slowFirst of [true, false]) {
    const { page, feed, join } = world();
    const [first, second] = [await join(), await join()];
    fallBy((slowFirst ? first : second).viewer, 3, 300);
    feed.sync();
    expect(page.wishes.at(-1)?.motion).toEqual({ quality: 30, scale: 1 });
    fallBy((slowFirst ? second : first).viewer, 1, 300);
    feed.sync();
    expect(page.wishes.at(-1)?.motion).toEqual({ quality: 22, scale: 1 });
  }
});

test("[W20] [W22] an older client's pictures are 1 px per CSS px, however thin the lines of all are", async () => {
  for (const jsonFirst of [true, false]) {
    for (const [jsonFalls, plainFalls] of [
      [3, 4],
      [4, 4],
      [4, 3],
    ] as const) {
      const { page, feed, join } = world();
      const [first, second] = [await join(jsonFirst ? "json" : "plain"), await join(jsonFirst ? "plain" : "json")];
      fallBy(first.viewer, jsonFirst ? jsonFalls : plainFalls, 300);
      fallBy(second.viewer, jsonFirst ? plainFalls : jsonFalls, 300);
      feed.sync();
      const { motion } = page.wishes.at(-1) as Wish;
      expect(motion.scale, JSON.stringify({ jsonFirst, jsonFalls, plainFalls, motion })).toBeGreaterThanOrEqual(1);
    }
  }
});

test("[W14] [W20] each sees its own part, and what is of its view already is not cut", async () => {
  const { page, feed, join } = world();
  const [whole, part] = [await join(), await join()];
  feed.setLens(whole.viewer, { mode: "page" });
  feed.show(picture(201, { view: WHOLE }));
  await expect.poll(() => part.line.shown).toMatchObject([{ seq: 201, view: PART }]);
  expect(page.cuts).toBe(1);
  expect(whole.line.texts.at(-1)).toMatchObject({ type: "session_info", view: WHOLE });
});

test("[W28] secrets are looked for while a watcher is there, and only then", async () => {
  const { page, join, leave } = world();
  await join();
  expect(page.wishes.at(-1)).toMatchObject({ masked: false });
  expect(page.taken).toEqual({ all: 1, forWatchers: 0 });
  const { viewer } = await join("json", "watch");
  expect(page.wishes.at(-1)).toMatchObject({ masked: true });
  expect(page.taken.forWatchers).toBe(1);
  leave(viewer);
  expect(page.wishes.at(-1)).toMatchObject({ masked: false });
});

test("[W28] a watcher gets the masked picture, who is in control the captured one", async () => {
  const { page, feed, join } = world();
  page.veil = (picture) => ({ picture: { ...picture, jpeg: Buffer.from("black") }, isWhole: true });
  const [operator, watcher] = [await join(), await join("json", "watch")];
  feed.show(picture(201));
  await expect.poll(() => watcher.line.shown.at(-1)).toMatchObject({ seq: 201 });
  expect(watcher.line.shown.at(-1)).toMatchObject({ screenshot: Buffer.from("black").toString("base64") });
  expect(operator.line.shown.at(-1)).toMatchObject({ screenshot: Buffer.from("jpeg 201").toString("base64") });
});

test("[W28] a watcher who could be shown nothing, or not all, is shown a new picture soon", async () => {
  for (const isWhole of [null, false]) {
    const { page, feed, join, leave } = world();
    const { line, viewer } = await join("json", "watch");
    page.veil = (picture) => (isWhole === null ? null : { picture, isWhole });
    const changed = await page.picture("challenge", 1);
    feed.show(changed);
    const before = page.taken.forWatchers;
    await expect.poll(() => page.taken.forWatchers).toBeGreaterThan(before);
    page.veil = (picture) => ({ picture, isWhole: true });
    await expect.poll(() => Number(line.shown.at(-1)?.["seq"])).toBeGreaterThan(changed.seq);
    leave(viewer);
  }
});
