/** Finds the parts of a picture that differ from an earlier one, and encodes only those [W63]. */
import sharp from "sharp";
import type { Rect, Size } from "../../protocol/common.ts";
import { type DamageRect, MAX_DAMAGE_RECTS } from "../../protocol/frame.ts";
import type { Damage, Picture } from "../../session/ports/page.ts";

/** px. A JPEG is made of such blocks: a part that begins and ends with them is encoded a second time at hardly any loss. */
const BLOCK = 16;
/** px. A change inside of a block shows all over it; its rim also takes on the colours of the blocks around it. */
const RIM = 2;
const CHANNELS = 3;
/** Of a picture that has changed more than this, or whose parts take more of its bytes, the whole is sent. */
const MOST_CHANGED = 0.5;
const MOST_BYTES = 0.7;
/** Comparisons that may wait, one for each lens of a session; the pictures of further ones go whole. */
const MOST_WAITING = 4;
/** Two pictures for each of two lenses. */
const MOST_DECODED = 4;
/** A page at rest needs none of them: that of a whole page takes 2.8 MB. */
const FORGET_AFTER_MS = 3_000;
/** Where comparing usually takes longer, the machine has no time for it, and whole pictures are sooner there. */
const TOO_SLOW_MS = 40;
const TOO_SLOW_PAUSE_MS = 5_000;
/** So many pictures in a row that have changed as a whole: the next ones will, too, and are not compared for a while. */
const FRUITLESS_IN_A_ROW = 4;
const FRUITLESS_PAUSE_MS = 500;
/** The weight of the newest time among those before it. */
const NEWEST_SHARE = 0.2;

export interface Pixels extends Size {
  /** Rows from the top, CHANNELS bytes a pixel. */
  readonly data: Buffer;
}

const NOTHING: Damage = { rects: [], jpeg: Buffer.alloc(0) };

export class PictureDamage {
  /** Each pair is compared once for all who see both. */
  readonly #known = new WeakMap<Picture, WeakMap<Picture, Promise<Damage | null>>>();
  /** The newest last. */
  #decoded: { readonly picture: Picture; readonly pixels: Promise<Pixels> }[] = [];
  #forgetTimer: NodeJS.Timeout | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #usualMs = 0;
  #fruitless = 0;
  #pausedUntil = -Infinity;

  /** What has changed from `before` to `picture`; null: send it whole. One comparison runs at a time. Never rejects. */
  between(before: Picture, picture: Picture): Promise<Damage | null> {
    const known = this.#known.get(picture) ?? new WeakMap<Picture, Promise<Damage | null>>();
    this.#known.set(picture, known);
    const damage = known.get(before) ?? this.#inTurn(() => this.#find(before, picture));
    known.set(before, damage);
    return damage;
  }

  /** Forgets all pictures. */
  stop(): void {
    clearTimeout(this.#forgetTimer);
    this.#decoded = [];
  }

  #inTurn(find: () => Promise<Damage | null>): Promise<Damage | null> {
    if (this.#waiting >= MOST_WAITING || performance.now() < this.#pausedUntil) return Promise.resolve(null);
    this.#waiting += 1;
    const found = this.#turn.then(find).catch(() => null);
    this.#turn = found.then(() => {
      this.#waiting -= 1;
    });
    return found;
  }

  async #find(before: Picture, picture: Picture): Promise<Damage | null> {
    const begun = performance.now();
    const [old, now] = await Promise.all([this.#pixelsOf(before), this.#pixelsOf(picture)]);
    const damage = await damageBetween(old, now, picture);
    this.#judge(performance.now() - begun, damage !== null);
    return damage;
  }

  #pixelsOf(picture: Picture): Promise<Pixels> {
    clearTimeout(this.#forgetTimer);
    this.#forgetTimer = setTimeout(() => this.stop(), FORGET_AFTER_MS).unref();
    const known = this.#decoded.find((one) => one.picture === picture);
    if (known) return known.pixels;
    const pixels = decode(picture.jpeg);
    this.#decoded = [...this.#decoded, { picture, pixels }].slice(-MOST_DECODED);
    return pixels;
  }

  #judge(tookMs: number, isUseful: boolean): void {
    this.#usualMs += (tookMs - this.#usualMs) * NEWEST_SHARE;
    this.#fruitless = isUseful ? 0 : this.#fruitless + 1;
    if (this.#usualMs > TOO_SLOW_MS) this.#pause(TOO_SLOW_PAUSE_MS);
    else if (this.#fruitless >= FRUITLESS_IN_A_ROW) this.#pause(FRUITLESS_PAUSE_MS);
  }

  #pause(ms: number): void {
    this.#usualMs = 0;
    this.#fruitless = 0;
    this.#pausedUntil = performance.now() + ms;
  }
}

/** Rejects for what is no JPEG. */
export async function decode(jpeg: Buffer): Promise<Pixels> {
  const { data, info } = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true });
  if (info.channels !== CHANNELS) throw new Error("A picture without colours.");
  return { data, width: info.width, height: info.height };
}

/** What has changed from `old` to `now`, which is `picture` decoded; null where that is most of it. */
export async function damageBetween(
  old: Pixels,
  now: Pixels,
  picture: Pick<Picture, "jpeg" | "quality">,
): Promise<Damage | null> {
  if (old.width !== now.width || old.height !== now.height) return null;
  const blocks = changedBlocks(old.data, now);
  if (blocks.count === 0) return NOTHING;
  if (blocks.count > blocks.changed.length * MOST_CHANGED) return null;
  const rects = rectsOf(blocks);
  if (rects.length > MAX_DAMAGE_RECTS) return null;
  const packed = pack(rects, now);
  const { data, width, height } = paint(packed, now);
  const raw = { width, height, channels: CHANNELS } as const;
  const jpeg = await sharp(data, { raw }).jpeg({ quality: picture.quality }).toBuffer();
  return jpeg.length > picture.jpeg.length * MOST_BYTES ? null : { rects: packed.rects, jpeg };
}

interface Blocks {
  readonly columns: number;
  /** 1 for each block that has changed, rows from the top. */
  readonly changed: Uint8Array;
  readonly count: number;
}

function changedBlocks(old: Buffer, { data, width, height }: Pixels): Blocks {
  const [columns, rows] = [middlesOf(width), middlesOf(height)];
  const changed = new Uint8Array(columns.length * rows.length);
  const rowBytes = width * CHANNELS;
  rows.forEach((lines, row) => {
    for (let y = lines.from; y < lines.to; y += 1) {
      const start = y * rowBytes;
      // Most rows are equal as a whole, which is seen fast.
      if (old.compare(data, start, start + rowBytes, start, start + rowBytes) === 0) continue;
      columns.forEach(({ from, to }, column) => {
        const block = row * columns.length + column;
        const end = start + to * CHANNELS;
        for (let at = start + from * CHANNELS; changed[block] === 0 && at < end; at += 1) {
          if (old[at] !== data[at]) changed[block] = 1;
        }
      });
    }
  });
  return { columns: columns.length, changed, count: changed.reduce((sum, one) => sum + one, 0) };
}

/** For each block along one side of a picture, the px of it that count: all but the rims between two blocks. */
function middlesOf(size: number): { readonly from: number; readonly to: number }[] {
  return Array.from({ length: Math.ceil(size / BLOCK) }, (_, index) => {
    const [start, end] = [index * BLOCK, Math.min((index + 1) * BLOCK, size)];
    // The last one may be narrower than its rims.
    if (end - start <= 2 * RIM) return { from: start, to: end };
    return { from: start + (start > 0 ? RIM : 0), to: end - (end < size ? RIM : 0) };
  });
}

/** Rectangles of changed blocks, in blocks: runs of a row, joined with equal runs of the row above. */
function rectsOf({ columns, changed }: Blocks): Rect[] {
  const rects: Rect[] = [];
  let above: Rect[] = [];
  for (let start = 0; start < changed.length; start += columns) {
    const y = start / columns;
    const runs: Rect[] = [];
    for (let x = 0; x < columns; x += 1) {
      if (changed[start + x] === 0) continue;
      const left = x;
      while (x < columns && changed[start + x] === 1) x += 1;
      const taller = above.find((run) => run.x === left && run.width === x - left);
      runs.push(taller ? { ...taller, height: taller.height + 1 } : { x: left, y, width: x - left, height: 1 });
    }
    rects.push(...above.filter((run) => !runs.some((next) => next.x === run.x && next.y === run.y)));
    above = runs;
  }
  return [...rects, ...above];
}

interface Packed extends Size {
  readonly rects: readonly DamageRect[];
}

/** Puts the rectangles (in blocks) on shelves of one picture, as wide as the widest of them; `size`: of the whole picture, px. */
function pack(rects: readonly Rect[], size: Size): Packed {
  const width = Math.max(...rects.map((rect) => rect.width));
  let [left, top, bottom] = [0, 0, 0];
  const packed = [...rects]
    .sort((a, b) => b.height - a.height)
    .map((rect): DamageRect => {
      if (left + rect.width > width) [left, top] = [0, bottom];
      bottom = Math.max(bottom, top + rect.height);
      const [x, y] = [rect.x * BLOCK, rect.y * BLOCK];
      const [wide, high] = [
        Math.min(rect.width * BLOCK, size.width - x),
        Math.min(rect.height * BLOCK, size.height - y),
      ];
      const place: DamageRect = [x, y, wide, high, left * BLOCK, top * BLOCK];
      left += rect.width;
      return place;
    });
  return { rects: packed, width: width * BLOCK, height: bottom * BLOCK };
}

/** Copies each rectangle to its place. Blocks that the picture's edge cuts are filled up with its last px, as in any JPEG. */
function paint({ rects, width, height }: Packed, picture: Pixels): Pixels {
  const data = Buffer.alloc(width * height * CHANNELS);
  const rowBytes = width * CHANNELS;
  for (const [x, y, wide, high, left, top] of rects) {
    const filled = { wide: roundUp(wide), high: roundUp(high) };
    for (let row = 0; row < filled.high; row += 1) {
      const from = ((y + Math.min(row, high - 1)) * picture.width + x) * CHANNELS;
      const to = (top + row) * rowBytes + left * CHANNELS;
      picture.data.copy(data, to, from, from + wide * CHANNELS);
      const last = to + wide * CHANNELS;
      if (filled.wide > wide) {
        data.fill(data.subarray(last - CHANNELS, last), last, to + filled.wide * CHANNELS);
      }
    }
  }
  return { data, width, height };
}

function roundUp(px: number): number {
  return Math.ceil(px / BLOCK) * BLOCK;
}
