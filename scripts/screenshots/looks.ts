/** The screens, languages and colours that the console is photographed in. */
import type { BrowserContextOptions } from "playwright";

export const DESKTOP = { width: 1280, height: 760 };
export const PHONE = { width: 390, height: 844 };

const LIGHT = { locale: "en-US", colorScheme: "light" } as const;
const ON_DESKTOP = { viewport: DESKTOP, ...LIGHT } as const;
const ON_PHONE = { viewport: PHONE, ...LIGHT, isMobile: true, hasTouch: true } as const;

export const LOOKS = {
  desktop: ON_DESKTOP,
  dark: { ...ON_DESKTOP, colorScheme: "dark" },
  zh: { ...ON_DESKTOP, locale: "zh-CN" },
  phone: ON_PHONE,
  "phone-dark": { ...ON_PHONE, colorScheme: "dark" },
  "phone-zh": { ...ON_PHONE, locale: "zh-CN" },
  landscape: { ...ON_PHONE, viewport: { width: PHONE.height, height: PHONE.width } },
  /** A narrow window of a desk: a phone's width with a mouse. */
  narrow: { ...ON_DESKTOP, viewport: PHONE },
} as const satisfies Record<string, BrowserContextOptions>;

export type LookName = keyof typeof LOOKS;

export function isLook(name: string): name is LookName {
  return Object.hasOwn(LOOKS, name);
}
