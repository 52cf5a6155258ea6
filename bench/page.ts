/** The test pages: an ordinary page with a slider challenge in its document, in a frame, or in a frame's frame. */
import type { Rect } from "../src/protocol/common.ts";
import { type Point, planMoves } from "./moves.ts";
import { PIECE_COLOUR } from "./piece.ts";
import { STRIP, stripBits } from "./strip.ts";

export const VIEWPORT = { width: 1280, height: 720 } as const;
/** The challenge's rectangle on the page, whichever document contains it. */
export const CHALLENGE: Rect = { x: 460, y: 240, width: 360, height: 240 };
/** The margin that the server shows around the challenge [W20]. Ways without the server show the same. */
const VIEW_MARGIN = 10;
export const CHALLENGE_VIEW: Rect = {
  x: CHALLENGE.x - VIEW_MARGIN,
  y: CHALLENGE.y - VIEW_MARGIN,
  width: CHALLENGE.width + 2 * VIEW_MARGIN,
  height: CHALLENGE.height + 2 * VIEW_MARGIN,
};
/** Inside the challenge's box. */
const STRIP_INSET = { x: 12, y: 8 } as const;
export const STRIP_AT: Point = { x: CHALLENGE.x + STRIP_INSET.x, y: CHALLENGE.y + STRIP_INSET.y };
/** The point at which the drag takes the knob. It goes 300 px to the right from here. */
export const KNOB: Point = { x: CHALLENGE.x + 30, y: CHALLENGE.y + 212 };
export const PIECE_SIZE = 48;
/** Distance of the piece's middle above the pointer. */
export const PIECE_ABOVE_POINTER = 122;

export type PageKind = "strip" | "plain";
/** What moves the piece: a mouse, a finger on a page as a phone shows it, or keys, each of which is one step. */
export type Hand = "mouse" | "finger" | "keys";

/** A key that types a character, as most do. */
export const STEP_KEY = { key: "x", code: "KeyX", keyCode: 88 } as const;
const MOST_STEPS = 300;
/** Where the piece is after each step: the points of a drag. */
export const STEPS: readonly Point[] = planMoves(KNOB, MOST_STEPS, 1).map(({ x, y }) => ({ x, y }));

export const PHONE = { width: 390, height: 844 } as const;
const DESK_ORIGIN: Point = { x: 0, y: 0 };
/** A phone's page has the challenge only, in its middle. */
const PHONE_ORIGIN: Point = { x: CHALLENGE.x - (PHONE.width - CHALLENGE.width) / 2, y: 0 };

/** Where the page's own 0, 0 is among the points of a drag. */
export function originOf(hand: Hand): Point {
  return hand === "finger" ? PHONE_ORIGIN : DESK_ORIGIN;
}

export interface PageOptions {
  readonly kind: PageKind;
  /** The page moves by itself, like one with a spinner or a video. */
  readonly animated?: boolean | undefined;
  readonly hasField?: boolean | undefined;
  readonly hand?: Hand;
  /** The document's position on the page. */
  readonly origin?: Point;
  /** Included in the report that the page sends on release. */
  readonly run: string;
}

/** A document that contains the challenge. */
export function challengeDocument({
  kind,
  animated = false,
  hasField = false,
  hand = "mouse",
  origin = DESK_ORIGIN,
  run,
}: PageOptions): string {
  const isMain = origin.x === 0 && origin.y === 0;
  const box = { ...CHALLENGE, x: CHALLENGE.x - origin.x, y: CHALLENGE.y - origin.y };
  const steps = hand === "keys" ? { key: STEP_KEY.key, points: STEPS } : null;
  return `<!doctype html><meta charset="utf-8">${hand === "finger" ? VIEWPORT_OF_PHONE : ""}<title>Challenge</title><style>${STYLE}
    #bench-captcha { left: ${box.x}px; top: ${box.y}px }</style>
  ${isMain ? surroundings() : ""}
  <div id="bench-captcha"${hasField ? ' class="h-captcha"' : ""}>${hasField ? RESPONSE_FIELD : ""}<canvas id="photo" width="${box.width}" height="${box.height}"></canvas>
    ${kind === "strip" ? `<div id="strip">${"<i></i>".repeat(2 * STRIP.bits)}</div>` : ""}
    <div id="piece"></div><div id="track"><span>Slide to complete the picture</span></div><div id="knob"></div>
  </div>
  <script>const options = ${JSON.stringify({ animated, origin, run, steps, KNOB, CHALLENGE, PIECE_SIZE, PIECE_ABOVE_POINTER })};
  const stripBits = ${stripBits};
  ${paintPhoto}; paintPhoto(document.getElementById("photo"), 7);
  (${behave})(options)</script>`;
}

/** A document that contains only a frame. */
export function framingDocument(source: string, frame: Rect, isMain: boolean): string {
  return `<!doctype html><meta charset="utf-8"><title>Frame</title><style>${STYLE}</style>${isMain ? surroundings() : ""}
  <iframe src="${source}" style="left:${frame.x}px;top:${frame.y}px;width:${frame.width}px;height:${frame.height}px"></iframe>`;
}

/** An ordinary page's text and pictures around the challenge. */
function surroundings(): string {
  const words = "The quick brown fox jumps over the lazy dog while seven wizards quietly box up their liquor jugs. ";
  const article = (top: number, left: number, seed: number) =>
    `<article style="left:${left}px;top:${top}px"><h2>News of the day, part ${seed}</h2><p>${words.repeat(5)}</p></article>`;
  return `<header>An ordinary shop<nav>Home &nbsp; Products &nbsp; Service &nbsp; Cart</nav></header>
    ${article(80, 30, 1)}${article(300, 30, 2)}${article(520, 30, 3)}${article(80, 860, 4)}${article(520, 860, 5)}
    <canvas class="wide" width="380" height="180" style="left:860px;top:310px"></canvas>
    <canvas class="wide" width="360" height="140" style="left:460px;top:80px"></canvas>
    <script>${paintPhoto}; document.querySelectorAll("canvas.wide").forEach((canvas, index) => paintPhoto(canvas, index + 1))</script>`;
}

const RESPONSE_FIELD = '<textarea name="h-captcha-response" hidden></textarea>';
const VIEWPORT_OF_PHONE = '<meta name="viewport" content="width=device-width, initial-scale=1">';
const STYLE = `
  body { margin: 0; height: ${VIEWPORT.height}px; overflow: hidden; font: 15px/1.45 sans-serif; color: #223; user-select: none;
    background: linear-gradient(160deg, #f4f7fb, #dfe8f2) }
  header { height: 56px; padding: 0 30px; line-height: 56px; font-size: 20px; color: #fff;
    background: linear-gradient(90deg, #15395b, #2f7f86) }
  nav { float: right; font-size: 15px } article { position: absolute; width: 390px } article h2 { margin: 0 0 6px; font-size: 18px }
  canvas.wide, iframe, #bench-captcha { position: absolute } iframe { border: 0 }
  #bench-captcha { width: ${CHALLENGE.width}px; height: ${CHALLENGE.height}px; overflow: hidden; border-radius: 6px;
    touch-action: none }
  #photo { position: absolute; left: 0; top: 0 }
  #strip { position: absolute; left: ${STRIP_INSET.x}px; top: ${STRIP_INSET.y}px; width: ${STRIP.width}px; font-size: 0 }
  #strip i { display: inline-block; width: ${STRIP.blockWidth}px; height: ${STRIP.blockHeight}px; background: #000; vertical-align: top }
  #piece { position: absolute; left: 0; top: 0; width: ${PIECE_SIZE}px; height: ${PIECE_SIZE}px; background: ${PIECE_COLOUR} }
  #track { position: absolute; left: 10px; right: 10px; bottom: 8px; height: 40px; border-radius: 20px; background: #e8eef4;
    text-align: center; line-height: 40px; color: #678 }
  #knob { position: absolute; left: 10px; top: 192px; width: 40px; height: 40px; border-radius: 20px; background: #1e8a5a }`;

/** Draws a picture like a photo of a landscape: sky, soft patches, ridges, some hard edges. Runs in the page. */
function paintPhoto(canvas: HTMLCanvasElement, seed: number): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const { width, height } = canvas;
  let state = seed;
  const random = (): number => {
    state = (state * 16_807) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const sky = context.createLinearGradient(0, 0, 0, height);
  sky.addColorStop(0, "#6fa3c7");
  sky.addColorStop(1, "#d9e6c8");
  context.fillStyle = sky;
  context.fillRect(0, 0, width, height);
  for (let patch = 0; patch < 24; patch += 1) {
    const [x, y, radius] = [random() * width, random() * height, 20 + random() * 70];
    const gradient = context.createRadialGradient(x, y, 0, x, y, radius);
    // Hues from green to blue are far from the piece's colour.
    const colour = `${80 + random() * 130} ${30 + random() * 40}% ${40 + random() * 50}%`;
    gradient.addColorStop(0, `hsl(${colour} / 0.5)`);
    gradient.addColorStop(1, `hsl(${colour} / 0)`);
    context.fillStyle = gradient;
    context.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
  }
  for (let ridge = 0; ridge < 4; ridge += 1) {
    context.fillStyle = `hsl(${190 - ridge * 25} 30% ${62 - ridge * 10}%)`;
    context.beginPath();
    context.moveTo(0, height);
    let y = height * (0.4 + ridge * 0.13);
    for (let x = 0; x <= width; x += 6) {
      y += (random() - 0.5) * 9;
      context.lineTo(x, y);
    }
    context.lineTo(width, height);
    context.fill();
  }
  for (let detail = 0; detail < 10; detail += 1) {
    context.fillStyle = `hsl(${90 + random() * 120} 35% ${25 + random() * 50}%)`;
    context.beginPath();
    context.ellipse(random() * width, random() * height, 4 + random() * 10, 3 + random() * 7, random() * 3, 0, 7);
    context.fill();
  }
}

interface Behaviour extends Required<Pick<PageOptions, "animated" | "origin" | "run">> {
  /** The key that moves the piece to the next of the points; null: the pointer moves it. */
  readonly steps: { readonly key: string; readonly points: readonly Point[] } | null;
  readonly KNOB: Point;
  readonly CHALLENGE: Rect;
  readonly PIECE_SIZE: number;
  readonly PIECE_ABOVE_POINTER: number;
}

/** Lets the piece and the strip follow the pointer while a button or a finger is down, or the keys. Runs in the page. */
function behave(options: Behaviour): void {
  const { origin, steps, KNOB, CHALLENGE, PIECE_SIZE, PIECE_ABOVE_POINTER } = options;
  const part = (id: string) => document.getElementById(id) as HTMLElement;
  const [piece, knob, box] = [part("piece"), part("knob"), part("bench-captcha")];
  const blocks = [...document.querySelectorAll<HTMLElement>("#strip i")];
  const colours = blocks.map(() => -1);
  const seen: [number, number][] = [];
  const painted: [number, number][] = [];
  let dragging = false;
  const paintStrip = (x: number, y: number): void => {
    if (blocks.length === 0) return;
    const bits = stripBits(Math.round(x), Math.round(y));
    [...bits, ...bits.map((bit) => 1 - bit)].forEach((bit, index) => {
      if (colours[index] === bit) return;
      colours[index] = bit;
      (blocks[index] as HTMLElement).style.background = bit === 1 ? "#fff" : "#000";
    });
  };
  const show = (x: number, y: number): void => {
    const [left, top] = [x - CHALLENGE.x - PIECE_SIZE / 2, y - CHALLENGE.y - PIECE_ABOVE_POINTER - PIECE_SIZE / 2];
    piece.style.transform = `translate(${left}px, ${top}px)`;
    knob.style.transform = `translateX(${x - KNOB.x}px)`;
    paintStrip(x, y);
  };
  show(KNOB.x, KNOB.y);
  paintStrip(0, 0);
  const report = (): void => {
    navigator.sendBeacon(`/seen/${options.run}`, JSON.stringify({ seen, painted }));
  };
  if (steps) {
    addEventListener("keydown", ({ key }) => {
      if (key !== steps.key) return report();
      const { x, y } = steps.points[seen.length] as Point;
      seen.push([x, y]);
      painted.push([x, y]);
      show(x, y);
    });
    return;
  }
  box.addEventListener("pointerdown", () => {
    dragging = true;
  });
  addEventListener("pointermove", (event) => {
    if (!dragging) return;
    for (const each of event.getCoalescedEvents()) seen.push([each.clientX + origin.x, each.clientY + origin.y]);
    const [x, y] = [event.clientX + origin.x, event.clientY + origin.y];
    painted.push([x, y]);
    show(x, y);
  });
  addEventListener("pointerup", () => {
    if (!dragging) return;
    dragging = false;
    report();
  });
  if (!options.animated) return;
  let frame = 0;
  const tick = (): void => {
    frame += 1;
    show(KNOB.x + Math.abs((frame % 400) - 200), KNOB.y);
    paintStrip(frame % 2048, 1);
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}
