/** Asks the page, right before it gets a person's input, what that will act on. */
import { withDeadline } from "../../util/with-deadline.ts";
import { mapBack } from "../tabs/frame-geometry.ts";
import type { PageFrames } from "../tabs/frames.ts";
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
  async #ask({ frames }: PageScan, target: ActTarget): Promise<{ of: FrameScan; touched: Touched }[]> {
    const asked = frames.filter(({ frame, rect }) => frame.parent === null || (rect !== null && isUnder(rect, target)));
    const answers = await Promise.all(
      asked.map(async (of) => {
        const { toPage } = of.rect ?? { toPage: null };
        const point = "key" in target ? null : toPage ? mapBack(toPage, target.x, target.y) : target;
        const touched = await this.#frames.run(of.frame, touchedElement, point).catch((error: unknown) => {
          if (of.frame.parent === null) throw error;
          return null;
        });
        return touched && { of, touched };
      }),
    );
    return answers.filter((answer) => answer !== null);
  }
}

function isUnder({ x, y, width, height }: NonNullable<FrameScan["rect"]>, target: ActTarget): boolean {
  if ("key" in target) return true;
  return target.x >= x && target.x < x + width && target.y >= y && target.y < y + height;
}

/** From the main document inwards: a frame counts where each document around it that was asked has a frame there. */
function combined(
  answers: readonly { readonly of: FrameScan; readonly touched: Touched }[],
): Pick<Act, "inside" | "around" | "beside" | "isInForm" | "isOnRim" | "leads"> {
  const isReached = ({ of }: { of: FrameScan }) => {
    for (let at = of.frame.parent; at; at = at.parent) {
      const outer = answers.find((answer) => answer.of.frame.id === at?.id);
      if (outer ? !outer.touched.isFrame : at.parent === null) return false;
    }
    return true;
  };
  const reached = answers.filter(isReached);
  const keys = (list: "inside" | "around" | "beside") =>
    new Set(
      reached.flatMap(({ of, touched }) =>
        touched[list].map(([kind, widget]: TouchedWidget) => widgetKey(of.frame, kind, widget)),
      ),
    );
  const last = reached.at(-1)?.touched;
  return {
    inside: keys("inside"),
    around: keys("around"),
    beside: keys("beside"),
    isInForm: last?.isInForm ?? false,
    isOnRim: last?.isOnRim ?? false,
    leads: last?.leads ?? null,
  };
}
