/**
 * What runs inside pages while a challenge is searched for: how long a document has not changed, and which scripts it has
 * loaded. Each function is sent as text, so it uses nothing from outside of itself. It runs in an isolated world, which the
 * page does not see, and changes nothing in the page.
 */
import type { RootsWorld } from "../tabs/in-page-roots.ts";

interface Observed {
  readonly of: Document;
  /** ms of performance.now() */
  changedAt: number;
  /** The page changes so much that it is not looked at any more. */
  isRestless: boolean;
  renew(): void;
}

type ChangesWorld = RootsWorld & { captchaRemoteChanges?: Observed | undefined };

/**
 * For how long this document has been loaded and has not changed, ms; 0 while it loads. The first call begins to observe
 * it. The observer ends itself when nobody has asked for a moment.
 */
export function unchangedMs(): number {
  const ASKED_WITHIN_MS = 1_000;
  /** A page that changes more than this will not come to rest, and observing it costs. */
  const MOST_CHANGES = 2_000;
  const WHAT = { childList: true, subtree: true, attributes: true, characterData: true };
  const world = globalThis as ChangesWorld;
  const observe = (): Observed => {
    let changes = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const observer = new MutationObserver((records) => {
      changes += records.length;
      observed.changedAt = performance.now();
      if (changes <= MOST_CHANGES) return;
      observed.isRestless = true;
      observer.disconnect();
    });
    const observed: Observed = {
      of: document,
      changedAt: performance.now(),
      isRestless: false,
      renew() {
        clearTimeout(timer);
        timer = setTimeout(() => {
          observer.disconnect();
          world.captchaRemoteChanges = undefined;
        }, ASKED_WITHIN_MS);
        if (observed.isRestless) return;
        // What is observed already stays so.
        for (const root of [document, ...(world.captchaRemoteRoots ?? [])]) observer.observe(root, WHAT);
      },
    };
    return observed;
  };
  const known = world.captchaRemoteChanges;
  const observed = known?.of === document ? known : observe();
  world.captchaRemoteChanges = observed;
  observed.renew();
  if (observed.isRestless || document.readyState !== "complete") return 0;
  const [timing] = performance.getEntriesByType("navigation");
  const loadedAt = timing instanceof PerformanceNavigationTiming ? timing.loadEventEnd : 0;
  return performance.now() - Math.max(observed.changedAt, loadedAt);
}

/**
 * Whether this document has loaded a script from an address with one of these entries; of an entry all parts, in lower case.
 */
export function hasScriptFrom(entries: readonly (readonly string[])[]): boolean {
  const MOST_SCRIPTS = 1_000;
  const addresses = [
    ...[...document.scripts].map(({ src }) => src),
    ...performance.getEntriesByType("resource").flatMap((entry) => {
      const isScript = entry instanceof PerformanceResourceTiming && entry.initiatorType === "script";
      return isScript ? [entry.name] : [];
    }),
  ];
  return addresses.slice(0, MOST_SCRIPTS).some((address) => {
    const text = address.toLowerCase();
    return entries.some((parts) => parts.every((part) => text.includes(part)));
  });
}
