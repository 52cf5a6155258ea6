/** A picture out of its binary message: `[u32 big-endian header length][UTF-8 JSON header][JPEG]`. */
import type { FrameHeader } from "../protocol/frame.ts";

const LENGTH_BYTES = 4;
/** Fatal: a broken header is refused, not repaired. */
const utf8 = new TextDecoder("utf-8", { fatal: true });

export interface PictureFrame {
  readonly header: FrameHeader;
  /** A view of the message's own bytes: nothing is copied. */
  readonly jpeg: Uint8Array<ArrayBuffer>;
}

/** Null for what is no picture message. */
export function decodeFrame(message: ArrayBuffer): PictureFrame | null {
  if (message.byteLength < LENGTH_BYTES) return null;
  const headerBytes = new DataView(message).getUint32(0);
  if (headerBytes > message.byteLength - LENGTH_BYTES) return null;
  try {
    const header: FrameHeader = JSON.parse(utf8.decode(new Uint8Array(message, LENGTH_BYTES, headerBytes)));
    return isHeader(header) ? { header, jpeg: new Uint8Array(message, LENGTH_BYTES + headerBytes) } : null;
  } catch {
    return null;
  }
}

/** Checks what the console computes with; the rest is only read. */
function isHeader(header: Partial<FrameHeader> | null): boolean {
  if (header?.type !== "frame" || !Number.isInteger(header.seq)) return false;
  const { view, kind } = header;
  const numbers = [view?.x, view?.y, view?.width, view?.height, header.scale];
  return numbers.every(Number.isFinite) && (kind === "motion" || kind === "still");
}
