// [W14] What the console asks to see, when it says so, and which hands mean it.
import { expect, test } from "@playwright/test";
import fc from "fast-check";
import { densityFor, fitView, MOST_DENSITY } from "../../public/console/session/geometry.js";
import { Pinch } from "../../public/console/session/pinch.js";
import { ViewRequest } from "../../public/console/session/view-request.js";
import { isShortcut } from "../../public/console/session/view-switch.js";
import { type ClientMessage, clientMessageSchema, MAX_SCALE } from "../../src/protocol/live.ts";

const CHALLENGE = { width: 400, height: 300 };
const PAGE = { width: 1280, height: 720 };

test("[W14] the density is what the screen shows, in half steps up, between the contract's bounds", () => {
  expect(MOST_DENSITY).toBe(MAX_SCALE);
  expect(densityFor(400, 400, 1)).toBe(1);
  expect(densityFor(400, 600, 1)).toBe(1.5);
  expect(densityFor(400, 440, 2)).toBe(2.5);
  expect(densityFor(400, 400, 2)).toBe(2);
  expect(densityFor(400, 600, 3)).toBe(3);
  expect(densityFor(1280, 370, 3)).toBe(1);
  expect(densityFor(0, 0, 2)).toBe(1);
});

test("[W14] a picture of that density is never softer than the screen, and never denser than it needs to be", () => {
  const length = fc.double({ min: 40, max: 2_000, noNaN: true });
  fc.assert(
    fc.property(length, length, length, length, fc.constantFrom(1, 1.25, 1.5, 2, 3), (w, h, spaceW, spaceH, dpr) => {
      const size = fitView({ width: w, height: h }, { width: spaceW, height: spaceH }, dpr);
      const scale = densityFor(w, size.width, dpr);
      const devicePx = size.width * dpr;
      expect(scale * 2).toBe(Math.round(scale * 2));
      if (scale < MOST_DENSITY) expect(w * scale).toBeGreaterThanOrEqual(devicePx - 1.001);
      if (scale > 1) expect(w * (scale - 0.5)).toBeLessThan(devicePx);
      expect(clientMessageSchema.safeParse({ type: "view", mode: "page", scale }).success).toBe(true);
    }),
  );
});

/** A request on a screen that shows everything at this density. */
function requestOn(screen: { density: number; isOpen: boolean }) {
  const sent: ClientMessage[] = [];
  const request = new ViewRequest({
    send: (message) => screen.isOpen && sent.push(message) > 0,
    scaleFor: ({ width }) => (width === PAGE.width ? 1 : screen.density),
  });
  return { request, sent: () => sent.splice(0) };
}

test("[W14] says what it wants after joining and on every change, and nothing twice", () => {
  const screen = { density: 2, isOpen: true };
  const { request, sent } = requestOn(screen);
  request.update();
  expect(sent()).toEqual([]);
  request.onSessionInfo(CHALLENGE, PAGE);
  expect(sent()).toEqual([{ type: "view", mode: "challenge", scale: 2 }]);
  request.onSessionInfo(CHALLENGE, PAGE);
  request.update();
  expect(sent()).toEqual([]);
  screen.density = 3;
  request.update();
  expect(sent()).toEqual([{ type: "view", mode: "challenge", scale: 3 }]);
  request.choose("page");
  request.onSessionInfo(PAGE, PAGE);
  expect(sent()).toEqual([{ type: "view", mode: "page", scale: 1 }]);
  request.choose("challenge");
  request.onSessionInfo(CHALLENGE, PAGE);
  expect(sent()).toEqual([{ type: "view", mode: "challenge", scale: 3 }]);
});

test("[W14] a server that begins with the page, as was offered, is told once, and the challenge is still asked for", () => {
  const screen = { density: 2, isOpen: true };
  const { request, sent } = requestOn(screen);
  request.onSessionInfo(CHALLENGE, PAGE);
  request.choose("page");
  request.forget();
  sent();
  request.onSessionInfo(PAGE, PAGE);
  expect(sent()).toEqual([{ type: "view", mode: "page", scale: 1 }]);
  request.choose("challenge");
  expect(sent()).toEqual([{ type: "view", mode: "challenge", scale: 2 }]);
});

test("[W14] the mode outlives the connection: it is asked for again after a reconnect", () => {
  const screen = { density: 2, isOpen: true };
  const { request, sent } = requestOn(screen);
  request.onSessionInfo(CHALLENGE, PAGE);
  request.choose("page");
  sent();
  request.forget();
  request.update();
  request.choose("challenge");
  request.choose("page");
  expect(sent()).toEqual([]);
  request.onSessionInfo(CHALLENGE, PAGE);
  expect(sent()).toEqual([{ type: "view", mode: "page", scale: 1 }]);
});

test("[W14] what could not be sent is sent later", () => {
  const screen = { density: 2, isOpen: false };
  const { request, sent } = requestOn(screen);
  request.onSessionInfo(CHALLENGE, PAGE);
  screen.isOpen = true;
  request.update();
  expect(sent()).toHaveLength(1);
});

/** Fingers on a pinch: each call says whether the finger is the pinch's; `told` has the reported directions. */
function hands() {
  const told: string[] = [];
  const pinch = new Pinch((direction) => told.push(direction));
  const finger = (pointerId: number, clientX: number, pointerType = "touch") => ({
    pointerId,
    pointerType,
    isPrimary: pointerId === 1,
    clientX,
    clientY: 50,
  });
  return { pinch, finger, told };
}

test("[W14] one finger, a mouse and a pen are never a pinch", () => {
  const { pinch, finger, told } = hands();
  expect(pinch.down(finger(1, 100))).toBe(false);
  expect(pinch.move(finger(1, 300))).toBe(false);
  expect(pinch.up(finger(1, 300))).toBe(false);
  expect([pinch.down(finger(1, 100, "mouse")), pinch.down(finger(2, 200, "pen"))]).toEqual([false, false]);
  expect(told).toEqual([]);
});

for (const [direction, to] of [
  ["together", 200],
  ["apart", 420],
] as const) {
  test(`[W14] two fingers ${direction} are reported once, and stay a pinch until both are up`, () => {
    const { pinch, finger, told } = hands();
    pinch.down(finger(1, 100));
    expect(pinch.down(finger(2, 300))).toBe(true);
    expect(pinch.move(finger(2, 300))).toBe(true);
    expect(told).toEqual([]);
    expect(pinch.move(finger(2, to))).toBe(true);
    pinch.move(finger(2, 300));
    pinch.move(finger(2, to));
    expect(told).toEqual([direction]);
    expect(pinch.up(finger(2, to))).toBe(true);
    expect(pinch.move(finger(1, 500))).toBe(true);
    expect(pinch.up(finger(1, 500))).toBe(true);
    expect(pinch.down(finger(1, 100))).toBe(false);
  });
}

test("[W14] trembling fingers, three fingers and fingers whose lift was lost switch nothing", () => {
  const { pinch, finger, told } = hands();
  pinch.down(finger(1, 100));
  pinch.down(finger(2, 130));
  pinch.move(finger(2, 145));
  pinch.down(finger(3, 600));
  pinch.move(finger(3, 140));
  expect(told).toEqual([]);
  expect(pinch.down(finger(1, 100))).toBe(false);
  expect(pinch.move(finger(2, 900))).toBe(false);
});

test("[W14] the shortcut is Alt and the key where V is, whatever it types; not AltGr, not an input method's", () => {
  const press = (changes: Partial<KeyboardEvent> = {}, altGraph = false) =>
    isShortcut({
      ...{
        code: "KeyV",
        altKey: true,
        ctrlKey: false,
        metaKey: false,
        shiftKey: false,
        isComposing: false,
        keyCode: 86,
      },
      ...changes,
      getModifierState: () => altGraph,
    });
  expect(press()).toBe(true);
  expect(press({ key: "√" })).toBe(true);
  expect(press({}, true)).toBe(false);
  expect(press({ altKey: false })).toBe(false);
  expect(press({ ctrlKey: true })).toBe(false);
  expect(press({ code: "KeyB" })).toBe(false);
  expect(press({ isComposing: true })).toBe(false);
  expect(press({ keyCode: 229 })).toBe(false);
});
