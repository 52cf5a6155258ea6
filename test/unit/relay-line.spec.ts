/** [W56] [W57] The line of a relay: frames, numbers, and what a break leaves of them. */
import { expect, test } from "@playwright/test";
import {
  FrameReader,
  type FrameSocket,
  framesOf,
  RelayLagging,
  RelayLine,
  RelayViolation,
} from "../../src/protocol/relay-line.ts";
import type { RelayHeader } from "../../src/protocol/relay-terms.ts";
import { PictureQueue, type PictureQueue as Queue, type SentPicture } from "../../src/relay/picture-queue.ts";

const NOTHING = Buffer.alloc(0);

interface Header extends RelayHeader {
  readonly text?: string;
}

function line(received: string[] = []): RelayLine<Header> {
  return new RelayLine<Header>({
    maxFrameBytes: 64,
    check: (header) => header as Header,
    onMessage: ({ header }) => received.push(header.text ?? header.type),
  });
}

/** Carries frames to the other side, until it is cut. */
function wire(to: RelayLine<Header>): FrameSocket & { cut: () => void } {
  let isCut = false;
  return {
    send: (frame) => {
      if (!isCut) to.take(frame);
    },
    cut: () => {
      isCut = true;
    },
  };
}

test("[W56] a message is cut into frames, and put together again", () => {
  const reader = new FrameReader();
  const body = Buffer.alloc(500, 7);
  const frames = framesOf('{"type":"picture"}', body, 64);
  expect(frames.every(({ length }) => length <= 64)).toBe(true);
  const read = frames.map((frame) => reader.read(frame));
  expect(read.slice(0, -1).every((message) => message === null)).toBe(true);
  expect(read.at(-1)).toEqual({ header: { type: "picture" }, body });
});

for (const [what, frame] of [
  ["an empty frame", NOTHING],
  ["flags that there are not", Buffer.from([2, 0, 0, 0, 0])],
  ["no header", Buffer.from([0, 0])],
  ["a header longer than its message", Buffer.from([0, 0, 0, 1, 0, 123])],
  ["a header that is no JSON", Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), Buffer.from("{")])],
] as const) {
  test(`[W56] ${what} ends the relay`, () => {
    expect(() => new FrameReader().read(frame)).toThrow(RelayViolation);
  });
}

test("[W56] a message without an end is not collected for ever", () => {
  const reader = new FrameReader();
  const frame = Buffer.alloc(1024 * 1024, 1);
  expect(() => {
    for (let sent = 0; sent < 20; sent += 1) reader.read(frame);
  }).toThrow(RelayViolation);
});

test("[W57] whatever breaks: each message arrives once, and in order", () => {
  const received: string[] = [];
  const there = line(received);
  const here = line();
  let text = 0;
  for (let round = 0; round < 200; round += 1) {
    // Each way is cut by itself: what was sent may have arrived, and its acknowledgement may not.
    const out = wire(there);
    const back = wire(here);
    there.attach(back, here.received);
    here.attach(out, there.received);
    const cutAt = (round * 7) % 5;
    for (let sent = 0; sent < 5; sent += 1) {
      if (sent === cutAt) (round % 2 === 0 ? out : back).cut();
      here.post({ type: "cdp", text: String(text) });
      text += 1;
      if (sent % 2 === 0) there.postOnce({ type: "ack" });
    }
    here.detach();
    there.detach();
  }
  here.attach(wire(there), there.received);
  here.detach();
  there.detach();
  expect(received.filter((one) => one !== "ack")).toEqual(Array.from({ length: text }, (_, number) => String(number)));
});

test("[W56] a gap, an acknowledgement from the future and a number that never was end the relay", () => {
  const there = line();
  const say = (header: object) => {
    for (const frame of framesOf(JSON.stringify(header), NOTHING, 64)) there.take(frame);
  };
  expect(() => say({ type: "cdp", seq: 2 })).toThrow(RelayViolation);
  expect(() => say({ type: "ack", ack: 1 })).toThrow(RelayViolation);
  expect(() => there.attach(wire(line()), 1)).toThrow(RelayViolation);
  there.detach();
});

test("[W56] what waits for a line that does not come back is bounded", () => {
  const here = line();
  expect(() => {
    for (let sent = 0; sent < 20_000; sent += 1) here.post({ type: "cdp" });
  }).toThrow(RelayLagging);
  expect(() => {
    const other = line();
    for (let sent = 0; sent < 100; sent += 1) other.post({ type: "cdp" }, Buffer.alloc(1024 * 1024));
  }).toThrow(RelayLagging);
});

/** Numbers of the pictures that are sent, as the jpeg of each says. */
function queue(): { queue: Queue; sent: string[] } {
  const sent: string[] = [];
  return { queue: new PictureQueue(({ jpeg }, number) => sent.push(`${number}:${jpeg.toString()}`)), sent };
}

const picture = (name: string, sessionId = "s"): SentPicture => ({ sessionId, message: {}, jpeg: Buffer.from(name) });

test("[W56] while the line is full, the newest picture replaces the one that waits", () => {
  const { queue: pictures, sent } = queue();
  pictures.lineUp();
  for (const name of "abcdefgh") pictures.offer(picture(name));
  expect(sent).toEqual(["1:a", "2:b", "3:c", "4:d"]);
  pictures.acknowledged(1);
  expect(sent.at(-1)).toBe("5:h");
  pictures.acknowledged(5);
  expect(sent).toHaveLength(5);
  expect(pictures.replaced).toBe(3);
});

test("[W56] large pictures go one at a time", () => {
  const { queue: pictures, sent } = queue();
  pictures.lineUp();
  const large = (name: string) => ({ ...picture(name), jpeg: Buffer.alloc(60_000, name) });
  pictures.offer(large("a"));
  pictures.offer(large("b"));
  expect(sent).toHaveLength(1);
  pictures.acknowledged(1);
  expect(sent).toHaveLength(2);
});

test("[W57] after a break the last picture that was on the way is sent again, and numbers begin at 1", () => {
  const { queue: pictures, sent } = queue();
  pictures.lineUp();
  pictures.offer(picture("a"));
  pictures.offer(picture("b"));
  pictures.offer(picture("x", "other"));
  pictures.lineDown();
  pictures.lineUp();
  expect(sent.slice(3).toSorted()).toEqual(["1:x", "2:b"].toSorted());
});
