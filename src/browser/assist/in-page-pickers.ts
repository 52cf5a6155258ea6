/**
 * What runs inside of pages for native controls [W53]. Each function is sent as text, so it uses nothing from outside of
 * itself. It runs in an isolated world; the page sees only that the control has changed.
 */
import type { Rect } from "../../protocol/common.ts";
import type { PickKind, PickOption } from "../../protocol/live.ts";

/** What the isolated world remembers until the question is answered. */
export interface PickerWorld {
  captchaRemotePick?: HTMLSelectElement | HTMLInputElement;
}

export interface FoundPicker {
  readonly kind: PickKind;
  /** CSS px of the frame. */
  readonly box: Rect;
  readonly label: string;
  readonly multiple: boolean;
  readonly options: PickOption[];
  /** Options beyond the bound are left out. */
  readonly hasMore: boolean;
  readonly value: string;
  readonly min: string;
  readonly max: string;
  readonly step: string;
}

/** The native control at this point (CSS px of the frame) whose list or calendar no picture shows; null: none. */
export function pickerAt({ x, y }: { readonly x: number; readonly y: number }): FoundPicker | null {
  const MAX_OPTIONS = 5_000;
  const MAX_LABEL = 200;
  const MAX_TEXT = 200_000;
  const TYPED = ["date", "time", "month", "week", "datetime-local", "color"] as const;
  const world = globalThis as PickerWorld;
  delete world.captchaRemotePick;
  let active: Element | null = document.activeElement;
  while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
  // In a list box the option has the focus.
  if (active instanceof HTMLOptionElement) active = active.closest("select");
  if (!(active instanceof HTMLSelectElement || active instanceof HTMLInputElement) || active.disabled) return null;
  const { x: left, y: top, width, height } = active.getBoundingClientRect();
  if (x < left || x > left + width || y < top || y > top + height) return null;

  const isList =
    active instanceof HTMLInputElement && active.list !== null && TYPED.every((type) => type !== active.type);
  const kind =
    active instanceof HTMLSelectElement
      ? "select"
      : isList
        ? "suggestions"
        : TYPED.find((type) => type === active.type);
  if (kind === undefined || (active instanceof HTMLInputElement && active.readOnly)) return null;
  // A list box shows its options in the page itself.
  if (active instanceof HTMLSelectElement && (active.multiple || active.size > 1) && height > 60) return null;

  const options: PickOption[] = [];
  let room = MAX_TEXT;
  const all = active instanceof HTMLSelectElement ? [...active.options] : [...(active.list?.options ?? [])];
  for (const [index, option] of all.entries()) {
    const text = active instanceof HTMLSelectElement ? option.label || option.text : option.value;
    const label = text.trim().slice(0, MAX_LABEL);
    room -= label.length + 20;
    if (options.length >= MAX_OPTIONS || room < 0) break;
    const { parentElement } = option;
    const isGroup = parentElement instanceof HTMLOptGroupElement;
    if (option.hidden || (isGroup && parentElement.hidden)) continue;
    options.push({
      index,
      label,
      ...(isGroup ? { group: parentElement.label.slice(0, MAX_LABEL) } : {}),
      ...(option.disabled || (isGroup && parentElement.disabled) ? { disabled: true as const } : {}),
      ...(active instanceof HTMLSelectElement && option.selected ? { selected: true as const } : {}),
    });
  }
  world.captchaRemotePick = active;
  const field = active instanceof HTMLInputElement ? active : null;
  return {
    kind,
    box: { x: left, y: top, width, height },
    label: (active.labels?.[0]?.textContent ?? active.getAttribute("aria-label") ?? "").trim().slice(0, MAX_LABEL),
    multiple: active instanceof HTMLSelectElement && active.multiple,
    options,
    hasMore: options.length < all.length && all.length > MAX_OPTIONS,
    value: active.value.slice(0, MAX_LABEL),
    min: field?.min ?? "",
    max: field?.max ?? "",
    step: field?.step ?? "",
  };
}

/**
 * Makes a select ready for one key that chooses the option: the key's events are trusted, and there is one of each.
 * Null: the control is gone or has changed meanwhile. "chosen": nothing is left to do.
 */
export function readySelect({
  indices,
  labels,
}: {
  readonly indices: readonly number[];
  readonly labels: readonly string[];
}): { readonly key: "ArrowUp" | "ArrowDown" } | "chosen" | null {
  const select = (globalThis as PickerWorld).captchaRemotePick;
  if (!(select instanceof HTMLSelectElement) || !select.isConnected || select.disabled) return null;
  const options = indices.map((index) => select.options[index]);
  const isSame = options.every((option, at) =>
    (option?.label || option?.text || "").trim().startsWith(labels[at] ?? ""),
  );
  if (!isSame || options.some((option) => !option || option.disabled)) return null;
  if (select.multiple) {
    // No key chooses several at once: the page gets the events that a script can make.
    for (const [index, option] of [...select.options].entries()) option.selected = indices.includes(index);
    select.dispatchEvent(new Event("input", { bubbles: true, composed: true }));
    select.dispatchEvent(new Event("change", { bubbles: true }));
    return "chosen";
  }
  const [index = -1] = indices;
  if (index < 0) return null;
  if (select.selectedIndex === index) return "chosen";
  select.focus({ preventScroll: true });
  const isFirst = index === 0;
  if (isFirst && select.options.length === 1) {
    select.selectedIndex = -1;
    return { key: "ArrowDown" };
  }
  select.selectedIndex = isFirst ? 1 : index - 1;
  return { key: isFirst ? "ArrowUp" : "ArrowDown" };
}

/** Gives a colour field its value, with the events that a script can make: no key chooses one. */
export function setColour(value: string): boolean {
  const field = (globalThis as PickerWorld).captchaRemotePick;
  if (!(field instanceof HTMLInputElement) || field.type !== "color" || !field.isConnected) return false;
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true, composed: true }));
  field.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}

/** Focuses the field whose text is about to be replaced; for one with suggestions, all of it is selected. */
export function readyField(): boolean {
  const field = (globalThis as PickerWorld).captchaRemotePick;
  if (!(field instanceof HTMLInputElement) || !field.isConnected || field.disabled || field.readOnly) return false;
  field.focus({ preventScroll: true });
  if (field.list) field.select();
  return true;
}
