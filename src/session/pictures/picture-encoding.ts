/** Encodes a picture as JSON or as a binary frame, each once for all viewers. */
import { encodeFrame } from "../../protocol/frame.ts";
import type { ServerMessageOf } from "../../protocol/live.ts";
import type { Picture } from "../ports/page.ts";

/** The message of a JSON viewer, with the JPEG as base64. */
export function pictureUpdate(picture: Picture): ServerMessageOf<"screenshot_update"> {
  const { jpeg: _jpeg, ...facts } = picture;
  return { type: "screenshot_update", screenshot: base64Of(picture), ...facts };
}

const texts = new WeakMap<Picture, string>();
const frames = new WeakMap<Picture, Uint8Array>();

export function base64Of(picture: Picture): string {
  return once(texts, picture, () => picture.jpeg.toString("base64"));
}

/** The binary frame of a picture [W23]. */
export function frameOf(picture: Picture): Uint8Array {
  const { jpeg, ...facts } = picture;
  return once(frames, picture, () => encodeFrame(facts, jpeg));
}

function once<T>(made: WeakMap<Picture, T>, picture: Picture, make: () => T): T {
  const known = made.get(picture);
  if (known !== undefined) return known;
  const value = make();
  made.set(picture, value);
  return value;
}
