/**
 * What runs inside of pages around text that comes whole. Each function is sent as text, so it uses nothing from outside
 * of itself. It runs in an isolated world, and changes nothing in the page but what the person's text changes.
 */
import type { RootsWorld } from "../tabs/in-page-roots.ts";

export interface FieldQuestion {
  /** Text to paste first: in the page alone, no clipboard is read or set. null: nothing. */
  readonly paste: string | null;
  /** The value that the field is to have; null: none. */
  readonly wanted: string | null;
}

export interface FieldState {
  /** What has the focus. */
  readonly kind: "none" | "frame" | "text" | "date" | "time" | "datetime-local" | "month" | "week";
  /** The characters that it takes; null: any number. */
  readonly maxLength: number | null;
  /** It takes no more: as many characters are in it, and none is selected. */
  readonly isFull: boolean;
  /** One of several fields for a few characters each. */
  readonly isBox: boolean;
  /** Its place among the fields of its document or shadow root; -1: it is none. */
  readonly focus: number;
  /** Changes with the value of any field; before and after the paste. */
  readonly before: number;
  readonly after: number;
  /** The page has refused or handled the paste. */
  readonly isPrevented: boolean;
  readonly isWanted: boolean;
  /** The order of year, month and day, and whether hours go to 12, where the page's language is the browser's. */
  readonly order: readonly string[];
  readonly hasHalfDays: boolean;
}

/** Pastes `paste` where the focus is, and describes what has the focus then. */
export function fieldState({ paste, wanted }: FieldQuestion): FieldState {
  const MAX_FIELDS = 500;
  const BOX_PX = 90;
  const BOX_CHARACTERS = 8;
  const SEVERAL = 3;
  const FIELDS = "input:not([type=hidden]), textarea, [contenteditable]:not([contenteditable=false])";
  const TEMPORAL = ["date", "time", "datetime-local", "month", "week"] as const;
  const TEXTS = /^(text|search|url|tel|email|password|number)$/;
  const roots = [...((globalThis as RootsWorld).captchaRemoteRoots ?? [])];
  const focused = (): Element | null => {
    let at = document.activeElement;
    for (;;) {
      const host = at;
      const root: ShadowRoot | null | undefined = host?.shadowRoot ?? roots.find((each) => each.host === host);
      if (!root?.activeElement) return at;
      at = root.activeElement;
    }
  };
  const rootOf = (element: Element | null) => {
    const root = element?.getRootNode();
    return root instanceof ShadowRoot ? root : document;
  };
  const fieldsOf = (root: Document | ShadowRoot) => [...root.querySelectorAll(FIELDS)].slice(0, MAX_FIELDS);
  const valueIn = (field: Element) =>
    field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement ? field.value : (field.textContent ?? "");
  const hash = () => {
    let sum = 7;
    for (const field of [document, ...roots].flatMap(fieldsOf).slice(0, MAX_FIELDS)) {
      const value = `${valueIn(field)}\n`;
      for (let at = 0; at < value.length; at += 1) sum = (Math.imul(sum, 31) + value.charCodeAt(at)) | 0;
    }
    return sum;
  };

  const before = hash();
  let isPrevented = false;
  if (paste !== null) {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", paste);
    const event = { clipboardData, bubbles: true, cancelable: true, composed: true };
    isPrevented = !(focused() ?? document.body ?? document).dispatchEvent(new ClipboardEvent("paste", event));
  }

  const element = focused();
  const fields = fieldsOf(rootOf(element));
  const temporal =
    element instanceof HTMLInputElement
      ? TEMPORAL.find((type) => type === element.type && !element.readOnly)
      : undefined;
  const isText =
    (element instanceof HTMLInputElement && TEXTS.test(element.type)) ||
    element instanceof HTMLTextAreaElement ||
    (element instanceof HTMLElement && element.isContentEditable);
  const isFrame = element instanceof HTMLIFrameElement || element instanceof HTMLFrameElement;
  const limit =
    isText && (element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement) ? element.maxLength : -1;
  const maxLength = limit > 0 ? limit : null;
  const selected =
    maxLength !== null && (element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement)
      ? (element.selectionEnd ?? 0) - (element.selectionStart ?? 0)
      : 0;
  const width = element instanceof HTMLElement ? element.offsetWidth : 0;
  const alike = fields.filter(
    (field) =>
      field instanceof HTMLInputElement &&
      element instanceof HTMLInputElement &&
      field.type === element.type &&
      field.maxLength === element.maxLength &&
      Math.abs(field.offsetWidth - width) <= 1,
  ).length;
  const isFew = maxLength !== null ? maxLength <= BOX_CHARACTERS : width <= BOX_PX;
  const dateParts = new Intl.DateTimeFormat().formatToParts(new Date(0));
  return {
    kind: temporal ?? (isText ? "text" : isFrame ? "frame" : "none"),
    maxLength,
    isFull: maxLength !== null && element !== null && valueIn(element).length >= maxLength && selected === 0,
    isBox: isText && alike >= (maxLength === null ? SEVERAL : 2) && isFew,
    focus: element === null ? -1 : fields.indexOf(element),
    before,
    after: hash(),
    isPrevented,
    isWanted: wanted !== null && element !== null && valueIn(element) === wanted,
    order: dateParts.flatMap(({ type }) => (/^(year|month|day)$/.test(type) ? [type] : [])),
    hasHalfDays: new Intl.DateTimeFormat(undefined, { hour: "numeric" }).resolvedOptions().hour12 === true,
  };
}

/** Goes on to the next field of a row of alike ones. Returns false where there is none. */
export function focusNextBox(_: null): boolean {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  if (!(element instanceof HTMLInputElement)) return false;
  const root = element.getRootNode();
  const fields = [...(root instanceof ShadowRoot ? root : document).querySelectorAll("input")].filter(
    (field) => field.type !== "hidden" && !field.disabled && !field.readOnly,
  );
  const next = fields[fields.indexOf(element) + 1];
  if (next?.maxLength !== element.maxLength || next.type !== element.type) return false;
  next.focus();
  return document.activeElement === next || (root instanceof ShadowRoot && root.activeElement === next);
}

/** Empties the date or time field that has the focus, and begins at its first part. */
export function emptyField(_: null): void {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  if (!(element instanceof HTMLInputElement)) return;
  element.value = "";
  element.blur();
  element.focus();
}

/** Gives a date or time field a value that its keys did not give it, as a picker of the browser does. */
export function setField(value: string): void {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  if (!(element instanceof HTMLInputElement)) return;
  element.value = value;
  element.dispatchEvent(new Event("input", { bubbles: true, composed: true }));
  element.dispatchEvent(new Event("change", { bubbles: true }));
}

/** Whether the focus of its document or shadow root is on this element. */
export function hasFocus(this: Element): boolean {
  const root = this.getRootNode();
  return (root instanceof ShadowRoot ? root : document).activeElement === this;
}
