// What this person chose before (language, colours, name, alerts); a browser that refuses storage forgets it.

const PREFIX = "captcha-remote.";

/** @typedef {"language" | "theme" | "name" | "sound" | "notices"} Preference */

/** @param {Preference} name */
export function recall(name) {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

/** @param {Preference} name @param {string} value */
export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // Private windows and third-party frames may have no storage; the choice then lasts as long as the page.
  }
}
