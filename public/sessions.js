// The opening page: a key where one is needed, a box for the session id, and the list of living sessions, kept fresh.

import { ApiFailure, fetchSessions } from "./api.js";
import { span, toMs } from "./clock.js";
import { isOpenToAll, keepKey, keptKey } from "./credentials.js";
import { make, part, say, show } from "./dom.js";
import { locale, t } from "./i18n.js";
import { KeyForm } from "./key-form.js";
import { consolePath } from "./place.js";

/** @import { SessionListItem } from "../src/protocol/rest.ts" */
/** @typedef {import("./place.js").Place} Place */

const REFRESH_EVERY_MS = 3_000;
/** What the server says to a key that is not good, or not good for this. */
const KEY_REFUSED = new Set(["unauthorized", "forbidden"]);
/** Longer than that the copy button need not praise itself. */
const PRAISE_MS = 2_000;
const STATE_WORDS = /** @type {const} */ ({
  starting: "state_starting",
  waiting: "state_waiting",
  active: "state_active",
});

/**
 * @param {Place} place
 * @returns {{ translate: () => void }}
 */
export function startOpening(place) {
  const status = part("list-status", HTMLElement);
  const list = part("session-list", HTMLElement);
  const empty = part("list-empty", HTMLElement);
  const example = part("curl", HTMLElement);
  const living = part("living", HTMLElement);
  const forget = part("forget-key", HTMLButtonElement);
  const needsKey = !isOpenToAll();
  const keyForm = new KeyForm(useKey);
  let key = needsKey ? keptKey() : "";
  /** The server has taken it. */
  let isKeyGood = key !== "";
  /** @type {SessionListItem[] | null} */
  let sessions = null;
  let trouble = "";
  let fetching = false;

  wireBox(place);
  wireCopy(example);
  forget.addEventListener("click", () => {
    dropKey();
    keyForm.done();
    render();
  });
  say(
    example,
    [
      `curl -X POST ${location.origin}${place.base}/sessions \\`,
      ...(needsKey ? [`  -H "authorization: Bearer $CAPTCHA_REMOTE_KEY" \\`] : []),
      `  -H 'content-type: application/json' \\`,
      `  -d '{"url":"https://example.com/login"}'`,
    ].join("\n"),
  );
  document.body.setAttribute("data-phase", "opening");
  setInterval(() => void refresh(), REFRESH_EVERY_MS);
  document.addEventListener("visibilitychange", () => void refresh());
  void refresh();
  return { translate: render };

  async function refresh() {
    if (document.hidden || fetching || (needsKey && key === "")) return;
    fetching = true;
    const tried = key;
    const found = await fetchSessions(place.base, key).catch(failureOf);
    fetching = false;
    // Forgotten meanwhile: its answer is nobody's any more.
    if (tried !== key) return;
    if (found instanceof ApiFailure) failed(found);
    else listed(found);
    render();
  }

  /** @param {SessionListItem[]} found */
  function listed(found) {
    sessions = found;
    trouble = "";
    if (needsKey && !isKeyGood) {
      isKeyGood = true;
      keepKey(key);
      keyForm.done();
    }
  }

  /** @param {ApiFailure} failure */
  function failed(failure) {
    // A key that has worked outlives a server that is away, but not its own end.
    const isOver = needsKey && (!isKeyGood || KEY_REFUSED.has(failure.code));
    if (!isOver) {
      trouble = failure.message;
      return;
    }
    dropKey();
    keyForm.refused(failure);
  }

  /** @param {string} entered */
  function useKey(entered) {
    key = entered;
    void refresh();
    render();
  }

  function dropKey() {
    key = "";
    isKeyGood = false;
    sessions = null;
    trouble = "";
    keepKey("");
  }

  function render() {
    document.title = t("app_name");
    const isIn = !needsKey || isKeyGood;
    keyForm.render(!isIn);
    for (const element of [part("open-form", HTMLFormElement), living]) show(element, isIn);
    show(forget, needsKey);
    show(empty, sessions !== null && sessions.length === 0 && trouble === "");
    show(status, trouble !== "" || sessions === null);
    status.classList.toggle("bad", trouble !== "");
    say(status, trouble === "" ? t("list_loading") : `${t("list_failed", { why: trouble })} ${t("list_retrying")}`);
    list.classList.toggle("stale", trouble !== "");
    renderRows(list, sessions ?? [], place);
  }
}

/** @param {unknown} error */
function failureOf(error) {
  return error instanceof ApiFailure ? error : new ApiFailure(String(error));
}

/**
 * Rows are kept from one refresh to the next, or the one that has the keyboard's focus would lose it.
 * @param {HTMLElement} list @param {SessionListItem[]} sessions @param {Place} place
 */
function renderRows(list, sessions, place) {
  /** @type {Map<string | null, Element>} */
  const rows = new Map([...list.children].map((row) => [row.getAttribute("data-id"), row]));
  const wanted = sessions.map((session) => {
    const row = rows.get(session.session_id) ?? newRow(session.session_id, place);
    fillRow(row, session);
    return row;
  });
  if (wanted.length !== list.children.length || wanted.some((row, i) => list.children[i] !== row)) {
    list.replaceChildren(...wanted);
  }
}

/** @param {string} id @param {Place} place */
function newRow(id, place) {
  const row = make("li");
  row.setAttribute("data-id", id);
  const link = make("a", "row");
  link.href = consolePath(place, id);
  const words = make("span", "row-words");
  words.append(make("strong", "row-name"), make("span", "row-facts"));
  link.append(make("span", "chip"), words, make("span", "row-go", "→"));
  row.append(link);
  return row;
}

/** @param {Element} row @param {SessionListItem} session */
function fillRow(row, session) {
  const [chip, name, facts] = [".chip", ".row-name", ".row-facts"].map((selector) => row.querySelector(selector));
  if (!chip || !name || !facts) return;
  const state = session.state in STATE_WORDS ? /** @type {keyof typeof STATE_WORDS} */ (session.state) : "waiting";
  chip.setAttribute("data-state", state);
  say(chip, t(STATE_WORDS[state]));
  say(name, session.label || session.session_id);
  say(facts, factsOf(session));
}

/** @param {SessionListItem} session */
function factsOf(session) {
  const facts = session.label ? [session.session_id] : [];
  const [created, expires] = [toMs(session.created_at), toMs(session.expires_at)];
  if (created !== null) facts.push(t("list_age", { span: span(Date.now() - created, locale()) }));
  if (expires !== null) facts.push(t("list_left", { span: span(expires - Date.now(), locale()) }));
  if (session.operators === 1) facts.push(t("list_people_one"));
  if (session.operators > 1) facts.push(t("list_people_many", { n: session.operators }));
  return facts.join(" · ");
}

/** @param {Place} place */
function wireBox(place) {
  const box = part("session-id", HTMLInputElement);
  part("open-form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    const id = box.value.trim();
    if (id === "") box.focus();
    else location.assign(consolePath(place, id));
  });
}

/** @param {HTMLElement} example */
function wireCopy(example) {
  const button = part("copy", HTMLButtonElement);
  // The clipboard is there on https and on loopback only; elsewhere the text can still be marked by hand.
  show(button, navigator.clipboard !== undefined);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(example.textContent ?? "").catch(() => undefined);
    say(button, t("copied"));
    setTimeout(() => say(button, t("copy")), PRAISE_MS);
  });
}
