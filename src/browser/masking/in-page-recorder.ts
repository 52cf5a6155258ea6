/**
 * What runs inside pages to record where secret fields are: passwords and one-time codes. Each function is sent as text,
 * so it uses nothing from outside of itself. It runs in an isolated world and changes nothing in the page.
 */
import type { Rect } from "../../protocol/common.ts";
import type { RootsWorld } from "../tabs/in-page-roots.ts";

/** How long positions are kept, ms. The recorder has the same number, as it runs inside the page. */
export const RECORD_KEPT_MS = 4_000;

export interface SecretAnswer {
  /** For how long this document has been recorded without a gap, ms. */
  readonly ageMs: number;
  /** What each secret field covered within the window, and each frame that was removed since, in the frame's CSS px. */
  readonly boxes: readonly Rect[];
}

/** Where a frame's element was within the window, in CSS px of the document that contains it. */
export interface FrameTrack {
  /** All that the element covered; null: nothing. */
  readonly box: Rect | null;
  /** The element has not moved, and is neither rotated nor skewed: boxes inside of it can be placed on the page. */
  readonly isStill: boolean;
}

/** Sides in CSS px. */
interface Sides {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

interface Recorder {
  /** When the record began, or began again after an element was found that may have been there unrecorded. */
  since: number;
  /** When the recorder stops, unless it is asked before. */
  until: number;
  isRunning: boolean;
  /** The recorded document. A frame keeps its world when its first empty document is replaced: that record is useless. */
  of: Document;
  tick(): void;
  findRoots(): void;
  covered(element: Element, windowMs: number): Sides | null;
  /** Whether this element was tracked already; from now on it is. */
  knows(element: Element): boolean;
  readonly tracks: ReadonlyMap<Element, unknown>;
}

export type RecorderWorld = RootsWorld & { captchaRemoteRecorder?: Recorder };

/**
 * Records where secret fields and frames are, at each animation frame of the page. Returns what they covered in the last
 * `windowMs`. The recorder stops by itself when it has not been asked for a while.
 */
export function recordSecrets(windowMs: number): SecretAnswer {
  /** As RECORD_KEPT_MS. */
  const KEPT_MS = 4_000;
  const STOP_AFTER_MS = 3_000;
  /** A page with more elements than this is not followed: it counts as never recorded. */
  const MAX_TRACKED = 300;
  const MAX_STEPS = 100;
  /** The browser draws on while scripts are busy: after a longer gap the way that an element took is unknown. */
  const MAX_GAP_MS = 100;
  const TAGS = ["input", "textarea", "iframe", "frame", "object", "embed"];
  /** `all`: what the element covered from the step before until `until`. `at`: where it was at `until`. */
  interface Step {
    until: number;
    all: Sides;
    readonly at: Sides;
  }
  const world = globalThis as RecorderWorld;

  const sides = ["left", "top", "right", "bottom"] as const;
  const hull = (a: Sides, b: Sides): Sides => ({
    left: Math.min(a.left, b.left),
    top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right),
    bottom: Math.max(a.bottom, b.bottom),
  });
  /** The area between two positions, and as much around it: the way may have turned in between. */
  const swept = (from: Sides, to: Sides): Sides => {
    const far = Math.max(...sides.map((side) => Math.abs(to[side] - from[side])));
    const { left, top, right, bottom } = hull(from, to);
    return { left: left - far, top: top - far, right: right + far, bottom: bottom + far };
  };
  const isSame = (a: Sides, b: Sides) => sides.every((side) => a[side] === b[side]);
  const isInside = (element: Element, outer: Element): boolean => {
    for (let node: Node | null = element; node; node = node instanceof ShadowRoot ? node.host : node.parentNode) {
      if (node === outer) return true;
    }
    return false;
  };
  const isAnimated = (element: Element) =>
    document.getAnimations().some(({ effect }) => {
      const target = effect instanceof KeyframeEffect ? effect.target : null;
      return target !== null && isInside(element, target);
    });

  const startRecorder = (): Recorder => {
    const passwords = world.captchaRemotePasswords ?? new WeakSet<Element>();
    world.captchaRemotePasswords = passwords;
    const tracks = new Map<Element, Step[]>();
    const added = new Set<Element>();
    const shadows = new Set<ShadowRoot>();
    // Live lists, which the browser updates by itself: reading them at every frame costs next to nothing.
    const lists = TAGS.map((tag) => document.getElementsByTagName(tag));
    let lastTick = performance.now();
    let hasTicked = false;

    const isField = (element: Element) => element.localName === "input" || element.localName === "textarea";
    const isSecret = (element: Element): boolean => {
      if (passwords.has(element)) return true;
      if ("type" in element && element.type === "password") {
        // The field stays secret when the page shows it as text.
        passwords.add(element);
        return true;
      }
      const tokens = element.getAttribute("autocomplete")?.toLowerCase().split(/\s+/);
      return tokens?.includes("one-time-code") ?? false;
    };
    const isTracked = (element: Element) => !isField(element) || isSecret(element);

    const note = (element: Element, now: number, wasLong: boolean) => {
      const { left, top, right, bottom } = element.getBoundingClientRect();
      if (right <= left || bottom <= top) return;
      const at = { left, top, right, bottom };
      const steps = tracks.get(element) ?? [];
      tracks.set(element, steps);
      const last = steps.at(-1);
      const isResting = last !== undefined && isSame(last.at, at);
      if (wasLong && last && (!isResting || isAnimated(element))) recorder.since = now;
      if (last && isResting && isSame(last.all, at)) {
        last.until = now;
        return;
      }
      steps.push({ until: now, all: last && !isResting ? swept(last.at, at) : at, at });
      const [first, second] = steps;
      if (steps.length <= MAX_STEPS || !first || !second) return;
      second.all = hull(first.all, second.all);
      steps.shift();
    };

    const recorder: Recorder = {
      since: performance.now(),
      until: 0,
      isRunning: true,
      of: document,
      tracks,
      tick() {
        const now = performance.now();
        for (const [element, steps] of tracks) {
          const last = steps.at(-1);
          // An element that was there at the last tick was there until this one.
          if (last?.until === lastTick) last.until = now;
          if (!last || last.until < now - KEPT_MS) tracks.delete(element);
        }
        const wasLong = now - lastTick > MAX_GAP_MS;
        lastTick = now;
        hasTicked = true;
        for (const list of lists) for (const element of list) if (isTracked(element)) note(element, now, wasLong);
        for (const root of shadows) {
          for (const element of root.querySelectorAll(TAGS.join())) if (isTracked(element)) note(element, now, wasLong);
        }
        for (const element of added) {
          if (element.isConnected) note(element, now, wasLong);
          else added.delete(element);
        }
        if (tracks.size > MAX_TRACKED) recorder.since = now;
      },
      findRoots() {
        for (const root of shadows) if (!root.isConnected) shadows.delete(root);
        const add = (root: ShadowRoot) => {
          if (!shadows.has(root)) {
            shadows.add(root);
            // Its elements may have been elsewhere while they were not recorded.
            if ([...root.querySelectorAll(TAGS.join())].some(isTracked)) recorder.since = performance.now();
          }
          look(root);
        };
        const look = (root: Document | ShadowRoot) => {
          for (const { shadowRoot } of root.querySelectorAll("*")) if (shadowRoot) add(shadowRoot);
        };
        look(document);
        for (const root of world.captchaRemoteClosedRoots ?? []) if (root.isConnected) add(root);
        // What is in the others is not recorded.
        if (world.hasMoreRoots) recorder.since = performance.now();
      },
      covered(element, lastMs) {
        const from = performance.now() - lastMs;
        const steps = (tracks.get(element) ?? []).filter(({ until }) => until >= from);
        return steps.length === 0 ? null : steps.map(({ all }) => all).reduce(hull);
      },
      knows(element) {
        const root = element.getRootNode();
        if (root === document || (root instanceof ShadowRoot && shadows.has(root)) || added.has(element)) return true;
        added.add(element);
        recorder.since = performance.now();
        return false;
      },
    };

    // Runs just after layout and before painting: it reads what will be drawn. It disconnects at once, or a page that
    // changes its size in an observer of its own would get an error event.
    const observer = new ResizeObserver(() => {
      observer.disconnect();
      recorder.tick();
    });
    const loop = () => {
      if (!hasTicked) recorder.tick();
      hasTicked = false;
      recorder.isRunning = performance.now() < recorder.until;
      if (!recorder.isRunning) return;
      if (document.documentElement) observer.observe(document.documentElement);
      requestAnimationFrame(loop);
    };
    // The browser has shown another document meanwhile.
    addEventListener("pageshow", ({ persisted }) => {
      if (persisted) recorder.since = performance.now();
    });
    requestAnimationFrame(loop);
    return recorder;
  };

  const known = world.captchaRemoteRecorder;
  const isKnown = known?.isRunning && known.of === document && performance.now() < known.until;
  const recorder = isKnown ? known : startRecorder();
  world.captchaRemoteRecorder = recorder;
  recorder.until = performance.now() + STOP_AFTER_MS;
  recorder.findRoots();
  recorder.tick();
  const boxes: Rect[] = [];
  for (const element of recorder.tracks.keys()) {
    const isField = element.localName === "input" || element.localName === "textarea";
    // A frame that is still there is recorded by itself.
    const all = isField || !element.isConnected ? recorder.covered(element, windowMs) : null;
    if (all) boxes.push({ x: all.left, y: all.top, width: all.right - all.left, height: all.bottom - all.top });
  }
  // A view transition draws a snapshot of an earlier state, possibly of another document, over the page.
  const isTransition = document.getAnimations().some(({ effect }) => {
    return effect instanceof KeyframeEffect && effect.pseudoElement?.startsWith("::view-transition");
  });
  if (isTransition) recorder.since = performance.now();
  return { ageMs: performance.now() - recorder.since, boxes };
}

/**
 * Runs on a frame's element, in a document that is recorded. Returns where the element was in the last `windowMs`. Throws
 * the first time, for an element that was not recorded before.
 */
export function trackFrame(this: Element, windowMs: number): FrameTrack {
  const { captchaRemoteRecorder: recorder } = globalThis as RecorderWorld;
  // In a closed shadow root that is not found yet: where it was until now is unknown.
  if (!recorder?.knows(this)) throw new Error("The frame's element is not recorded yet.");
  recorder.tick();
  const all = recorder.covered(this, windowMs);
  if (!all) return { box: null, isStill: false };
  const isUpright = (element: Element): boolean => {
    const { transform, rotate, scale, perspective, offsetPath } = getComputedStyle(element);
    const matrix = transform === "none" ? null : new DOMMatrixReadOnly(transform);
    const isStraight = !matrix || (matrix.is2D && matrix.b === 0 && matrix.c === 0 && matrix.a === matrix.d);
    return isStraight && [rotate, scale, perspective, offsetPath].every((value) => value === "none" || value === "");
  };
  let isStill = true;
  for (let node: Node | null = this; node; node = node instanceof ShadowRoot ? node.host : node.parentNode) {
    if (node instanceof Element && !isUpright(node)) isStill = false;
  }
  const { left, top, right, bottom } = this.getBoundingClientRect();
  const hasMoved = all.left < left || all.top < top || all.right > right || all.bottom > bottom;
  const box = { x: all.left, y: all.top, width: all.right - all.left, height: all.bottom - all.top };
  return { box, isStill: isStill && !hasMoved };
}
