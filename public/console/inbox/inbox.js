// The inbox: the sessions that a key may see, kept fresh; who waits is announced, taken, and handed on to a phone.

import { consolePath } from "../../../src/client/console-url.ts";
import { EventFeed } from "../../../src/client/event-feed.ts";
import { ApiFailure, fetchSessions } from "../shared/api.js";
import { part, say, show } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { Alerts } from "./alerts.js";
import { forgetMine, giveBack, keepMyName, myName, take } from "./claims.js";
import { Today } from "./ended-today.js";
import { arrived, nextOnes, ordered } from "./inbox-model.js";
import { InboxRows } from "./inbox-rows.js";
import { PhoneDialog } from "./phone-dialog.js";

/** @import { SessionListItem } from "../../../src/protocol/rest.ts" */
/** @typedef {import("../../../src/client/console-url.ts").ConsoleUrl} ConsoleUrl */

const REFRESH_EVERY_MS = 3_000;
/** While the feed tells of what changes. */
const REFRESH_WITH_FEED_MS = 15_000;
/** Countdowns change once a second; and what many events tell of is fetched once. */
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
  #status = part("list-status", HTMLElement);
  #list = part("session-list", HTMLElement);
  #next = part("next", HTMLButtonElement);
  /** Empty where none is needed; null: closed. @type {string | null} */
  #key = null;
  /** @type {SessionListItem[] | null} */
  #sessions = null;
  #trouble = "";
  /** What somebody else was quicker with. */
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
    this.#today = new Today(consoleUrl);
    this.#phone = new PhoneDialog(consoleUrl, (id) => void this.#hold(id));
    this.#rows = new InboxRows(this.#list, consoleUrl, {
      key: () => this.#key ?? "",
      onOpen: (id) => void this.#open(id),
      onPhone: (id) => void this.#openOnPhone(id),
      onGiveBack: (id) => this.#giveBack(id),
    });
    const name = part("my-name", HTMLInputElement);
    name.value = myName();
    name.addEventListener("change", () => keepMyName(name.value.trim()));
    this.#next.addEventListener("click", () => void this.#openNext());
    addEventListener("keydown", (event) => {
      const isTyping = event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey;
      if (event.key.toLowerCase() === "n" && !isTyping && !this.#phone.isOpen) void this.#openNext();
    });
    setInterval(() => this.#tick(), TICK_MS);
    // `pageshow`: gone back to, a page goes on where it was, with a line that its browser has closed.
    for (const sign of ["online", "pageshow"]) addEventListener(sign, () => this.#lookAgain());
    document.addEventListener("visibilitychange", () => this.#lookAgain());
  }

  /** Shows what this key may see, from now on. @param {string} key empty where none is needed */
  open(key) {
    this.#key = key;
    this.#isDue = true;
    void this.#refresh();
  }

  /** Forgets all of it: who comes next is somebody else. */
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
    part("opening", HTMLElement).toggleAttribute("data-busy", sessions.length > 0);
    show(part("inbox-bar", HTMLElement), sessions.length > 0);
    this.#next.disabled = free === 0;
    const isEmpty = this.#sessions !== null && sessions.length === 0 && this.#trouble === "";
    show(part("list-empty", HTMLElement), isEmpty);
    const words =
      this.#trouble === "" ? this.#missed : `${t("list_failed", { why: this.#trouble })} ${t("list_retrying")}`;
    show(this.#status, words !== "" || this.#sessions === null);
    this.#status.classList.toggle("bad", words !== "");
    say(this.#status, words === "" ? t("list_loading") : words);
    this.#list.classList.toggle("stale", this.#trouble !== "");
    this.#rows.render(ordered(sessions));
  }

  #lookAgain() {
    this.#feed?.wake();
    this.#isDue = true;
  }

  /** What is told of by the feed is fetched soon, and all the same now and then; countdowns go on meanwhile. */
  #tick() {
    const age = performance.now() - this.#fetchedAt;
    if (this.#isDue || age > (this.#feed?.isLive ? REFRESH_WITH_FEED_MS : REFRESH_EVERY_MS)) void this.#refresh();
    else if (this.#sessions !== null) this.#rows.render(ordered(this.#sessions));
  }

  async #refresh() {
    // A hidden page still counts arrivals: that is what it is asked for.
    if (this.#fetching || this.#key === null) return;
    this.#fetching = true;
    this.#isDue = false;
    this.#fetchedAt = performance.now();
    const key = this.#key;
    const found = await fetchSessions(this.#consoleUrl.base, key).catch(failureOf);
    this.#fetching = false;
    // Forgotten meanwhile: its answer is nobody's any more.
    if (key !== this.#key) return;
    if (found instanceof ApiFailure) this.#failed(found);
    else this.#listed(found, key);
    this.render();
  }

  /** @param {SessionListItem[]} found @param {string} key */
  #listed(found, key) {
    const before = this.#sessions;
    this.#sessions = found;
    this.#trouble = "";
    this.#alerts.arrived(arrived(before, found), (id) => void this.#open(id));
    this.#phone.look(found);
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

  /** The first that nobody else is quicker with. */
  async #openNext() {
    for (const { session_id } of nextOnes(this.#sessions ?? [])) if (await this.#open(session_id)) return;
  }

  /** Whether it is this person's now. @param {string} id */
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

  /** Nobody else takes it while its code is shown. @param {string} id */
  async #hold(id) {
    if (!(await this.#take(id))) this.#phone.close();
  }

  /** False: somebody else has it, which the list says. @param {string} id */
  async #take(id) {
    this.#missed = "";
    const failure = await take(this.#consoleUrl, this.#key ?? "", id).then(() => null, failureOf);
    this.#isDue = true;
    // A key that may not take sessions may still look at them; what else goes wrong the session's page says.
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
