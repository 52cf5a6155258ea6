// The console behind its first picture: language, colours, and then either the start page or the page of one session.

import { consolePath } from "../../src/client/console-url.ts";
import { openSessionPage } from "./session/session-page.js";
import { isOpenToAll, takeToken } from "./shared/credentials.js";
import { byId, setVisible } from "./shared/dom.js";
import { chooseLanguage, language, locale, setLanguage, translate } from "./shared/i18n.js";
import { recall, remember } from "./shared/preferences.js";
import { onSystemTheme, showTheme } from "./shared/theme.js";

/** @typedef {import("../../src/client/console-url.ts").ConsoleUrl} ConsoleUrl */
/** @typedef {import("./session/live-picture.js").LivePicture} LivePicture */

/** @param {ConsoleUrl} consoleUrl @param {LivePicture | null} live null: the start page */
export async function openConsole(consoleUrl, live) {
  const root = document.documentElement;
  /** The colours that the address or the parent page asks for. */
  let theme = consoleUrl.theme;
  // Where the tab stores nothing, the token is still in the address.
  takeToken(consoleUrl);
  const wished = chooseLanguage([consoleUrl.lang, recall("language"), ...navigator.languages]);
  // Words that do not come are no reason to show nothing.
  await setLanguage(wished).catch(() => {});
  document.body.toggleAttribute("data-embed", consoleUrl.embed);
  setVisible(byId("open-to-all", HTMLElement), isOpenToAll());
  setVisible(byId("opening", HTMLElement), live === null);
  setVisible(byId("session", HTMLElement), live !== null);
  translateAll();
  const view = live === null ? await openStart() : await openSession(live);
  view.translate();

  byId("language", HTMLButtonElement).addEventListener("click", async () => {
    await showLanguage(language() === "zh" ? "en" : "zh");
    remember("language", language());
  });

  byId("theme", HTMLButtonElement).addEventListener("click", () => {
    theme = root.getAttribute("data-theme") === "dark" ? "light" : "dark";
    remember("theme", theme);
    showTheme(theme);
  });
  onSystemTheme(() => showTheme(theme));
  // Another link to the session that is open in this tab: the browser does not reload the page for it.
  addEventListener("hashchange", () => takeToken(consoleUrl) && location.reload());

  /** Whoever comes by a link needs none of the inbox. */
  async function openStart() {
    const { openStartPage } = await import("./inbox/start-page.js");
    return openStartPage(consoleUrl);
  }

  /** In a frame the page around it hears how the session goes, and has its own idea of language and colours.
   * @param {LivePicture} picture */
  async function openSession(picture) {
    if (!consoleUrl.embed || parent === window) return openSessionPage(consoleUrl, picture);
    const { ParentPage } = await import("./session/parent-page.js");
    const parentPage = new ParentPage(consoleUrl.sessionId, {
      onLanguage: (tag) => void showLanguage(chooseLanguage([tag, language()])),
      onTheme(wish) {
        theme = wish;
        showTheme(theme);
      },
    });
    return openSessionPage(consoleUrl, picture, (model, more) => parentPage.show(model, more));
  }

  /** @param {import("./shared/i18n.js").Language} chosen */
  async function showLanguage(chosen) {
    if (!(await setLanguage(chosen).catch(() => false))) return;
    if (consoleUrl.lang !== "") consoleUrl.lang = language(); // links keep the language chosen last
    translateAll();
    view.translate();
  }

  function translateAll() {
    root.lang = locale();
    translate(document);
    for (const id of ["home", "all-sessions"]) byId(id, HTMLAnchorElement).href = consolePath(consoleUrl);
  }
}
