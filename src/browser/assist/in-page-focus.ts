/** Runs in the page's isolated world, sent as text: uses nothing from outside of itself. */
import type { FocusedField } from "../../session/ports/page.ts";

type Caret = NonNullable<FocusedField>["caret"];

/** The field of this document that has the focus, in its own CSS px; "frame": a frame inside of it has the focus. */
export function focusedField(): FocusedField | "frame" {
  /** Types of inputs that no keyboard types into. */
  const NOT_TYPED = /^(button|checkbox|color|file|hidden|image|radio|range|reset|submit)$/;
  /** Of a font's size: what most fonts have as `line-height: normal`. */
  const NORMAL_LINE = 1.2;
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
  const box = element.getBoundingClientRect();
  const kind = isCode ? "code" : (input?.type ?? "multiline");
  const { x, y, width, height } = box;
  return { kind, inputmode, rect: { x, y, width, height }, caret: caretOf(element) };

  /** Where the next character goes, as far as it is known without a change to the document; null: it is not. */
  function caretOf(field: HTMLElement): Caret {
    if (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) return caretInField(field);
    const root = field.getRootNode() as { getSelection?(): Selection | null };
    const selection = root.getSelection?.() ?? getSelection();
    if (!selection?.rangeCount) return null;
    const range = selection.getRangeAt(0).cloneRange();
    range.collapse(false);
    // An empty line has no text that could be measured.
    const { startContainer: at } = range;
    const around = at instanceof Element ? at : at.parentElement;
    const rect = range.getClientRects()[0] ?? around?.getBoundingClientRect();
    return rect
      ? { x: rect.x, y: rect.y, width: 0, height: Math.min(rect.height, lineHeightOf(around ?? field)) }
      : null;
  }

  /** By the widths of its texts: a browser tells no caret of such a field. */
  function caretInField(field: HTMLInputElement | HTMLTextAreaElement): Caret {
    const style = getComputedStyle(field);
    const context = new OffscreenCanvas(1, 1).getContext("2d");
    if (!context || style.direction === "rtl" || style.writingMode !== "horizontal-tb") return null;
    context.font = style.font;
    context.letterSpacing = style.letterSpacing === "normal" ? "0px" : style.letterSpacing;
    const text = field.type === "password" ? "\u2022".repeat(field.value.length) : field.value;
    const before = text.slice(0, field.selectionEnd ?? text.length).split("\n");
    const room = field.clientWidth - px(style.paddingLeft) - px(style.paddingRight);
    const widthOf = (line: string) => context.measureText(line).width;
    // Which words of a long line are on the next one is not known.
    if (field instanceof HTMLTextAreaElement && before.some((line) => widthOf(line) > room)) return null;
    const line = text.split("\n")[before.length - 1] ?? "";
    const free = Math.max(0, room - widthOf(line));
    const indent = /^(right|end)$/.test(style.textAlign) ? free : style.textAlign === "center" ? free / 2 : 0;
    const along = field.clientLeft + px(style.paddingLeft) + indent + widthOf(before.at(-1) ?? "") - field.scrollLeft;
    const lineHeight = lineHeightOf(field);
    // The text of a field with one line is in the middle of it.
    const top =
      field instanceof HTMLInputElement
        ? (field.clientHeight - lineHeight) / 2
        : px(style.paddingTop) + (before.length - 1) * lineHeight - field.scrollTop;
    const scaleX = field.offsetWidth > 0 ? box.width / field.offsetWidth : 1;
    const scaleY = field.offsetHeight > 0 ? box.height / field.offsetHeight : 1;
    const within = (value: number, most: number) => Math.min(Math.max(value, 0), Math.max(0, most));
    return {
      x: box.x + within(along, field.offsetWidth) * scaleX,
      y: box.y + (field.clientTop + within(top, field.clientHeight - lineHeight)) * scaleY,
      width: 0,
      height: Math.min(lineHeight, field.clientHeight) * scaleY,
    };
  }

  function lineHeightOf(of: Element): number {
    const { lineHeight, fontSize } = getComputedStyle(of);
    return px(lineHeight) || px(fontSize) * NORMAL_LINE;
  }

  function px(length: string): number {
    return Number.parseFloat(length) || 0;
  }
}
