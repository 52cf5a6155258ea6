/** A press, moves and a release by each hand, as messages of the operator socket and as DevTools input. */
import type { ClientMessage } from "../../src/protocol/live.ts";
import type { CdpSession } from "../cdp.ts";
import type { Point } from "../moves.ts";
import { type Hand, STEP_KEY } from "../page.ts";
import type { Line } from "./way.ts";

type Acts = Pick<Line, "press" | "move" | "release">;

/** Number of the finger. */
const FINGER = 1;
/** After the last step: the page reports. */
const LAST_KEY = { key: "Enter", code: "Enter", keyCode: 13 };

/** `place`: where a point of the drag is for the receiver, CSS px. */
export function actsByMessages(
  hand: Hand,
  send: (message: ClientMessage) => void,
  place: (point: Point) => Point,
): Acts {
  const mouse = (event_type: "down" | "move" | "up", at: Point, buttons: number) => {
    const button = event_type === "move" ? {} : { button: "left" as const };
    send({ type: "mouse_event", event_type, ...place(at), ...button, buttons, t: performance.now() });
  };
  const finger = (event_type: "start" | "move" | "end", at: Point) => {
    send({ type: "touch_event", event_type, touches: [{ id: FINGER, ...place(at) }], t: performance.now() });
  };
  const tap = ({ key, code }: typeof LAST_KEY) => {
    for (const event_type of ["down", "up"] as const) send({ type: "key", event_type, key, code, modifiers: 0 });
  };
  const acts: Record<Hand, Acts> = {
    mouse: {
      press: (at) => {
        mouse("move", at, 0);
        mouse("down", at, 1);
      },
      move: (to) => mouse("move", to, 1),
      release: (at) => mouse("up", at, 0),
    },
    finger: {
      press: (at) => finger("start", at),
      move: (to) => finger("move", to),
      release: (at) => finger("end", at),
    },
    keys: {
      press: (at) => {
        mouse("down", at, 1);
        mouse("up", at, 0);
      },
      move: () => tap(STEP_KEY),
      release: () => tap(LAST_KEY),
    },
  };
  return acts[hand];
}

export function actsByDevTools(hand: Hand, page: CdpSession, place: (point: Point) => Point): Acts {
  const mouse = (type: string, at: Point, button: "left" | "none", buttons: number) => {
    const clickCount = type === "mouseMoved" ? 0 : 1;
    page.post("Input.dispatchMouseEvent", { type, ...place(at), button, buttons, clickCount });
  };
  const finger = (type: "touchStart" | "touchMove" | "touchEnd", points: readonly Point[]) => {
    page.post("Input.dispatchTouchEvent", { type, touchPoints: points.map((at) => ({ id: FINGER, ...place(at) })) });
  };
  const tap = ({ key, code, keyCode }: typeof LAST_KEY, text: string) => {
    const common = { key, code, windowsVirtualKeyCode: keyCode };
    page.post("Input.dispatchKeyEvent", { type: "keyDown", ...common, text });
    page.post("Input.dispatchKeyEvent", { type: "keyUp", ...common });
  };
  const acts: Record<Hand, Acts> = {
    mouse: {
      press: (at) => {
        mouse("mouseMoved", at, "none", 0);
        mouse("mousePressed", at, "left", 1);
      },
      move: (to) => mouse("mouseMoved", to, "left", 1),
      release: (at) => mouse("mouseReleased", at, "left", 0),
    },
    finger: {
      press: (at) => finger("touchStart", [at]),
      move: (to) => finger("touchMove", [to]),
      release: () => finger("touchEnd", []),
    },
    keys: {
      press: (at) => {
        mouse("mousePressed", at, "left", 1);
        mouse("mouseReleased", at, "left", 0);
      },
      move: () => tap(STEP_KEY, STEP_KEY.key),
      release: () => tap(LAST_KEY, "\r"),
    },
  };
  return acts[hand];
}
