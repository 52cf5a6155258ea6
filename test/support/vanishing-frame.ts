/** A frame that is taken away while a button is down in it: the operator can go on. */
import { expect } from "@playwright/test";
import type { SessionAnswer } from "../../src/protocol/rest.ts";
import type { TestSite } from "./fixtures.ts";
import type { LiveClient } from "./live-client.ts";
import { expectWithin } from "./pace.ts";

interface Given {
  readonly site: TestSite;
  readonly bot: { create(body: Record<string, unknown>): Promise<SessionAnswer> };
  readonly server: { readonly url: string };
  readonly connect: (wsUrl: string, options?: { protocols?: string[] }) => Promise<LiveClient>;
}

/** A second or two of a frozen input queue is a page that hangs, for who uses it. */
const ANSWER_BOUND_MS = 3_000;

/** @param frameOrigin of the frame's document */
export async function expectVanishingFrameSurvived(
  { site, bot, server, connect }: Given,
  frameOrigin: string,
): Promise<void> {
  const told: string[] = [];
  site.serve("/told", (request, response) => {
    told.push(decodeURIComponent(request.url?.split("?")[1] ?? ""));
    response.end();
  });
  const tell = `const tell = (what) => navigator.sendBeacon("${site.origin}/told?" + encodeURIComponent(what));`;
  site.serve(
    "/inner",
    `<body style="margin:0;background:#fc9"><script>${tell}
      addEventListener("pointerdown", () => parent.postMessage("down", "*"));
      addEventListener("load", () => tell("frame ready"));</script>`,
  );
  const url = site.serve(
    "/",
    `<!doctype html><body style="margin:0">
      <iframe src="${frameOrigin}/inner" class="test-captcha"
        style="position:absolute;left:100px;top:100px;width:300px;height:200px;border:0"></iframe>
      <script>${tell}
        addEventListener("message", () => { document.querySelector("iframe").remove(); tell("frame gone"); });
        for (const type of ["mousedown", "mouseup"]) {
          addEventListener(type, (event) => tell(type + " " + event.clientX + "," + event.clientY));
        }</script>`,
  );
  const session = await bot.create({
    url,
    viewport: { width: 640, height: 400 },
    completion: { any: [{ visible: "#never" }] },
  });
  const client = await connect(session.ws_url, { protocols: ["captcha.json.v1"] });
  await client.next("session_info");
  await expect.poll(() => told).toContain("frame ready");
  const mouse = (event_type: string, x: number, y: number, buttons: number) =>
    client.send({ type: "mouse_event", event_type, x, y, button: "left", buttons });
  mouse("move", 200, 200, 0);
  mouse("down", 200, 200, 1);
  await expect.poll(() => told).toContain("frame gone");
  const startedAt = performance.now();
  for (let step = 1; step <= 20; step += 1) mouse("move", 200 + step * 3, 200, 1);
  mouse("up", 260, 200, 0);
  mouse("move", 520, 350, 0);
  mouse("down", 520, 350, 1);
  mouse("up", 520, 350, 0);
  await expect.poll(() => told).toContain("mousedown 520,350");
  await expect.poll(() => told).toContain("mouseup 520,350");
  expectWithin(performance.now() - startedAt, ANSWER_BOUND_MS);
  // Nothing is stuck as down: a second press is one press.
  const before = told.length;
  mouse("down", 530, 360, 1);
  mouse("up", 530, 360, 0);
  await expect.poll(() => told.slice(before)).toEqual(["mousedown 530,360", "mouseup 530,360"]);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  expect(client.received.filter(({ type }) => type === "error")).toEqual([]);
}
