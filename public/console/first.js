// The console's first second: connects, draws the first picture, and only then runs the rest of the console. It is one
// file, and has its own copy of each module that the rest uses too: what both must know, it hands over.

import { parseConsoleUrl } from "../../src/client/console-url.ts";
import { LivePicture } from "./session/live-picture.js";
import { bearersFor, isOpenToAll, takeToken } from "./shared/credentials.js";
import { byId, setText, setVisible } from "./shared/dom.js";
import { showTheme } from "./shared/theme.js";

/** Where no picture comes in this time, the person is to see why. */
const MOST_WAIT_MS = 600;
/** Keeps the height of a line whose words come later. */
const NO_WORDS = "\u00a0";

const consoleUrl = parseConsoleUrl(location);
takeToken(consoleUrl);
// This file may be here before the end of the page.
if (document.readyState === "loading") {
  await new Promise((go) => document.addEventListener("DOMContentLoaded", go, { once: true }));
}
showTheme(consoleUrl.theme);
const live = consoleUrl.sessionId === "" ? null : await firstPicture();
/** The browser has loaded it meanwhile. @type {typeof import("./main.js")} */
const rest = await import(byId("rest", HTMLLinkElement).href);
await rest.openConsole(consoleUrl, live);

/** @returns {Promise<LivePicture>} whose first picture is on the screen, or does not come soon */
async function firstPicture() {
  setVisible(byId("open-to-all", HTMLElement), isOpenToAll());
  for (const id of ["session", "tools"]) setVisible(byId(id, HTMLElement), true);
  setText(byId("screen-hint", HTMLElement), NO_WORDS);
  document.body.toggleAttribute("data-embed", consoleUrl.embed);
  // The picture gets its place among controls that are not seen before they have their words.
  document.body.setAttribute("data-phase", "first");
  const picture = new LivePicture(consoleUrl);
  // As high as they will be.
  const stop = picture.connection.on("message", (message) => {
    if (message.type !== "session_info" || !message.instructions) return;
    setText(byId("instructions-text", HTMLElement), message.instructions);
  });
  const mayCome = isOpenToAll() || bearersFor(consoleUrl).length > 0;
  // A page that is not looked at paints nothing.
  if (mayCome && !document.hidden) {
    await Promise.race([picture.settled, new Promise((go) => setTimeout(go, MOST_WAIT_MS))]);
  }
  stop();
  return picture;
}
