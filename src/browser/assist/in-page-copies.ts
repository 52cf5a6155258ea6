/**
 * What runs inside pages to see what a person copies. Each function is sent as text, so it uses nothing from outside of
 * itself. It runs in an isolated world: the page sees none of it, and no clipboard is read or set.
 */

export interface PageCopy {
  /** Null: a script has put something on the browser's clipboard (`navigator.clipboard`), which no document tells. */
  readonly text: string | null;
  /** When it was copied, ms since 1970. */
  readonly at: number;
}

interface CopiesWorld {
  /** Since the first call in this document. */
  captchaRemoteCopies?: { last: PageCopy | null; waiting: ((copy: PageCopy) => void) | null };
}

/** The next copy or cut in this document, or the last one that nobody has asked for; the text is cut after `most` characters. */
export function nextCopy(most: number): Promise<PageCopy> {
  const world = globalThis as CopiesWorld;
  const known = world.captchaRemoteCopies;
  const copies = known ?? { last: null, waiting: null };
  world.captchaRemoteCopies = copies;

  const publish = (text: string | null) => {
    if (text === "" || (text === null && copies.last)) return;
    const copy = { text: text?.slice(0, most) ?? null, at: Date.now() };
    const { waiting } = copies;
    copies.waiting = null;
    copies.last = waiting ? null : copy;
    waiting?.(copy);
  };
  const selectedText = (target: EventTarget | undefined) => {
    if (target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement) {
      return target.value.slice(target.selectionStart ?? 0, target.selectionEnd ?? 0);
    }
    return String(getSelection() ?? "");
  };
  const onCopy = (event: ClipboardEvent) => {
    // An event that a script has made copies nothing.
    if (!event.isTrusted) return;
    const selected = selectedText(event.composedPath()[0]);
    let isPublished = false;
    // Added last, so that the page's own listeners have said what is copied; only then can it be read.
    const after = () => {
      isPublished = true;
      publish(event.defaultPrevented ? (event.clipboardData?.getData("text/plain") ?? "") : selected);
    };
    addEventListener(event.type, after as EventListener, { once: true });
    setTimeout(() => {
      removeEventListener(event.type, after as EventListener);
      // The page has stopped the event. What it may have set in place of the selection is not known.
      if (!isPublished && !event.defaultPrevented) publish(selected);
    });
  };
  if (!known) {
    for (const type of ["copy", "cut"] as const) addEventListener(type, onCopy, { capture: true });
    // Undefined in a page that is not loaded securely: no script of it writes there.
    (navigator.clipboard as Clipboard | undefined)?.addEventListener("clipboardchange", () => publish(null));
  }

  const { last } = copies;
  copies.last = null;
  if (last) return Promise.resolve(last);
  return new Promise((resolve) => {
    copies.waiting = resolve;
  });
}

export interface Selected {
  readonly text: string;
  /** Whether this document has the keyboard, and not a frame in it. */
  readonly hasFocus: boolean;
  readonly isEditable: boolean;
}

/** What is selected in this document; the text is cut after `most` characters. */
export function selectedIn(most: number): Selected {
  let active = document.activeElement;
  while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
  const hasFocus = document.hasFocus() && !(active instanceof HTMLIFrameElement);
  if (active instanceof HTMLInputElement || active instanceof HTMLTextAreaElement) {
    // A browser copies nothing of a password.
    const isSecret = active instanceof HTMLInputElement && active.type === "password";
    const text = isSecret ? "" : active.value.slice(active.selectionStart ?? 0, active.selectionEnd ?? 0);
    return { text: text.slice(0, most), hasFocus, isEditable: !active.readOnly && !active.disabled };
  }
  const isEditable = active instanceof HTMLElement && active.isContentEditable;
  return { text: String(getSelection() ?? "").slice(0, most), hasFocus, isEditable };
}
