/** [W15] [W21] What one viewer is sent: the newest picture that its line can take, and never a queue. */
import { expect, test } from "@playwright/test";
import type { Picture } from "../../src/session/page.ts";
import { Viewer, type ViewerLine } from "../../src/session/viewer.ts";

const VIEW = { x: 0, y: 0, width: 400, height: 300 };
const OTHER_VIEW = { x: 10, y: 0, width: 400, height: 300 };

const INFO = {
  type: "session_info",
  session_id: "one",
  screenshot: null,
  captcha_info: null,
  viewport: { width: 400, height: 300 },
  view: VIEW,
  state: "active",
  role: "control",
  instructions: null,
  label: null,
  expires_at: "2030-01-01T00:00:00Z",
  seq: 0,
} as const;

/** A line that keeps what it was handed. */
class Line implements ViewerLine {
  readonly texts: Record<string, unknown>[] = [];
  readonly pings: number[] = [];
  buffered = 0;
  closedWith: [number, string] | null = null;

  get pictures(): unknown[] {
    return this.texts.filter(({ type }) => type === "screenshot_update").map(({ seq }) => seq);
  }

  sendText(text: string): void {
    this.texts.push(JSON.parse(text));
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
}

/** A viewer that has been welcomed. */
function viewerOn(line: Line): Viewer {
  const viewer = new Viewer("operator-1", line, true);
  viewer.send(INFO);
  line.texts.length = 0;
  return viewer;
}

function picture(seq: number, view = VIEW): Picture {
  return { seq, jpeg: Buffer.from(`jpeg ${seq}`), view, kind: "motion" };
}

test("[W2] nothing comes before the first session_info; what came up meanwhile follows it in order", () => {
  const line = new Line();
  const viewer = new Viewer("operator-1", line, true);
  viewer.send({ type: "presence", operators: 1 });
  viewer.show(picture(1));
  viewer.send({ type: "pong" }, "a");
  expect(line.texts).toEqual([]);
  viewer.send(INFO);
  expect(line.texts.map(({ type }) => type)).toEqual(["session_info", "presence", "pong", "screenshot_update"]);
});

test("[W2] [W6] a viewer that was never welcomed is still told of the end", () => {
  const line = new Line();
  const viewer = new Viewer("operator-1", line, true);
  viewer.send({ type: "error", code: "timeout", message: "", details: null });
  viewer.close(4410, "timeout");
  expect(line.texts.map(({ type }) => type)).toEqual(["error"]);
  expect(line.closedWith).toEqual([4410, "timeout"]);
});

test("[W5] [W15] a picture goes out at once, with its number, its view and a ping behind it", () => {
  const line = new Line();
  viewerOn(line).show(picture(7));
  expect(line.texts).toEqual([
    {
      type: "screenshot_update",
      screenshot: Buffer.from("jpeg 7").toString("base64"),
      view: VIEW,
      seq: 7,
      timestamp: expect.any(Number),
    },
  ]);
  expect(line.pings).toEqual([7]);
});

test("[W15] [W21] at most two are under way, and of those that wait only the newest goes out", () => {
  const line = new Line();
  const viewer = viewerOn(line);
  for (let seq = 1; seq <= 50; seq += 1) viewer.show(picture(seq));
  expect(line.pictures).toEqual([1, 2]);
  viewer.arrived(1);
  expect(line.pictures).toEqual([1, 2, 50]);
  viewer.show(picture(51));
  expect(line.pictures).toEqual([1, 2, 50]);
  viewer.arrived(50);
  expect(line.pictures).toEqual([1, 2, 50, 51]);
  viewer.arrived(51);
  expect(line.pictures).toEqual([1, 2, 50, 51]);
});

test("[W15] an ack stands for all pictures before it, twice is once, and one of the past changes nothing", () => {
  const line = new Line();
  const viewer = viewerOn(line);
  for (const seq of [1, 2, 3]) viewer.show(picture(seq));
  viewer.arrived(2);
  viewer.arrived(2);
  expect(line.pictures).toEqual([1, 2, 3]);
  viewer.show(picture(4));
  viewer.show(picture(5));
  viewer.arrived(1);
  expect(line.pictures).toEqual([1, 2, 3, 4]);
});

test("[W21] nothing more is handed to a line that is stuck; the newest follows when it flows again", () => {
  const line = new Line();
  const viewer = viewerOn(line);
  line.buffered = 10 * 1024 * 1024;
  for (let seq = 1; seq <= 100; seq += 1) viewer.show(picture(seq));
  expect(line.pictures).toEqual([]);
  line.buffered = 0;
  viewer.arrived(0);
  expect(line.pictures).toEqual([100]);
});

test("[W20] a waiting picture of a view that is no more is not sent", () => {
  const line = new Line();
  const viewer = viewerOn(line);
  for (const seq of [1, 2, 3]) viewer.show(picture(seq));
  viewer.dropOtherViews(OTHER_VIEW);
  viewer.arrived(2);
  expect(line.pictures).toEqual([1, 2]);
  for (const seq of [4, 5, 6]) viewer.show(picture(seq, OTHER_VIEW));
  viewer.dropOtherViews(OTHER_VIEW);
  viewer.arrived(5);
  expect(line.pictures).toEqual([1, 2, 4, 5, 6]);
});

test("[W20] held pictures wait, and the newest of them follows by itself", async () => {
  const line = new Line();
  const viewer = viewerOn(line);
  viewer.holdPictures(80);
  const heldAt = performance.now();
  for (const seq of [1, 2, 3]) viewer.show(picture(seq));
  expect(line.pictures).toEqual([]);
  await expect.poll(() => line.pictures, { intervals: [5] }).toEqual([3]);
  expect(performance.now() - heldAt).toBeGreaterThanOrEqual(80);
});

test("nothing is sent after the end, not even what was held", () => {
  const line = new Line();
  const viewer = viewerOn(line);
  for (const seq of [1, 2, 3]) viewer.show(picture(seq));
  viewer.close(1000, "completed");
  viewer.arrived(2);
  expect(line.pictures).toEqual([1, 2]);
  expect(line.closedWith).toEqual([1000, "completed"]);
});

test("[W1] answers carry reply_to, everything a timestamp", () => {
  const line = new Line();
  const viewer = viewerOn(line);
  const before = Date.now();
  viewer.send({ type: "pong" }, "a");
  viewer.send({ type: "pong" }, 0);
  viewer.send({ type: "pong" });
  expect(line.texts.map(({ reply_to }) => reply_to)).toEqual(["a", 0, undefined]);
  for (const { timestamp } of line.texts) {
    expect(timestamp).toBeGreaterThanOrEqual(before);
    expect(timestamp).toBeLessThanOrEqual(Date.now());
  }
});
