/** Pictures for watchers: shown only once it is known where secret fields were before and after each was captured. */
import { setTimeout as delay } from "node:timers/promises";
import { type Rect, sameRect } from "../../protocol/common.ts";
import type { MaskedPicture, Picture } from "../../session/ports/page.ts";
import type { PageFrames } from "../tabs/frames.ts";
import { maskPicture } from "./mask-picture.ts";
import { SecretFieldTracker, type SecretMap } from "./secret-field-tracker.ts";

/** A picture may show the page as it was so long before the picture arrived, also on a machine that is behind. */
const PICTURE_AGE_MS = 300;

type Capture = (view: Rect) => Promise<Picture>;

export class MaskedPictures {
  readonly #tracker: SecretFieldTracker;
  readonly #capture: Capture;
  /** What a picture shows is not older than this, performance.now() ms. Of pictures that came while watchers are there. */
  readonly #showsSince = new WeakMap<Picture, number>();
  /** Each is masked once for all who see it. */
  readonly #masked = new WeakMap<Picture, Promise<MaskedPicture | null>>();
  /** Captures under way, with when they began. */
  #fresh: { readonly view: Rect; readonly picture: Promise<Picture> } | null = null;
  /** Pictures from before this moment cannot be masked. */
  #knownSince = Infinity;

  /** `capture` takes a picture of a view now, whatever is known already. */
  constructor(frames: PageFrames, capture: Capture) {
    this.#tracker = new SecretFieldTracker(frames);
    this.#capture = capture;
  }

  /** Whether somebody watches who must not see secrets; while nobody does it costs nothing. */
  setWanted(wanted: boolean): void {
    if (wanted === this.#tracker.isOn) return;
    this.#knownSince = Infinity;
    if (wanted) this.#tracker.start();
    else this.#tracker.stop();
  }

  /** A picture has arrived this moment. */
  arrived(picture: Picture): void {
    if (this.#tracker.isOn) this.#showsSince.set(picture, performance.now() - PICTURE_AGE_MS);
  }

  /** A part of a picture shows what it shows. */
  isPartOf(part: Picture, whole: Picture): void {
    const since = this.#showsSince.get(whole);
    if (since !== undefined) this.#showsSince.set(part, since);
  }

  /** A picture taken now, once secrets are known for long enough to mask it; who asks meanwhile gets the same one. */
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

  /** `picture` without what is secret; null where that cannot be told of it. */
  masked(picture: Picture): Promise<MaskedPicture | null> {
    const known = this.#masked.get(picture);
    if (known) return known;
    const masked = this.#mask(picture).catch(() => null);
    this.#masked.set(picture, masked);
    return masked;
  }

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

/** What must be black in a picture that shows nothing older than `since`. */
export function boxesFor({ boxes, young }: SecretMap, since: number): { boxes: Rect[]; isWhole: boolean } {
  const unknown = young.filter(({ knownSince }) => knownSince > since).flatMap((frame) => frame.boxes);
  return { boxes: [...boxes, ...unknown], isWhole: unknown.length === 0 };
}
