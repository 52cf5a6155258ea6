/**
 * What runs inside pages to find shadow roots, closed ones too. A script cannot ask an element for a closed root, but
 * DevTools can: these functions choose the elements to ask about and keep what was found. Each is sent as text, so it uses
 * nothing from outside of itself. It runs in an isolated world and changes nothing in the page.
 */

/** The isolated world of a document. */
export type RootsWorld = typeof globalThis & {
  /** The open and closed shadow roots of the document, in the order of the page, nested ones too; 500 at most. */
  captchaRemoteRoots?: Set<ShadowRoot>;
  /** The closed ones; 500 at most. */
  captchaRemoteClosedRoots?: Set<ShadowRoot>;
  /** There may be closed shadow roots that were not looked for, as there are too many. */
  hasMoreRoots?: boolean;
  captchaRemoteRootSearch?: RootSearch;
  captchaRemotePasswords?: WeakSet<Element>;
};

interface RootSearch {
  /** A frame keeps its world when its first empty document is replaced. */
  readonly of: Document;
  readonly closed: WeakMap<Element, ShadowRoot>;
  /** When DevTools was last asked about an element (performance.now() ms), and its size then, CSS px. */
  readonly asked: WeakMap<Element, { readonly at: number; readonly size: string }>;
  /** The elements of a batch that has no answer yet. */
  batch: { readonly id: number; readonly at: number; readonly sizes: ReadonlyMap<Element, string> } | null;
  lookBegan: number;
  rotatedAt: number;
}

export interface HostQuestion {
  /** The batch that has been answered; 0: none. */
  readonly answered: number;
  /** The first question of a look. */
  readonly isFirst: boolean;
  /** Ask about each element that may have got a root since the last look, and about all new ones at once. */
  readonly isThorough: boolean;
}

/** To be serialized: the id of the batch (0: it is empty), whether there are more elements to ask about, and its elements. */
export type HostBatch = readonly [number, boolean, ...Element[]];

/**
 * Chooses the elements that DevTools must be asked about now. Most pages have thousands of elements and hardly a root:
 * each is asked about once. Roots that come later are most likely in custom elements and in elements that are empty to
 * a script; those are asked about each second, and at once when their size changes. All others take turns.
 */
export function chooseHosts({ answered, isFirst, isThorough }: HostQuestion): HostBatch {
  const MAX_ROOTS = 500;
  const MAX_DEPTH = 100;
  /** So many take DevTools some 5 ms. */
  const BATCH = 250;
  const AGAIN_AFTER_MS = 1_000;
  const TURNS = 30;
  /** The answer repeats all attributes: of one element this many characters at most, and of a batch. */
  const MAX_ATTRIBUTES = 1_000_000;
  /** The built-in elements that can have a shadow root. */
  const HOSTS = /^(article|aside|blockquote|body|div|footer|h[1-6]|header|main|nav|p|section|span)$/;
  const world = globalThis as RootsWorld;
  const now = performance.now();
  const search: RootSearch =
    world.captchaRemoteRootSearch?.of === document
      ? world.captchaRemoteRootSearch
      : { of: document, closed: new WeakMap(), asked: new WeakMap(), batch: null, lookBegan: now, rotatedAt: now };
  world.captchaRemoteRootSearch = search;
  if (isFirst) search.lookBegan = now;
  const sizeOf = (element: Element) =>
    element instanceof HTMLElement ? `${element.offsetWidth} ${element.offsetHeight}` : "";
  if (search.batch?.id === answered) {
    const { at, sizes } = search.batch;
    for (const [element, size] of sizes) search.asked.set(element, { at, size });
  }
  search.batch = null;

  const isCustom = (element: Element) => element.localName.includes("-");
  /** Looks as one whose content is in a shadow root. */
  const isLikely = (element: Element) =>
    isCustom(element) ||
    (element.firstElementChild === null && (element.firstChild === null || !element.textContent?.trim()));
  const likely: Element[] = [];
  const others: Element[] = [];
  const again: Element[] = [];
  const turns: Element[] = [];
  const consider = (element: Element) => {
    const before = search.asked.get(element);
    if (!before) {
      (isLikely(element) ? likely : others).push(element);
    } else if (before.at >= search.lookBegan) {
      return;
    } else if (isLikely(element)) {
      const isDue = isThorough || now - before.at >= AGAIN_AFTER_MS;
      if (isDue || before.size !== sizeOf(element)) again.push(element);
    } else {
      turns.push(element);
    }
  };

  const roots = world.captchaRemoteRoots ?? new Set<ShadowRoot>();
  const closedRoots = world.captchaRemoteClosedRoots ?? new Set<ShadowRoot>();
  world.captchaRemoteRoots = roots;
  world.captchaRemoteClosedRoots = closedRoots;
  // Those of elements that are gone are not met again.
  roots.clear();
  closedRoots.clear();
  world.hasMoreRoots = false;
  const passwords = world.captchaRemotePasswords ?? new WeakSet<Element>();
  world.captchaRemotePasswords = passwords;
  const visit = (elements: Iterable<Element>, depth: number) => {
    for (const element of elements) {
      const closed = search.closed.get(element);
      const root = closed ?? element.shadowRoot;
      if (!root) {
        if (HOSTS.test(element.localName) || isCustom(element)) consider(element);
        continue;
      }
      if ((closed && closedRoots.size >= MAX_ROOTS) || depth > MAX_DEPTH) {
        world.hasMoreRoots = true;
        continue;
      }
      if (closed) closedRoots.add(closed);
      if (roots.size < MAX_ROOTS) roots.add(root);
      for (const field of root.querySelectorAll("input[type=password]")) passwords.add(field);
      visit(root.querySelectorAll("*"), depth + 1);
    }
  };
  visit(document.getElementsByTagName("*"), 1);

  const oldestFirst = (a: Element, b: Element) => (search.asked.get(a)?.at ?? 0) - (search.asked.get(b)?.at ?? 0);
  const chosen = [...likely, ...again.sort(oldestFirst)];
  // What a picture shows must be known first; else one batch of them a look.
  if (isThorough || isFirst) chosen.push(...others);
  if (isFirst && !isThorough && now - search.rotatedAt >= AGAIN_AFTER_MS) {
    search.rotatedAt = now;
    chosen.push(...turns.sort(oldestFirst).slice(0, TURNS));
  }
  if (closedRoots.size >= MAX_ROOTS) {
    world.hasMoreRoots ||= chosen.length > 0;
    return [0, false];
  }
  const sizes = new Map<Element, string>();
  const batch: Element[] = [];
  let characters = 0;
  for (const element of chosen) {
    let length = 0;
    for (const { value } of element.attributes) length += value.length;
    const isTooLong = length > MAX_ATTRIBUTES;
    if (!isTooLong && (characters + length > MAX_ATTRIBUTES || batch.length >= BATCH)) break;
    sizes.set(element, sizeOf(element));
    if (isTooLong) continue;
    characters += length;
    batch.push(element);
  }
  if (sizes.size === 0) return [0, false];
  const id = Math.ceil(Math.random() * 2 ** 40);
  search.batch = { id, at: now, sizes };
  return [id, sizes.size < chosen.length, ...batch];
}

/** Keeps closed roots that DevTools has found: their hosts' elements are visited from now on. */
export function keepRoots(...roots: readonly unknown[]): void {
  const { captchaRemoteRootSearch: rootSearch } = globalThis as RootsWorld;
  for (const root of roots) if (root instanceof ShadowRoot) rootSearch?.closed.set(root.host, root);
}
