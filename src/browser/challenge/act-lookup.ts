/** Asks the page, right before it gets a person's input, what that will act on. */
import { withDeadline } from "../../util/with-deadline.ts";
import { mapBack } from "../tabs/frame-geometry.ts";
import type { FrameRef, PageFrames } from "../tabs/frames.ts";
import type { Act } from "./acts.ts";
import { type Touched, type TouchedWidget, touchedElement } from "./in-page-acts.ts";
import { type FrameScan, type PageScan, widgetKey } from "./scan-page.ts";

/** A page that is busy handles the press no sooner. */
const DEADLINE_MS = 1_000;

/** A point of the page (CSS px), or a key that goes to what has the focus. */
export type ActTarget = { readonly x: number; readonly y: number } | { readonly key: string };

export class ActLookup {
  readonly #frames: PageFrames;
  /** The last question has no answer yet, and its deadline is over. */
  #isStuck = false;
  #last = 0;

  constructor(frames: PageFrames) {
    this.#frames = frames;
  }

  /**
   * Asks the frames of the last scan. Null: the page has another document by now, or a later act was asked about meanwhile.
   * Never rejects.
   */
  async lookUp(scan: PageScan, target: ActTarget): Promise<Act | null> {
    this.#last += 1;
    const number = this.#last;
    const nowhere: Act = {
      page: scan.main.loaderId,
      inside: new Set(),
      around: new Set(),
      beside: new Set(),
      isInForm: false,
      isOnRim: true,
      leads: "key" in target && target.key === "Escape" ? "closes" : null,
    };
    if (nowhere.leads !== null || this.#isStuck) return nowhere;
    const asked = this.#ask(scan, target);
    const settled = asked.then(
      (touched) => ({ touched }),
      () => "gone" as const,
    );
    const answer = await withDeadline(settled, DEADLINE_MS, "act").catch(() => "late" as const);
    if (answer === "late") {
      this.#isStuck = true;
      void settled.then(() => {
        this.#isStuck = false;
      });
      return nowhere;
    }
    if (answer === "gone" || number !== this.#last) return null;
    return { ...nowhere, ...combined(answer.touched) };
  }

  /** Rejects where the main document is another one. */
  async #ask({ frames }: PageScan, target: ActTarget): Promise<Answer[]> {
    const asked = frames.filter(({ frame, rect }) => frame.parent === null || (rect !== null && isUnder(rect, target)));
    const answers = await Promise.all(
      asked.map(async (of) => {
        const touching = this.#frames.run(of.frame, touchedElement, pointIn(of, target));
        const [isHit, touched] = await Promise.all([
          this.#isHit(of, frames, target),
          of.frame.parent === null ? touching : touching.catch(() => null),
        ]);
        return { of, touched, isHit };
      }),
    );
    // What lies in a frame counts where nothing lies above that frame, or above a frame around it.
    const missed = new Set(answers.filter(({ isHit }) => !isHit).map(({ of }) => of.frame.id));
    return answers.flatMap(({ of, touched }) => {
      for (let at: FrameRef | null = of.frame; at; at = at.parent) if (missed.has(at.id)) return [];
      return touched ? [{ of, touched }] : [];
    });
  }

  /** Whether the frame's element is what lies there. It is asked itself: shadow roots around it may not be known yet. */
  async #isHit({ frame }: FrameScan, frames: readonly FrameScan[], target: ActTarget): Promise<boolean> {
    const outer = frames.find((each) => each.frame.id === frame.parent?.id);
    if ("key" in target || !outer || (outer.frame.parent !== null && !outer.rect)) return true;
    const { x, y } = pointIn(outer, target) ?? target;
    return this.#frames.isHit(frame, x, y).catch(() => false);
  }
}

interface Answer {
  readonly of: FrameScan;
  readonly touched: Touched;
}

/** The point in the frame's own CSS px; null for what has the focus. */
function pointIn({ rect }: FrameScan, target: ActTarget): { x: number; y: number } | null {
  if ("key" in target) return null;
  return rect ? mapBack(rect.toPage, target.x, target.y) : { x: target.x, y: target.y };
}

function isUnder({ x, y, width, height }: NonNullable<FrameScan["rect"]>, target: ActTarget): boolean {
  if ("key" in target) return true;
  return target.x >= x && target.x < x + width && target.y >= y && target.y < y + height;
}

/** The answers from the main document inwards, as one. */
function combined(answers: readonly Answer[]): Omit<Act, "page"> {
  const keys = (list: "inside" | "around" | "beside") =>
    new Set(
      answers.flatMap(({ of, touched }) =>
        touched[list].map(([kind, widget]: TouchedWidget) => widgetKey(of.frame, kind, widget)),
      ),
    );
  const last = answers.at(-1)?.touched;
  return {
    inside: keys("inside"),
    around: keys("around"),
    beside: keys("beside"),
    isInForm: last?.isInForm ?? false,
    isOnRim: last?.isOnRim ?? false,
    leads: last?.leads ?? null,
  };
}
