/** [W15] [W21] What one viewer is sent: the newest picture that its line can take, and never a queue. */
import { expect, test } from "@playwright/test";
import { decodeFrame } from "../../src/client/picture-frame.ts";
import { frameHeaderSchema } from "../../src/protocol/frame.ts";
import { type ServerMessage, serverMessageSchema } from "../../src/protocol/live.ts";
import { PictureSender } from "../../src/session/pictures/picture-sender.ts";
import { Viewer, type ViewerForm, type ViewerSocket } from "../../src/session/pictures/viewer.ts";
import type { Picture } from "../../src/session/ports/page.ts";

const VIEW = { x: 0, y: 0, width: 400, height: 300 };
const OTHER_VIEW = { x: 10, y: 0, width: 400, height: 300 };
const KILOBYTE = 1024;
/** What may wait for a reader who does not read; a line that holds more is given up. */
const LINE_BOUND = 1024 * KILOBYTE;

const INFO = {
  type: "session_info",
  session_id: "one",
  captcha_info: null,
  viewport: { width: 400, height: 300 },
  view: VIEW,
  state: "active",
  role: "control",
  instructions: null,
  label: null,
  expires_at: "2030-01-01T00:00:00Z",
  seq: 0,
} as const satisfies ServerMessage;

/** A line that keeps what it was handed. */
class Line implements ViewerSocket {
  /** Everything in order: texts by their type, binary messages as "frame". */
  readonly order: string[] = [];
  readonly texts: Record<string, unknown>[] = [];
  readonly binaries: Buffer[] = [];
  readonly pings: number[] = [];
  largest = 0;
  buffered = 0;
  closedWith: [number, string] | null = null;

  /** Numbers of the pictures in it, in whatever form they came. */
  get pictures(): unknown[] {
    const frames = this.binaries.map((message) => readFrame(message).header.seq);
    return [...this.texts.filter(({ type }) => type === "screenshot_update").map(({ seq }) => seq), ...frames];
  }

  sendText(text: string): void {
    const message = JSON.parse(text);
    this.largest = Math.max(this.largest, text.length);
    this.order.push(message.type);
    this.texts.push(message);
  }

  sendBinary(message: Buffer): void {
    this.largest = Math.max(this.largest, message.length);
    this.order.push("frame");
    this.binaries.push(message);
  }

  pingBehind(seq: number): void {
    this.pings.push(seq);
  }

  bufferedBytes(): number {
    return this.buffered;
  }

  close(code: number, reason: string): void {
    this.closedWith = [code, reason];
  }

  forget(): void {
    for (const list of [this.order, this.texts, this.binaries, this.pings]) list.length = 0;
  }
}

/** What a viewer sees of a picture: everything as it is, unless a test says otherwise. */
class Rendering {
  /** How often the sender said that it may be free, or not any more. */
  changes = 0;
  render: (picture: Picture) => Picture | Promise<Picture | null> = (picture) => picture;
}

/** A viewer, and what sends it the pictures of a page. */
function connect(line: Line, form: ViewerForm = "json", rendering = new Rendering()) {
  const viewer = new Viewer("operator-1", line, form);
  const sender = new PictureSender({
    viewer,
    render: (picture) => rendering.render(picture),
    damage: () => Promise.reject(new Error("A viewer that is sent whole pictures.")),
    info: (picture) => {
      const screenshot = picture?.jpeg.toString("base64") ?? null;
      return { ...INFO, view: picture?.view ?? VIEW, ...(form === "binary" ? {} : { screenshot }) };
    },
    onChange: () => {
      rendering.changes += 1;
    },
  });
  const arrived = (seq: number) => {
    viewer.arrived(seq);
    sender.next();
  };
  const acknowledge = (seq: number) => {
    viewer.acknowledge(seq);
    sender.next();
  };
  return { viewer, sender, arrived, acknowledge };
}

/** A viewer that has been welcomed without a picture; its first ping is answered. */
async function welcomedOn(line: Line, form: ViewerForm = "json", rendering = new Rendering()) {
  const connected = connect(line, form, rendering);
  await connected.sender.welcome(null);
  connected.arrived(0);
  line.forget();
  rendering.changes = 0;
  return connected;
}

function picture(seq: number, given: Partial<Picture> = {}): Picture {
  const facts = { captured_at: 1_000 + seq, view: VIEW, scale: 1, quality: 30, kind: "motion" as const };
  return { seq, jpeg: Buffer.from(`jpeg ${seq}`), ...facts, ...given };
}

function readFrame(message: Buffer) {
  const frame = decodeFrame(Uint8Array.from(message).buffer);
  if (!frame) throw new Error("Not a picture message.");
  return { header: frameHeaderSchema.parse(frame.header), jpeg: Buffer.from(frame.jpeg) };
}

/** A cut that ends when the test says so. */
function slowCut() {
  const cuts: { readonly of: Picture; readonly end: (picture: Picture | null) => void }[] = [];
  const rendering = new Rendering();
  rendering.render = (of) => {
    const { promise, resolve } = Promise.withResolvers<Picture | null>();
    cuts.push({ of, end: resolve });
    return promise;
  };
  return { rendering, cuts };
}

/** Lets everything happen that was only waiting for its turn. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("[W2] nothing comes before the first session_info; what came up meanwhile follows it in order", async () => {
  const line = new Line();
  const { viewer, sender } = connect(line, "plain");
  viewer.send({ type: "presence", operators: 1 });
  sender.show(picture(1));
  viewer.send({ type: "pong" }, "a");
  expect(line.texts).toEqual([]);
  await sender.welcome(null);
  expect(line.order).toEqual(["session_info", "presence", "pong", "screenshot_update"]);
});

test("[W2] [W6] a viewer that was never welcomed is still told of the end", () => {
  const line = new Line();
  const { viewer } = connect(line, "plain");
  viewer.send({ type: "error", code: "timeout", message: "", details: null });
  viewer.close(4410, "timeout");
  expect(line.order).toEqual(["error"]);
  expect(line.closedWith).toEqual([4410, "timeout"]);
});

test("[W3] the welcome carries the picture, and that one is under way like any other", async () => {
  const line = new Line();
  const { sender, arrived } = connect(line);
  await sender.welcome(picture(4));
  expect(line.texts).toMatchObject([{ type: "session_info", screenshot: Buffer.from("jpeg 4").toString("base64") }]);
  expect(line.pings).toEqual([0, 4]);
  expect(sender.isFree).toBe(false);
  arrived(4);
  expect(sender.isFree).toBe(true);
});

test("[W21] what was captured before the picture of the welcome is not shown after it", async () => {
  const line = new Line();
  const { sender, arrived } = connect(line);
  sender.show(picture(4));
  await sender.welcome(picture(5));
  arrived(5);
  sender.show(picture(6));
  expect(line.pictures).toEqual([6]);
});

test("[W5] [W15] a picture goes out at once as JSON, with its facts and a ping behind it", async () => {
  const line = new Line();
  (await welcomedOn(line)).sender.show(picture(7, { scale: 2 }));
  const { timestamp, ...sent } = line.texts[0] ?? {};
  expect(sent).toEqual({
    type: "screenshot_update",
    screenshot: Buffer.from("jpeg 7").toString("base64"),
    seq: 7,
    captured_at: 1_007,
    view: VIEW,
    scale: 2,
    quality: 30,
    kind: "motion",
  });
  expect(timestamp).toEqual(expect.any(Number));
  expect(serverMessageSchema.safeParse(sent).success).toBe(true);
  expect(line.pings).toEqual([7]);
});

test("[W23] a binary viewer gets a session_info without a picture, and the picture as a frame behind it", async () => {
  const line = new Line();
  const { sender, arrived } = connect(line, "binary");
  await sender.welcome(picture(4));
  expect(line.order).toEqual(["session_info", "frame"]);
  expect(line.texts[0]).not.toHaveProperty("screenshot");
  expect(line.pings).toEqual([0, 4]);
  arrived(4);
  sender.show(picture(5, { kind: "still", quality: 80 }));
  expect(line.order).toEqual(["session_info", "frame", "frame"]);
  const { header, jpeg } = readFrame(line.binaries[1] as Buffer);
  expect(header).toEqual({
    type: "frame",
    seq: 5,
    captured_at: 1_005,
    view: VIEW,
    scale: 1,
    quality: 80,
    kind: "still",
  });
  expect(jpeg.toString()).toBe("jpeg 5");
});

test("[W23] one picture is one message, however many see it", async () => {
  const lines = [new Line(), new Line()];
  const shown = picture(3);
  for (const line of lines) (await welcomedOn(line, "binary")).sender.show(shown);
  expect(lines[0]?.binaries[0]).toBe(lines[1]?.binaries[0]);
});

for (const form of ["plain", "json", "binary"] as const) {
  test(`[W15] [W21] ${form}: at most two are under way, and of those that wait only the newest goes out`, async () => {
    const line = new Line();
    const { sender, arrived } = await welcomedOn(line, form);
    for (let seq = 1; seq <= 50; seq += 1) sender.show(picture(seq));
    expect(line.pictures).toEqual([1, 2]);
    arrived(1);
    expect(line.pictures).toEqual([1, 2, 50]);
    sender.show(picture(51));
    expect(line.pictures).toEqual([1, 2, 50]);
    arrived(50);
    expect(line.pictures).toEqual([1, 2, 50, 51]);
    arrived(51);
    expect(line.pictures).toEqual([1, 2, 50, 51]);
  });
}

test("[W15] an ack stands for all pictures before it, twice is once, and one of the past changes nothing", async () => {
  const line = new Line();
  const { sender, acknowledge } = await welcomedOn(line);
  for (const seq of [1, 2, 3]) sender.show(picture(seq));
  acknowledge(2);
  acknowledge(2);
  expect(line.pictures).toEqual([1, 2, 3]);
  sender.show(picture(4));
  sender.show(picture(5));
  acknowledge(1);
  expect(line.pictures).toEqual([1, 2, 3, 4]);
});

test("[W15] an ack of a picture that was never sent is refused and changes nothing", async () => {
  const line = new Line();
  const { sender, arrived, acknowledge } = await welcomedOn(line);
  for (const seq of [1, 2, 3]) sender.show(picture(seq));
  expect(() => acknowledge(3)).toThrow(
    expect.objectContaining({ code: "invalid_message", details: expect.objectContaining({ field: "seq" }) }),
  );
  expect(line.pictures).toEqual([1, 2]);
  // Whoever sends nonsense has not begun to acknowledge.
  arrived(2);
  expect(line.pings).toEqual([1, 2, 3]);
});

test("[W15] a pong of a picture that was never sent changes nothing", async () => {
  const line = new Line();
  const { sender, arrived } = await welcomedOn(line);
  for (const seq of [1, 2, 3]) sender.show(picture(seq));
  arrived(1_000_000);
  expect(line.pictures).toEqual([1, 2]);
});

test("[W15] from its first ack on a viewer is asked no more", async () => {
  const line = new Line();
  const { sender, acknowledge } = await welcomedOn(line);
  sender.show(picture(1));
  sender.show(picture(2));
  expect(line.pings).toEqual([1, 2]);
  acknowledge(1);
  for (const seq of [3, 4, 5]) {
    sender.show(picture(seq));
    acknowledge(seq);
  }
  expect(line.pictures).toEqual([1, 2, 3, 4, 5]);
  expect(line.pings).toEqual([1, 2]);
});

test("[W21] a viewer is free until two are unacknowledged, and says when that may have changed", async () => {
  const line = new Line();
  const rendering = new Rendering();
  const { sender, arrived } = await welcomedOn(line, "json", rendering);
  const free = [sender.isFree];
  for (const seq of [1, 2, 3]) {
    sender.show(picture(seq));
    free.push(sender.isFree);
  }
  expect(free).toEqual([true, true, false, false]);
  expect(rendering.changes).toBe(0);
  arrived(1);
  // The third took the place of the first.
  expect([sender.isFree, rendering.changes]).toEqual([false, 1]);
  arrived(3);
  expect([sender.isFree, rendering.changes]).toEqual([true, 2]);
});

test("[W2] [W21] who has not been welcomed, or has gone, is not free", async () => {
  const line = new Line();
  const { sender, arrived } = connect(line);
  expect(sender.isFree).toBe(false);
  arrived(0);
  expect(sender.isFree).toBe(false);
  await sender.welcome(null);
  expect(sender.isFree).toBe(true);
  sender.stop();
  expect(sender.isFree).toBe(false);
});

test("[W21] nothing more is handed to a line that is stuck; the newest follows when it flows again", async () => {
  const line = new Line();
  const { sender, arrived } = await welcomedOn(line);
  line.buffered = 300 * KILOBYTE;
  expect(sender.isFree).toBe(false);
  for (let seq = 1; seq <= 100; seq += 1) sender.show(picture(seq));
  expect(line.pictures).toEqual([]);
  line.buffered = 0;
  arrived(0);
  expect(line.pictures).toEqual([100]);
});

for (const form of ["json", "binary"] as const) {
  test(`[W21] ${form}: a picture over 512 kB is not sent, and the next one is`, async () => {
    const line = new Line();
    const { sender } = await welcomedOn(line, form);
    sender.show(picture(1, { jpeg: Buffer.alloc(512 * KILOBYTE + 1) }));
    expect(line.pictures).toEqual([]);
    expect(sender.isFree).toBe(true);
    sender.show(picture(2, { jpeg: Buffer.alloc(512 * KILOBYTE) }));
    sender.show(picture(3));
    expect(line.pictures).toEqual([2, 3]);
  });

  test(`[W3] [W21] ${form}: a welcome is not larger than what a socket may hold back`, async () => {
    const line = new Line();
    const { sender } = connect(line, form);
    await sender.welcome(picture(1, { jpeg: Buffer.alloc(2 * LINE_BOUND) }));
    expect(line.order[0]).toBe("session_info");
    expect(line.largest).toBeLessThan(LINE_BOUND);
  });
}

test("[W20] another view is told of with its first picture, and what waits of the old one is not sent", async () => {
  const line = new Line();
  const { sender, arrived } = await welcomedOn(line);
  for (const seq of [1, 2, 3]) sender.show(picture(seq));
  sender.viewChanged();
  expect(sender.needsSessionInfo).toBe(true);
  arrived(2);
  expect(line.order).toEqual(["screenshot_update", "screenshot_update"]);
  for (const seq of [4, 5, 6]) sender.show(picture(seq, { view: OTHER_VIEW }));
  arrived(5);
  expect(sender.needsSessionInfo).toBe(false);
  expect(line.order.slice(2)).toEqual(["session_info", "screenshot_update", "screenshot_update"]);
  expect(line.texts[2]).toMatchObject({
    view: OTHER_VIEW,
    screenshot: Buffer.from("jpeg 4").toString("base64"),
  });
  expect(line.pictures).toEqual([1, 2, 5, 6]);
});

test("[W20] [W23] a binary viewer is told of another view before its first frame of it", async () => {
  const line = new Line();
  const { sender } = await welcomedOn(line, "binary");
  sender.viewChanged();
  sender.show(picture(4, { view: OTHER_VIEW }));
  expect(line.order).toEqual(["session_info", "frame"]);
  expect(line.texts[0]).toMatchObject({ view: OTHER_VIEW });
  expect(readFrame(line.binaries[0] as Buffer).header).toMatchObject({ seq: 4, view: OTHER_VIEW });
});

test("[W5] the very same picture is not sent twice, but for another scale or an owed session_info it is", async () => {
  const line = new Line();
  const { sender, arrived } = await welcomedOn(line);
  const sent = picture(1);
  const showAgain = () => {
    sender.show(sent);
    arrived(1);
  };
  showAgain();
  showAgain();
  expect(line.order).toEqual(["screenshot_update"]);
  sender.lensChanged();
  showAgain();
  expect(line.order).toEqual(["screenshot_update", "screenshot_update"]);
  sender.infoChanged();
  showAgain();
  expect(line.order.slice(2)).toEqual(["session_info"]);
});

test("[W21] one cut at a time, always of the newest, and never a queue of them", async () => {
  const line = new Line();
  const { rendering, cuts } = slowCut();
  const { sender } = await welcomedOn(line, "json", rendering);
  for (const seq of [1, 2, 3]) sender.show(picture(seq));
  expect(cuts.map(({ of }) => of.seq)).toEqual([1]);
  expect(sender.isFree).toBe(false);
  cuts[0]?.end(picture(1, { view: OTHER_VIEW }));
  await turn();
  expect(line.texts).toMatchObject([{ seq: 1, view: OTHER_VIEW }]);
  expect(cuts.map(({ of }) => of.seq)).toEqual([1, 3]);
  expect(rendering.changes).toBe(1);
});

test("[W21] a picture that cannot be cut is left out, and the next one is shown", async () => {
  const line = new Line();
  const { rendering, cuts } = slowCut();
  const { sender } = await welcomedOn(line, "json", rendering);
  sender.show(picture(1));
  cuts[0]?.end(null);
  await turn();
  expect(line.pictures).toEqual([]);
  expect(sender.isFree).toBe(true);
  sender.show(picture(2));
  cuts[1]?.end(picture(2));
  await turn();
  expect(line.pictures).toEqual([2]);
});

for (const [what, change] of [
  ["the view changed", (sender: PictureSender) => sender.viewChanged()],
  ["another lens was asked for", (sender: PictureSender) => sender.lensChanged()],
  ["the viewer has gone", (sender: PictureSender) => sender.stop()],
] as const) {
  test(`[W14] [W20] a cut that ends after ${what} is not sent`, async () => {
    const line = new Line();
    const { rendering, cuts } = slowCut();
    const { sender } = await welcomedOn(line, "json", rendering);
    sender.show(picture(1));
    change(sender);
    cuts[0]?.end(picture(1));
    await turn();
    expect(line.texts).toEqual([]);
  });
}

test("[W22] an older client's pictures are 1 px per CSS px while something moves, others' as the line carries it", async () => {
  const [plain, json] = [new Viewer("a", new Line(), "plain"), new Viewer("b", new Line(), "json")];
  for (const viewer of [plain, json]) expect(viewer.motion).toEqual({ quality: 30, scale: 1 });
  expect([plain.plain, json.plain]).toEqual([true, false]);
  expect(json.lens).toEqual({ mode: "challenge", scale: 1 });
});

test("[W20] held pictures wait, and the newest of them follows by itself", async () => {
  const line = new Line();
  const rendering = new Rendering();
  const { sender } = await welcomedOn(line, "plain", rendering);
  sender.hold(80);
  const heldAt = performance.now();
  expect(sender.isFree).toBe(false);
  for (const seq of [1, 2, 3]) sender.show(picture(seq));
  expect(line.pictures).toEqual([]);
  await expect.poll(() => line.pictures, { intervals: [5] }).toEqual([3]);
  expect(performance.now() - heldAt).toBeGreaterThanOrEqual(80);
  expect(rendering.changes).toBe(1);
  expect(sender.isFree).toBe(true);
});

test("nothing is sent after the end, not even what was held", async () => {
  const line = new Line();
  const { viewer, sender, arrived } = await welcomedOn(line);
  for (const seq of [1, 2, 3]) sender.show(picture(seq));
  sender.stop();
  viewer.close(1000, "completed");
  arrived(2);
  expect(line.pictures).toEqual([1, 2]);
  expect(line.closedWith).toEqual([1000, "completed"]);
});

test("[W1] answers carry reply_to, everything a timestamp", async () => {
  const line = new Line();
  const { viewer, sender } = await welcomedOn(line);
  const before = Date.now();
  viewer.send({ type: "pong" }, "a");
  viewer.send({ type: "pong" }, 0);
  viewer.send({ type: "pong" });
  sender.show(picture(1));
  expect(line.texts.map(({ reply_to }) => reply_to)).toEqual(["a", 0, undefined, undefined]);
  for (const { timestamp } of line.texts) {
    expect(timestamp).toBeGreaterThanOrEqual(before);
    expect(timestamp).toBeLessThanOrEqual(Date.now());
  }
});
