// [W23] The console takes binary pictures apart as the server puts them together, and survives everything else.
import { expect, test } from "@playwright/test";
import fc from "fast-check";
import { BINARY_PROTOCOL, DAMAGE_PROTOCOL, JSON_PROTOCOL } from "../../src/client/operator-connection.ts";
import { decodeFrame } from "../../src/client/picture-frame.ts";
import {
  type DamageRect,
  damageHeaderSchema,
  encodeDamage,
  encodeFrame,
  type PictureFacts,
} from "../../src/protocol/frame.ts";
import { BINARY_SUBPROTOCOL, DAMAGE_SUBPROTOCOL, JSON_SUBPROTOCOL } from "../../src/protocol/live.ts";

const number = fc.double({ min: -10_000, max: 10_000, noNaN: true }).map((value) => value + 0); // JSON knows no -0
const facts: fc.Arbitrary<PictureFacts> = fc.record({
  seq: fc.nat(),
  captured_at: fc.nat(),
  view: fc.record({ x: number, y: number, width: number, height: number }),
  scale: fc.constantFrom(1, 1.5, 3),
  quality: fc.integer({ min: 1, max: 100 }),
  kind: fc.constantFrom("motion", "still"),
});
const bytes = fc.uint8Array({ maxLength: 400 });

const FACTS: PictureFacts = {
  seq: 7,
  captured_at: 1,
  view: { x: 0, y: 0, width: 2, height: 2 },
  scale: 1,
  quality: 80,
  kind: "still",
};

/** A message in a buffer of its own, as a WebSocket hands it over. */
function messageOf(data: Uint8Array): ArrayBuffer {
  return new Uint8Array(data).buffer;
}

/** A message with this header, whatever it is. */
function withHeader(header: string | Uint8Array): ArrayBuffer {
  const text = Buffer.from(header);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return messageOf(Buffer.concat([length, text, Buffer.from([0xff, 0xd8])]));
}

test("[W23] every picture of the server arrives as it was sent, and no byte of it is copied", () => {
  fc.assert(
    fc.property(facts, bytes, (sent, jpeg) => {
      const message = messageOf(encodeFrame(sent, jpeg));
      const frame = decodeFrame(message);
      expect(frame?.header).toEqual({ type: "frame", ...sent });
      expect([...(frame?.jpeg ?? [])]).toEqual([...jpeg]);
      expect(frame?.jpeg.buffer).toBe(message);
    }),
  );
});

test("[W23] whatever else comes is no picture, and nothing is thrown", () => {
  fc.assert(fc.property(bytes, (data) => decodeFrame(messageOf(data)) === null));
  const whole = encodeFrame(FACTS, Buffer.alloc(0));
  for (let length = 0; length < whole.length; length += 1) {
    expect(decodeFrame(messageOf(whole.subarray(0, length))), `${length} bytes`).toBeNull();
  }
  const headerLike = { type: "frame", ...FACTS };
  const bad: (string | Uint8Array)[] = [
    ...["", "{", "null", "7", "[]", '"frame"', "{}"],
    new Uint8Array([0x22, 0xff, 0x22]),
    ...[
      { ...headerLike, type: "picture" },
      { ...headerLike, seq: 1.5 },
      { ...headerLike, seq: "7" },
      { ...headerLike, view: null },
      { ...headerLike, view: { x: 0, y: 0, width: 2 } },
      { ...headerLike, view: { x: 0, y: 0, width: 2, height: "2" } },
      { ...headerLike, scale: null },
      { ...headerLike, kind: "video" },
    ].map((header) => JSON.stringify(header)),
  ];
  for (const header of bad) expect(decodeFrame(withHeader(header)), String(header)).toBeNull();
  expect(decodeFrame(withHeader(JSON.stringify({ ...headerLike, added_later: true })))?.header.seq).toBe(7);
});

test("[W23] the console calls the subprotocols by the contract's names", () => {
  expect([DAMAGE_PROTOCOL, BINARY_PROTOCOL, JSON_PROTOCOL]).toEqual([
    DAMAGE_SUBPROTOCOL,
    BINARY_SUBPROTOCOL,
    JSON_SUBPROTOCOL,
  ]);
});

test("[W63] what has changed arrives as it was sent; rectangles that are none are no message", () => {
  const [px, size] = [fc.nat({ max: 4_000 }), fc.integer({ min: 1, max: 4_000 })];
  const rect: fc.Arbitrary<DamageRect> = fc.tuple(px, px, size, size, px, px);
  const rects = fc.array(rect, { minLength: 1, maxLength: 32 });
  fc.assert(
    fc.property(facts, fc.nat(), rects, bytes, (sent, base, changed, jpeg) => {
      const frame = decodeFrame(messageOf(encodeDamage(sent, base, changed, jpeg)));
      expect(frame?.header).toEqual({ type: "damage", ...sent, base, rects: changed });
      expect(damageHeaderSchema.strict().safeParse(frame?.header).success).toBe(true);
      expect([...(frame?.jpeg ?? [])]).toEqual([...jpeg]);
    }),
  );
  const header = { type: "damage", ...FACTS, base: 6, rects: [[0, 0, 8, 8, 0, 0]] };
  expect(decodeFrame(withHeader(JSON.stringify(header)))).not.toBeNull();
  const bad = [
    { base: undefined },
    { base: 1.5 },
    { rects: undefined },
    { rects: {} },
    ...[
      [0, 0, 8, 8, 0],
      [0, 0, 8, 8, 0, 0, 0],
      [-8, 0, 8, 8, 0, 0],
      [0, 0.5, 8, 8, 0, 0],
      [0, 0, "8", 8, 0, 0],
      null,
    ].map((rect) => ({ rects: [rect] })),
  ];
  for (const one of bad) {
    expect(decodeFrame(withHeader(JSON.stringify({ ...header, ...one }))), JSON.stringify(one)).toBeNull();
  }
});
