/**
 * The loop of the reference design, rewritten. It takes one mouse event after the other, replays and awaits it, then takes
 * a screenshot, awaits it and sends it as base64 JSON. It runs in a process of its own, as a service would.
 */
import { chromium, type Page } from "playwright";
import { type WebSocket, WebSocketServer } from "ws";
import type { Rect } from "../../src/protocol/common.ts";

const QUALITY = 30;

export interface ReferenceSettings {
  readonly chromiumPath: string;
  readonly url: string;
  readonly viewport: { readonly width: number; readonly height: number };
  /** null: the whole page */
  readonly clip: Rect | null;
}

export interface ReferenceEvent {
  readonly type: "mouse_event";
  readonly event_type: "down" | "move" | "up";
  readonly x: number;
  readonly y: number;
}

const settings = JSON.parse(process.argv[2] ?? "{}") as ReferenceSettings;
const browser = await chromium.launch({
  executablePath: settings.chromiumPath,
  // As root, Chromium refuses to start in its sandbox.
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});
const page = await browser.newPage({ viewport: settings.viewport });
await page.goto(settings.url);

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false }, () => {
  const address = server.address();
  if (typeof address === "object" && address !== null) process.send?.(address.port);
});
server.on("connection", (socket) => {
  let turn = Promise.resolve();
  socket.on("message", (data: Buffer) => {
    const event = JSON.parse(data.toString()) as ReferenceEvent;
    // Calls that still wait fail when the page closes.
    turn = turn.then(() => answer(page, socket, event)).catch(() => {});
  });
});
process.once("disconnect", () => process.exit());

async function answer({ mouse }: Page, socket: WebSocket, { event_type, x, y }: ReferenceEvent): Promise<void> {
  await mouse.move(x, y);
  if (event_type === "down") await mouse.down();
  if (event_type === "up") await mouse.up();
  const { clip } = settings;
  const jpeg = await page.screenshot({ type: "jpeg", quality: QUALITY, ...(clip === null ? {} : { clip }) });
  socket.send(JSON.stringify({ type: "screenshot_update", screenshot: jpeg.toString("base64") }));
}
