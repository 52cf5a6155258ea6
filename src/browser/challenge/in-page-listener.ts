/**
 * What listens inside each frame, in an isolated world, so that a page that has nothing to say need not be asked. It is
 * sent as text once for each document, so it uses nothing from outside of itself. Nothing is added to or changed in the
 * page, and neither its globals nor its scripts see any of it.
 */

/** What listens in one document. */
export interface DocumentListener {
  /** From now on the first change is told, and no further one until it is armed again. False: it has ended. */
  arm(): boolean;
  /** Whoever hears it is still there. */
  renew(): void;
  end(): void;
}

/** The global object of the isolated world. `captchaRemoteHeard` is a binding of the DevTools session that hears it. */
export type ListenerWorld = typeof globalThis & {
  captchaRemoteListener?: DocumentListener;
  captchaRemoteHeard?: (token: string) => void;
  /** The document's shadow roots, of tabs/frames.ts. */
  captchaRemoteRoots?: Iterable<ShadowRoot>;
};

/**
 * Makes the listener of a document and keeps it in the isolated world. It says `token` when something has changed, and
 * ends itself once it was not renewed for `silentMs`: nobody is there to hear it. False: there is no binding.
 */
export function makeListener({ token, silentMs }: { token: string; silentMs: number }): boolean {
  /** What changes what a page shows and is no change of its elements; captured, so what does not bubble comes too. */
  const OF_ROOT = ["change", "load", "error", "scroll", "toggle", "slotchange", "transitionend", "animationend"];
  const OF_DOCUMENT = [...OF_ROOT, "input", "reset", "readystatechange", "visibilitychange", "fullscreenchange"];
  const OF_WINDOW = ["load", "resize", "pageshow", "popstate", "hashchange"];
  const ALL = { subtree: true, childList: true, attributes: true, characterData: true };
  const world = globalThis as ListenerWorld;
  const heard = world.captchaRemoteHeard;
  if (typeof heard !== "function") return false;
  world.captchaRemoteListener?.end();
  const of = document;
  /** Ends what listens to shadow roots; the page may drop them meanwhile, so no list of them is kept. */
  const ending = new AbortController();
  const { signal } = ending;
  const followed = new WeakSet<ShadowRoot>();
  // Routes that a script changes; the compiler's own list of browser interfaces does not have it.
  const { navigation } = window as { navigation?: EventTarget };
  const targets: readonly (readonly [EventTarget, readonly string[]])[] = [
    [document, OF_DOCUMENT],
    [window, OF_WINDOW],
    ...(navigation ? [[navigation, ["currententrychange"]] as const] : []),
  ];
  let isArmed = false;
  let renewedAt = performance.now();
  // A page that changes without end is not recorded between two looks: what was told is told.
  const tell = () => {
    if (!isArmed) return;
    isArmed = false;
    mutations.disconnect();
    heard(token);
  };
  const mutations = new MutationObserver(tell);
  const listener: DocumentListener = {
    arm() {
      // A frame keeps its world when its first empty document is replaced.
      if (signal.aborted || of !== document) {
        listener.end();
        return false;
      }
      isArmed = true;
      mutations.observe(document, ALL);
      // Each time, as document.open() takes all listeners off; those that are there are not added again.
      for (const [target, types] of targets) {
        for (const type of types) target.addEventListener(type, tell, { capture: true, passive: true });
      }
      for (const root of world.captchaRemoteRoots ?? []) {
        if (!root.isConnected || root.ownerDocument !== document) continue;
        mutations.observe(root, ALL);
        if (followed.has(root)) continue;
        followed.add(root);
        for (const type of OF_ROOT) root.addEventListener(type, tell, { capture: true, passive: true, signal });
      }
      return true;
    },
    renew() {
      renewedAt = performance.now();
    },
    end() {
      isArmed = false;
      mutations.disconnect();
      ending.abort();
      for (const [target, types] of targets) for (const type of types) target.removeEventListener(type, tell, true);
      if (world.captchaRemoteListener === listener) delete world.captchaRemoteListener;
    },
  };
  // Not setTimeout: the page's own timers are numbered, and a number that is missing shows.
  const endWhenSilent = () => {
    const leftMs = Math.max(0, Math.ceil(renewedAt + silentMs - performance.now()));
    AbortSignal.timeout(leftMs).addEventListener("abort", () => {
      if (signal.aborted) return;
      if (performance.now() - renewedAt >= silentMs) listener.end();
      else endWhenSilent();
    });
  };
  endWhenSilent();
  world.captchaRemoteListener = listener;
  return true;
}

/** Ends what listens in this document. */
export function endListener(): void {
  (globalThis as ListenerWorld).captchaRemoteListener?.end();
}
