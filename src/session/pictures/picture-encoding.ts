/** Encodes a picture as JSON or as a binary frame, or what has changed of it, each once for all viewers. */
import { encodeDamage, encodeFrame } from "../../protocol/frame.ts";
import type { ServerMessageOf } from "../../protocol/live.ts";
import type { Damage, Picture } from "../ports/page.ts";

/** The message of a JSON viewer, with the JPEG as base64. */
export function pictureUpdate(picture: Picture): ServerMessageOf<"screenshot_update"> {
  const { jpeg: _jpeg, ...facts } = picture;
  return { type: "screenshot_update", screenshot: base64Of(picture), ...facts };
}

const texts = new WeakMap<Picture, string>();
const frames = new WeakMap<Picture, Uint8Array>();
const damages = new WeakMap<Damage, Uint8Array>();

export function base64Of(picture: Picture): string {
  return once(texts, picture, () => picture.jpeg.toString("base64"));
}

/** The binary frame of a picture [W23]. */
export function frameOf(picture: Picture): Uint8Array {
  const { jpeg, ...facts } = picture;
  return once(frames, picture, () => encodeFrame(facts, jpeg));
}

/** The binary message of what has changed from `base` to `picture` [W63]. */
export function damageOf(picture: Picture, base: Picture, damage: Damage): Uint8Array {
  const { jpeg: _jpeg, ...facts } = picture;
  return once(damages, damage, () => encodeDamage(facts, base.seq, damage.rects, damage.jpeg));
}

function once<From extends object, T>(made: WeakMap<From, T>, from: From, make: () => T): T {
  const known = made.get(from);
  if (known !== undefined) return known;
  const value = make();
  made.set(from, value);
  return value;
}
