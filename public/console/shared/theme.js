// The colours, as one attribute for the style sheet.

import { recall } from "./preferences.js";

const dark = matchMedia("(prefers-color-scheme: dark)");

/** @param {string} wish of the address, the parent page or the button: `light` or `dark`; else the person's own choice counts, then the system's */
export function showTheme(wish) {
  const chosen = isTheme(wish) ? wish : recall("theme");
  document.documentElement.setAttribute("data-theme", isTheme(chosen) ? chosen : dark.matches ? "dark" : "light");
}

/** @param {() => void} listener hears when the system has other colours */
export function onSystemTheme(listener) {
  dark.addEventListener("change", listener);
}

/** @param {string | null} name @returns {name is "light" | "dark"} */
function isTheme(name) {
  return name === "dark" || name === "light";
}
