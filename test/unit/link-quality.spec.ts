// What the badge shows of the connection and of the picture, at every moment.
import { expect, test } from "@playwright/test";
import {
  LinkQuality,
  PICTURE_LATE_MS,
  PING_EVERY_MS,
  PING_LATE_MS,
} from "../../public/console/session/link-quality.js";

/** A quality whose pings were answered after these times, one after the other from 0 on. */
function answeredAfter(...trips: number[]): LinkQuality {
  const quality = new LinkQuality();
  trips.forEach((trip, i) => {
    const sentAt = i * PING_EVERY_MS;
    quality.answered(quality.nextPing(sentAt) ?? "", sentAt + trip);
  });
  return quality;
}

test("a ping at once, then one every two seconds, each with an id of its own", () => {
  const quality = new LinkQuality();
  const ids = [0, 1, 1_999, 2_000, 3_999, 4_000].map((now) => {
    const id = quality.nextPing(now);
    quality.answered(id ?? "", now);
    return id;
  });
  expect(ids.map((id) => id !== null)).toEqual([true, false, false, true, false, true]);
  expect(new Set(ids.filter((id) => id !== null)).size).toBe(3);
});

test("the round trip is the median of the last five, so that one slow answer does not show", () => {
  expect(new LinkQuality().read(0).roundTrip).toBeNull();
  expect(answeredAfter(23).read(100).roundTrip).toBe(23);
  expect(answeredAfter(20, 22, 900, 21, 23).read(0).roundTrip).toBe(22);
  expect(answeredAfter(20, 20, 20, 90, 90, 90).read(0).roundTrip).toBe(90);
});

test("pongs that answer somebody else's ping, or none, count for nothing", () => {
  const quality = new LinkQuality();
  const id = quality.nextPing(0);
  for (const other of [undefined, 7, "another"]) quality.answered(other, 5);
  expect(quality.read(10).roundTrip).toBeNull();
  quality.answered(id ?? "", 30);
  quality.answered(id ?? "", 500);
  expect(quality.read(500).roundTrip).toBe(30);
});

test("pictures a second: those of the last second", () => {
  const quality = new LinkQuality();
  for (let now = 0; now < 2_000; now += 20) quality.pictureShown("motion", now);
  expect(quality.read(1_999)).toMatchObject({ rate: 50, state: "moving" });
  expect(quality.read(2_490).rate).toBe(25);
  expect(quality.read(2_980).rate).toBe(0);
});

test("[W22] after a still the page is at rest, however long; after a motion picture silence is trouble", () => {
  const quality = new LinkQuality();
  expect(quality.read(0).state).toBe("rest");
  quality.pictureShown("motion", 0);
  expect(quality.read(PICTURE_LATE_MS).state).toBe("moving");
  expect(quality.read(PICTURE_LATE_MS + 1).state).toBe("stalled");
  quality.pictureShown("still", 1_500);
  expect(quality.read(60_000).state).toBe("rest");
  quality.pictureShown(undefined, 61_000); // the picture in a session_info does not say
  expect(quality.read(99_000).state).toBe("rest");
});

test("[W8] an answer that is overdue is trouble even at rest, and no further ping is sent until it is there", () => {
  const quality = new LinkQuality();
  quality.pictureShown("still", 0);
  const first = quality.nextPing(0) ?? "";
  const second = quality.nextPing(PING_EVERY_MS) ?? "";
  expect(quality.read(PING_LATE_MS).state).toBe("rest");
  expect(quality.read(PING_LATE_MS + 1).state).toBe("stalled");
  expect(quality.nextPing(2 * PING_EVERY_MS)).toBeNull();
  quality.answered(first, 5_000);
  quality.answered(second, 5_001);
  expect(quality.read(5_002)).toMatchObject({ state: "rest", roundTrip: 5_000 });
  expect(quality.nextPing(5_002)).not.toBeNull();
});

test("an answer to a later ping settles the earlier ones: the connection keeps its order", () => {
  const quality = new LinkQuality();
  quality.nextPing(0);
  const second = quality.nextPing(PING_EVERY_MS) ?? "";
  quality.answered(second, PING_EVERY_MS + 10);
  expect(quality.read(60_000)).toMatchObject({ state: "rest", roundTrip: 10 });
});

test("a new connection starts from nothing", () => {
  const quality = answeredAfter(23);
  const lost = quality.nextPing(PING_EVERY_MS) ?? "";
  quality.pictureShown("motion", PING_EVERY_MS);
  quality.reset();
  expect(quality.read(60_000)).toEqual({ roundTrip: null, rate: 0, state: "rest" });
  expect(quality.nextPing(60_000)).not.toBe(lost);
});
