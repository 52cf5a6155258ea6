/** What every Crop must do, as tests over a factory: one suite for all ways in which pictures come to show a part of a page. */
import { type Browser, test as base, type CDPSession, expect, type Page } from "@playwright/test";
import sharp from "sharp";
import type { CaptureRegion, PictureCapture } from "../../src/browser/pictures/capture-region.ts";
import { cropPicture } from "../../src/browser/pictures/crop-picture.ts";
import { jpegSize } from "../../src/browser/pictures/jpeg-size.ts";
import type { Rect, Size } from "../../src/protocol/common.ts";
import type { Picture } from "../../src/session/ports/page.ts";
import { IS_LONG_RUN } from "../support/long-run.ts";

export interface CaptureBench {
  readonly page: Page;
  readonly session: CDPSession;
  readonly capture: PictureCapture;
}

export interface CropFactory {
  /** Picture px per CSS px that this way can give. */
  readonly maxScale: number;
  /** A blank page of this viewport; closed by the caller. */
  open(browser: Browser, viewport: Size): Promise<CaptureBench>;
}

interface ScreencastFrame {
  readonly data: string;
  readonly sessionId: number;
  readonly metadata: { readonly scrollOffsetX: number; readonly scrollOffsetY: number };
}

interface Point {
  readonly x: number;
  readonly y: number;
}

const VIEWPORT = { width: 1000, height: 700 };
const WHOLE = { x: 0, y: 0, ...VIEWPORT };
const TOP = { x: 0, y: 0 };
const QUALITY = 80;
/** Colours of flat tiles are 40 apart; a JPEG of quality 80 stays well within half of that. */
const COLOUR_TOLERANCE = 18;
/** Between the darkest light and the lightest dark tile. */
const MIDDLE_GREY = 128;
/** Beside an edge: nearer, a JPEG mixes both sides. */
const BESIDE_EDGE_PX = 3;

/** The first of them; in the long run all. */
function few<T>(all: readonly T[], count: number): readonly T[] {
  return IS_LONG_RUN ? all : all.slice(0, count);
}

export function captureContract(name: string, { maxScale, open }: CropFactory): void {
  const test = base.extend<{ bench: CaptureBench }>({
    bench: async ({ browser }, use) => {
      const bench = await open(browser, VIEWPORT);
      await bench.capture.apply(bench.capture.reach({ view: WHOLE, scale: 1, scroll: TOP }));
      await use(bench);
      await bench.page.context().close();
    },
  });

  test.describe(`crop by ${name}`, () => {
    test("[W20] a picture shows exactly the part that is asked for, 1 picture px per CSS px", async ({ bench }) => {
      const tile = await paintTiles(bench, VIEWPORT, 100);
      for (const view of [
        { x: 130, y: 210, width: 420, height: 340 },
        { x: 0, y: 0, width: 250, height: 250 },
        { x: 701, y: 433, width: 299, height: 267 },
      ]) {
        const picture = await film(bench, { view, scale: 1, scroll: TOP });
        expect(picture).toMatchObject({ view, scale: 1 });
        await expectTiles(picture, tile, TOP);
      }
    });

    test("[W14] the whole page, before and after a part of it", async ({ bench }) => {
      const tile = await paintTiles(bench, VIEWPORT, 100);
      await expectTiles(await film(bench, { view: WHOLE, scale: 1, scroll: TOP }), tile, TOP);
      await film(bench, { view: { x: 300, y: 100, width: 200, height: 200 }, scale: 1, scroll: TOP });
      await expectTiles(await film(bench, { view: WHOLE, scale: 1, scroll: TOP }), tile, TOP);
    });

    test("[W20] where the document is scrolled, the view is still the viewport's", async ({ bench }) => {
      const tile = await paintTiles(bench, { width: 1500, height: 2000 }, 100);
      for (const scroll of [
        { x: 0, y: 333 },
        { x: 217, y: 1240 },
      ]) {
        await scrollTo(bench.page, scroll);
        const view = { x: 130, y: 210, width: 420, height: 340 };
        await expectTiles(await film(bench, { view, scale: 1, scroll }), tile, scroll);
        await expectTiles(await film(bench, { view: WHOLE, scale: 1, scroll }), tile, scroll);
      }
    });

    test("[W20] a page of 8000 x 8000 px, near its far corner", async ({ bench }) => {
      const tile = await paintTiles(bench, { width: 8_000, height: 8_000 }, 200);
      const scroll = { x: 6_530, y: 7_120 };
      await scrollTo(bench.page, scroll);
      const view = { x: 300, y: 190, width: 500, height: 400 };
      await expectTiles(await film(bench, { view, scale: 1, scroll }), tile, scroll);
      await expectTiles(await still(bench, { view, scale: 1, scroll }), tile, scroll);
    });

    for (const wanted of few([1.5, 2], 1)) {
      test(`[W14] ${wanted} picture px per CSS px, as far as this way can give them`, async ({ bench }) => {
        const tile = await paintTiles(bench, { width: 1_000, height: 2_000 }, 100);
        const scale = Math.min(wanted, maxScale);
        const view = { x: 120, y: 90, width: 300, height: 260 };
        const picture = await film(bench, { view, scale: wanted, scroll: TOP });
        expect(picture).toMatchObject({ view, scale });
        await expectTiles(picture, tile, TOP);
        const scroll = { x: 0, y: 450 };
        await scrollTo(bench.page, scroll);
        await expectTiles(await film(bench, { view, scale: wanted, scroll }), tile, scroll);
        await expectTiles(await film(bench, { view: WHOLE, scale: wanted, scroll }), tile, scroll);
      });
    }

    test("[W14] of a picture of the whole page every part can be cut, up to its last edge", async ({ bench }) => {
      const tile = await paintTiles(bench, VIEWPORT, 100);
      for (const scale of few([1.77, 1, 1.25, 1.5], 2)) {
        const whole = await settled(bench, { view: WHOLE, scale, scroll: TOP }, tile);
        for (const [width, height] of [
          [333, 211],
          [301, 299],
        ] as const) {
          const view = { x: VIEWPORT.width - width, y: VIEWPORT.height - height, width, height };
          await expectTiles(await cropPicture(whole, view, scale), tile, TOP);
          await expectTiles(await cropPicture(whole, view, 1), tile, TOP);
        }
      }
    });

    test("[W20] a still shows the same as a picture of a cast", async ({ bench }) => {
      const tile = await paintTiles(bench, { width: 1_000, height: 2_000 }, 100);
      const view = { x: 130, y: 210, width: 420, height: 340 };
      for (const scroll of [TOP, { x: 0, y: 333 }]) {
        await scrollTo(bench.page, scroll);
        for (const part of [view, WHOLE]) {
          const picture = await still(bench, { view: part, scale: 1, scroll });
          expect(picture).toMatchObject({ view: part, scale: 1 });
          await expectTiles(picture, tile, scroll);
        }
      }
      // Nor does it undo what pictures are to show.
      const scroll = { x: 0, y: 333 };
      await film(bench, { view, scale: 1, scroll });
      await still(bench, { view: WHOLE, scale: 1, scroll });
      await expectTiles(await film(bench, { view, scale: 1, scroll }), tile, scroll);
    });

    const part = { x: 110, y: 120, width: 200, height: 200 };
    for (const [what, aims] of [
      [
        "a move of the view",
        few([0, 1, 2, 3, 4, 5], 3).map((step) => ({ view: { ...part, x: 110 + step * 100 }, scale: 1 })),
      ],
      ["a change of the scale", few([1, 2, 1.5, 3, 1, 2, 1], 4).map((scale) => ({ view: part, scale }))],
      [
        "a change of the whole page's scale",
        few([1, 2, 1, 1.5, 2, 1, 3, 2, 1, 2, 1], 4).map((scale) => ({ view: WHOLE, scale })),
      ],
      ["a change between part and whole", [part, WHOLE, part, WHOLE].map((view) => ({ view, scale: 1 }))],
    ] as const) {
      test(`[W14] [W20] after ${what} no picture shows what was before`, async ({ bench }) => {
        const tile = await paintTiles(bench, VIEWPORT, 100);
        await keepDrawing(bench.page);
        for (const wanted of aims) {
          const region = bench.capture.reach({ ...wanted, scroll: TOP });
          await bench.capture.apply(region);
          for (const jpeg of await cast(bench.session, region, IS_LONG_RUN ? 4 : 2)) {
            await expectTiles(await cropPicture(pictureOf(jpeg, region), wanted.view, 1), tile, TOP);
          }
        }
      });
    }

    test("the page notices nothing of it", async ({ bench }) => {
      const { page } = bench;
      await paintTiles(bench, { width: 1_000, height: 2_000 }, 100);
      await page.evaluate(() => {
        const noticed: string[] = [];
        Object.assign(window, { noticed });
        addEventListener("resize", () => noticed.push("resize"));
        addEventListener("scroll", () => noticed.push("scroll"));
        visualViewport?.addEventListener("resize", () => noticed.push("visual resize"));
        visualViewport?.addEventListener("scroll", () => noticed.push("visual scroll"));
        matchMedia("(min-resolution: 1.5dppx)").addEventListener("change", () => noticed.push("resolution"));
        new ResizeObserver((entries) => noticed.push(...entries.map(() => "root resized"))).observe(
          document.documentElement,
        );
      });
      // An observer reports the size it begins with.
      const noticed = () => page.evaluate(() => (window as unknown as { noticed: string[] }).noticed);
      await expect.poll(noticed).toEqual(["root resized"]);
      const before = await surroundings(page);
      expect(before).toMatchObject({ innerWidth: VIEWPORT.width, innerHeight: VIEWPORT.height, devicePixelRatio: 1 });
      for (const region of [
        { view: { x: 130, y: 210, width: 420, height: 340 }, scale: 1, scroll: TOP },
        { view: { x: 0, y: 0, width: 100, height: 100 }, scale: 3, scroll: TOP },
        { view: WHOLE, scale: 2, scroll: TOP },
      ]) {
        await film(bench, region);
        expect(await surroundings(page)).toEqual(before);
        await still(bench, { ...region, scale: 1 });
        expect(await surroundings(page)).toEqual(before);
      }
      await film(bench, { view: WHOLE, scale: 1, scroll: TOP });
      expect(await surroundings(page)).toEqual(before);
      expect(await noticed()).toEqual(["root resized"]);
    });

    test("[W24] a press lands where the page has its point, whatever pictures show", async ({ bench }) => {
      const { page, session, capture } = bench;
      await paintTiles(bench, VIEWPORT, 100);
      await page.evaluate(() => {
        const presses: number[][] = [];
        Object.assign(window, { presses });
        addEventListener("mousedown", ({ clientX, clientY }) => presses.push([clientX, clientY]));
      });
      await capture.apply(capture.reach({ view: { x: 300, y: 200, width: 200, height: 200 }, scale: 2, scroll: TOP }));
      for (const type of ["mousePressed", "mouseReleased"] as const) {
        await session.send("Input.dispatchMouseEvent", { type, x: 350, y: 260, button: "left", clickCount: 1 });
      }
      const presses = () => page.evaluate(() => (window as unknown as { presses: number[][] }).presses);
      await expect.poll(presses).toEqual([[350, 260]]);
    });
  });
}

/** A picture of this region as the screencast makes it, with what is too much cut away. */
async function film({ capture, session }: CaptureBench, wanted: CaptureRegion): Promise<Picture> {
  const region = capture.reach(wanted);
  await capture.apply(region);
  const [jpeg] = await cast(session, region, 1);
  return cropPicture(pictureOf(jpeg as Buffer, region), wanted.view, wanted.scale);
}

/** The same, once it shows what it should. */
async function settled(bench: CaptureBench, wanted: CaptureRegion, tile: number): Promise<Picture> {
  let picture: Picture | undefined;
  await expect(async () => {
    picture = await film(bench, wanted);
    await expectTiles(picture, tile, wanted.scroll);
  }).toPass();
  return picture as Picture;
}

async function still({ capture }: CaptureBench, wanted: CaptureRegion): Promise<Picture> {
  const region = capture.reach(wanted);
  return cropPicture(pictureOf(await capture.capture(region, QUALITY), region), wanted.view, wanted.scale);
}

function pictureOf(jpeg: Buffer, { view, scale }: CaptureRegion): Picture {
  return { seq: 1, captured_at: 0, view, scale, quality: QUALITY, kind: "still", jpeg };
}

/** The first pictures of a new cast that have the size and the scroll position of this region. */
async function cast(session: CDPSession, { view, scale, scroll }: CaptureRegion, count: number): Promise<Buffer[]> {
  const taken: Buffer[] = [];
  const isOfSize = (jpeg: Buffer) => {
    const size = jpegSize(jpeg) ?? { width: 0, height: 0 };
    const [width, height] = [size.width - view.width * scale, size.height - view.height * scale];
    return Math.abs(width) <= 1 && Math.abs(height) <= 1;
  };
  const onFrame = ({ data, sessionId, metadata }: ScreencastFrame) => {
    session.send("Page.screencastFrameAck", { sessionId }).catch(() => {});
    const jpeg = Buffer.from(data, "base64");
    const isInPlace = metadata.scrollOffsetX === scroll.x && metadata.scrollOffsetY === scroll.y;
    if (isInPlace && isOfSize(jpeg)) taken.push(jpeg);
  };
  session.on("Page.screencastFrame", onFrame);
  await session.send("Page.startScreencast", { format: "jpeg", quality: QUALITY });
  await expect
    .poll(() => taken.length, { intervals: [5], message: "pictures of the right size come" })
    .toBeGreaterThanOrEqual(count);
  await session.send("Page.stopScreencast");
  session.off("Page.screencastFrame", onFrame);
  return taken.slice(0, count);
}

/** What a page can see of its window. */
function surroundings(page: Page): Promise<unknown> {
  return page.evaluate(() => ({
    innerWidth,
    innerHeight,
    outerWidth,
    outerHeight,
    devicePixelRatio,
    screen: [screen.width, screen.height, screen.availWidth, screen.availHeight],
    visual: [
      visualViewport?.width,
      visualViewport?.height,
      visualViewport?.scale,
      visualViewport?.offsetLeft,
      visualViewport?.offsetTop,
      visualViewport?.pageLeft,
      visualViewport?.pageTop,
    ],
    root: [document.documentElement.clientWidth, document.documentElement.clientHeight],
    scroll: [scrollX, scrollY],
    place: [screenX, screenY],
    finest: matchMedia("(min-resolution: 1.1dppx)").matches,
    tile: document.querySelector("div")?.getBoundingClientRect().toJSON(),
  }));
}

async function scrollTo(page: Page, scroll: Point): Promise<void> {
  await page.evaluate(async ({ x, y }) => {
    window.scrollTo(x, y);
    // Until it is drawn.
    for (let frame = 0; frame < 2; frame += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
  }, scroll);
  expect(await page.evaluate(() => ({ x: scrollX, y: scrollY }))).toEqual(scroll);
}

/** Changes something in every frame, so that a cast never ends: a pixel in every tile. */
async function keepDrawing(page: Page): Promise<void> {
  await page.evaluate(() => {
    let step = 0;
    const draw = () => {
      step += 1;
      document.body.style.setProperty("--step", `${step % 2}px`);
      requestAnimationFrame(draw);
    };
    draw();
  });
}

/** Fills a document of this size with a chessboard of light and dark tiles, each of a colour that no neighbour has. */
async function paintTiles(bench: CaptureBench, size: Size, tile: number): Promise<number> {
  const { page } = bench;
  await page.setContent(`<!doctype html><style>
    html, body { margin: 0; scrollbar-width: none }
    body { position: relative; width: ${size.width}px; height: ${size.height}px; overflow-x: hidden; overflow: visible }
    div { position: absolute; width: ${tile}px; height: ${tile}px }
    div::after { content: ""; position: absolute; left: calc(20px + var(--step, 0px)); top: 20px;
      width: 2px; height: 2px; background: #777 }
  </style>`);
  const tiles: { x: number; y: number; colour: string }[] = [];
  for (let y = 0; y < size.height; y += tile) {
    for (let x = 0; x < size.width; x += tile) {
      tiles.push({ x, y, colour: `rgb(${colourAt({ x, y }, tile)})` });
    }
  }
  await page.evaluate((given) => {
    for (const { x, y, colour } of given) {
      const box = document.createElement("div");
      Object.assign(box.style, { left: `${x}px`, top: `${y}px`, background: colour });
      document.body.append(box);
    }
  }, tiles);
  // What a page has painted is in its pictures a little later.
  await settled(bench, { view: WHOLE, scale: 1, scroll: TOP }, tile);
  return tile;
}

/** The colour of the tile under a point of the document. */
function colourAt({ x, y }: Point, tile: number): [number, number, number] {
  const [column, row] = [Math.floor(x / tile), Math.floor(y / tile)];
  const lightest = (column + row) % 2 === 0 ? 250 : 80;
  const code = (column * 7 + row * 13) % 27;
  const channel = (digit: number) => lightest - 40 * (Math.floor(code / 3 ** digit) % 3);
  return [channel(0), channel(1), channel(2)];
}

/** The picture has its view's size, and each tile is where it belongs: its colour, and its edges to within a few px. */
async function expectTiles({ jpeg, view, scale }: Picture, tile: number, scroll: Point): Promise<void> {
  const { data, info } = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true });
  expect(Math.abs(info.width - view.width * scale), "width").toBeLessThanOrEqual(1);
  expect(Math.abs(info.height - view.height * scale), "height").toBeLessThanOrEqual(1);
  /** At a point of the document. */
  const pixel = ({ x, y }: Point): number[] => {
    const column = Math.min(info.width - 1, Math.floor((x - scroll.x - view.x) * scale));
    const row = Math.min(info.height - 1, Math.floor((y - scroll.y - view.y) * scale));
    const at = (row * info.width + column) * info.channels;
    return [...data.subarray(at, at + 3)];
  };
  const shown: Rect = { ...view, x: view.x + scroll.x, y: view.y + scroll.y };
  const wrong: string[] = [];
  let seen = 0;
  for (const point of pointsBesideEdges(shown, tile)) {
    seen += 1;
    const [red = 0, green = 0, blue = 0] = pixel(point);
    const isLight = 0.3 * red + 0.6 * green + 0.1 * blue > MIDDLE_GREY;
    if (isLight !== colourAt(point, tile)[0] > MIDDLE_GREY) wrong.push(`edge beside ${point.x},${point.y}`);
  }
  for (const point of tileCentres(shown, tile)) {
    seen += 1;
    const [is, due] = [pixel(point), colourAt(point, tile)];
    const isSame = due.every((value, index) => Math.abs(value - (is[index] ?? -1)) <= COLOUR_TOLERANCE);
    if (!isSame) wrong.push(`${is} instead of ${due} at ${point.x},${point.y}`);
  }
  expect(wrong.slice(0, 5)).toEqual([]);
  expect(seen).toBeGreaterThan(3);
}

function tileCentres({ x, y, width, height }: Rect, tile: number): Point[] {
  const points: Point[] = [];
  for (let row = Math.floor(y / tile); row * tile < y + height; row += 1) {
    for (let column = Math.floor(x / tile); column * tile < x + width; column += 1) {
      points.push({ x: (column + 0.5) * tile, y: (row + 0.5) * tile });
    }
  }
  return points.filter((point) => isInside(point, { x, y, width, height }));
}

/** On both sides of every edge of a tile, in its middle. */
function pointsBesideEdges(shown: Rect, tile: number): Point[] {
  const beside = [-BESIDE_EDGE_PX, BESIDE_EDGE_PX - 1];
  const points = tileCentres(
    { ...shown, x: shown.x - tile, y: shown.y - tile, width: shown.width + 2 * tile, height: shown.height + 2 * tile },
    tile,
  );
  return points
    .flatMap(({ x, y }) =>
      beside.flatMap((off) => [
        { x: x + tile / 2 + off, y },
        { x, y: y + tile / 2 + off },
      ]),
    )
    .filter((point) => isInside(point, shown));
}

function isInside(point: Point, { x, y, width, height }: Rect): boolean {
  const margin = 2;
  return (
    point.x >= x + margin && point.x < x + width - margin && point.y >= y + margin && point.y < y + height - margin
  );
}
