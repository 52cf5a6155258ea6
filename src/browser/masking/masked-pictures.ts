/** Masks pictures for watchers. A picture is shown only once the secret fields are known before and after its capture. */
import { setTimeout as delay } from "node:timers/promises";
import { type Rect, sameRect } from "../../protocol/common.ts";
import type { MaskedPicture, Picture } from "../../session/ports/page.ts";
import type { PageFrames } from "../tabs/frames.ts";
import { maskPicture } from "./mask-picture.ts";
import { SecretFieldTracker, type SecretMap } from "./secret-field-tracker.ts";

/** The most that a picture may be older than its arrival, also on a busy machine. */
const PICTURE_AGE_MS = 300;

type Capture = (view: Rect) => Promise<Picture>;

export class MaskedPictures {
  readonly #tracker: SecretFieldTracker;
  readonly #capture: Capture;
  /** The earliest time that each picture may show, performance.now() ms. For pictures that came while watchers are there. */
  readonly #showsSince = new WeakMap<Picture, number>();
  /** Each picture is masked once for all watchers. */
  readonly #masked = new WeakMap<Picture, Promise<MaskedPicture | null>>();
  /** The capture under way. */
  #fresh: { readonly view: Rect; readonly picture: Promise<Picture> } | null = null;
  /** Pictures that show an earlier time than this cannot be masked. */
  #knownSince = Infinity;

  /** `capture` takes a new picture of a view (CSS px of the page). */
  constructor(frames: PageFrames, capture: Capture) {
    this.#tracker = new SecretFieldTracker(frames);
    this.#capture = capture;
  }

  /** Whether there are watchers, who must not see secrets. Without watchers nothing is recorded. */
  setWanted(wanted: boolean): void {
    if (wanted === this.#tracker.isOn) return;
    this.#knownSince = Infinity;
    if (wanted) this.#tracker.start();
    else this.#tracker.stop();
  }

  /** A picture has just arrived. */
  arrived(picture: Picture): void {
    if (this.#tracker.isOn) this.#showsSince.set(picture, performance.now() - PICTURE_AGE_MS);
  }

  /** `part` was cut out of `whole`: it shows the same time. */
  isPartOf(part: Picture, whole: Picture): void {
    const since = this.#showsSince.get(whole);
    if (since !== undefined) this.#showsSince.set(part, since);
  }

  /** Takes a picture now, once secrets are known for long enough to mask it. Callers at the same time share one. */
  fresh(view: Rect): Promise<Picture> {
    if (this.#fresh && sameRect(this.#fresh.view, view)) return this.#fresh.picture;
    const fresh = { view, picture: this.#take(view) };
    this.#fresh = fresh;
    const done = () => {
      if (this.#fresh === fresh) this.#fresh = null;
    };
    fresh.picture.then(done, done);
    return fresh.picture;
  }

  /** `picture` with its secrets black; null where they are not known. */
  masked(picture: Picture): Promise<MaskedPicture | null> {
    const known = this.#masked.get(picture);
    if (known) return known;
    const masked = this.#mask(picture).catch(() => null);
    this.#masked.set(picture, masked);
    return masked;
  }

  /** Stops recording. */
  stop(): void {
    this.#tracker.stop();
  }

  async #take(view: Rect): Promise<Picture> {
    if (this.#knownSince === Infinity) {
      const { knownSince } = await this.#tracker.measure(performance.now());
      this.#knownSince = knownSince;
    }
    const waitMs = this.#knownSince + PICTURE_AGE_MS - performance.now();
    if (waitMs > 0) await delay(waitMs);
    const begun = performance.now();
    const picture = await this.#capture(view);
    this.#showsSince.set(picture, begun - PICTURE_AGE_MS);
    return picture;
  }

  async #mask(picture: Picture): Promise<MaskedPicture | null> {
    const since = this.#showsSince.get(picture);
    if (since === undefined || !this.#tracker.isOn) return null;
    const secrets = await this.#tracker.measure(since);
    if (secrets.knownSince > since) return null;
    const { boxes, isWhole } = boxesFor(secrets, since);
    return { picture: await maskPicture(picture, boxes), isWhole };
  }
}

/** The boxes that must be black in a picture that shows nothing older than `since` (performance.now() ms). */
export function boxesFor({ boxes, young }: SecretMap, since: number): { boxes: Rect[]; isWhole: boolean } {
  const unknown = young.filter(({ knownSince }) => knownSince > since).flatMap((frame) => frame.boxes);
  return { boxes: [...boxes, ...unknown], isWhole: unknown.length === 0 };
}
