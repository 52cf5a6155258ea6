/** [W41] Keys as CDP's Input domain takes them. */
import { AppError } from "../../errors.ts";

/** Modifier bits, as in messages and in CDP's Input domain. */
export const CTRL = 2;
export const META = 4;
export const SHIFT = 8;

/** Keys with a name, and the virtual key codes of Windows, which every page's `keyCode` has. */
const NAMED: Readonly<Record<string, number>> = {
  Backspace: 8,
  Tab: 9,
  Clear: 12,
  Enter: 13,
  Shift: 16,
  Control: 17,
  Alt: 18,
  AltGraph: 18,
  Pause: 19,
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
  PrintScreen: 44,
  Insert: 45,
  Delete: 46,
  Meta: 91,
  ContextMenu: 93,
  NumLock: 144,
  ScrollLock: 145,
};

/** The keys of a US keyboard that type something else than a letter or a digit: code, what it types, and with Shift. */
const SYMBOL_KEYS = [
  ["Semicolon", ";", ":", 186],
  ["Equal", "=", "+", 187],
  ["Comma", ",", "<", 188],
  ["Minus", "-", "_", 189],
  ["Period", ".", ">", 190],
  ["Slash", "/", "?", 191],
  ["Backquote", "`", "~", 192],
  ["BracketLeft", "[", "{", 219],
  ["Backslash", "\\", "|", 220],
  ["BracketRight", "]", "}", 221],
  ["Quote", "'", '"', 222],
  ["IntlBackslash", "", "", 226],
] as const;
const SYMBOL_VIRTUAL_KEYS: ReadonlyMap<string, number> = new Map(SYMBOL_KEYS.map(([code, , , vk]) => [code, vk]));
/** What the digit keys of a US keyboard type with Shift, from 0 to 9. */
const SHIFTED_DIGITS = ")!@#$%^&*(";

const NUMPAD_DIGIT_0 = 96;
const NUMPAD: Readonly<Record<string, number>> = {
  NumpadMultiply: 106,
  NumpadAdd: 107,
  NumpadComma: 108,
  NumpadSubtract: 109,
  NumpadDecimal: 110,
  NumpadDivide: 111,
};
const F1 = 112;

const LEFT = 1;
const RIGHT = 2;
const NUMPAD_LOCATION = 3;

/** What Ctrl (or Cmd) and a key do to the text of a field, by the name that Chromium has for it. */
const EDITING_COMMANDS: Readonly<Record<string, string>> = { a: "selectAll", z: "undo", y: "redo" };

/** A key as KeyboardEvent has it. */
export interface Key {
  readonly key: string;
  readonly code: string;
  readonly modifiers: number;
  readonly location?: number | undefined;
}

/** The parameters of Input.dispatchKeyEvent that say which key it is. */
export interface KeyStroke {
  readonly key: string;
  readonly code: string;
  readonly windowsVirtualKeyCode: number;
  readonly nativeVirtualKeyCode: number;
  readonly location: number;
  readonly isKeypad: boolean;
  /** What it types; left out: nothing. */
  readonly text?: string;
  readonly commands?: string[];
}

/** AppError `invalid_message` for a key that is neither named above, nor F1 to F24, nor one character. */
export function keyStroke({ key, code, modifiers, location = locationOf(code) }: Key): KeyStroke {
  const named = NAMED[key] ?? functionKey(key);
  const isCharacter = [...key].length === 1;
  if (named === undefined && !isCharacter) throw new AppError("invalid_message", { field: "key", why: "no such key" });
  const virtualKey = named ?? virtualKeyOf(key, code);
  const isShortcut = (modifiers & (CTRL | META)) !== 0;
  const text = key === "Enter" ? "\r" : key;
  const command = isShortcut ? commandOf(key, code, modifiers) : undefined;
  return {
    key,
    code,
    windowsVirtualKeyCode: virtualKey,
    nativeVirtualKeyCode: virtualKey,
    location,
    isKeypad: location === NUMPAD_LOCATION,
    ...(isShortcut || !(isCharacter || key === "Enter") ? {} : { text }),
    ...(command === undefined ? {} : { commands: [command] }),
  };
}

/** The key of a US keyboard that types this character; null where none does. */
export function keyThatTypes(character: string): Key | null {
  const typedBy = (code: string, isShifted: boolean) => ({ key: character, code, modifiers: isShifted ? SHIFT : 0 });
  if (character === " ") return typedBy("Space", false);
  if (/^[a-z]$/i.test(character)) return typedBy(`Key${character.toUpperCase()}`, /[A-Z]/.test(character));
  if (/^[0-9]$/.test(character)) return typedBy(`Digit${character}`, false);
  if (character === "") return null;
  const digit = SHIFTED_DIGITS.indexOf(character);
  if (digit >= 0) return typedBy(`Digit${digit}`, true);
  const symbol = SYMBOL_KEYS.find(([, plain, withShift]) => character === plain || character === withShift);
  return symbol ? typedBy(symbol[0], character === symbol[2]) : null;
}

/**
 * Letters go by what they type, as on every layout; digits and symbols by the place of the key. A character's own number
 * is no key: that of "." is the number of Delete.
 */
function virtualKeyOf(character: string, code: string): number {
  if (/^[a-z]$/i.test(character)) return character.toUpperCase().charCodeAt(0);
  const [, numpadDigit] = /^Numpad([0-9])$/.exec(code) ?? [];
  if (numpadDigit !== undefined) return NUMPAD_DIGIT_0 + Number(numpadDigit);
  if (/^(?:Key[A-Z]|Digit[0-9])$/.test(code)) return code.charCodeAt(code.length - 1);
  const byPlace = NUMPAD[code] ?? SYMBOL_VIRTUAL_KEYS.get(code);
  if (byPlace !== undefined) return byPlace;
  const typing = code === "" ? keyThatTypes(character) : null;
  return typing === null ? 0 : virtualKeyOf(character, typing.code);
}

/** Ctrl and A on a keyboard of another script types another letter, and selects all the same. */
function commandOf(key: string, code: string, modifiers: number): string | undefined {
  const letter = /^[a-z]$/i.test(key) ? key.toLowerCase() : (/^Key([A-Z])$/.exec(code)?.[1]?.toLowerCase() ?? "");
  if (letter === "z" && (modifiers & SHIFT) !== 0) return "redo";
  return (modifiers & SHIFT) === 0 ? EDITING_COMMANDS[letter] : undefined;
}

function locationOf(code: string): number {
  if (code.startsWith("Numpad")) return NUMPAD_LOCATION;
  const [, side] = /^(?:Shift|Control|Alt|Meta)(Left|Right)$/.exec(code) ?? [];
  return side === "Left" ? LEFT : side === "Right" ? RIGHT : 0;
}

function functionKey(key: string): number | undefined {
  const number = /^F([1-9]|1[0-9]|2[0-4])$/.exec(key)?.[1];
  return number === undefined ? undefined : F1 - 1 + Number(number);
}
