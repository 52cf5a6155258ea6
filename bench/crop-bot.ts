/**
 * A bot in a process of its own, which opens a page and shows people the challenge alone. Prints the page's id, reads the
 * session's from its input, and says when the server may ask for a part.
 */
import { once } from "node:events";
import { chromium } from "playwright";
import { openCrop } from "../src/relay/index.ts";
import { VIEWPORT } from "./page.ts";

const [server = "", endpoint = "", url = ""] = process.argv.slice(2);
const key = process.env["CAPTCHA_REMOTE_KEY"];
const browser = await chromium.connectOverCDP(endpoint);
const page = await (await browser.newContext({ viewport: VIEWPORT })).newPage();
await page.goto(url);
const onLine = (isUp: boolean) => process.stdout.write(isUp ? "up\n" : "down\n");
const crop = await openCrop(page, { server, key }, { onLine });
if (!crop) throw new Error("This page cannot be cropped.");
process.stdout.write(`${crop.targetId}\n`);
const [session] = String(await once(process.stdin, "data")).split("\n");
crop.begin(session ?? "");
