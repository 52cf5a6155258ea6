import { expect, test } from "@playwright/test";
import { NEXT_PART, waysToType } from "../../src/browser/input/date-segments.ts";
import { keyStroke, keyThatTypes } from "../../src/browser/input/keys.ts";

const virtualKey = (key: string, code = "") => keyStroke({ key, code, modifiers: 0 }).windowsVirtualKeyCode;

test("[W41] a key code comes from the letter or the place of the key, never from a character's number", () => {
  expect([".", "'", "(", "&", "%", "-", "#", "$", "!", '"'].map((key) => virtualKey(key))).toEqual([
    190, 222, 57, 55, 53, 189, 51, 52, 49, 222,
  ]);
  // A French keyboard: its letters are elsewhere, and its top row types digits with Shift.
  expect([virtualKey("a", "KeyQ"), virtualKey("&", "Digit1"), virtualKey("1", "Digit1")]).toEqual([65, 49, 49]);
  expect([virtualKey("ф", "KeyA"), virtualKey("你"), virtualKey("é")]).toEqual([65, 0, 0]);
  expect([virtualKey("7", "Numpad7"), virtualKey("Home", "Numpad7"), virtualKey(".", "NumpadDecimal")]).toEqual([
    103, 36, 110,
  ]);
  expect([virtualKey("F1"), virtualKey("F24"), virtualKey("Enter", "NumpadEnter")]).toEqual([112, 135, 13]);
  for (const key of ["F0", "F25", "Unidentified", "Dead", "ab"]) expect(() => virtualKey(key), key).toThrow();
});

test("[W41] sides and the number pad come from the code, shortcuts type nothing", () => {
  expect(keyStroke({ key: "Shift", code: "ShiftRight", modifiers: 8 })).toMatchObject({ location: 2, isKeypad: false });
  expect(keyStroke({ key: "1", code: "Numpad1", modifiers: 0 })).toMatchObject({
    location: 3,
    isKeypad: true,
    text: "1",
  });
  expect(keyStroke({ key: "Enter", code: "Enter", modifiers: 0 })).toMatchObject({ text: "\r" });
  expect(keyStroke({ key: "A", code: "KeyA", modifiers: 8 })).toMatchObject({ text: "A" });
  const selectAll = keyStroke({ key: "a", code: "KeyA", modifiers: 2 });
  expect(selectAll).toMatchObject({ commands: ["selectAll"] });
  expect(selectAll.text).toBeUndefined();
  expect(keyStroke({ key: "Z", code: "KeyZ", modifiers: 10 }).commands).toEqual(["redo"]);
  expect(keyStroke({ key: "c", code: "KeyC", modifiers: 2 }).commands).toBeUndefined();
});

test("[W42] every character of a US keyboard has its key", () => {
  for (let number = 0x20; number < 0x7f; number += 1) {
    const character = String.fromCharCode(number);
    expect(keyThatTypes(character), character).toMatchObject({ key: character, code: expect.stringMatching(/./) });
  }
  expect(keyThatTypes("A")).toEqual({ key: "A", code: "KeyA", modifiers: 8 });
  expect(keyThatTypes("@")).toEqual({ key: "@", code: "Digit2", modifiers: 8 });
  for (const other of ["", "é", "你", "🧩", "\n"]) expect(keyThatTypes(other), other).toBeNull();
});

test("[W42] a date is typed in the order of the field's language first, then in the others", () => {
  const english = { order: ["month", "day", "year"], hasHalfDays: true };
  const ways = waysToType("date", "1990-12-31", english).map((way) => way.join(" "));
  expect(ways[0]).toBe("1 2 3 1 1 9 9 0");
  expect(ways).toContain("3 1 1 2 1 9 9 0");
  expect(ways).toContain(`1 9 9 0 ${NEXT_PART} 1 2 3 1`);
  expect(waysToType("time", "00:05", english)[0]?.join("")).toBe("1205a");
  expect(waysToType("time", "19:42", english)[0]?.join("")).toBe("0742p");
  expect(waysToType("time", "19:42", { order: [], hasHalfDays: false })[0]?.join("")).toBe("1942");
  for (const text of ["31.12.1990", "12/31/1990", "1990-12", "", "x".repeat(10_000)]) {
    expect(waysToType("date", text, english), text).toEqual([]);
  }
});
