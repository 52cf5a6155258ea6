/** Which success signs and response fields of a page belong to which widget, and which of them are news. Pure. */
import type { ChallengeKind } from "../../config.ts";
import type { PageScan, Sign } from "./scan-page.ts";

/** A widget as it was when it was first shown. */
export interface Widget {
  readonly kind: ChallengeKind;
  /** When it was first shown, monotonic ms. */
  readonly since: number;
  /** Signs that were answered when it was first shown, and were not seen without an answer since. */
  stale: Set<string>;
  /** The document that contains it. */
  readonly document: string;
  readonly isFrame: boolean;
  /** The widget of its kind that a person had acted on when this one appeared last; null: none. */
  opener: string | null;
  /** The place in the kind's order of preference: an open task comes before the box that opens it. */
  readonly order: number;
}

/** The success signs and response fields of one scan: which widget each belongs to. */
export class SignsOfPage {
  readonly #scan: PageScan;
  readonly #widgets: ReadonlyMap<string, Widget>;

  constructor(scan: PageScan, widgets: ReadonlyMap<string, Widget>) {
    this.#scan = scan;
    this.#widgets = widgets;
  }

  /** The ids of all signs of this kind that have an answer now. */
  answered(kind: ChallengeKind): Set<string> {
    return new Set(this.#of(kind).flatMap(({ id, isAnswered }) => (isAnswered ? [id] : [])));
  }

  /** The signs that are nearest to this widget. */
  owned(widget: string, kind: ChallengeKind): Sign[] {
    return this.#of(kind).filter(
      ({ owners }) => owners.includes(widget) && !owners.some((owner) => this.#isBadge(owner)),
    );
  }

  isSolved(widget: string | null, kind: ChallengeKind): boolean {
    return this.solving(widget, kind) !== undefined;
  }

  /** A sign that has an answer, had none while this widget was shown first, and belongs to it. */
  solving(widget: string | null, kind: ChallengeKind): Sign | undefined {
    const known = widget === null ? undefined : this.#widgets.get(widget);
    const own = widget === null ? [] : this.owned(widget, kind);
    const belonging = own.length > 0 ? own : this.#of(kind).filter((sign) => this.#mayBelong(sign, widget, known));
    return belonging.find(({ id, isAnswered }) => isAnswered && !known?.stale.has(id));
  }

  /** A popup has no field of its own: it answers for the widget that opened it, which was there before. */
  #mayBelong({ owners }: Sign, widget: string | null, known: Widget | undefined): boolean {
    if (owners.length === 0 || widget === null) return true;
    if (owners.includes(widget)) return false;
    if (known?.opener && this.#isThere(known.opener)) return owners.includes(known.opener);
    if (owners.some((owner) => this.#isBadge(owner))) return known?.isFrame === true && !this.#hasOthers(widget, known);
    return owners.every((owner) => {
      const opener = this.#widgets.get(owner);
      return opener && known && (opener.since < known.since || opener.order > known.order);
    });
  }

  /** Whether it is still in the page, hidden perhaps. */
  #isThere(widget: string): boolean {
    const { sightings, signs } = this.#scan;
    return sightings.some((each) => each.widget === widget) || signs.some(({ owners }) => owners.includes(widget));
  }

  /** One that was never shown: a widget that is solved looks like a badge too. */
  #isBadge(widget: string): boolean {
    return this.#scan.badges.has(widget) && !this.#widgets.has(widget);
  }

  #hasOthers(widget: string, { kind }: Widget): boolean {
    return this.#scan.sightings.some((each) => each.kind === kind && each.state !== "badge" && each.widget !== widget);
  }

  #of(kind: ChallengeKind): Sign[] {
    return this.#scan.signs.filter((sign) => sign.kind === kind);
  }
}
