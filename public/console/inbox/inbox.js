// The inbox: the sessions that a key may see, kept fresh. Waiting ones are announced, claimed, and handed on to a phone.

import { consolePath } from "../../../src/client/console-url.ts";
import { EventFeed } from "../../../src/client/event-feed.ts";
import { ApiFailure, fetchSessions } from "../shared/api.js";
import { byId, setText, setVisible } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { Alerts } from "./alerts.js";
import { forgetMine, giveBack, keepMyName, myName, take } from "./claims.js";
import { EndedToday } from "./ended-today.js";
import { arrived, nextOnes, ordered, withRow } from "./inbox-model.js";
import { InboxRows } from "./inbox-rows.js";
import { PhoneDialog } from "./phone-dialog.js";

/** @import { SessionListItem } from "../../../src/protocol/rest.ts" */
/** @typedef {import("../../../src/client/console-url.ts").ConsoleUrl} ConsoleUrl */

const REFRESH_EVERY_MS = 3_000;
/** While the event feed reports changes. */
const REFRESH_WITH_FEED_MS = 15_000;
/** Countdowns change once a second; and one fetch answers many events. */
const TICK_MS = 1_000;

/**
 * @typedef {object} Hooks
 * @property {() => void} onListed the server has answered this key
 * @property {(failure: ApiFailure) => boolean} onFailure true: this key is no good, and the inbox is closed
 */

export class Inbox {
  #consoleUrl;
  #hooks;
  #alerts = new Alerts();
  #today;
  #rows;
  #phone;
  #status = byId("list-status", HTMLElement);
  #list = byId("session-list", HTMLElement);
  #next = byId("next", HTMLButtonElement);
  /** Empty where none is needed; null: closed. @type {string | null} */
  #key = null;
  /** @type {SessionListItem[] | null} */
  #sessions = null;
  #trouble = "";
  /** The failure to claim a session that another operator was quicker with. */
  #missed = "";
  /** @type {EventFeed | null} */
  #feed = null;
  #fetching = false;
  #fetchedAt = 0;
  #isDue = false;

  /** @param {ConsoleUrl} consoleUrl @param {Hooks} hooks */
  constructor(consoleUrl, hooks) {
    this.#consoleUrl = consoleUrl;
    this.#hooks = hooks;
    this.#today = new EndedToday(consoleUrl);
    this.#phone = new PhoneDialog(consoleUrl, (id) => void this.#hold(id));
    this.#rows = new InboxRows(this.#list, consoleUrl, {
      key: () => this.#key ?? "",
      onOpen: (id) => void this.#open(id),
      onPhone: (id) => void this.#openOnPhone(id),
      onGiveBack: (id) => this.#giveBack(id),
    });
    const name = byId("my-name", HTMLInputElement);
    name.value = myName();
    name.addEventListener("change", () => keepMyName(name.value.trim()));
    this.#next.addEventListener("click", () => void this.#openNext());
    addEventListener("keydown", (event) => {
      const isTyping = event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey;
      if (event.key.toLowerCase() === "n" && !isTyping && !this.#phone.isOpen) void this.#openNext();
    });
    setInterval(() => this.#tick(), TICK_MS);
    // `pageshow`: a page restored from the back/forward cache goes on, with a socket that its browser has closed.
    for (const sign of ["online", "pageshow"]) addEventListener(sign, () => this.#lookAgain());
    document.addEventListener("visibilitychange", () => this.#lookAgain());
  }

  /** Shows the sessions that this key may see, from now on. @param {string} key empty where none is needed */
  open(key) {
    this.#key = key;
    this.#isDue = true;
    void this.#refresh();
  }

  /** Forgets everything: the next person at this tab may be somebody else. */
  close() {
    this.#feed?.close();
    this.#feed = null;
    this.#key = null;
    this.#sessions = null;
    this.#trouble = "";
    this.#missed = "";
    this.#phone.close();
    forgetMine();
    this.#today.forget();
    this.render();
  }

  translate() {
    this.#alerts.translate();
    this.#today.render();
    this.#phone.translate();
    this.render();
  }

  render() {
    const sessions = this.#sessions ?? [];
    const free = nextOnes(sessions).length;
    this.#alerts.count(free);
    byId("opening", HTMLElement).toggleAttribute("data-busy", sessions.length > 0);
    setVisible(byId("inbox-bar", HTMLElement), sessions.length > 0);
    this.#next.disabled = free === 0;
    const isEmpty = this.#sessions !== null && sessions.length === 0 && this.#trouble === "";
    setVisible(byId("list-empty", HTMLElement), isEmpty);
    const words =
      this.#trouble === "" ? this.#missed : `${t("list_failed", { why: this.#trouble })} ${t("list_retrying")}`;
    setVisible(this.#status, words !== "" || this.#sessions === null);
    this.#status.classList.toggle("bad", words !== "");
    setText(this.#status, words === "" ? t("list_loading") : words);
    this.#list.classList.toggle("stale", this.#trouble !== "");
    this.#rows.render(ordered(sessions));
  }

  #lookAgain() {
    this.#feed?.wake();
    this.#isDue = true;
  }

  /** Fetches the list soon after the feed reports a change, and now and then anyway; renders the countdowns in between. */
  #tick() {
    const age = performance.now() - this.#fetchedAt;
    if (this.#isDue || age > (this.#feed?.isLive ? REFRESH_WITH_FEED_MS : REFRESH_EVERY_MS)) void this.#refresh();
    else if (this.#sessions !== null) this.#rows.render(ordered(this.#sessions));
  }

  async #refresh() {
    // A hidden page fetches too: it has to announce arrivals.
    if (this.#fetching || this.#key === null) return;
    this.#fetching = true;
    this.#isDue = false;
    this.#fetchedAt = performance.now();
    const key = this.#key;
    const found = await fetchSessions(this.#consoleUrl.base, key).catch(failureOf);
    this.#fetching = false;
    // The key was changed or forgotten meanwhile: the answer is stale.
    if (key !== this.#key) return;
    if (found instanceof ApiFailure) this.#failed(found);
    else this.#listed(found, key);
    this.render();
  }

  /** @param {SessionListItem[]} listed @param {string} key */
  #listed(listed, key) {
    const found = withRow(listed);
    const before = this.#sessions;
    this.#sessions = found;
    this.#trouble = "";
    this.#alerts.arrived(arrived(before, found), (id) => void this.#open(id));
    this.#phone.update(found);
    this.#hooks.onListed();
    if (before === null || found.length < before.length) void this.#today.refresh(key);
    this.#feed ??= this.#follow(key);
  }

  /** @param {string} key */
  #follow(key) {
    const baseUrl = location.origin + this.#consoleUrl.base;
    const feed = new EventFeed({ baseUrl, ...(key === "" ? {} : { apiKey: key }) });
    const onNews = () => {
      this.#isDue = true;
    };
    feed.on("sessions", onNews);
    feed.onNews("gap", onNews);
    return feed;
  }

  /** @param {ApiFailure} failure */
  #failed(failure) {
    if (this.#hooks.onFailure(failure)) this.close();
    else this.#trouble = failure.message;
  }

  /** Opens the first session that this operator can claim. */
  async #openNext() {
    for (const { session_id } of nextOnes(this.#sessions ?? [])) if (await this.#open(session_id)) return;
  }

  /** True: this operator has claimed it, and its page opens. @param {string} id */
  async #open(id) {
    const isTaken = await this.#take(id);
    if (isTaken) location.assign(consolePath(this.#consoleUrl, id));
    return isTaken;
  }

  /** @param {string} id */
  async #openOnPhone(id) {
    const key = this.#key;
    const isTaken = await this.#take(id);
    if (isTaken && key !== null && key === this.#key) await this.#phone.show(id, key);
  }

  /** Keeps the claim while the code is shown. @param {string} id */
  async #hold(id) {
    if (!(await this.#take(id))) this.#phone.close();
  }

  /** Claims a session. False: another operator has it, and the list says so. @param {string} id */
  async #take(id) {
    this.#missed = "";
    const failure = await take(this.#consoleUrl, this.#key ?? "", id).then(() => null, failureOf);
    this.#isDue = true;
    // A key that may not claim sessions may still open them; the session's page shows any other failure.
    if (failure?.code !== "claimed") return true;
    this.#missed = failure.message;
    await this.#refresh();
    return false;
  }

  /** @param {string} id */
  #giveBack(id) {
    const again = () => this.#refresh();
    void giveBack(this.#consoleUrl, this.#key ?? "", id).then(again, again);
  }
}

/** @param {unknown} error */
function failureOf(error) {
  return error instanceof ApiFailure ? error : new ApiFailure(String(error));
}
