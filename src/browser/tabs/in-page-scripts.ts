/**
 * What runs inside pages: on the element of a frame in the document that holds it, or in a document to ask where it came
 * from. Each function is sent as text, so it uses nothing from outside of itself. It runs in an isolated world and
 * changes nothing in the page.
 */
import type { Rect } from "../../protocol/common.ts";
import type { DocumentFacts } from "./navigation-cause.ts";

/** The content box of a frame's element, in the CSS px of the document that holds it. */
export function frameBox(this: Element): Rect & { scale: number; visible: boolean } {
  const box = this.getBoundingClientRect();
  const style = getComputedStyle(this);
  const laidOut = this instanceof HTMLElement ? this.offsetWidth : box.width;
  const scale = laidOut > 0 ? box.width / laidOut : 1;
  const left = (this.clientLeft + Number.parseFloat(style.paddingLeft || "0")) * scale;
  const top = (this.clientTop + Number.parseFloat(style.paddingTop || "0")) * scale;
  const right = Number.parseFloat(style.paddingRight || "0") * scale;
  const bottom = Number.parseFloat(style.paddingBottom || "0") * scale;
  return {
    x: box.x + left,
    y: box.y + top,
    width: Math.max(0, this.clientWidth * scale - (left - this.clientLeft * scale) - right),
    height: Math.max(0, this.clientHeight * scale - (top - this.clientTop * scale) - bottom),
    scale,
    visible:
      box.width >= 1 &&
      box.height >= 1 &&
      this.checkVisibility({ opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true }),
  };
}

/** Whether a frame's element is the topmost one at this point (CSS px) of the document that holds it. */
export function hitsFrame(this: Element, x: number, y: number): boolean {
  const root = this.getRootNode();
  return (root instanceof ShadowRoot ? root : document).elementFromPoint(x, y) === this;
}

/** What this document says of the navigation that brought it here. */
export function documentFacts(): DocumentFacts {
  interface Entry {
    readonly url: string | null;
  }
  // The compiler's own list of browser interfaces has no navigation.activation.
  const { navigation } = window as {
    navigation?: { activation?: { navigationType: string; from: Entry | null; entry: Entry } | null };
  };
  const activation = navigation?.activation;
  const [timing] = performance.getEntriesByType("navigation");
  return {
    type: timing instanceof PerformanceNavigationTiming ? timing.type : null,
    activation: activation?.navigationType ?? null,
    from: activation?.from?.url ?? null,
    entry: activation?.entry.url ?? null,
  };
}

/** What the document's markup says in place of a Refresh header, and what its addresses are relative to. */
export function refreshContents(): { contents: string[]; base: string } {
  const found = [...document.querySelectorAll<HTMLMetaElement>("meta[http-equiv=refresh i]")];
  return { contents: found.slice(0, 10).map(({ content }) => content), base: document.baseURI };
}
