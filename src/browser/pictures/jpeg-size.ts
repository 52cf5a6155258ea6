/** Reads the size of a JPEG from its header (ITU-T T.81, annex B). Pure. */
import type { Size } from "../../protocol/common.ts";

const START_OF_SCAN = 0xda;
/** SOF0 to SOF2: baseline, extended and progressive. */
const START_OF_FRAME = [0xc0, 0xc1, 0xc2];

/** Width and height in pixels; null for anything that is not a JPEG. */
export function jpegSize(jpeg: Buffer): Size | null {
  for (let at = 2; at + 9 <= jpeg.length && jpeg[at] === 0xff; at += 2 + jpeg.readUInt16BE(at + 2)) {
    const marker = jpeg[at + 1] ?? START_OF_SCAN;
    if (START_OF_FRAME.includes(marker)) return { width: jpeg.readUInt16BE(at + 7), height: jpeg.readUInt16BE(at + 5) };
    if (marker === START_OF_SCAN) return null;
  }
  return null;
}
