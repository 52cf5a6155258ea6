/** The widgets that were shown, as they were then, and what opened them. Pure. */
import type { FrameRef } from "../tabs/frames.ts";
import { type Act, openerAmong } from "./acts.ts";
import type { PageScan } from "./scan-page.ts";
import type { SignsOfPage, Widget } from "./widget-signs.ts";

/** What a page sets so soon after a widget has come, and before its own markup is read, is a first value. */
const BEGINNING_MS = 2_000;
/** A page may make widgets without end: the number that is remembered is bounded. */
const MAX_REMEMBERED = 300;

export class KnownWidgets {
  readonly #widgets = new Map<string, Widget>();
  /** The widgets of the last scan. */
  #showing: ReadonlySet<string> = new Set();

  get all(): ReadonlyMap<string, Widget> {
    return this.#widgets;
  }

  /** `at`: monotonic ms; `judged`: the widget that is never forgotten; `hasActed`: somebody acted in this document. */
  remember(given: {
    readonly scan: PageScan;
    readonly at: number;
    readonly signs: SignsOfPage;
    readonly judged: string | null;
    readonly act: Act | null;
    readonly hasActed: boolean;
  }): void {
    const { scan, at, signs, judged, act, hasActed } = given;
    const showing = new Set(scan.sightings.map(({ widget }) => widget));
    for (const { widget, kind, state, isFrame, order, holder } of scan.sightings) {
      if (state === "badge" || this.#widgets.has(widget)) continue;
      // The oldest are those of documents that are long gone.
      if (this.#widgets.size >= MAX_REMEMBERED) {
        const gone = [...this.#widgets.keys()].filter((key) => key !== judged && !showing.has(key));
        for (const key of gone) this.#widgets.delete(key);
        if (this.#widgets.size >= MAX_REMEMBERED) continue;
      }
      this.#widgets.set(widget, {
        kind,
        since: at,
        stale: signs.answered(kind),
        isFrame,
        order,
        opener: null,
        document: documentKey(holder),
      });
    }
    this.#findOpeners(showing, act);
    // Before its markup is read to the end, a document is about to begin: its scripts still set their first values.
    const beginning = new Set(
      scan.frames.filter(({ answer }) => !answer.isParsed).map(({ frame }) => documentKey(frame)),
    );
    for (const widget of this.#widgets.values()) {
      const isNew = at - widget.since < BEGINNING_MS && !hasActed;
      if (isNew && beginning.has(widget.document)) widget.stale = signs.answered(widget.kind);
      if (widget.stale.size === 0) continue;
      const answered = signs.answered(widget.kind);
      for (const id of widget.stale) if (!answered.has(id)) widget.stale.delete(id);
    }
  }

  /** What has appeared since the last scan was opened by the widget of its kind that was acted on before. */
  #findOpeners(showing: ReadonlySet<string>, act: Act | null): void {
    for (const key of showing) {
      const widget = this.#widgets.get(key);
      if (!widget || this.#showing.has(key)) continue;
      const isOther = (other: string) => other !== key && this.#widgets.get(other)?.kind === widget.kind;
      widget.opener = openerAmong(act, isOther) ?? widget.opener;
    }
    this.#showing = showing;
  }
}

/** Names a document of a frame. */
export function documentKey({ id, loaderId }: FrameRef): string {
  return `${id} ${loaderId}`;
}
