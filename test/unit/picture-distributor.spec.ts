/** [W14] [W21] What a page is asked to capture, of what its viewers want and can take. */
import { expect, test } from "@playwright/test";
import type { Role } from "../../src/protocol/common.ts";
import { Operators } from "../../src/session/operators/operators.ts";
import { Viewer, type ViewerForm, type ViewerSocket } from "../../src/session/pictures/viewer.ts";
import type { CaptureRequest, MaskedPicture } from "../../src/session/ports/page.ts";
import { sessionRecord } from "../contract/store-contract.ts";
import { FakePage, PART, pictureOf, WHOLE } from "../support/fake-page.ts";

const LATE_MS = 1_000;

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

function world() {
  const page = new FakePage();
  const operators = new Operators({
    record: sessionRecord(),
    onControl: () => {},
    onInput: () => {},
    onPresence: () => {},
  });
  const ready = operators.pageReady(page);
  const join = async (form: ViewerForm = "json", role: Role = "control") => {
    await ready;
    const line = new Line();
    const viewer = new Viewer(`operator-${operators.size + 1}`, line, form, { role });
    await operators.join(viewer, ready);
    arriveAll(operators, viewer);
    return { viewer, line };
  };
  return { page, operators, join };
}

function arriveAll(operators: Operators, viewer: Viewer): void {
  for (let seq = 0; seq < 200; seq += 1) operators.arrived(viewer, seq);
}

/** Two late pictures are one step down; time is not waited for but told. */
function fallBy(operators: Operators, viewer: Viewer, rungs: number, firstSeq: number): void {
  const now = performance.now;
  let clock = now.call(performance);
  performance.now = () => clock;
  try {
    for (let seq = firstSeq; seq < firstSeq + 2 * rungs; seq += 1) {
      viewer.sendPicture(pictureOf(seq));
      clock += LATE_MS;
      operators.arrived(viewer, seq);
    }
  } finally {
    performance.now = now;
  }
}

test("[W14] one capture for all: the whole page where anybody wants it, as fine as anybody wants", async () => {
  const { page, operators, join } = world();
  const [first, second] = [await join(), await join("binary")];
  expect(page.requests.at(-1)).toMatchObject({ mode: "challenge", scale: 1 });
  operators.setLens(first.viewer, { scale: 2 });
  operators.setLens(second.viewer, { mode: "page" });
  expect(page.requests.at(-1)).toMatchObject({ mode: "page", scale: 2 });
  operators.leave(second.viewer);
  expect(page.requests.at(-1)).toMatchObject({ mode: "challenge", scale: 2 });
  operators.leave(first.viewer);
  expect(page.requests.at(-1)).toBeNull();
  expect(page.capturing).toBe(false);
});

test("[W21] what is to be captured is requested once", async () => {
  const { page, operators, join } = world();
  const { viewer } = await join();
  const before = page.requests.length;
  for (let count = 0; count < 5; count += 1) operators.arrived(viewer, 0);
  operators.setLens(viewer, { mode: "challenge", scale: 1 });
  operators.setLens(viewer, {});
  expect(page.requests.length).toBe(before);
});

test("[W21] pictures are captured as long as anybody can take one", async () => {
  const { page, operators, join } = world();
  const [quick, slow] = [await join(), await join()];
  expect(page.capturing).toBe(true);
  for (const seq of [201, 202, 203]) {
    operators.show(pictureOf(seq));
    operators.arrived(quick.viewer, seq);
  }
  expect([slow.viewer.hasRoom, page.capturing]).toEqual([false, true]);
  for (const seq of [204, 205]) operators.show(pictureOf(seq));
  await expect.poll(() => page.capturing, { intervals: [5] }).toBe(false);
  operators.arrived(slow.viewer, 202);
  expect(page.capturing).toBe(true);
});

test("[W22] the best of the lines decides how motion is made, whoever joined first", async () => {
  for (const slowFirst of [true, false]) {
    const { page, operators, join } = world();
    const [first, second] = [await join(), await join()];
    fallBy(operators, (slowFirst ? first : second).viewer, 3, 300);
    expect(page.requests.at(-1)?.motion).toEqual({ quality: 30, scale: 1 });
    fallBy(operators, (slowFirst ? second : first).viewer, 1, 300);
    expect(page.requests.at(-1)?.motion).toEqual({ quality: 22, scale: 1 });
  }
});

test("[W20] [W22] an older client's pictures are 1 px per CSS px, however thin the lines of all are", async () => {
  for (const jsonFirst of [true, false]) {
    for (const [jsonFalls, plainFalls] of [
      [3, 4],
      [4, 4],
      [4, 3],
    ] as const) {
      const { page, operators, join } = world();
      const [first, second] = [await join(jsonFirst ? "json" : "plain"), await join(jsonFirst ? "plain" : "json")];
      fallBy(operators, first.viewer, jsonFirst ? jsonFalls : plainFalls, 300);
      fallBy(operators, second.viewer, jsonFirst ? plainFalls : jsonFalls, 300);
      const { motion } = page.requests.at(-1) as CaptureRequest;
      expect(motion.scale, JSON.stringify({ jsonFirst, jsonFalls, plainFalls, motion })).toBeGreaterThanOrEqual(1);
    }
  }
});

test("[W14] [W20] each sees its own part, and what is of its view already is not cut", async () => {
  const { page, operators, join } = world();
  const [whole, part] = [await join(), await join()];
  operators.setLens(whole.viewer, { mode: "page" });
  operators.show(pictureOf(201, { view: WHOLE }));
  await expect.poll(() => part.line.shown).toMatchObject([{ seq: 201, view: PART }]);
  expect(page.cuts).toBe(1);
  expect(whole.line.texts.at(-1)).toMatchObject({ type: "session_info", view: WHOLE });
});

test("[W28] secrets are looked for while a watcher is there, and only then", async () => {
  const { page, operators, join } = world();
  await join();
  expect(page.requests.at(-1)).toMatchObject({ masked: false });
  expect(page.taken).toEqual({ all: 1, forWatchers: 0 });
  const { viewer } = await join("json", "watch");
  expect(page.requests.at(-1)).toMatchObject({ masked: true });
  expect(page.taken.forWatchers).toBe(1);
  operators.leave(viewer);
  expect(page.requests.at(-1)).toMatchObject({ masked: false });
});

test("[W28] a watcher gets the masked picture, who is in control the captured one", async () => {
  const { page, operators, join } = world();
  page.veil = (picture) => ({ picture: { ...picture, jpeg: Buffer.from("black") }, isWhole: true });
  const [operator, watcher] = [await join(), await join("json", "watch")];
  operators.show(pictureOf(201));
  await expect.poll(() => watcher.line.shown.at(-1)).toMatchObject({ seq: 201 });
  expect(watcher.line.shown.at(-1)).toMatchObject({ screenshot: Buffer.from("black").toString("base64") });
  expect(operator.line.shown.at(-1)).toMatchObject({ screenshot: Buffer.from("jpeg 201").toString("base64") });
});

test("[W28] a watcher who could be shown nothing, or not all, is shown a new picture soon", async () => {
  for (const isWhole of [null, false]) {
    const { page, operators, join } = world();
    const { line, viewer } = await join("json", "watch");
    page.veil = (picture) => (isWhole === null ? null : { picture, isWhole });
    const changed = await page.picture("challenge", 1);
    operators.show(changed);
    const before = page.taken.forWatchers;
    await expect.poll(() => page.taken.forWatchers).toBeGreaterThan(before);
    page.veil = (picture) => ({ picture, isWhole: true });
    await expect.poll(() => Number(line.shown.at(-1)?.["seq"])).toBeGreaterThan(changed.seq);
    operators.leave(viewer);
  }
});

test("[S10] [W28] a page that is opened again is asked for all that the lost one was asked for, and shown to everybody", async () => {
  const { page, operators, join } = world();
  const [operator, watcher] = [await join(), await join("json", "watch")];
  operators.pageLost();
  operators.show(pictureOf(201));
  const again = new FakePage();
  await operators.pageReady(again);
  for (const { viewer } of [operator, watcher]) arriveAll(operators, viewer);
  expect(again.requests.at(-1)).toEqual(page.requests.at(-1));
  expect(again.requests.at(-1)).toMatchObject({ masked: true });
  expect(again.capturing).toBe(true);
  operators.show(pictureOf(202));
  for (const { line } of [operator, watcher]) await expect.poll(() => line.shown.map(({ seq }) => seq)).toEqual([202]);
});

test("[S10] a lost page is not asked for another picture, and what it still renders is not shown", async () => {
  const { page, operators, join } = world();
  const { line } = await join("json", "watch");
  page.veil = () => null;
  operators.show(pictureOf(201));
  const { all } = page.taken;
  const rendered = Promise.withResolvers<MaskedPicture>();
  const second = new FakePage();
  second.masked = () => rendered.promise;
  const shown = operators.pageReady(second);
  operators.show(pictureOf(202));
  operators.pageLost();
  rendered.resolve({ picture: pictureOf(202), isWhole: true });
  await shown;
  const third = new FakePage();
  third.veil = () => null;
  await operators.pageReady(third);
  // A picture for the watcher is due again of the third page, and by then would be of the first.
  await expect.poll(() => third.taken.forWatchers).toBeGreaterThan(1);
  expect([page.taken.all, second.taken.all]).toEqual([all, 1]);
  expect(line.shown).toEqual([]);
});

test("[W47] what is taken or masked of one window is never shown as another's, and all get a picture of the new one", async () => {
  const { page, operators, join } = world();
  const [operator, watcher] = [await join(), await join("json", "watch")];
  const [taken, masked] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { picture, masked: mask } = page;
  let asked = 0;
  page.picture = async (...args) => {
    asked += 1;
    const old = picture.apply(page, args);
    await taken.promise;
    return old;
  };
  page.masked = async (...args) => {
    const old = mask.apply(page, args);
    await masked.promise;
    return old;
  };
  const late = join();
  operators.setLens(operator.viewer, { mode: "page" });
  operators.show(pictureOf(201));
  await expect.poll(() => asked).toBeGreaterThan(0);
  const before = [operator, watcher].map(({ line }) => line.texts.length);
  page.picture = picture;
  page.masked = mask;
  operators.windowShown();
  taken.resolve();
  masked.resolve();
  const { line: lateLine } = await late;
  expect(lateLine.texts.find(({ type }) => type === "session_info")).toMatchObject({ screenshot: null, seq: 0 });
  operators.show(pictureOf(301, { view: WHOLE }));
  for (const [index, line] of [operator.line, watcher.line, lateLine].entries()) {
    const from = before[index] ?? 0;
    const pictures = () =>
      line.texts
        .slice(from)
        .filter(({ type, seq }) => (type === "session_info" || type === "screenshot_update") && Number(seq) > 0);
    await expect.poll(pictures).not.toEqual([]);
    // The late one's session_info was of the new window already.
    const type = line === lateLine ? "screenshot_update" : "session_info";
    expect(pictures()[0]).toMatchObject({ type, seq: 301 });
  }
});

test("[W62] who may act first sees the still that was kept, then what is taken; a watcher and an older client never do", async () => {
  const { page, join } = world();
  const keep = () => {
    page.kept = Buffer.from("kept");
    return page.kept.toString("base64");
  };
  const first = async (form: ViewerForm, role: Role = "control") =>
    (await join(form, role)).line.texts.find(({ type }) => type === "session_info")?.["screenshot"];
  const kept = keep();
  expect(await first("json", "watch")).not.toBe(kept);
  expect(await first("plain")).not.toBe(kept);
  expect(page.kept).not.toBeNull();
  expect(await first("json")).toBe(kept);
  expect(await first("json")).not.toBe(kept);
});
