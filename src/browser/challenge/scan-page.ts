/** Scans all frames of a page: what shows of the known kinds, and what the completion rules need to know. */
import type { ChallengeKind } from "../../config.ts";
import type { Rect, Size } from "../../protocol/common.ts";
import type { Completion, Rule } from "../../protocol/rest.ts";
import { intersect } from "../../util/rect.ts";
import { mapBox } from "../tabs/frame-geometry.ts";
import type { FrameRect, FrameRef, PageFrames } from "../tabs/frames.ts";
import {
  type KindAnswer,
  type KindMatch,
  type MatchState,
  makeScanner,
  type ScanAnswer,
  type ScannerWorld,
  type ScanQuestion,
} from "./in-page-scanner.ts";
import { matchesText } from "./in-page-scripts.ts";
import { isParked, shownBox } from "./in-page-visibility.ts";
import { fieldsOf, matchingPart } from "./kinds.ts";
import { keyed } from "./selector-key.ts";

/** The longest that a text rule's pattern may run in the page's process: it comes from outside. */
const TEXT_RULE_TIMEOUT_MS = 100;
const MAX_NOTED = 200;
/** How often a document is searched for shadow roots. */
const ROOTS_EVERY_MS = 500;

export interface TextRule {
  readonly selector: string;
  readonly pattern: string;
}

/** What every frame is asked, put together once for each session. */
export interface ScanPlan {
  readonly kinds: readonly ChallengeKind[];
  readonly question: ScanQuestion;
  readonly texts: readonly TextRule[];
}

export interface FrameScan {
  readonly frame: FrameRef;
  readonly answer: ScanAnswer;
  /** When the frame had answered, monotonic ms. */
  readonly at: number;
  /**
   * The frame's content box on the page. Known for frames with a match, and for frames with a process of their own, as
   * input is sent to those directly; else null.
   */
  readonly rect: FrameRect | null;
  readonly texts: readonly (boolean | "unknown")[];
}

/** A match of a known kind that shows on the page. */
export interface Sighting {
  readonly kind: ChallengeKind;
  /** Names the widget: the outermost match around it, in one document. */
  readonly widget: string;
  /** The frame whose document contains the element. */
  readonly holder: FrameRef;
  /** The frame that is the box, where the kind knows it by its URL; else the holder. */
  readonly frame: FrameRef;
  /** Whether the widget is nothing but a frame. */
  readonly isFrame: boolean;
  /** Its place in the kind's order of preference: frames by their URL first, then selectors. */
  readonly order: number;
  readonly selector: string;
  /** On the page, CSS px; the part that its frame shows. */
  readonly box: Rect;
  readonly state: MatchState;
}

/** A sign of success or a response field of a kind. */
export interface Sign {
  readonly kind: ChallengeKind;
  readonly done: ChallengeKind["done"][number];
  readonly holder: FrameRef;
  readonly id: string;
  /** The widgets that it is nearest to. */
  readonly owners: readonly string[];
  readonly isAnswered: boolean;
}

export interface PageScan {
  readonly frames: readonly FrameScan[];
  /** Frames that did not answer. */
  readonly silent: readonly FrameRef[];
  readonly main: FrameRef;
  /** In the order of the table, and of preference within a kind. */
  readonly sightings: readonly Sighting[];
  readonly signs: readonly Sign[];
  /** The widgets that are badges. */
  readonly badges: ReadonlySet<string>;
  /** The main document's scroll offset, CSS px. */
  readonly scroll: { readonly x: number; readonly y: number };
  /** The page's size now, CSS px. */
  readonly viewport: Size;
  readonly hidden: boolean;
  /** The value of PageFrames.version before this scan. */
  readonly framesVersion: number;
  /** When all frames had answered, monotonic ms: what was found was so before. */
  readonly at: number;
  /** Since when it was so at the latest, monotonic ms: the last change that a guard has seen in any frame; else `at`. */
  readonly since: number;
}

/** Collects the selectors and patterns that the kinds and the completion rules need. */
export function planScan(kinds: readonly ChallengeKind[], completion: Completion | undefined): ScanPlan {
  const rules: Rule[] = [...(completion?.all ?? []), ...(completion?.any ?? [])];
  const boxes = unique(
    rules.flatMap((rule) => ("gone" in rule ? [rule.gone] : "visible" in rule ? [rule.visible] : [])),
  );
  return {
    kinds,
    question: {
      kinds: kinds.map(({ selectors, not_when, working, done }) => ({
        selectors: selectors.map(keyed),
        notWhen: not_when.selectors.join(","),
        working: working.selectors.join(","),
        signs: done.flatMap((rule, index) => ("visible" in rule ? [{ ...keyed(rule.visible), done: index }] : [])),
        fields: done.flatMap((rule, index) =>
          "value" in rule ? [{ ...keyed(rule.value), done: index, noAnswer: rule.no_answer ?? null }] : [],
        ),
      })),
      boxes,
      visible: boxes.map((box) => rules.some((rule) => "visible" in rule && rule.visible === box)),
      values: unique(rules.flatMap((rule) => ("value" in rule ? [rule.value] : []))),
      named: kinds.flatMap(fieldsOf).map(({ name, noAnswer }) => ({ name, noAnswer: noAnswer?.source ?? null })),
    },
    texts: rules.flatMap((rule) => ("text" in rule ? [{ selector: rule.text, pattern: rule.matches }] : [])),
  };
}

/**
 * What a scan leaves in the page: it looks for `ms` after it, every `tickMs`, for what is visible for a moment only.
 * `isRipening`, for what the last scan left there: see Scanner.
 */
export interface Guard {
  readonly ms: number;
  readonly tickMs: number;
  readonly isRipening: boolean;
  /** What changes after it is to be told by the page itself (page-listener.ts). */
  readonly listens: boolean;
}

let lastVersion = 0;

export class PageScanner {
  readonly plan: ScanPlan;
  readonly #frames: PageFrames;
  readonly #version: number;
  /** The scanner's number of each frame's element that a kind knows by the frame's URL. */
  readonly #noted = new Map<string, number>();
  /** When each document was last searched for shadow roots, monotonic ms. */
  #rootsAt = new Map<string, number>();
  /** The main document that is known as a wall by its address. */
  #walledDocument: string | null = null;

  constructor(frames: PageFrames, plan: ScanPlan) {
    this.#frames = frames;
    this.plan = plan;
    lastVersion += 1;
    this.#version = lastVersion;
  }

  /** Scans once; `guard` as in Scanner. Rejects where the main frame does not answer: the page's state is unknown. */
  async scan(guard: Guard): Promise<PageScan> {
    const framesVersion = this.#frames.version;
    const frames = await this.#frames.list();
    const byUrl = frames.flatMap((frame) => this.#kindsByUrl(frame));
    await Promise.all([this.#note(byUrl), this.#findRoots(frames)]);
    const silent: FrameRef[] = [];
    const scans = (
      await Promise.all(
        frames.map((frame) =>
          this.#scanFrame(
            frame,
            guard,
            byUrl.some((known) => known.frame === frame),
          ).catch((error: unknown) => {
            if (frame.parent === null) throw error;
            silent.push(frame);
            return null;
          }),
        ),
      )
    ).filter((scan) => scan !== null);
    const main = scans.find((scan) => scan.frame.parent === null);
    if (!main) throw new Error("The page has no main frame.");
    const { scrollX, scrollY, width, height, hidden } = main.answer;
    return {
      at: Math.max(...scans.map(({ at }) => at)),
      since: Math.max(...scans.map(({ at, answer }) => at - answer.sameForMs)),
      frames: scans,
      silent,
      main: main.frame,
      sightings: this.#sightings(scans, byUrl, main),
      signs: scans.flatMap((scan) => this.#signs(scan)),
      badges: new Set(
        scans.flatMap((scan) =>
          scan.answer.kinds.flatMap(({ kind, badges }) => badges.map((id) => widgetKey(scan.frame, kind, id))),
        ),
      ),
      scroll: { x: scrollX, y: scrollY },
      viewport: { width, height },
      hidden,
      framesVersion,
    };
  }

  /** The kinds that know this frame by its URL, each with the place of that part in its list. */
  #kindsByUrl(frame: FrameRef): FrameByUrl[] {
    if (frame.parent === null) return [];
    return this.plan.kinds.flatMap((kind, index) => {
      const part = matchingPart(frame.address, kind.frame_urls);
      return part === undefined ? [] : [{ kind, index, frame, part }];
    });
  }

  /** Tells the scanner of the parent's document which elements these frames are. */
  async #note(byUrl: readonly FrameByUrl[]): Promise<void> {
    await Promise.all(
      byUrl.map(async ({ frame, index }) => {
        const { parent } = frame;
        const key = noteKey(frame, index);
        if (!parent || this.#noted.has(key)) return;
        try {
          await this.#install(parent);
          const id = await this.#frames.onOwner(frame, note, [index]);
          if (id === null) return;
          const [oldest] = this.#noted.keys();
          if (this.#noted.size >= MAX_NOTED && oldest !== undefined) this.#noted.delete(oldest);
          this.#noted.set(key, id);
        } catch {
          // The frame or its parent is gone, or the next scan succeeds.
        }
      }),
    );
  }

  async #findRoots(frames: readonly FrameRef[]): Promise<void> {
    const now = performance.now();
    const keys = new Map(frames.map((frame) => [documentKey(frame), frame]));
    const due = [...keys].filter(([key]) => now - (this.#rootsAt.get(key) ?? -Infinity) >= ROOTS_EVERY_MS);
    this.#rootsAt = new Map([...this.#rootsAt].filter(([key]) => keys.has(key)));
    for (const [key] of due) this.#rootsAt.set(key, now);
    // What is not found now is found by a later scan.
    await Promise.all(due.map(([, frame]) => this.#frames.findRoots(frame).catch(() => {})));
  }

  async #install(frame: FrameRef): Promise<void> {
    const isThere = await this.#frames.evaluate<boolean>(
      frame,
      `globalThis.captchaRemoteScanner?.version === ${this.#version}`,
    );
    if (isThere) return;
    const question = JSON.stringify({ version: this.#version, question: this.plan.question });
    await this.#frames.evaluate(frame, `(${makeScanner})(${question}, ${isParked}, ${shownBox})`);
  }

  /**
   * Whether a field or the address of one of these documents says something else than at the last scan. Rejects where one
   * does not answer.
   */
  async haveChanged(frames: readonly FrameRef[]): Promise<boolean> {
    const expression = `globalThis.captchaRemoteScanner?.version === ${this.#version} ? captchaRemoteScanner.hasChanged() : true`;
    const changed = await Promise.all(frames.map((frame) => this.#frames.evaluate<boolean>(frame, expression)));
    return changed.includes(true);
  }

  async #scanFrame(frame: FrameRef, { ms, tickMs, isRipening, listens }: Guard, isByUrl: boolean): Promise<FrameScan> {
    const given = [ms, tickMs, isRipening, listens].join(", ");
    const expression = `globalThis.captchaRemoteScanner?.version === ${this.#version} ? captchaRemoteScanner.scan(${given}) : null`;
    const [answer, texts] = await Promise.all([
      this.#frames.evaluate<ScanAnswer | null>(frame, expression).then(async (known) => {
        if (known) return known;
        await this.#install(frame);
        const first = await this.#frames.evaluate<ScanAnswer | null>(frame, expression);
        if (!first) throw new Error("The frame has another document now.");
        return first;
      }),
      Promise.all(this.plan.texts.map((rule) => this.#runTextRule(frame, rule))),
    ]);
    const at = performance.now();
    const isOfInterest =
      isByUrl ||
      this.#frames.isRemote(frame) ||
      answer.kinds.length > 0 ||
      answer.boxes.some((boxes) => boxes.length > 0);
    return { frame, answer, at, texts, rect: isOfInterest ? await this.#frames.rectOf(frame) : null };
  }

  async #runTextRule(frame: FrameRef, rule: TextRule): Promise<boolean | "unknown"> {
    return this.#frames.run(frame, matchesText, rule, TEXT_RULE_TIMEOUT_MS).catch(() => "unknown" as const);
  }

  #sightings(scans: readonly FrameScan[], byUrl: readonly FrameByUrl[], main: FrameScan): Sighting[] {
    const all = this.plan.kinds.flatMap((kind, index) => {
      const found = [
        ...byUrl.filter((known) => known.index === index).flatMap((known) => this.#frameSighting(known, scans)),
        ...scans.flatMap((scan) => this.#elementSightings(kind, index, scan)),
      ];
      return found.toSorted((a, b) => a.order - b.order);
    });
    return this.#withPageWalls(all, main).filter((sighting) => !isInsideOther(sighting, all));
  }

  /**
   * Adds the kinds that know the main document by its address and have no element of their own there. The address alone is
   * no wall: it comes as an error, or shows a challenge of any kind. Then its document is a wall until it is left.
   */
  #withPageWalls(sightings: readonly Sighting[], main: FrameScan): Sighting[] {
    const { frame, answer } = main;
    const isShown = sightings.some(({ state }) => state !== "badge");
    const walls = this.plan.kinds.filter((kind) => {
      if (matchingPart(frame.address, kind.page_urls) === undefined) return false;
      return !sightings.some((each) => each.kind === kind && each.state !== "badge");
    });
    if (walls.length === 0) return [...sightings];
    if (isShown || answer.status >= 400) this.#walledDocument = frame.loaderId;
    if (this.#walledDocument !== frame.loaderId) return [...sightings];
    const added = walls.map((kind) => pageSighting(kind, main));
    const order = (sighting: Sighting) => this.plan.kinds.indexOf(sighting.kind);
    return [...sightings, ...added].toSorted((a, b) => order(a) - order(b));
  }

  #frameSighting({ kind, index, frame, part }: FrameByUrl, scans: readonly FrameScan[]): Sighting[] {
    const { parent } = frame;
    const scan = scans.find((each) => each.frame === frame);
    const holder = parent && scans.find((each) => each.frame === parent);
    const id = this.#noted.get(noteKey(frame, index));
    const match = holder?.answer.kinds.find((each) => each.kind === index)?.matches.find((each) => each.id === id);
    // A frame that does not answer has no rectangle: its element's is as good.
    const rect = scan?.rect ?? (holder && match ? outerRect(match, holder) : null);
    if (!parent || !match || !rect?.visible) return [];
    const isBadge = matchingPart(frame.address, kind.not_when.frame_urls) !== undefined;
    const isWorking = matchingPart(frame.address, kind.working.frame_urls) !== undefined;
    return [
      {
        kind,
        widget: widgetKey(parent, index, match.widget),
        holder: parent,
        frame,
        isFrame: match.isFrame,
        order: kind.frame_urls.indexOf(part),
        selector: `iframe[src*="${part.split(" & ")[0]}"]`,
        box: rect,
        state: isBadge ? "badge" : isWorking ? "working" : match.state,
      },
    ];
  }

  #elementSightings(kind: ChallengeKind, index: number, scan: FrameScan): Sighting[] {
    const { frame, rect } = scan;
    if (!rect?.visible) return [];
    const isBadge = frame.parent !== null && matchingPart(frame.address, kind.not_when.frame_urls) !== undefined;
    return (scan.answer.kinds.find((each) => each.kind === index)?.matches ?? []).flatMap((match) => {
      const box = mapBox(rect.toPage, match.box);
      if (match.selector === null || box.width < kind.min_width || box.height < kind.min_height) return [];
      return [
        {
          kind,
          widget: widgetKey(frame, index, match.widget),
          holder: frame,
          frame,
          isFrame: match.isFrame,
          order: kind.frame_urls.length + match.selector,
          selector: kind.selectors[match.selector] ?? "",
          box: insideFrame(box, scan),
          state: isBadge ? "badge" : match.state,
        },
      ];
    });
  }

  #signs({ frame, answer, rect }: FrameScan): Sign[] {
    return answer.kinds.flatMap(({ kind: index, signs }: KindAnswer) => {
      const kind = this.plan.kinds[index];
      return signs.flatMap(({ done, id, owners, isAnswered }) => {
        const rule = kind?.done[done];
        if (!kind || !rule || ("visible" in rule && !rect?.visible)) return [];
        return [
          {
            kind,
            done: rule,
            holder: frame,
            id: `${frame.id} ${frame.loaderId} ${id}`,
            owners: owners.map((owner) => widgetKey(frame, index, owner)),
            isAnswered,
          },
        ];
      });
    });
  }
}

interface FrameByUrl {
  readonly kind: ChallengeKind;
  readonly index: number;
  readonly frame: FrameRef;
  /** The entry of frame_urls that its URL has. */
  readonly part: string;
}

/** Sent as text: runs on a frame's element, in the world of the document that contains it. */
function note(this: Element, kind: number): number | null {
  return (globalThis as ScannerWorld).captchaRemoteScanner?.note(this, kind) ?? null;
}

/** The first frame with a visible match of a bot's selector. */
export function visibleMatch(scan: PageScan, plan: ScanPlan, selector: string): FrameRef | undefined {
  const index = plan.question.boxes.indexOf(selector);
  return scan.frames.find(({ answer, rect }) => rect?.visible && (answer.boxes[index] ?? []).length > 0)?.frame;
}

/** The first frame with a field that matches a bot's selector and has a value. */
export function filledMatch(scan: PageScan, plan: ScanPlan, selector: string): FrameRef | undefined {
  const index = plan.question.values.indexOf(selector);
  return scan.frames.find((frame) => frame.answer.filled[index])?.frame;
}

/** Whether it is inside of a frame that another kind knows: what a vendor has in its frame is no other challenge. */
function isInsideOther(sighting: Sighting, all: readonly Sighting[]): boolean {
  return all.some(
    (other) =>
      other.kind !== sighting.kind &&
      other.kind.role === "widget" &&
      other.frame !== other.holder &&
      isWithin(sighting.holder, other.frame),
  );
}

function isWithin(frame: FrameRef, outer: FrameRef): boolean {
  for (let at: FrameRef | null = frame; at; at = at.parent) if (at.id === outer.id) return true;
  return false;
}

/** The page itself is the wall. */
function pageSighting(kind: ChallengeKind, { frame, answer }: FrameScan): Sighting {
  return {
    kind,
    widget: widgetKey(frame, -1, 0),
    holder: frame,
    frame,
    isFrame: false,
    order: kind.frame_urls.length + kind.selectors.length,
    selector: ":root",
    box: { x: 0, y: 0, width: answer.width, height: answer.height },
    state: "shown",
  };
}

function insideFrame(box: Rect, { frame, rect }: FrameScan): Rect {
  return frame.parent && rect ? (intersect(box, rect) ?? box) : box;
}

function outerRect(match: KindMatch, { rect }: FrameScan): FrameRect | null {
  return rect && { ...rect, ...mapBox(rect.toPage, match.box) };
}

function documentKey({ id, loaderId }: FrameRef): string {
  return `${id} ${loaderId}`;
}

/** An element may be a widget of several kinds. */
export function widgetKey({ id, loaderId }: FrameRef, kind: number, widget: number): string {
  return `${id} ${loaderId} ${kind} ${widget}`;
}

function noteKey({ id, parent }: FrameRef, kind: number): string {
  return `${id} ${parent?.loaderId} ${kind}`;
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
