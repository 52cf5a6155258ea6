/** What the page offers to the person in control, which needs no answer: copied text at once, sounds as long as they last. */
import { FEATURE_OF_OFFER, type Offer } from "../../protocol/live.ts";
import type { Viewer } from "../pictures/viewer.ts";

/** Sounds that can still be played; the page keeps as many. */
export const MAX_SOUNDS = 5;

interface KeptOffer {
  readonly offer: Offer;
  readonly sentTo: WeakSet<Viewer>;
}

export class Offers {
  #sounds: readonly KeptOffer[] = [];

  offer(offer: Offer, holder: Viewer | null): void {
    const kept = { offer, sentTo: new WeakSet<Viewer>() };
    if (offer.type === "sound") this.#sounds = [...this.#sounds, kept].slice(-MAX_SOUNDS);
    send(kept, holder);
  }

  /** Another operator is in control, or its client has said what it can do. */
  show(holder: Viewer | null): void {
    for (const kept of this.#sounds) send(kept, holder);
  }

  /** The page is gone, and its sounds with it. */
  forget(): void {
    this.#sounds = [];
  }
}

function send({ offer, sentTo }: KeptOffer, holder: Viewer | null): void {
  if (!holder?.can(FEATURE_OF_OFFER[offer.type]) || sentTo.has(holder)) return;
  sentTo.add(holder);
  holder.send(offer);
}
