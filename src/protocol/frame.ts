/** [W23] A picture as one binary message: `[u32 big-endian header length][UTF-8 JSON header][JPEG]`. */
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

const LENGTH_BYTES = 4;

/** The binary message of one picture. */
export function encodeFrame(facts: PictureFacts, jpeg: Uint8Array): Uint8Array {
  const header = new TextEncoder().encode(JSON.stringify({ type: "frame", ...facts } satisfies FrameHeader));
  const message = new Uint8Array(LENGTH_BYTES + header.length + jpeg.length);
  new DataView(message.buffer).setUint32(0, header.length);
  message.set(header, LENGTH_BYTES);
  message.set(jpeg, LENGTH_BYTES + header.length);
  return message;
}
