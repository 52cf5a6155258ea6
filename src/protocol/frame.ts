/** [W23] [W63] A picture, or what has changed of it, as one binary message: `[u32 big-endian header length][UTF-8 JSON header][JPEG]`. */
import { z } from "zod";
import { rectSchema } from "./common.ts";

/** The facts of every picture, in JSON and in binary messages. */
export const pictureFactsSchema = z.object({
  seq: z.int().meta({ description: "Number of the picture; it grows with each one." }),
  captured_at: z.int().meta({ description: "ms since 1970 on the server's clock" }),
  view: rectSchema.meta({ description: "The part of the page that the picture shows, in CSS px" }),
  scale: z.number().meta({ description: "Picture px per CSS px" }),
  quality: z.int().min(1).max(100).meta({ description: "JPEG quality" }),
  kind: z
    .enum(["motion", "still"])
    .meta({ description: "still: the sharpest picture, taken while the page is at rest" }),
});
export type PictureFacts = z.infer<typeof pictureFactsSchema>;

export const frameHeaderSchema = z.object({ type: z.literal("frame"), ...pictureFactsSchema.shape });
export type FrameHeader = z.infer<typeof frameHeaderSchema>;

/** [W63] The most rectangles of one message. */
export const MAX_DAMAGE_RECTS = 32;

const offset = z.int().min(0);
const length = z.int().min(1);
const damageRectSchema = z.tuple([offset, offset, length, length, offset, offset]).meta({
  description: "x and y in the picture, width, height, x and y in the JPEG of this message; all in picture px",
});
export type DamageRect = Readonly<z.infer<typeof damageRectSchema>>;

/** [W63] The facts are those of the picture that shows once the rectangles are drawn. */
export const damageHeaderSchema = z.object({
  type: z.literal("damage"),
  ...pictureFactsSchema.shape,
  base: z.int().meta({ description: "Number of the picture that the rectangles are drawn over" }),
  rects: z.array(damageRectSchema).min(1).max(MAX_DAMAGE_RECTS),
});
export type DamageHeader = z.infer<typeof damageHeaderSchema>;

const LENGTH_BYTES = 4;

/** The binary message of one picture. */
export function encodeFrame(facts: PictureFacts, jpeg: Uint8Array): Uint8Array {
  return encode({ type: "frame", ...facts }, jpeg);
}

/** [W63] The binary message of what differs between the picture `base` and one with these facts. */
export function encodeDamage(
  facts: PictureFacts,
  base: number,
  rects: readonly DamageRect[],
  jpeg: Uint8Array,
): Uint8Array {
  return encode({ type: "damage", ...facts, base, rects: rects.map((rect) => [...rect]) }, jpeg);
}

function encode(facts: FrameHeader | DamageHeader, jpeg: Uint8Array): Uint8Array {
  const header = new TextEncoder().encode(JSON.stringify(facts));
  const message = new Uint8Array(LENGTH_BYTES + header.length + jpeg.length);
  new DataView(message.buffer).setUint32(0, header.length);
  message.set(header, LENGTH_BYTES);
  message.set(jpeg, LENGTH_BYTES + header.length);
  return message;
}
