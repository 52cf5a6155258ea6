/** What runs inside the console's page before its own code: when the pointer moved, and when which point was painted. */
import type { Pixels } from "../strip.ts";

export interface ConsoleProbe {
  /** ms on the console page's clock; client px */
  moves: { at: number; x: number; y: number }[];
  /** ms on the console page's clock; px of the session's page, null when it cannot be read */
  shown: { at: number; point: { x: number; y: number } | null }[];
  /** ms since 1970 */
  firstPaintedAt: number | null;
  /** Where the strip is in a picture at 1:1, and how wide such a picture is; null: not read. */
  strip: { left: number; top: number; width: number; height: number; bits: number; pictureWidth: number } | null;
}

/** Sent as text, with `readBits` handed in: it must use nothing else from outside of itself. */
export function installProbe(readBits: (pixels: Pixels, bits: number) => { x: number; y: number } | null): void {
  const probe: ConsoleProbe = { moves: [], shown: [], firstPaintedAt: null, strip: null };
  (globalThis as unknown as { benchProbe: ConsoleProbe }).benchProbe = probe;

  // On the way down to the canvas: before the console's own listener hears of it.
  const onMove = (event: PointerEvent): void => {
    if (!(event.target instanceof HTMLCanvasElement) || event.buttons === 0) return;
    probe.moves.push({ at: performance.now(), x: event.clientX, y: event.clientY });
  };
  addEventListener("pointermove", onMove, { capture: true });

  // A frame's work is committed right after its callbacks: the first task behind them comes when it is.
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
