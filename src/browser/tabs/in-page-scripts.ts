/**
 * What runs inside pages: on the element of a frame in the document that holds it, or in a document to ask where it came
 * from. Each function is sent as text, so it uses nothing from outside of itself. It runs in an isolated world and
 * changes nothing in the page.
 */

import type { Size } from "../../protocol/common.ts";
import type { Affine } from "./frame-geometry.ts";
import type { DocumentFacts } from "./navigation-cause.ts";

/** Where a frame's content is in the document that holds it. */
export interface FramePlace {
  /** The frame's own size, in its own CSS px. */
  readonly size: Size;
  /** From the frame's own CSS px to those of the document that holds it. */
  readonly toParent: Affine;
  readonly visible: boolean;
}

/**
 * Where the content of a frame's element is. The browser tells only the box around the element, so the transforms of all
 * that contains it say how it is turned. Where they do not explain that box (perspective, say), it counts as not turned.
 */
export function framePlace(this: Element): FramePlace {
  /** A box of other sides than these transforms give has another reason, CSS px. */
  const TOLERANCE = 1;
  const box = this.getBoundingClientRect();
  const style = getComputedStyle(this);
  const px = (value: string) => Number.parseFloat(value) || 0;
  // Computed sizes have the fractions that clientLeft and clientWidth round away.
  const left = px(style.borderLeftWidth) + px(style.paddingLeft);
  const top = px(style.borderTopWidth) + px(style.paddingTop);
  const right = px(style.borderRightWidth) + px(style.paddingRight);
  const bottom = px(style.borderBottomWidth) + px(style.paddingBottom);
  const isBorderBox = style.boxSizing === "border-box";
  // A frame of a frameset has no computed size.
  const sizeOf = (computed: string, edges: number, rounded: number) => {
    const size = Number.parseFloat(computed);
    return Number.isNaN(size) ? rounded : Math.max(0, size - (isBorderBox ? edges : 0));
  };
  const width = sizeOf(style.width, left + right, this.clientWidth);
  const height = sizeOf(style.height, top + bottom, this.clientHeight);
  const outer = { width: width + left + right, height: height + top + bottom };

  /** Moves do not matter here: the box says where the element is. */
  const linearOf = ({ rotate, scale, transform }: CSSStyleDeclaration): DOMMatrix => {
    const matrix = new DOMMatrix();
    // One angle; with an axis it is a turn in space.
    const angle = /^-?[\d.e+-]+deg$/.test(rotate) ? px(rotate) : 0;
    if (angle !== 0) matrix.rotateSelf(angle);
    const [scaleX = 1, scaleY = scaleX] = scale === "none" || !scale ? [] : scale.split(" ").map(Number);
    matrix.scaleSelf(scaleX, scaleY);
    return transform && transform !== "none" ? matrix.multiplySelf(new DOMMatrix(transform)) : matrix;
  };
  let turned = new DOMMatrix();
  let node: Node | null = this;
  while (node) {
    if (node instanceof Element) turned = linearOf(getComputedStyle(node)).multiplySelf(turned);
    const slot: Node | null = node instanceof Element ? node.assignedSlot : null;
    node = slot ?? (node instanceof ShadowRoot ? node.host : node.parentNode);
  }
  const zoom = "currentCSSZoom" in this && typeof this.currentCSSZoom === "number" ? this.currentCSSZoom : 1;
  const [a, b, c, d] = [turned.a * zoom, turned.b * zoom, turned.c * zoom, turned.d * zoom];
  const isTurned = Math.abs(b) > 1e-6 || Math.abs(c) > 1e-6 || a < 0 || d < 0;
  const isExplained =
    Math.abs(Math.abs(a * outer.width) + Math.abs(c * outer.height) - box.width) <= TOLERANCE &&
    Math.abs(Math.abs(b * outer.width) + Math.abs(d * outer.height) - box.height) <= TOLERANCE;
  const scaled = {
    a: outer.width > 0 ? box.width / outer.width : 1,
    b: 0,
    c: 0,
    d: outer.height > 0 ? box.height / outer.height : 1,
  };
  const linear = isTurned && isExplained ? { a, b, c, d } : scaled;
  // The element's own corner: the box begins at the smallest of its four.
  const originX = box.x - Math.min(0, linear.a * outer.width) - Math.min(0, linear.c * outer.height);
  const originY = box.y - Math.min(0, linear.b * outer.width) - Math.min(0, linear.d * outer.height);
  return {
    size: { width, height },
    toParent: {
      ...linear,
      e: originX + linear.a * left + linear.c * top,
      f: originY + linear.b * left + linear.d * top,
    },
    visible:
      box.width >= 1 && box.height >= 1 && this.checkVisibility({ opacityProperty: true, visibilityProperty: true }),
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
