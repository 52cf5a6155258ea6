/**
 * What runs inside pages to tell elements that a person can see from those that a page keeps out of reach. Each function is
 * sent as text, so it uses nothing from outside of itself. It only reads.
 */
import type { Rect } from "../../protocol/common.ts";

/**
 * Whether the page keeps an element where nobody can scroll to: above the page, left of it (right of it, where the page
 * goes from right to left), or, for what does not scroll with the page, outside of the viewport.
 */
export function isParked(element: Element): boolean {
  const root = document.documentElement;
  const box = element.getBoundingClientRect();
  let shown = box;
  let isFixed = false;
  let node: Element | null = element;
  while (node) {
    const { position, overflowX, overflowY } = getComputedStyle(node);
    // What scrolls inside of a fixed element can be scrolled into view.
    const scrolls = /auto|scroll/.test(`${overflowX} ${overflowY}`);
    if (node !== element && scrolls && node !== root && node !== document.body) shown = node.getBoundingClientRect();
    isFixed = position === "fixed";
    const parent: Node | null = node.assignedSlot ?? node.parentNode;
    node = isFixed ? null : parent instanceof ShadowRoot ? parent.host : parent instanceof Element ? parent : null;
  }
  if (isFixed) {
    return shown.right <= 0 || shown.bottom <= 0 || shown.left >= root.clientWidth || shown.top >= innerHeight;
  }
  if (box.bottom + scrollY <= 0) return true;
  // The direction of the page is that of its body.
  const isRightToLeft = getComputedStyle(document.body ?? root).direction === "rtl";
  return isRightToLeft ? box.left + scrollX >= root.clientWidth : box.right + scrollX <= 0;
}

/**
 * The box that a person sees of an element, in CSS px of its document; null: none. Where the element makes no box of its
 * own (`display: contents`), or only that of its line, as elements of a site's own names do, it is the box around what
 * is rendered in it: text, elements, the content of its shadow root (`rootOf`), and what its slots show.
 */
export function shownBox(
  element: Element,
  isParked: (element: Element) => boolean,
  rootOf: (host: Element) => ShadowRoot | null,
): Rect | null {
  /** More nodes than this are not looked at. */
  const MAX_NODES = 300;
  const SEEN = { opacityProperty: true, visibilityProperty: true };
  let nodesLeft = MAX_NODES;
  let hull: { left: number; top: number; right: number; bottom: number } | null = null;
  const isLarge = ({ width, height }: DOMRect) => width >= 1 && height >= 1;
  const add = ({ left, top, right, bottom }: DOMRect) => {
    hull = {
      left: Math.min(left, hull?.left ?? left),
      top: Math.min(top, hull?.top ?? top),
      right: Math.max(right, hull?.right ?? right),
      bottom: Math.max(bottom, hull?.bottom ?? bottom),
    };
  };
  const addBox = (node: Element) => {
    const box = node.getBoundingClientRect();
    // What the browser does not draw because it is out of view can be scrolled to.
    if (isLarge(box) && node.checkVisibility(SEEN) && !isParked(node)) add(box);
  };
  const addText = (text: Text, isSeen: () => boolean) => {
    if (text.data.trim() === "") return;
    const range = document.createRange();
    range.selectNodeContents(text);
    const box = range.getBoundingClientRect();
    if (isLarge(box) && isSeen()) add(box);
  };
  const childrenOf = (node: Element): Iterable<Node> => {
    const slotted = node instanceof HTMLSlotElement ? node.assignedNodes() : [];
    return slotted.length > 0 ? slotted : (rootOf(node) ?? node).childNodes;
  };
  /** The nearest element around this one that has a box. */
  const boxedOf = (node: Element): Element => {
    for (let at: Element | null = node; at; ) {
      if (getComputedStyle(at).display !== "contents") return at;
      const parent: Node | null = at.assignedSlot ?? at.parentNode;
      at = parent instanceof ShadowRoot ? parent.host : parent instanceof Element ? parent : null;
    }
    return document.documentElement;
  };
  const visit = (node: Element) => {
    const { display, width, visibility } = getComputedStyle(node);
    const isInLine = display === "inline" && width === "auto";
    if (display !== "contents" && !isInLine) return addBox(node);
    if (isInLine && !node.checkVisibility(SEEN)) return;
    const before = hull;
    const isTextSeen = () => {
      const boxed = boxedOf(node);
      return visibility === "visible" && boxed.checkVisibility({ opacityProperty: true }) && !isParked(boxed);
    };
    for (const child of childrenOf(node)) {
      nodesLeft -= 1;
      if (nodesLeft < 0) break;
      if (child instanceof Element) visit(child);
      else if (child instanceof Text) addText(child, isTextSeen);
    }
    // Its content may be that of a pseudo-element.
    if (isInLine && hull === before) addBox(node);
  };
  visit(element);
  const { left, top, right, bottom } = hull ?? { left: 0, top: 0, right: 0, bottom: 0 };
  return hull && { x: left, y: top, width: right - left, height: bottom - top };
}
