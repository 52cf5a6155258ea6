// The opening page: a key where one is needed, a box for the session id, and the inbox of living sessions, kept fresh.

import { Alerts } from "./alerts.js";
import { ApiFailure, fetchSessions } from "./api.js";
import { forgetMine, giveBack, keepMyName, myName, take } from "./claims.js";
import { isOpenToAll, keepKey, keptKey } from "./credentials.js";
import { part, say, show } from "./dom.js";
import { EventFeed } from "./feed.js";
import { t } from "./i18n.js";
import { arrived, nextOnes, ordered } from "./inbox-model.js";
import { InboxRows } from "./inbox-rows.js";
import { KeyForm } from "./key-form.js";
import { consolePath } from "./place.js";
import { Today } from "./today.js";

/** @import { SessionListItem } from "../src/protocol/rest.ts" */
/** @typedef {import("./place.js").Place} Place */

const REFRESH_EVERY_MS = 3_000;
/** While the feed tells of what changes. */
const REFRESH_WITH_FEED_MS = 15_000;
/** Countdowns change once a second; and what many events tell of is fetched once. */
const TICK_MS = 1_000;
/** What the server says to a key that is not good, or not good for this. */
const KEY_REFUSED = new Set(["unauthorized", "forbidden"]);
/** Longer than that the copy button need not praise itself. */
const PRAISE_MS = 2_000;

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
  const next = part("next", HTMLButtonElement);
  const name = part("my-name", HTMLInputElement);
  const needsKey = !isOpenToAll();
  const keyForm = new KeyForm(useKey);
  let key = needsKey ? keptKey() : "";
  /** The server has taken it. */
  let isKeyGood = key !== "";
  /** @type {SessionListItem[] | null} */
  let sessions = null;
  let trouble = "";
  /** What somebody else was quicker with. */
  let missed = "";
  let fetching = false;
  /** @type {EventFeed | null} */
  let feed = null;
  let fetchedAt = 0;
  let isDue = false;
  const alerts = new Alerts();
  const today = new Today(place);
  const rows = new InboxRows(list, place, { key: () => key, onOpen: (id) => void open(id), onGiveBack });

  wireBox(place);
  wireCopy(example);
  name.value = myName();
  name.addEventListener("change", () => keepMyName(name.value.trim()));
  next.addEventListener("click", () => void openNext());
  addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof HTMLInputElement;
    if (event.key.toLowerCase() === "n" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey)
      void openNext();
  });
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
  setInterval(tick, TICK_MS);
  // `pageshow`: gone back to, a page goes on where it was, with a line that its browser has closed.
  for (const sign of ["online", "pageshow"]) addEventListener(sign, lookAgain);
  document.addEventListener("visibilitychange", lookAgain);
  void refresh();
  return {
    translate() {
      alerts.translate();
      today.render();
      render();
    },
  };

  function lookAgain() {
    feed?.wake();
    isDue = true;
  }

  /** What is told of by the feed is fetched soon, and all the same now and then; countdowns go on meanwhile. */
  function tick() {
    const age = performance.now() - fetchedAt;
    if (isDue || age > (feed?.isLive ? REFRESH_WITH_FEED_MS : REFRESH_EVERY_MS)) void refresh();
    else if (sessions !== null) rows.render(ordered(sessions));
  }

  async function refresh() {
    // A hidden page still counts arrivals: that is what it is asked for.
    if (fetching || (needsKey && key === "")) return;
    fetching = true;
    isDue = false;
    fetchedAt = performance.now();
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
    const before = sessions;
    sessions = found;
    trouble = "";
    alerts.arrived(arrived(before, found), (id) => void open(id));
    if (needsKey && !isKeyGood) {
      isKeyGood = true;
      keepKey(key);
      keyForm.done();
    }
    if (before === null || found.length < before.length) void today.refresh(key);
    feed ??= follow();
  }

  function follow() {
    const line = new EventFeed({ baseUrl: location.origin + place.base, ...(key === "" ? {} : { apiKey: key }) });
    line.on("sessions", () => {
      isDue = true;
    });
    line.onNews("gap", () => {
      isDue = true;
    });
    return line;
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
    feed?.close();
    feed = null;
    key = "";
    isKeyGood = false;
    sessions = null;
    trouble = "";
    keepKey("");
    forgetMine();
    today.forget();
  }

  /** The first that nobody else is quicker with. */
  async function openNext() {
    for (const { session_id } of nextOnes(sessions ?? [])) if (await open(session_id)) return;
  }

  /** Whether it is this person's now. @param {string} id */
  async function open(id) {
    missed = "";
    const failure = await take(place, key, id).then(() => null, failureOf);
    // A key that may not take sessions may still look at them; what else goes wrong the session's page says.
    if (failure?.code !== "claimed") {
      location.assign(consolePath(place, id));
      return true;
    }
    missed = failure.message;
    await refresh();
    return false;
  }

  /** @param {string} id */
  function onGiveBack(id) {
    void giveBack(place, key, id).then(refresh, refresh);
  }

  function render() {
    const isIn = !needsKey || isKeyGood;
    const free = nextOnes(sessions ?? []).length;
    alerts.count(free);
    keyForm.render(!isIn);
    for (const element of [part("open-form", HTMLFormElement), living]) show(element, isIn);
    show(forget, needsKey);
    const isBusy = sessions !== null && sessions.length > 0;
    part("opening", HTMLElement).toggleAttribute("data-busy", isBusy);
    show(part("inbox-bar", HTMLElement), isBusy);
    next.disabled = free === 0;
    show(empty, sessions !== null && sessions.length === 0 && trouble === "");
    const words = trouble === "" ? missed : `${t("list_failed", { why: trouble })} ${t("list_retrying")}`;
    show(status, words !== "" || sessions === null);
    status.classList.toggle("bad", words !== "");
    say(status, words === "" ? t("list_loading") : words);
    list.classList.toggle("stale", trouble !== "");
    rows.render(ordered(sessions ?? []));
  }
}

/** @param {unknown} error */
function failureOf(error) {
  return error instanceof ApiFailure ? error : new ApiFailure(String(error));
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
