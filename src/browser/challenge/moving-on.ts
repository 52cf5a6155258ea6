/** Whether a page on which nobody has seen a challenge went on after a person acted. Pure. */
import type { FrameRef } from "../tabs/frames.ts";
import type { NavigationCause } from "../tabs/navigation-cause.ts";
import type { Act } from "./acts.ts";
import { Departure } from "./departure.ts";

export class MovingOn {
  #departure: Departure | null = null;
  /** The address at the act; null: the act was on what leads elsewhere within the page. */
  #route: string | null = null;
  #main: FrameRef | null = null;
  #isWithin = false;
  /** The person knows, or need not. */
  #isTold = true;

  /** The main document in which somebody acted last, by its loader id. */
  get actedIn(): string | null {
    return this.#departure?.from.page ?? null;
  }

  /** Somebody acted. On the page that came next that changes nothing, until the person has been asked. */
  acted(): void {
    if (!this.#main || (this.hasMovedOn && !this.#isTold)) return;
    const { id, loaderId } = this.#main;
    this.#departure = new Departure({ page: loaderId, frame: id, document: loaderId });
    this.#route = routeOf(this.#main);
    this.#isWithin = false;
    this.#isTold = false;
  }

  /** Where that was. */
  actedAt({ page, leads, isOnRim }: Act): void {
    if (page === this.actedIn && !this.hasMovedOn && (leads !== null || isOnRim)) this.#route = null;
  }

  follow(main: FrameRef, causeOf: (loaderId: string) => NavigationCause): void {
    this.#main = main;
    this.#departure?.follow(main, [], causeOf);
    if (main.loaderId === this.actedIn && this.#route !== null) this.#isWithin = routeOf(main) !== this.#route;
  }

  /** The person was asked. */
  told(): void {
    this.#isTold = true;
  }

  get hasMovedOn(): boolean {
    if (!this.#departure) return false;
    return this.#departure.hasMoved ? this.#departure.mayBeByPage : this.#isWithin;
  }
}

/** What tells one place of a site from another: pages that change their address by a script have it in the path or the fragment. */
function routeOf({ address, url }: FrameRef): string {
  const [, route = ""] = /#(!?\/.*)$/.exec(address) ?? [];
  return `${url.replace(/[?#].*$/s, "")} ${route}`;
}
