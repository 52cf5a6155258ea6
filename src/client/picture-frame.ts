// A picture out of the binary message it came in: `[u32 big-endian header length][UTF-8 JSON header][JPEG]`.
import type { FrameHeader } from "../protocol/frame.ts";

const LENGTH_BYTES = 4;
/** Fatal: a broken header is refused, not repaired. */
const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * @param {ArrayBuffer} message
 * @returns {{ header: FrameHeader, jpeg: Uint8Array<ArrayBuffer> } | null} `jpeg` looks into the message, nothing is
 *   copied; null for what is no picture message
 */
export interface PictureFrame {
  readonly header: FrameHeader;
  readonly jpeg: Uint8Array<ArrayBuffer>;
}

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

/** What the console computes with; the rest is for reading only. @param {any} header @returns {header is FrameHeader} */
function isHeader(header: Partial<FrameHeader> | null): boolean {
  if (header?.type !== "frame" || !Number.isInteger(header.seq)) return false;
  const { view, kind } = header;
  const numbers = [view?.x, view?.y, view?.width, view?.height, header.scale];
  return numbers.every(Number.isFinite) && (kind === "motion" || kind === "still");
}
