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
const dark = matchMedia("(prefers-color-scheme: dark)");

setLanguage(chooseLanguage([consoleUrl.lang, recall("language"), ...navigator.languages]));
showTheme();
document.body.toggleAttribute("data-embed", consoleUrl.embed);
setVisible(byId("open-to-all", HTMLElement), isOpenToAll());
setVisible(byId("opening", HTMLElement), consoleUrl.sessionId === "");
setVisible(byId("session", HTMLElement), consoleUrl.sessionId !== "");
translateAll();
const view = consoleUrl.sessionId === "" ? await openStart() : openSessionPage(consoleUrl);
view.translate();

byId("language", HTMLButtonElement).addEventListener("click", () => {
  setLanguage(language() === "zh" ? "en" : "zh");
  remember("language", language());
  if (consoleUrl.lang !== "") consoleUrl.lang = language(); // links keep the language chosen last
  translateAll();
  view.translate();
});

byId("theme", HTMLButtonElement).addEventListener("click", () => {
  const theme = root.getAttribute("data-theme") === "dark" ? "light" : "dark";
  remember("theme", theme);
  root.setAttribute("data-theme", theme);
});
dark.addEventListener("change", showTheme);
// Another link to the session that is open in this tab: the browser does not reload the page for it.
addEventListener("hashchange", () => takeToken(consoleUrl) && location.reload());

/** Whoever comes by a link needs none of the inbox. */
async function openStart() {
  const { openStartPage } = await import("./inbox/start-page.js");
  return openStartPage(consoleUrl);
}

/** The person's own choice, or the system's, as one attribute for the style sheet. */
function showTheme() {
  const chosen = recall("theme");
  root.setAttribute("data-theme", chosen === "dark" || chosen === "light" ? chosen : dark.matches ? "dark" : "light");
}

function translateAll() {
  root.lang = locale();
  translate(document);
  for (const id of ["home", "all-sessions"]) byId(id, HTMLAnchorElement).href = consolePath(consoleUrl);
}
