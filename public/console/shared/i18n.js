// The console's language: picks one, turns keys into sentences, and fills the marked parts of the page.

import { en } from "./en.js";

/** @typedef {keyof typeof en} SentenceKey */
/** @typedef {"en" | "zh"} Language */
/** @typedef {Record<string, string | number>} Params */

/** @type {Record<SentenceKey, string>} */
let sentences = en;
/** For `lang` on the root element, and for Intl. */
const LOCALES = { en: "en", zh: "zh-CN" };

/** @type {Language} */
let current = "en";
/** The language that was asked for last. @type {Language} */
let wanted = "en";

/**
 * The first of the preferred languages that has a translation; English otherwise.
 * @param {readonly (string | null | undefined)[]} preferred in order, e.g. from the address, from storage, from the browser
 * @returns {Language}
 */
export function chooseLanguage(preferred) {
  for (const tag of preferred) {
    const language = (tag ?? "").toLowerCase().split(/[-_]/)[0];
    if (language === "zh" || language === "en") return language;
  }
  return "en";
}

/**
 * Rejects where its words cannot be loaded: the language stays as it is.
 * @param {Language} language
 * @returns {Promise<boolean>} whether it was not overtaken by another one
 */
export async function setLanguage(language) {
  wanted = language;
  // Most readers need one language, and nobody waits for the other.
  const words = language === "zh" ? (await import("./zh.js")).zh : en;
  if (wanted !== language) return false;
  sentences = words;
  current = language;
  return true;
}

export function language() {
  return current;
}

export function locale() {
  return LOCALES[current];
}

/**
 * @param {SentenceKey} key
 * @param {Params} [params] the values for the braces
 */
export function t(key, params = {}) {
  return sentences[key].replace(/\{(\w+)\}/g, (whole, name) => String(params[name] ?? whole));
}

/**
 * A code of the contract in words; an unknown one falls back to the server's message, then to the code itself.
 * @param {string | null | undefined} code
 * @param {string} [fallback]
 */
export function codeWords(code, fallback = "") {
  const key = `code_${code ?? ""}`;
  return isSentence(key) ? t(key) : fallback || code || t("code_internal");
}

/**
 * Fills every element that names its sentence: `data-t` (text), `data-t-label` (accessible name), `data-t-placeholder`.
 * @param {ParentNode} root
 */
export function translate(root) {
  for (const element of root.querySelectorAll("[data-t]")) {
    element.textContent = sentenceOf(element, "data-t");
  }
  for (const element of root.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", sentenceOf(element, "data-t-label"));
  }
  for (const element of root.querySelectorAll("[data-t-placeholder]")) {
    element.setAttribute("placeholder", sentenceOf(element, "data-t-placeholder"));
  }
}

/** @param {Element} element @param {string} attribute */
function sentenceOf(element, attribute) {
  const key = element.getAttribute(attribute) ?? "";
  return isSentence(key) ? t(key) : key;
}

/** @param {string} key @returns {key is SentenceKey} */
function isSentence(key) {
  return Object.hasOwn(en, key);
}
