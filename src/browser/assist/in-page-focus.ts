/** Runs in the page's isolated world, sent as text: uses nothing from outside of itself. */
import type { FocusedField } from "../../session/ports/page.ts";

/** The field of this document that has the focus, in its own CSS px; "frame": a frame inside of it has the focus. */
export function focusedField(): FocusedField | "frame" {
  /** Types of inputs that no keyboard types into. */
  const NOT_TYPED = /^(button|checkbox|color|file|hidden|image|radio|range|reset|submit)$/;
  const NUMERIC = /^\^?(\[0-9\]|\\d)(\*|\+|\{[\d,]+\})?\$?$/;
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  if (element instanceof HTMLIFrameElement || element instanceof HTMLFrameElement) return "frame";
  if (!(element instanceof HTMLElement)) return null;

  const input = element instanceof HTMLInputElement ? element : null;
  const area = element instanceof HTMLTextAreaElement ? element : null;
  const isText = input ? !NOT_TYPED.test(input.type) : area !== null;
  if (!isText && !element.isContentEditable) return null;
  if ((input ?? area)?.readOnly) return null;

  const isCode = input !== null && /\bone-time-code\b/.test(input.autocomplete);
  const isNumeric = input !== null && (isCode || NUMERIC.test(input.pattern));
  const byType: Readonly<Record<string, string>> = {
    tel: "tel",
    email: "email",
    url: "url",
    number: "decimal",
    search: "search",
  };
  const inputmode = element.inputMode || (isNumeric ? "numeric" : (byType[input?.type ?? ""] ?? "text"));
  const { x, y, width, height } = element.getBoundingClientRect();
  const kind = isCode ? "code" : (input?.type ?? "multiline");
  return { kind, inputmode, rect: { x, y, width, height } };
}
