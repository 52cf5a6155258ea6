/** [W23] A picture as one binary message: `[u32 big-endian header length][UTF-8 JSON header][JPEG]`. */
import { z } from "zod";
import { rectSchema } from "./common.ts";

/** What is told of every picture, in whatever form it travels. */
export const pictureFactsSchema = z.object({
  seq: z.int().meta({ description: "Grows from picture to picture." }),
  captured_at: z.int().meta({ description: "ms since 1970 on the server's clock" }),
  view: rectSchema.meta({ description: "The part of the page, in CSS px, that it shows" }),
  scale: z.number().meta({ description: "Picture px per CSS px" }),
  quality: z.int().min(1).max(100).meta({ description: "Of the JPEG" }),
  kind: z
    .enum(["motion", "still"])
    .meta({ description: "still: the page is at rest, and this is as sharp as it gets" }),
});
export type PictureFacts = z.infer<typeof pictureFactsSchema>;

export const frameHeaderSchema = z.object({ type: z.literal("frame"), ...pictureFactsSchema.shape });
export type FrameHeader = z.infer<typeof frameHeaderSchema>;

const LENGTH_BYTES = 4;

/** The message for one picture. */
export function encodeFrame(facts: PictureFacts, jpeg: Uint8Array): Uint8Array {
  const header = new TextEncoder().encode(JSON.stringify({ type: "frame", ...facts } satisfies FrameHeader));
  const message = new Uint8Array(LENGTH_BYTES + header.length + jpeg.length);
  new DataView(message.buffer).setUint32(0, header.length);
  message.set(header, LENGTH_BYTES);
  message.set(jpeg, LENGTH_BYTES + header.length);
  return message;
}
