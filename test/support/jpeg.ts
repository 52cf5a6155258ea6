/** What a test needs to know of a JPEG without decoding it: its size in pixels and how coarsely it was made. */

const START_OF_FRAME_MARKERS = [0xc0, 0xc1, 0xc2];
const QUANTISATION_TABLES_MARKER = 0xdb;
const START_OF_SCAN_MARKER = 0xda;

export interface JpegFacts {
  readonly width: number;
  readonly height: number;
  /** Mean step of the brightness table: about 96 at quality 30, 23 at quality 80. */
  readonly coarseness: number;
}

/** Throws for anything that is not a whole JPEG header. */
export function readJpeg(jpeg: Buffer): JpegFacts {
  if (jpeg.readUInt16BE(0) !== 0xffd8) throw new Error("Not a JPEG.");
  let size: { width: number; height: number } | undefined;
  let coarseness: number | undefined;
  for (let at = 2; ; ) {
    const marker = jpeg.readUInt16BE(at) & 0xff;
    const length = jpeg.readUInt16BE(at + 2);
    if (START_OF_FRAME_MARKERS.includes(marker)) {
      size = { height: jpeg.readUInt16BE(at + 5), width: jpeg.readUInt16BE(at + 7) };
    }
    if (marker === QUANTISATION_TABLES_MARKER) {
      // The first table, the one of the brightness, has 64 steps of a byte each.
      coarseness ??= jpeg.subarray(at + 5, at + 5 + 64).reduce((sum, step) => sum + step, 0) / 64;
    }
    if (marker === START_OF_SCAN_MARKER) break;
    at += 2 + length;
  }
  if (!size || coarseness === undefined) throw new Error("A JPEG without a size or tables.");
  return { ...size, coarseness };
}

export function readScreenshot(base64: string | null | undefined): JpegFacts {
  if (!base64) throw new Error("There is no picture.");
  return readJpeg(Buffer.from(base64, "base64"));
}
