/**
 * The probe that runs in the console's page before its own code. It records when the pointer moved, when a key was
 * pressed, and when each point was painted.
 */
import type { Pixels } from "../strip.ts";

export interface ConsoleProbe {
  /** Each move of the pointer, as the browser has taken it: ms on the console page's clock, client px */
  moves: { at: number; x: number; y: number }[];
  /** When a key that types a character was pressed, ms on the console page's clock */
  steps: number[];
  /** ms on the console page's clock; px of the session's page, null when it cannot be read */
  shown: { at: number; point: { x: number; y: number } | null }[];
  /** ms since 1970 */
  firstPaintedAt: number | null;
  /** Position of the strip in a picture at 1:1, and the width of such a picture; null: the strip is not read. */
  strip: { left: number; top: number; width: number; height: number; bits: number; pictureWidth: number } | null;
}

/** The page gets this function as text, with `readBits` as an argument, so it must not use anything else from outside. */
export function installProbe(readBits: (pixels: Pixels, bits: number) => { x: number; y: number } | null): void {
  const probe: ConsoleProbe = { moves: [], steps: [], shown: [], firstPaintedAt: null, strip: null };
  (globalThis as unknown as { benchProbe: ConsoleProbe }).benchProbe = probe;

  // The clock starts at the event's own time: before a frame that a move waits for, and before this thread is free. Where
  // the browser gives out raw moves, the ordinary ones repeat them.
  let hasRaw = false;
  const onMove = (event: Event): void => {
    if (!(event instanceof PointerEvent) || !(event.target instanceof HTMLCanvasElement) || event.buttons === 0) return;
    if (event.type === "pointerrawupdate") hasRaw = true;
    else if (hasRaw) return;
    const all = event.getCoalescedEvents();
    for (const { timeStamp: at, clientX: x, clientY: y } of all.length > 0 ? all : [event])
      probe.moves.push({ at, x, y });
  };
  for (const type of ["pointerrawupdate", "pointermove"]) addEventListener(type, onMove, { capture: true });
  const onKey = ({ key }: KeyboardEvent): void => {
    if (key.length === 1) probe.steps.push(performance.now());
  };
  addEventListener("keydown", onKey, { capture: true });

  // A frame is committed right after its callbacks, so the first task after them marks the painting.
  const committed: (() => void)[] = [];
  const channel = new MessageChannel();
  channel.port1.onmessage = () => committed.shift()?.();
  const afterFrame = (work: () => void): void => {
    requestAnimationFrame(() => {
      committed.push(work);
      channel.port2.postMessage(null);
    });
  };

  const read = (context: CanvasRenderingContext2D): { x: number; y: number } | null => {
    if (!probe.strip) return null;
    const scale = context.canvas.width / probe.strip.pictureWidth;
    const px = (length: number): number => Math.round(length * scale);
    const { left, top, width, height, bits } = probe.strip;
    const { data } = context.getImageData(px(left), px(top), px(width), px(height));
    return readBits({ data, channels: 4, width: px(width), height: px(height) }, bits);
  };

  const { drawImage } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.drawImage = function (this: CanvasRenderingContext2D, ...drawn: unknown[]): void {
    Reflect.apply(drawImage, this, drawn);
    if (this.canvas.id !== "screen") return;
    const point = read(this);
    afterFrame(() => {
      const at = performance.now();
      probe.firstPaintedAt ??= Date.now();
      probe.shown.push({ at, point });
    });
  };
}
