// The list of demos. A card opens the demo's page, or starts a session on it with one click.

import { element, find } from "./dom.js";
import { thumbnail } from "./thumbnails.js";

/** @import { Demo } from "../../src/demo/demos.ts" */

const PLACEMENTS = /** @type {const} */ ([
  ["", "In the page"],
  ["?frame=same", "Same-origin frame"],
  ["?frame=cross", "Cross-origin frame"],
]);

const problem = find("#problem");

void list();

async function list() {
  try {
    const response = await fetch("api/demos");
    if (!response.ok) throw new Error(`the demo server answered ${response.status}`);
    /** @type {Demo[]} */
    const demos = await response.json();
    find("#demos").append(...demos.map(card));
  } catch (error) {
    tell(`The list could not be loaded: ${reason(error)}`);
  }
}

/** @param {Demo} demo */
function card(demo) {
  const places = PLACEMENTS.map(([query, words]) => placeRow(demo, `${demo.path}${query}`, words));
  return element("li", { class: "card demo" }, [
    thumbnail(demo.kind),
    element("div", { class: "demo-words" }, [
      element("h2", {}, [demo.title]),
      element("p", {}, [demo.instructions]),
      element("ul", { class: "places" }, places),
    ]),
  ]);
}

/**
 * @param {Demo} demo
 * @param {string} path
 * @param {string} words
 */
function placeRow(demo, path, words) {
  const what = `${demo.title}, ${words.toLowerCase()}`;
  const open = element("a", { href: `.${path}`, "aria-label": `Open: ${what}` }, ["Open"]);
  const start = element(
    "button",
    { class: "button is-small", type: "button", "aria-label": `Start session: ${what}` },
    ["Start session"],
  );
  start.addEventListener("click", () => void startSession(start, path));
  return element("li", {}, [element("span", {}, [words]), open, start]);
}

/**
 * @param {HTMLButtonElement} button
 * @param {string} path
 */
async function startSession(button, path) {
  problem.hidden = true;
  button.disabled = true;
  button.textContent = "Starting …";
  try {
    const response = await fetch("api/sessions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ path }),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error.message);
    location.assign(answer.control_url);
  } catch (error) {
    tell(`No session: ${reason(error)}`);
  } finally {
    button.disabled = false;
    button.textContent = "Start session";
  }
}

/** @param {string} words */
function tell(words) {
  problem.textContent = words;
  problem.hidden = false;
}

/** @param {unknown} error */
function reason(error) {
  return error instanceof Error ? error.message : String(error);
}
