/** [R24] Finds the field for a one-time code that a page shows: in its main document, or where its challenge is. */
import type { Rect } from "../../protocol/common.ts";
import type { CodeField } from "../../session/ports/page.ts";
import { mapBox } from "../tabs/frame-geometry.ts";
import type { FrameRef, PageFrames } from "../tabs/frames.ts";

/** Null if none of these frames shows such a field. A frame that does not answer counts as one without. */
export async function findCodeField(frames: PageFrames, among: readonly FrameRef[]): Promise<CodeField | null> {
  for (const frame of among) {
    const found = await frames.run(frame, codeFieldOf, null).catch(() => null);
    if (!found) continue;
    const { toPage } = await frames.rectOf(frame);
    const centre = (box: Rect) => {
      const { x, y, width, height } = mapBox(toPage, box);
      return { x: x + width / 2, y: y + height / 2 };
    };
    return { ...centre(found.field), button: found.button && centre(found.button) };
  }
  return null;
}

/** Runs in the page, sent as text. Scrolls the field into sight, as a person would. Boxes are in CSS px of the frame. */
export function codeFieldOf(): { readonly field: Rect; readonly button: Rect | null } | null {
  const MAX_FIELDS = 2_000;
  const MAX_CODE = 10;
  const TEXT_TYPES = new Set(["text", "tel", "number", "password"]);
  const SAYS_CODE = /one.?time|\botp\b|\bcode\b|\bpin\b|passcode|verification|2fa|mfa|totp|验证码|驗證碼|校验码/i;
  const OTHER = /captcha|zip|post(al)?.?code|country|area.?code|promo|coupon|voucher|gift|card|cvc|cvv|phone|search/i;

  const isShown = (element: Element): boolean => {
    const { width, height } = element.getBoundingClientRect();
    return width > 3 && height > 3 && element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  };
  const wordsOf = (field: HTMLInputElement): string => {
    const named = (field.getAttribute("aria-labelledby") ?? "").split(/\s+/).filter(Boolean);
    const labels = [...(field.labels ?? []), ...named.map((id) => document.getElementById(id))];
    const said = labels.map((label) => (label?.textContent ?? "").slice(0, 200));
    return [field.name, field.id, field.placeholder, field.getAttribute("aria-label"), ...said]
      .join(" ")
      .replaceAll("_", " ")
      .replaceAll(/([a-z])([A-Z])/g, "$1 $2");
  };
  const fields = [...document.querySelectorAll("input")]
    .slice(0, MAX_FIELDS)
    .filter((field) => TEXT_TYPES.has(field.type) && !field.disabled && !field.readOnly && isShown(field));
  const isOther = (field: HTMLInputElement) =>
    OTHER.test(wordsOf(field)) || /current-password|new-password|^cc-|postal|tel/.test(field.autocomplete);
  const says = fields.find((field) => /\bone-time-code\b/.test(field.autocomplete));
  const boxes = fields.filter((field) => field.maxLength === 1 && !isOther(field));
  const short = fields.find((field) => {
    const isShort = field.maxLength > 1 && field.maxLength <= MAX_CODE;
    const isNumeric = field.inputMode === "numeric" || field.type === "tel" || field.type === "number";
    return (isShort || isNumeric) && field.type !== "password" && !isOther(field) && SAYS_CODE.test(wordsOf(field));
  });
  const pin = fields.find(({ type, inputMode }) => type === "password" && inputMode === "numeric");
  const field = says ?? (boxes.length > 3 ? boxes[0] : undefined) ?? short ?? pin;
  if (!field) return null;
  field.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });

  const BUTTONS = 'button, input[type="submit"], input[type="button"], [role="button"]';
  /** Without a form Enter sends nothing: the one button beside the field does, or the one that says so. */
  const buttonBeside = (): Element | null => {
    if (field.form) return null;
    for (let around = field.parentElement; around; around = around.parentElement) {
      const buttons = [...around.querySelectorAll(BUTTONS)].filter((button) => isShown(button));
      const saying = buttons.filter((button) =>
        /verify|confirm|submit|continue|next|sign.?in|log.?in|ok|验证|确[认定]|提交|登录|下一步/i.test(
          button.textContent || (button instanceof HTMLInputElement ? button.value : ""),
        ),
      );
      const only = saying.length === 1 ? saying[0] : buttons.length === 1 ? buttons[0] : undefined;
      if (only) return only;
      if (buttons.length > 0) return null;
    }
    return null;
  };
  const boxOf = (element: Element): Rect => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return { x, y, width, height };
  };
  const button = buttonBeside();
  return { field: boxOf(field), button: button && boxOf(button) };
}
