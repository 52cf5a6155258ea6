// The console's words, addresses and keys: every sentence in both languages, every code in words, every style sheet joined.
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "@playwright/test";
import { meaningOf } from "../../public/console/session/keyboard-input.js";
import { en } from "../../public/console/shared/en.js";
import { chooseLanguage, codeWords, setLanguage, t } from "../../public/console/shared/i18n.js";
import { countdown, span, toMs } from "../../public/console/shared/time-format.js";
import { zh } from "../../public/console/shared/zh.js";
import { consolePath, parseConsoleUrl, socketUrl } from "../../src/client/console-url.ts";
import { CODES } from "../../src/errors.ts";

const publicFolder = new URL("../../public/", import.meta.url);
const read = (name: string) => readFileSync(new URL(name, publicFolder), "utf8");
const modules = readdirSync(new URL("console/", publicFolder), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".js"))
  .map((name) => `console/${name}`);

test("both languages say everything, with the same blanks to fill in", () => {
  const blanks = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();
  expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort());
  for (const [key, sentence] of Object.entries(en)) {
    expect(blanks(zh[key as keyof typeof zh]), key).toEqual(blanks(sentence));
  }
});

test("every code of the contract is said in words, and no code is said that is not in it", () => {
  const said = Object.keys(en).filter((key) => key.startsWith("code_"));
  expect(said.sort()).toEqual(
    Object.keys(CODES)
      .map((code) => `code_${code}`)
      .sort(),
  );
});

test("no sentence is left over, and the page shows the English ones until the script has run", () => {
  const html = read("index.html");
  const used = [html, ...modules.filter((name) => !/\/(?:en|zh)\.js$/.test(name)).map(read)].join("\n");
  for (const key of Object.keys(en)) {
    if (!key.startsWith("code_")) expect(new RegExp(`"${key}"`).test(used), key).toBe(true);
  }
  for (const [, key, text] of html.matchAll(/data-t="(\w+)"[^>]*>([^<]*)</g)) {
    expect(text?.trim(), key).toBe(en[key as keyof typeof en]);
  }
  expect(html).toContain(`"instructions-text">${en.instructions_default}<`);
});

test("index.html refers to assets relatively and has nothing inline", () => {
  expect(read("index.html")).not.toMatch(/(?:href|src)="\/|\sstyle=|\son\w+=|<style|<script>/);
});

test("no style sheet is left out", () => {
  const sheets = readdirSync(new URL("styles/", publicFolder)).filter(
    (name) => name.endsWith(".css") && name !== "styles.css",
  );
  const joined = [...read("styles/styles.css").matchAll(/@import "\.\/([\w-]+\.css)";/g)].map(([, name]) => name);
  expect(joined.toSorted()).toEqual(sheets.toSorted());
});

test("an unknown code falls back to what the server said", async () => {
  await setLanguage("en");
  expect(codeWords("timeout")).toBe(en.code_timeout);
  expect(codeWords("brand_new", "Said by the server.")).toBe("Said by the server.");
  expect(codeWords("brand_new")).toBe("brand_new");
  expect(codeWords(null)).toBe(en.code_internal);
  expect(t("log_time", { time: "1:00" })).toBe("Time left is now 1:00.");
});

test("the language: the address, then the last choice, then the browser's, then English", () => {
  expect(chooseLanguage(["zh", "en"])).toBe("zh");
  expect(chooseLanguage(["", null, "fr-FR", "zh-Hant-TW", "en"])).toBe("zh");
  expect(chooseLanguage(["fr"])).toBe("en");
});

test("the console's URL is parsed below any prefix", () => {
  const consoleUrl = parseConsoleUrl({ pathname: "/tools/api/captcha/control/a~b", search: "?embed=1&lang=zh" });
  expect(consoleUrl).toEqual({ base: "/tools/api/captcha", sessionId: "a~b", embed: true, lang: "zh", theme: "" });
  expect(parseConsoleUrl({ pathname: "/api/captcha/control", search: "" })).toEqual({
    base: "/api/captcha",
    sessionId: "",
    embed: false,
    lang: "",
    theme: "",
  });
  expect(parseConsoleUrl({ pathname: "/api/captcha/control/control", search: "?embed=0" })).toMatchObject({
    base: "/api/captcha",
    sessionId: "control",
    embed: false,
  });
  expect(parseConsoleUrl({ pathname: "/api/captcha/control/%", search: "" }).sessionId).toBe("%");
  expect(socketUrl(consoleUrl, { protocol: "https:", host: "h:1" })).toBe("wss://h:1/tools/api/captcha/ws/a~b");
  expect(consolePath(consoleUrl)).toBe("/tools/api/captcha/control?lang=zh");
  expect(consolePath({ ...consoleUrl, lang: "" }, "x y")).toBe("/tools/api/captcha/control/x%20y");
});

test("times as people read them", () => {
  expect([0, 1, 1_000, 61_000, 3_725_000, -5].map(countdown)).toEqual([
    "0:00",
    "0:01",
    "0:01",
    "1:01",
    "1:02:05",
    "0:00",
  ]);
  expect([4_000, 300_000, 7_200_000].map((ms) => span(ms, "en"))).toEqual(["4 sec", "5 min", "2 hr"]);
  expect([toMs("2030-01-01T00:00:00Z"), toMs(5), toMs("soon"), toMs(null)]).toEqual([1893456000000, 5, null, null]);
});

test("[W41] a press is a key of the page, a shortcut, or not for the page", () => {
  const press = (key: string, held: string[] = [], { code = "", isMac = false } = {}) =>
    meaningOf(
      {
        key,
        code,
        altKey: held.includes("Alt"),
        ctrlKey: held.includes("Control"),
        metaKey: held.includes("Meta"),
        shiftKey: held.includes("Shift"),
        getModifierState: (name) => held.includes(name),
      },
      isMac,
    );
  const key = (modifiers: number) => ({ kind: "key", modifiers });
  expect(press("a")).toEqual(key(0));
  expect(press("你")).toEqual(key(0));
  expect(press(" ")).toEqual(key(0));
  expect(press("F2")).toEqual(key(0));
  expect(press("Shift", ["Shift"])).toEqual(key(8));
  expect(press("ArrowLeft", ["Shift"])).toEqual(key(8));
  expect(press("A", ["Control", "Shift"])).toEqual(key(10));
  expect(press("f", ["Alt"])).toEqual(key(1));
  // What AltGr types is typed, and so is what Option types.
  expect(press("@", ["Control", "Alt", "AltGraph"])).toEqual(key(0));
  expect(press("ƒ", ["Alt"], { isMac: true })).toEqual(key(0));
  expect(press("c", ["Meta"])).toEqual({ kind: "shortcut", modifiers: 2 });
  for (const [name, held, code] of [
    ["F5"],
    ["F12"],
    ["Dead"],
    ["Process"],
    ["Meta"],
    ["v", ["Control"], "KeyV"],
    ["м", ["Control"], "KeyV"],
    ["r", ["Meta"], "KeyR"],
    ["+", ["Control"], "Equal"],
  ] as const) {
    expect(press(name, [...(held ?? [])], { code: code ?? "" }), name).toEqual({ kind: "other" });
  }
});
