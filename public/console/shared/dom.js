// Helpers for the page's elements: find one by its id, make one, set its text, show or hide it.

/**
 * The element of index.html with this id. Error when there is none, or when it is of another class.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function byId(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`index.html has no ${kind.name} #${id}`);
  return found;
}

/**
 * A new element.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} [className]
 * @param {string} [text]
 */
export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** Writes only a text that differs, or a screen reader would read it again.
 * @param {Element} target @param {string} text */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/** @param {HTMLElement} target @param {boolean} isVisible */
export function setVisible(target, isVisible) {
  if (target.hidden === isVisible) target.hidden = !isVisible;
}
