// The console's entry point: language, colours, and then either the start page or the page of one session.

import { consolePath, parseConsoleUrl } from "../../src/client/console-url.ts";
import { openSessionPage } from "./session/session-page.js";
import { isOpenToAll, takeToken } from "./shared/credentials.js";
import { byId, setVisible } from "./shared/dom.js";
import { chooseLanguage, language, locale, setLanguage, translate } from "./shared/i18n.js";
import { recall, remember } from "./shared/preferences.js";

const consoleUrl = parseConsoleUrl(location);
takeToken(consoleUrl);
const root = document.documentElement;
/** The colours that the address or the parent page asks for. */
let theme = consoleUrl.theme;
const dark = matchMedia("(prefers-color-scheme: dark)");

// Words that do not come are no reason to show nothing.
await setLanguage(chooseLanguage([consoleUrl.lang, recall("language"), ...navigator.languages])).catch(() => {});
showTheme();
document.body.toggleAttribute("data-embed", consoleUrl.embed);
setVisible(byId("open-to-all", HTMLElement), isOpenToAll());
setVisible(byId("opening", HTMLElement), consoleUrl.sessionId === "");
setVisible(byId("session", HTMLElement), consoleUrl.sessionId !== "");
translateAll();
const view = consoleUrl.sessionId === "" ? await openStart() : await openSession();
view.translate();

byId("language", HTMLButtonElement).addEventListener("click", async () => {
  await showLanguage(language() === "zh" ? "en" : "zh");
  remember("language", language());
});

byId("theme", HTMLButtonElement).addEventListener("click", () => {
  theme = root.getAttribute("data-theme") === "dark" ? "light" : "dark";
  remember("theme", theme);
  showTheme();
});
dark.addEventListener("change", showTheme);
// Another link to the session that is open in this tab: the browser does not reload the page for it.
addEventListener("hashchange", () => takeToken(consoleUrl) && location.reload());

/** Whoever comes by a link needs none of the inbox. */
async function openStart() {
  const { openStartPage } = await import("./inbox/start-page.js");
  return openStartPage(consoleUrl);
}

/** In a frame the page around it hears how the session goes, and has its own idea of language and colours. */
async function openSession() {
  if (!consoleUrl.embed || parent === window) return openSessionPage(consoleUrl);
  const { ParentPage } = await import("./session/parent-page.js");
  const parentPage = new ParentPage(consoleUrl.sessionId, {
    onLanguage: (tag) => void showLanguage(chooseLanguage([tag, language()])),
    onTheme(wish) {
      theme = wish;
      showTheme();
    },
  });
  return openSessionPage(consoleUrl, (model, more) => parentPage.show(model, more));
}

/** @param {import("./shared/i18n.js").Language} chosen */
async function showLanguage(chosen) {
  if (!(await setLanguage(chosen).catch(() => false))) return;
  if (consoleUrl.lang !== "") consoleUrl.lang = language(); // links keep the language chosen last
  translateAll();
  view.translate();
}

/** What was asked for, the person's own choice or the system's, as one attribute for the style sheet. */
function showTheme() {
  const chosen = theme === "dark" || theme === "light" ? theme : recall("theme");
  root.setAttribute("data-theme", chosen === "dark" || chosen === "light" ? chosen : dark.matches ? "dark" : "light");
}

function translateAll() {
  root.lang = locale();
  translate(document);
  for (const id of ["home", "all-sessions"]) byId(id, HTMLAnchorElement).href = consolePath(consoleUrl);
}
