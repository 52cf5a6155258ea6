// The strip of the windows that the page has opened: which one is shown, and a way to each of them; hidden with one window.

import { byId, element, setText, setVisible } from "../shared/dom.js";
import { t } from "../shared/i18n.js";

/** @import { ClientMessage, PageWindow } from "../../../src/protocol/live.ts" */
/** @typedef {{ item: HTMLLIElement, show: HTMLButtonElement, title: HTMLElement, site: HTMLElement, close: HTMLButtonElement }} Tab */

export class WindowStrip {
  #nav = byId("windows", HTMLElement);
  #list = byId("window-list", HTMLElement);
  #send;
  /** @type {Map<string, Tab>} */
  #tabs = new Map();
  #shown = "";

  /** @param {(message: ClientMessage) => boolean} send */
  constructor(send) {
    this.#send = send;
  }

  /** @param {readonly PageWindow[]} windows the first one first @param {boolean} mayAct */
  render(windows, mayAct) {
    const isOffered = windows.length > 1;
    const hadFocus = this.#nav.contains(document.activeElement);
    const known = new Set(windows.map(({ id }) => id));
    for (const [id, tab] of this.#tabs) {
      if (isOffered && known.has(id)) continue;
      tab.item.remove();
      this.#tabs.delete(id);
    }
    setVisible(this.#nav, isOffered);
    if (isOffered) for (const [index, each] of windows.entries()) this.#renderTab(each, index, mayAct);
    const shown = windows.find(({ active }) => active)?.id ?? "";
    const tab = this.#tabs.get(shown);
    if (shown !== this.#shown) tab?.item.scrollIntoView({ block: "nearest", inline: "nearest" });
    this.#shown = shown;
    // A window that had the focus is closed: whoever uses the keyboard goes on with what is shown now.
    if (hadFocus && !this.#nav.contains(document.activeElement))
      (tab?.show ?? byId("screen", HTMLCanvasElement)).focus();
  }

  /** @param {PageWindow} each @param {number} index @param {boolean} mayAct */
  #renderTab(each, index, mayAct) {
    const { show, title, site, close } = this.#tabs.get(each.id) ?? this.#add(each.id);
    const name = nameOf(each);
    setText(title, name);
    setText(site, each.title === "" ? "" : hostOf(each.site));
    show.title = each.site === "" ? name : `${name} · ${each.site}`;
    show.setAttribute("aria-current", String(each.active));
    show.disabled = !mayAct;
    close.setAttribute("aria-label", t("window_close", { name }));
    close.disabled = !mayAct;
    setVisible(close, index > 0);
  }

  /** @param {string} id @returns {Tab} */
  #add(id) {
    const item = element("li", "window-tab");
    const show = element("button", "window-show");
    const close = element("button", "window-close", "×");
    const [title, site] = [element("span", "window-title"), element("span", "window-site")];
    show.type = close.type = "button";
    show.append(title, site);
    show.addEventListener("click", () => this.#send({ type: "window", window_id: id, action: "show" }));
    close.addEventListener("click", () => this.#send({ type: "window", window_id: id, action: "close" }));
    item.append(show, close);
    this.#list.append(item);
    const tab = { item, show, title, site, close };
    this.#tabs.set(id, tab);
    return tab;
  }
}

/** What a person calls the window. @param {Pick<PageWindow, "title" | "site">} window */
export function nameOf({ title, site }) {
  return title || hostOf(site) || t("window_untitled");
}

/** @param {string} site */
function hostOf(site) {
  return URL.canParse(site) ? new URL(site).host : "";
}
