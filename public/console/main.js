// The console's start: language, colours, and then either the opening page or one session.

import { consolePath, parseConsoleUrl } from "../../src/client/console-url.ts";
import { startOpening } from "./inbox/start-page.js";
import { startSession } from "./session/session-page.js";
import { isOpenToAll, takeToken } from "./shared/credentials.js";
import { part, show } from "./shared/dom.js";
import { chooseLanguage, language, locale, setLanguage, translate } from "./shared/i18n.js";
import { recall, remember } from "./shared/preferences.js";

const consoleUrl = parseConsoleUrl(location);
takeToken(consoleUrl);
const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");

setLanguage(chooseLanguage([consoleUrl.lang, recall("language"), ...navigator.languages]));
showTheme();
document.body.toggleAttribute("data-embed", consoleUrl.embed);
show(part("open-to-all", HTMLElement), isOpenToAll());
show(part("opening", HTMLElement), consoleUrl.sessionId === "");
show(part("session", HTMLElement), consoleUrl.sessionId !== "");
sayAll();
const view = consoleUrl.sessionId === "" ? startOpening(consoleUrl) : startSession(consoleUrl);
view.translate();

part("language", HTMLButtonElement).addEventListener("click", () => {
  setLanguage(language() === "zh" ? "en" : "zh");
  remember("language", language());
  if (consoleUrl.lang !== "") consoleUrl.lang = language(); // the links go on in the language chosen last
  sayAll();
  view.translate();
});

part("theme", HTMLButtonElement).addEventListener("click", () => {
  const theme = root.getAttribute("data-theme") === "dark" ? "light" : "dark";
  remember("theme", theme);
  root.setAttribute("data-theme", theme);
});
dark.addEventListener("change", showTheme);
// Another link to the session that is open in this tab: the browser does not load the page anew for it.
addEventListener("hashchange", () => takeToken(consoleUrl) && location.reload());

/** The person's own choice, or the system's; told to the style sheet in one attribute. */
function showTheme() {
  const chosen = recall("theme");
  root.setAttribute("data-theme", chosen === "dark" || chosen === "light" ? chosen : dark.matches ? "dark" : "light");
}

function sayAll() {
  root.lang = locale();
  translate(document);
  for (const id of ["home", "all-sessions"]) part(id, HTMLAnchorElement).href = consolePath(consoleUrl);
}
