/** Where a person acted last: in which widgets, in whose form, and whether on something that closes or leads away. Pure. */
import type { ChallengeKind } from "../../config.ts";
import type { Leads } from "./in-page-acts.ts";

/** What was acted on. */
export interface Act {
  /** The main document, by its loader id. */
  readonly page: string;
  /** The keys of the widgets that contain it, and of those that it shares a form with. */
  readonly inside: ReadonlySet<string>;
  readonly around: ReadonlySet<string>;
  /** Those that nothing is typed into, on a page where it is in no form. */
  readonly beside: ReadonlySet<string>;
  readonly isInForm: boolean;
  readonly isOnRim: boolean;
  readonly leads: Leads | null;
}

/**
 * As a challenge sees it. box: in it. form: in its form, which may send it. elsewhere: on what closes it, leads away or has
 * nothing to do with it; also where that is not known.
 */
export type ActPlace = "box" | "form" | "elsewhere";

/** Where this was for a challenge: any widget of its kind counts, as tasks open beside what opened them. */
export function placeOf(
  { inside, around, beside, leads, isInForm, isOnRim }: Act,
  kind: ChallengeKind,
  isOfKind: (widget: string) => boolean,
): ActPlace {
  const isInside = [...inside].some(isOfKind);
  // Widgets that vendors made have links for buttons.
  if (leads !== null && !(leads === "script" && isInside && kind.role === "widget")) return "elsewhere";
  if (isInside) return "box";
  if ([...around].some(isOfKind)) return "form";
  // An approval is given elsewhere, and its page goes on by itself.
  if (kind.role === "weak" && !isOnRim && [...beside].some(isOfKind)) return "form";
  // A wall is all of its page.
  return kind.role === "wall" && !isInForm && !isOnRim ? "box" : "elsewhere";
}

/** Where a person acted on one challenge. */
export class ActPlaces {
  /** While it was shown. Null: nobody pressed, or that is not known. */
  #there: ActPlace | null;
  /** Until its page went on. */
  #last: ActPlace | null;

  constructor(place: ActPlace | null = null) {
    this.#there = place;
    this.#last = place;
  }

  get there(): ActPlace | null {
    return this.#there;
  }

  add(place: ActPlace, isShown: boolean): void {
    this.#last = place;
    if (isShown) this.#there = place;
  }

  /** Whether what the person acted on may have solved it, and neither hides it nor leads away from it. */
  mayHaveSolved(hasMoved: boolean): boolean {
    if (hasMoved) return this.#there !== "elsewhere" && this.#last !== "elsewhere";
    return this.#there === null || this.#there === "box";
  }
}

/** The widget among others of its kind that was acted on, if it is one: what opens after that is its task. */
export function openerAmong(act: Act | null, isOther: (widget: string) => boolean): string | null {
  const inside = [...(act?.inside ?? [])].filter(isOther);
  const among = inside.length > 0 ? inside : [...(act?.around ?? [])].filter(isOther);
  return among.length === 1 ? (among[0] ?? null) : null;
}
