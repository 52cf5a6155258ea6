// Values that live as long as this tab, and nowhere else.

/** For a browser that refuses storage: as long as the page. @type {Map<string, string>} */
const unstored = new Map();

/** Empty: there is none. @param {string} name */
export function kept(name) {
  try {
    return sessionStorage.getItem(name) ?? unstored.get(name) ?? "";
  } catch {
    return unstored.get(name) ?? "";
  }
}

/** @param {string} name @param {string} value empty: forgets it @returns {boolean} whether it outlives the page */
export function keep(name, value) {
  unstored.delete(name);
  try {
    if (value === "") sessionStorage.removeItem(name);
    else sessionStorage.setItem(name, value);
    return true;
  } catch {
    unstored.set(name, value);
    return false;
  }
}
