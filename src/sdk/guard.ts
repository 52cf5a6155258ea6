/** Blocks the bot's own actions on a page that a person works on: they fail with a clear error instead of interfering. */
/// <reference lib="esnext.disposable" preserve="true" />
import { CaptchaRemoteError } from "./errors.ts";

/** The parts that Playwright's and Puppeteer's pages have in common. */
export interface GuardablePage {
  readonly mouse: object;
  readonly keyboard: object;
  readonly touchscreen: object;
  frames(): readonly object[];
  on(event: "frameattached", listener: (frame: object) => void): unknown;
  off(event: "frameattached", listener: (frame: object) => void): unknown;
}

/** A guard of one page. `using` releases it at the end of the block. */
export interface Guard extends Disposable {
  /** Lets the bot act on the page again, unless another guard is still on. A second call does nothing. */
  release(): void;
}

type Method = (...parameters: unknown[]) => unknown;

/** The input actions of pages, frames, elements and locators, which share these names; one that an object lacks is left out. */
const ACTIONS = [
  ...["click", "dblclick", "tap", "hover", "press", "type", "fill", "focus", "check", "uncheck", "setChecked"],
  ...["select", "selectOption", "selectText", "setInputFiles", "uploadFile", "autofill", "dispatchEvent", "scroll"],
  ...["drag", "dragEnter", "dragOver", "drop", "dragAndDrop", "_drop", "touchStart", "touchMove", "touchEnd"],
];
/** Actions that would take the challenge away under the person's hands, or move it. */
const UPHEAVALS = ["goto", "reload", "goBack", "goForward", "setContent", "setViewportSize", "setViewport"];
const HANDS = {
  mouse: [
    "click",
    "dblclick",
    "down",
    "move",
    "up",
    "wheel",
    "drag",
    "dragEnter",
    "dragOver",
    "drop",
    "dragAndDrop",
    "reset",
  ],
  keyboard: ["down", "up", "press", "type", "insertText", "sendCharacter"],
  touchscreen: ["tap", "touchStart", "touchMove", "touchEnd"],
} as const;
/** Methods that return elements. They keep working, and their elements are blocked too. */
const FINDERS = ["$", "$$", "waitForSelector"];
/** Methods that derive a locator from a locator. Puppeteer's locators retry after any error until they time out, so they are blocked themselves. */
const LOCATOR_STEPS = [
  ...["setTimeout", "setVisibility", "setWaitForEnabled", "setEnsureElementIsInTheViewport"],
  ...["setWaitForStableBoundingBox", "clone", "filter", "map"],
];

/** One page's guards: how many are on, and how to restore the page. */
interface Hold {
  count: number;
  readonly restore: (() => void)[];
  /** Elements and locators that were returned under a guard; held weakly. */
  readonly derived: WeakSet<object>;
}

/** Shared by all copies of this module in the process; a `Hold` of another shape gets another name. */
const HOLDS = Symbol.for("captcha-remote.guard.holds.1");
const shared = globalThis as { [HOLDS]?: WeakMap<GuardablePage, Hold> };
/** Outlives the guards, so that an element found under one guard is blocked by the next one too. */
shared[HOLDS] ??= new WeakMap<GuardablePage, Hold>();
const holds = shared[HOLDS];
/** Symbol.dispose exists in Node 20 and later; an engine without it has no `using` either. */
const DISPOSE: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for("Symbol.dispose");

/**
 * Until the guard is released, the bot's actions on this page (its mouse, keyboard and touchscreen, its frames, also later
 * ones) reject with CaptchaRemoteError `page_in_use`. Reading goes on: evaluate, content, screenshot, and every wait.
 * Nothing changes in the web page itself. Several guards on one page add up.
 */
export function guard(page: GuardablePage): Guard {
  const hold = holds.get(page) ?? { count: 0, restore: [], derived: new WeakSet() };
  holds.set(page, hold);
  if (hold.count === 0) blockPage(page, hold);
  hold.count += 1;
  let isOn = true;
  const release = () => {
    if (!isOn) return;
    isOn = false;
    hold.count -= 1;
    if (hold.count === 0) putBack(hold);
  };
  return { release, [DISPOSE]: release };
}

/** Blocks all actions of the page. If an error is thrown, everything is restored first. */
function blockPage(page: GuardablePage, hold: Hold): void {
  const { restore } = hold;
  const block = (target: object, name: string) => {
    for (const method of [...ACTIONS, ...UPHEAVALS])
      restore.push(replace(target, method, refusal(`${name}.${method}`)));
    for (const method of FINDERS) restore.push(replace(target, method, finder(hold)));
    restore.push(replace(target, "locator", step(hold)));
  };
  const onFrame = (frame: object) => block(frame, "frame");
  try {
    for (const hand of ["mouse", "keyboard", "touchscreen"] as const) {
      for (const method of HANDS[hand]) restore.push(replace(page[hand], method, refusal(`${hand}.${method}`)));
    }
    block(page, "page");
    page.frames().forEach(onFrame);
    page.on("frameattached", onFrame);
    restore.push(() => page.off("frameattached", onFrame));
  } catch (error) {
    putBack(hold);
    throw error;
  }
}

/** Undoes the changes in reverse order. */
function putBack({ restore }: Hold): void {
  for (const undo of restore.splice(0).reverse()) undo();
}

/** Blocks an element or locator. It is never restored: without a guard its methods pass calls through. There may be many, and they are short-lived. */
function blockDerived(hold: Hold, target: unknown, name: "element" | "locator"): void {
  if (typeof target !== "object" || target === null || hold.derived.has(target)) return;
  hold.derived.add(target);
  for (const method of ACTIONS) {
    replace(target, method, (original) => (...parameters) => {
      return hold.count > 0 ? Promise.reject(inUse(`${name}.${method}`)) : original(...parameters);
    });
  }
  if (name === "locator") for (const method of LOCATOR_STEPS) replace(target, method, step(hold));
  else for (const method of FINDERS) replace(target, method, finder(hold));
}

function finder(hold: Hold): (original: Method) => Method {
  return (original) =>
    async (...parameters) => {
      const found = await original(...parameters);
      for (const element of [found].flat()) blockDerived(hold, element, "element");
      return found;
    };
}

function step(hold: Hold): (original: Method) => Method {
  return (original) =>
    (...parameters) => {
      const locator = original(...parameters);
      blockDerived(hold, locator, "locator");
      return locator;
    };
}

function refusal(action: string): (original: Method) => Method {
  return () => () => Promise.reject(inUse(action));
}

/** Shadows a method with one of the object's own; returns a function that removes it. */
function replace(target: object, method: string, make: (original: Method) => Method): () => void {
  const original: unknown = Reflect.get(target, method);
  if (typeof original !== "function") return () => {};
  const before = Object.getOwnPropertyDescriptor(target, method);
  const value = make((...parameters) => Reflect.apply(original, target, parameters));
  Object.defineProperty(target, method, { value, configurable: true, writable: true, enumerable: false });
  return () => {
    if (before) Object.defineProperty(target, method, before);
    else Reflect.deleteProperty(target, method);
  };
}

function inUse(action: string): CaptchaRemoteError {
  const message =
    `A person holds this page, and ${action} would get in the way: wait for the session's result first` +
    " (waitUntilDone), then release the guard.";
  return new CaptchaRemoteError("page_in_use", message, { details: { action } });
}
