/** [W63] What a viewer that is sent only what has changed sees, whatever is lost, late, cut or asked for meanwhile. */
import { expect, test } from "@playwright/test";
import { decodeFrame } from "../../src/client/picture-frame.ts";
import type { DamageRect } from "../../src/protocol/frame.ts";
import { Operators } from "../../src/session/operators/operators.ts";
import { BandwidthEstimator } from "../../src/session/pictures/bandwidth-estimator.ts";
import { Viewer, type ViewerForm, type ViewerSocket } from "../../src/session/pictures/viewer.ts";
import { ViewerCanvas } from "../../src/session/pictures/viewer-canvas.ts";
import type { Damage, Picture, ViewMode } from "../../src/session/ports/page.ts";
import { sessionRecord } from "../contract/store-contract.ts";
import { FakePage, pictureOf } from "../support/fake-page.ts";
import { IS_LONG_RUN } from "../support/long-run.ts";
import { seeded } from "../support/seeded.ts";

/** A picture of this test is a row of cells, a byte each; the rest makes it as large as that of a whole page. */
const CELLS = 12;
const PICTURE_BYTES = 20_000;
const STEPS = 150;
const SEEDS = IS_LONG_RUN ? 200 : 20;

/** All of these viewers are behind a slow line, which is judged by real time. */
const judged = Object.getOwnPropertyDescriptor(BandwidthEstimator.prototype, "isSlow") ?? {};
test.beforeAll(() => {
  Object.defineProperty(BandwidthEstimator.prototype, "isSlow", { ...judged, get: () => true });
});
test.afterAll(() => {
  Object.defineProperty(BandwidthEstimator.prototype, "isSlow", judged);
});

const turn = () => new Promise((resolve) => setImmediate(resolve));

function drawn(cells: readonly number[]): Buffer {
  const jpeg = Buffer.alloc(PICTURE_BYTES);
  jpeg.set(cells);
  return jpeg;
}

function cellsOf(jpeg: Uint8Array): number[] {
  return [...jpeg.subarray(0, CELLS)];
}

/** Each cell is a rectangle, and so is its place in what is sent. */
async function changes(before: Picture, picture: Picture): Promise<Damage | null> {
  await turn();
  const cells = cellsOf(picture.jpeg);
  const changed = cells.flatMap((cell, index) => (cell === before.jpeg[index] ? [] : [index]));
  if (changed.length > CELLS / 2) return null;
  const rects = changed.map((index, place): DamageRect => [index, 0, 1, 1, place, 0]);
  return { rects, jpeg: Buffer.from(changed.map((index) => cells[index] ?? 0)) };
}

type Sent = { readonly frame: NonNullable<ReturnType<typeof decodeFrame>> } | { readonly pingSeq: number };

/** A socket and the client at its other end. What is sent arrives in order, and when the test says so. */
class Client implements ViewerSocket {
  readonly onTheWay: Sent[] = [];
  /** What is on its canvas; null: nothing, or it is not known what. */
  cells: number[] | null = null;
  seq: number | null = null;
  damages = 0;
  wholes = 0;
  /** Where the cells of a picture differ from those on the canvas that is said to show it. */
  faults = 0;
  acknowledge: (seq: number, whole: boolean) => void = () => {};
  pong: (seq: number) => void = () => {};

  sendText(): void {}
  sendBinary(message: Uint8Array): void {
    const frame = decodeFrame(Uint8Array.from(message).buffer);
    if (!frame) throw new Error("Not a picture message.");
    this.onTheWay.push({ frame });
  }
  pingBehind(pingSeq: number): void {
    this.onTheWay.push({ pingSeq });
  }
  bufferedBytes(): number {
    return 0;
  }
  close(): void {}

  /** The next message arrives; `isLost`: the client cannot draw it. */
  receive(pictures: ReadonlyMap<number, Picture>, isLost: boolean): void {
    const sent = this.onTheWay.shift();
    if (!sent) return;
    if ("pingSeq" in sent) {
      this.pong(sent.pingSeq);
      return;
    }
    const { header, jpeg } = sent.frame;
    const fits = header.type === "frame" || (this.cells !== null && header.base === this.seq);
    if (isLost || !fits) {
      this.acknowledge(header.seq, true);
      return;
    }
    if (header.type === "frame") {
      this.wholes += 1;
      this.cells = cellsOf(jpeg);
    } else {
      this.damages += 1;
      const cells = this.cells ?? [];
      for (const [index, , , , place] of header.rects) cells[index] = jpeg[place] ?? 0;
    }
    this.seq = header.seq;
    const picture = pictures.get(header.seq);
    if (!picture || cellsOf(picture.jpeg).join() !== this.cells?.join()) this.faults += 1;
    this.acknowledge(header.seq, false);
  }
}

async function world(form: ViewerForm = "damage") {
  const page = new FakePage();
  page.changes = changes;
  const pictures = new Map<number, Picture>();
  let cells = Array.from({ length: CELLS }, () => 0);
  let seq = 100;
  let quality = 30;
  const made = (mode: ViewMode) => {
    seq += 1;
    const picture = pictureOf(seq, { jpeg: drawn(cells), kind: "motion", quality, view: page.view(mode) });
    pictures.set(seq, picture);
    return picture;
  };
  page.picture = async (mode) => made(mode);
  const operators = new Operators({
    record: sessionRecord(),
    onControl: () => {},
    onInput: () => {},
    onPresence: () => {},
  });
  const ready = operators.pageReady(page);
  await ready;
  const client = new Client();
  const viewer = new Viewer("operator-1", client, form, { role: "control" });
  client.acknowledge = (one, whole) => operators.acknowledge(viewer, one, whole);
  client.pong = (one) => operators.arrived(viewer, one);
  await operators.join(viewer, ready);
  return {
    client,
    page,
    operators,
    viewer,
    pictures,
    /** The page changes, and a picture of it comes. */
    show(change: (cells: number[]) => void) {
      cells = [...cells];
      change(cells);
      operators.show(made(page.requests.at(-1)?.mode ?? "challenge"));
    },
    otherQuality() {
      quality = quality === 30 ? 22 : 30;
    },
    receive: (isLost = false) => client.receive(pictures, isLost),
    /** Everything that is on the way arrives, and what follows from that. */
    async settle() {
      for (let quiet = 0; quiet < 5; quiet = client.onTheWay.length > 0 ? 0 : quiet + 1) {
        while (client.onTheWay.length > 0) client.receive(pictures, false);
        await turn();
      }
    },
    get cells() {
      return cells;
    },
  };
}

test("[W63] whatever is lost or late, no canvas shows what the page did not, and it ends with what the page shows", async () => {
  let [damages, wholes] = [0, 0];
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const random = seeded(seed);
    const lossShare = seed % 4 === 0 ? 0 : random() / 2;
    const one = await world();
    await one.settle();
    for (let step = 0; step < STEPS; step += 1) {
      const what = random();
      if (what < 0.45) {
        const count = random() < 0.1 ? CELLS : 1 + Math.floor(random() * 3);
        one.show((cells) => {
          for (let index = 0; index < count; index += 1) {
            cells[Math.floor(random() * CELLS)] = Math.floor(random() * 256);
          }
        });
      } else if (what < 0.85) one.receive(random() < lossShare);
      else if (what < 0.88) one.otherQuality();
      else if (what < 0.9) one.operators.setLens(one.viewer, { scale: 1 + Math.floor(random() * 3) });
      else if (what < 0.92) one.operators.setLens(one.viewer, { mode: random() < 0.5 ? "page" : "challenge" });
      else if (what < 0.93) one.operators.windowShown();
      if (random() < 0.7) await turn();
    }
    await one.settle();
    one.show((cells) => {
      cells[0] = seed;
    });
    await one.settle();
    expect(one.client.faults, `seed ${seed}`).toBe(0);
    expect(one.client.cells, `seed ${seed}`).toEqual(one.cells);
    damages += one.client.damages;
    wholes += one.client.wholes;
    one.operators.leave(one.viewer);
    one.operators.pageLost();
  }
  // Otherwise nothing of this was tried.
  expect(damages).toBeGreaterThan(SEEDS);
  expect(wholes).toBeGreaterThan(SEEDS);
});

/** A viewer with the first picture on its canvas, and its acks heard. */
async function begun(form?: ViewerForm) {
  const one = await world(form);
  await one.settle();
  one.show((cells) => {
    cells[0] = 1;
  });
  await one.settle();
  return one;
}

test("[W63] who could not draw the last change of a page at rest gets the whole picture, once", async () => {
  const one = await begun();
  const { wholes } = one.client;
  one.show((cells) => {
    cells[3] = 7;
  });
  await turn();
  await turn();
  one.receive(true);
  await one.settle();
  expect(one.client.wholes).toBe(wholes + 1);
  expect(one.client.cells).toEqual(one.cells);
  // The same complaint again, and one about the whole picture itself, bring nothing.
  const [before, seq] = [one.client.wholes, one.client.seq ?? 0];
  for (const complaint of [seq, seq, seq - 1]) one.operators.acknowledge(one.viewer, complaint, true);
  await one.settle();
  expect(one.client.wholes).toBe(before);
  expect(() => one.operators.acknowledge(one.viewer, seq + 1, true)).toThrow(
    expect.objectContaining({ code: "invalid_message" }),
  );
});

test("[W63] who never acknowledges, and answers no ping, gets what two slots hold and no more", async () => {
  const one = await world();
  for (let step = 1; step <= 50; step += 1) {
    one.show((cells) => {
      cells[1] = step;
    });
    await turn();
  }
  expect(one.client.onTheWay.filter((sent) => "frame" in sent).length).toBeLessThanOrEqual(2);
});

for (const form of ["binary", "json", "plain"] as const) {
  test(`[W63] a viewer of the form ${form} is sent whole pictures, and asks for none by an ack`, async () => {
    const one = await begun(form);
    let compared = 0;
    one.page.changes = async () => {
      compared += 1;
      return null;
    };
    const before = one.client.wholes;
    for (let step = 1; step <= 5; step += 1) {
      one.show((cells) => {
        cells[1] = step;
      });
      await one.settle();
    }
    if (form === "binary") expect(one.client.wholes).toBe(before + 5);
    const { lastSent } = one.viewer;
    one.operators.acknowledge(one.viewer, lastSent, true);
    await one.settle();
    expect(one.viewer.lastSent).toBe(lastSent);
    expect([compared, one.client.damages]).toEqual([0, 0]);
  });
}

test("[W28] [W63] what a watcher is sent is compared after it is masked", async () => {
  const page = new FakePage();
  const compared: string[] = [];
  page.changes = async (before, picture) => {
    compared.push(before.jpeg.toString("utf8", 0, 5), picture.jpeg.toString("utf8", 0, 5));
    return null;
  };
  page.veil = (picture) => ({ picture: { ...picture, jpeg: Buffer.alloc(PICTURE_BYTES, "black") }, isWhole: true });
  const operators = new Operators({
    record: sessionRecord(),
    onControl: () => {},
    onInput: () => {},
    onPresence: () => {},
  });
  const ready = operators.pageReady(page);
  await ready;
  const client = new Client();
  const viewer = new Viewer("operator-1", client, "damage", { role: "watch" });
  await operators.join(viewer, ready);
  for (let seq = 201; seq < 210; seq += 1) {
    for (let arrived = 0; arrived < 300; arrived += 1) operators.arrived(viewer, arrived);
    operators.show(pictureOf(seq, { jpeg: Buffer.alloc(PICTURE_BYTES, "secret") }));
    await turn();
    await turn();
  }
  operators.leave(viewer);
  operators.pageLost();
  expect(compared.length).toBeGreaterThan(0);
  expect(new Set(compared)).toEqual(new Set(["black"]));
});

test("[W63] a whole picture goes every two seconds, at another view, scale or quality, and after a loss", () => {
  const picture = (seq: number, given: Partial<Picture> = {}) => pictureOf(seq, { quality: 30, ...given });
  const canvas = new ViewerCanvas();
  expect(canvas.baseFor(picture(1), 0)).toBeNull();
  const first = picture(1);
  canvas.sentWhole(first, 0);
  expect(canvas.baseFor(picture(2), 10)).toBe(first);
  for (const other of [{ quality: 80 }, { scale: 2 }, { view: { ...first.view, x: 1 } }]) {
    expect(canvas.baseFor(picture(2, other), 10)).toBeNull();
  }
  const second = picture(2);
  canvas.sentDamage(second);
  expect([canvas.shows(first), canvas.shows(second)]).toEqual([false, true]);
  expect(canvas.baseFor(picture(3), 1_999)).toBe(second);
  // Changes do not put it off.
  expect(canvas.baseFor(picture(3), 2_000)).toBeNull();
  expect(canvas.lost(1)).toBe(false);
  expect([canvas.lost(2), canvas.lost(2)]).toEqual([true, false]);
  expect(canvas.baseFor(picture(3), 20)).toBeNull();
  canvas.sentWhole(picture(3), 2_000);
  expect(canvas.lost(2)).toBe(false);
});
