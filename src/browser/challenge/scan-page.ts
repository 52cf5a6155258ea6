/** Scans all frames of a page once: where the challenge is, and what the completion rules need to know. */
import type { ChallengeKind } from "../../config.ts";
import type { CaptchaInfo, Rect, Size } from "../../protocol/common.ts";
import type { Completion, Rule } from "../../protocol/rest.ts";
import { intersect, roundOut } from "../../util/rect.ts";
import { mapBox } from "../tabs/frame-geometry.ts";
import type { FrameRect, FrameRef, PageFrames } from "../tabs/frames.ts";
import { askFrame, type FrameAnswer, type FrameQuestion, matchesText } from "./in-page-scripts.ts";
import { matchingPart } from "./kinds.ts";

/** The longest that a text rule's pattern may run in the page's process: it comes from outside. */
const TEXT_RULE_TIMEOUT_MS = 100;

export interface TextRule {
  readonly selector: string;
  readonly pattern: string;
}

/** What every frame is asked, put together once for each session. */
export interface ScanPlan extends Omit<FrameQuestion, "guardMs"> {
  readonly kinds: readonly ChallengeKind[];
  readonly texts: readonly TextRule[];
}

export interface FrameScan {
  readonly frame: FrameRef;
  readonly answer: FrameAnswer;
  /**
   * The frame's content box on the page. Known for frames with a match, and for frames with a process of their own, as
   * input is sent to those directly; else null.
   */
  readonly rect: FrameRect | null;
  readonly texts: readonly (boolean | "unknown")[];
}

export interface PageScan {
  readonly frames: readonly FrameScan[];
  readonly challenge: CaptchaInfo | null;
  /** The frame whose document contains the challenge's element. */
  readonly challengeFrame: FrameRef | null;
  /** The kinds with a visible box now, each with the frame that the box is in. */
  readonly kinds: ReadonlyMap<string, FrameRef>;
  /** The main document's scroll offset, CSS px. */
  readonly scroll: { readonly x: number; readonly y: number };
  /** The page's size now, CSS px. */
  readonly viewport: Size;
  readonly hidden: boolean;
  /** The value of PageFrames.version before this scan. */
  readonly framesVersion: number;
}

/** Collects the selectors and patterns that the kinds and the completion rules need. */
export function planScan(kinds: readonly ChallengeKind[], completion: Completion | undefined): ScanPlan {
  const rules: Rule[] = [...(completion?.all ?? []), ...(completion?.any ?? [])];
  const done = kinds.flatMap((kind) => kind.done);
  return {
    kinds,
    selectors: unique([
      ...kinds.flatMap((kind) => kind.selectors),
      ...done.flatMap((rule) => ("visible" in rule ? [rule.visible] : [])),
      ...rules.flatMap((rule) => ("gone" in rule ? [rule.gone] : "visible" in rule ? [rule.visible] : [])),
    ]),
    values: unique([
      ...done.flatMap((rule) => ("value" in rule ? [rule.value] : [])),
      ...rules.flatMap((rule) => ("value" in rule ? [rule.value] : [])),
    ]),
    texts: rules.flatMap((rule) => ("text" in rule ? [{ selector: rule.text, pattern: rule.matches }] : [])),
  };
}

/** Scans the page. `guardMs` as in FrameQuestion. Throws when a frame does not answer: the page's state is unknown then. */
export async function scanPage(frames: PageFrames, plan: ScanPlan, guardMs: number): Promise<PageScan> {
  const framesVersion = frames.version;
  const scans = await Promise.all((await frames.list()).map((frame) => scanFrame(frames, frame, plan, guardMs)));
  const kinds = new Map<string, FrameRef>();
  let best: FoundKind | null = null;
  for (const kind of plan.kinds) {
    const found = findKind(kind, plan, scans);
    if (!found) continue;
    kinds.set(kind.kind, found.frame);
    best ??= found;
  }
  const main = scans.find((scan) => scan.frame.parent === null);
  if (!main) throw new Error("The page has no main frame.");
  const { scrollX, scrollY, width, height, hidden } = main.answer;
  return {
    frames: scans,
    challenge: best?.info ?? null,
    challengeFrame: best?.holder ?? null,
    kinds,
    scroll: { x: scrollX, y: scrollY },
    viewport: { width, height },
    hidden,
    framesVersion,
  };
}

async function scanFrame(frames: PageFrames, frame: FrameRef, plan: ScanPlan, guardMs: number): Promise<FrameScan> {
  const { selectors, values } = plan;
  const [answer, texts] = await Promise.all([
    frames.run(frame, askFrame, { selectors, values, guardMs }),
    Promise.all(plan.texts.map((rule) => runTextRule(frames, frame, rule))),
  ]);
  const isOfInterest =
    frames.isRemote(frame) || answer.boxes.some((boxes) => boxes.length > 0) || isKindByUrl(plan, frame);
  return { frame, answer, texts, rect: isOfInterest ? await frames.rectOf(frame) : null };
}

/** The first frame with a visible match of the selector. */
export function visibleMatch(scan: PageScan, plan: ScanPlan, selector: string): FrameRef | undefined {
  const index = plan.selectors.indexOf(selector);
  return scan.frames.find((frame) => pageBoxes(frame, index).length > 0)?.frame;
}

/** The first frame with a matching field that has a value. */
export function filledMatch(scan: PageScan, plan: ScanPlan, selector: string): FrameRef | undefined {
  const index = plan.values.indexOf(selector);
  return scan.frames.find((frame) => frame.answer.filled[index])?.frame;
}

interface FoundKind {
  /** The frame that is the challenge, or contains it. */
  readonly frame: FrameRef;
  /** The frame in whose document the selector matches. */
  readonly holder: FrameRef;
  readonly info: CaptchaInfo;
}

function findKind(kind: ChallengeKind, plan: ScanPlan, scans: readonly FrameScan[]): FoundKind | null {
  for (const { frame, rect } of scans) {
    const pattern = frame.parent === null ? undefined : matchingPart(frame.url, kind.frame_urls);
    if (pattern === undefined || !rect?.visible) continue;
    return { ...found(kind, frame, `iframe[src*="${pattern}"]`, rect), holder: frame.parent ?? frame };
  }
  for (const selector of kind.selectors) {
    const index = plan.selectors.indexOf(selector);
    for (const scan of scans) {
      const box = pageBoxes(scan, index).find(
        ({ width, height }) => width >= kind.min_width && height >= kind.min_height,
      );
      if (box) return found(kind, scan.frame, selector, insideFrame(box, scan));
    }
  }
  return null;
}

function found({ kind }: ChallengeKind, frame: FrameRef, selector: string, box: Rect): FoundKind {
  return { frame, holder: frame, info: { selector, ...roundOut(box), in_iframe: frame.parent !== null, kind } };
}

function insideFrame(box: Rect, { frame, rect }: FrameScan): Rect {
  return frame.parent && rect ? (intersect(box, rect) ?? box) : box;
}

/** The visible matches of a selector as boxes of the page, CSS px. Those that are scrolled out of their frame count too. */
function pageBoxes({ answer, rect }: FrameScan, selectorIndex: number): Rect[] {
  if (!rect?.visible) return [];
  return (answer.boxes[selectorIndex] ?? []).map((box) => mapBox(rect.toPage, box));
}

function isKindByUrl({ kinds }: ScanPlan, { parent, url }: FrameRef): boolean {
  return parent !== null && kinds.some(({ frame_urls }) => matchingPart(url, frame_urls) !== undefined);
}

async function runTextRule(frames: PageFrames, frame: FrameRef, rule: TextRule): Promise<boolean | "unknown"> {
  return frames.run(frame, matchesText, rule, TEXT_RULE_TIMEOUT_MS).catch(() => "unknown" as const);
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
