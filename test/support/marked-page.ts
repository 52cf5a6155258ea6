/** A page whose parts can be told by their colours, and whether a picture shows those of its view. */
import { expect } from "@playwright/test";
import sharp from "sharp";
import type { Rect } from "../../src/protocol/common.ts";
import { readJpeg } from "./jpeg.ts";
import type { ReceivedPicture } from "./live-client.ts";

export const VIEWPORT = { width: 640, height: 400 };
export const WHOLE: Rect = { x: 0, y: 0, ...VIEWPORT };
export const BOX: Rect = { x: 100, y: 100, width: 300, height: 200 };
/** What pictures of the challenge show [W20]. */
export const CHALLENGE_VIEW: Rect = { x: 90, y: 90, width: 320, height: 220 };
export const INSIDE = { x: 250, y: 200 };
export const COMPLETION = { any: [{ visible: "#never" }] };

type Colour = readonly [number, number, number];

/** A JPEG of quality 30 is nowhere near the next of these colours. */
const COLOUR_TOLERANCE = 45;
const MARK_PX = 40;

/** Flat squares: in the page's corners, and in those of the box. */
const MARKS: readonly { readonly x: number; readonly y: number; readonly colour: Colour }[] = [
  { x: 0, y: 0, colour: [220, 30, 30] },
  { x: 600, y: 0, colour: [30, 160, 30] },
  { x: 0, y: 360, colour: [30, 30, 220] },
  { x: 600, y: 360, colour: [220, 200, 30] },
  { x: 100, y: 100, colour: [20, 20, 20] },
  { x: 360, y: 100, colour: [200, 40, 200] },
  { x: 100, y: 260, colour: [30, 190, 200] },
  { x: 360, y: 260, colour: [250, 130, 20] },
];

/** `box`, `dot` and `draw(rest)` are there for the script: a box with a dot in it that can be moved. */
export function markedPage(script = "", { challenge = true } = {}): string {
  const marks = MARKS.map(
    ({ x, y, colour }) =>
      `<i style="left:${x}px;top:${y}px;background:rgb(${colour});position:fixed;width:${MARK_PX}px;height:${MARK_PX}px"></i>`,
  );
  return `<!doctype html><style>
    html, body { margin: 0; background: #fff; overflow: hidden }
    #box { position: absolute; left: ${BOX.x}px; top: ${BOX.y}px; width: ${BOX.width}px; height: ${BOX.height}px;
      background: #cde }
    #dot { position: absolute; left: 60px; top: 80px; width: 30px; height: 30px; background: #c30 }
    </style><div id="box"${challenge ? ' class="test-captcha"' : ""}><div id="dot"></div></div>${marks.join("")}<script>
    const box = document.querySelector("#box"), dot = document.querySelector("#dot");
    ${script}</script>`;
}

/** Never rests. */
export const ANIMATED = `let step = 0; const draw = () => {
    dot.style.left = 50 + (step++ * 3) % 180 + "px"; requestAnimationFrame(draw);
  }; draw();`;
/** Rests, but for the operator's moves. */
export const FOLLOWING = `addEventListener("pointermove", (event) => {
    dot.style.left = 50 + Math.max(0, event.clientX - ${BOX.x}) % 180 + "px";
  });`;

/** The colour of a point of the page, mean of some pixels, as a picture shows it. */
export async function colourAt(
  { jpeg, view, scale }: Pick<ReceivedPicture, "jpeg" | "view" | "scale">,
  point: { readonly x: number; readonly y: number },
): Promise<Colour> {
  const side = 4;
  const left = Math.round((point.x - view.x) * scale) - side / 2;
  const top = Math.round((point.y - view.y) * scale) - side / 2;
  const part = await sharp(jpeg).extract({ left, top, width: side, height: side }).raw().toBuffer();
  const mean = (channel: number) => {
    const values = [...part].filter((_value, index) => index % 3 === channel);
    return Math.round(values.reduce((sum, value) => sum + value, 0) / values.length);
  };
  return [mean(0), mean(1), mean(2)];
}

export function isNear(a: Colour, b: Colour): boolean {
  return a.every((value, channel) => Math.abs(value - (b[channel] ?? 0)) <= COLOUR_TOLERANCE);
}

/** The picture has the size of its view at its scale, and shows the page's marks where they are. */
export async function expectMarks(picture: Pick<ReceivedPicture, "jpeg" | "view" | "scale">): Promise<void> {
  const { jpeg, view, scale } = picture;
  const { width, height } = readJpeg(jpeg);
  expect(Math.abs(width - view.width * scale), `width ${width}`).toBeLessThanOrEqual(1);
  expect(Math.abs(height - view.height * scale), `height ${height}`).toBeLessThanOrEqual(1);
  const seen = MARKS.map(({ x, y, colour }) => ({ x: x + MARK_PX / 2, y: y + MARK_PX / 2, colour })).filter(
    ({ x, y }) => x > view.x && x < view.x + view.width && y > view.y && y < view.y + view.height,
  );
  expect(seen.length).toBeGreaterThanOrEqual(4);
  for (const { x, y, colour } of seen) {
    const shown = await colourAt(picture, { x, y });
    expect(isNear(shown, colour), `${shown} instead of ${colour} at ${x},${y}`).toBe(true);
  }
}
