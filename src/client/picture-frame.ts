/** A picture, or what has changed of it, out of its binary message: `[u32 big-endian header length][UTF-8 JSON header][JPEG]`. */
import type { DamageHeader, FrameHeader } from "../protocol/frame.ts";

const LENGTH_BYTES = 4;
/** x, y, width, height, and x and y in the JPEG. */
const RECT_NUMBERS = 6;
/** Fatal: a broken header is refused, not repaired. */
const utf8 = new TextDecoder("utf-8", { fatal: true });

export interface PictureFrame {
  /** `damage` comes only to a client that has offered `DAMAGE_PROTOCOL` [W63]. */
  readonly header: FrameHeader | DamageHeader;
  /** A view of the message's own bytes: nothing is copied. */
  readonly jpeg: Uint8Array<ArrayBuffer>;
}

/** Null for what is no picture message. */
export function decodeFrame(message: ArrayBuffer): PictureFrame | null {
  if (message.byteLength < LENGTH_BYTES) return null;
  const headerBytes = new DataView(message).getUint32(0);
  if (headerBytes > message.byteLength - LENGTH_BYTES) return null;
  try {
    const header: FrameHeader | DamageHeader = JSON.parse(
      utf8.decode(new Uint8Array(message, LENGTH_BYTES, headerBytes)),
    );
    return isHeader(header) ? { header, jpeg: new Uint8Array(message, LENGTH_BYTES + headerBytes) } : null;
  } catch {
    return null;
  }
}

/** Checks what the console computes with; the rest is only read. */
function isHeader(header: Partial<FrameHeader> | Partial<DamageHeader> | null): boolean {
  if (!Number.isInteger(header?.seq)) return false;
  const { view, kind, scale } = header ?? {};
  const numbers = [view?.x, view?.y, view?.width, view?.height, scale];
  if (!numbers.every(Number.isFinite) || (kind !== "motion" && kind !== "still")) return false;
  return header?.type === "damage" ? isDamage(header) : header?.type === "frame";
}

function isDamage({ base, rects }: Partial<DamageHeader>): boolean {
  const isRect = (rect: readonly number[]) =>
    rect.length === RECT_NUMBERS && rect.every((number) => Number.isInteger(number) && number >= 0);
  return Number.isInteger(base) && Array.isArray(rects) && rects.every(isRect);
}
