/** Named keys as CDP's Input domain takes them: keys that correct, move and submit. Printable text is sent as text. */
import { AppError } from "../../errors.ts";

/** Modifier bits of Input.dispatchKeyEvent. */
const CTRL = 2;
const META = 4;

const VIRTUAL_KEYS: Readonly<Record<string, number>> = {
  Backspace: 8,
  Tab: 9,
  Enter: 13,
  Shift: 16,
  Control: 17,
  Alt: 18,
  CapsLock: 20,
  Escape: 27,
  " ": 32,
  PageUp: 33,
  PageDown: 34,
  End: 35,
  Home: 36,
  ArrowLeft: 37,
  ArrowUp: 38,
  ArrowRight: 39,
  ArrowDown: 40,
  Insert: 45,
  Delete: 46,
  Meta: 91,
  ContextMenu: 93,
};

/** The text that a named key types. */
const TYPED: Readonly<Record<string, string>> = { Enter: "\r" };

export interface KeyStroke {
  readonly key: string;
  readonly code: string;
  readonly windowsVirtualKeyCode: number;
  readonly text?: string;
}

/**
 * The key event for a key (`key` and `code` as in KeyboardEvent, `modifiers` as bits of the Input domain). AppError
 * `invalid_message` for a key that is neither named above, nor F1 to F12, nor one character.
 */
export function keyStroke(key: string, code: string, modifiers: number): KeyStroke {
  const named = VIRTUAL_KEYS[key] ?? functionKey(key);
  if (named === undefined && [...key].length !== 1)
    throw new AppError("invalid_message", { field: "key", why: "no such key" });
  const isShortcut = (modifiers & (CTRL | META)) !== 0;
  const typed = isShortcut ? undefined : (TYPED[key] ?? ([...key].length === 1 ? key : undefined));
  return {
    key,
    code,
    windowsVirtualKeyCode: named ?? key.toUpperCase().codePointAt(0) ?? 0,
    ...(typed === undefined ? {} : { text: typed }),
  };
}

function functionKey(key: string): number | undefined {
  const number = /^F([1-9]|1[0-2])$/.exec(key)?.[1];
  return number === undefined ? undefined : 111 + Number(number);
}
