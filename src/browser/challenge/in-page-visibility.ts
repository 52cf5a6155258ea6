/**
 * What runs inside pages to tell elements that a person can see from those that a page keeps out of reach. Each function is
 * sent as text, so it uses nothing from outside of itself. It only reads.
 */

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
