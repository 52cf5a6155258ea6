/** [W60] Pictures of a bot's own page, as the person gets them. */

import { expect, test } from "../support/guest.ts";
import type { LiveClient } from "../support/live-client.ts";

const VIEWPORT = { width: 900, height: 640 };
/** A knob that follows the pointer, in a page that takes its time for each move: pictures come slowly on any machine. */
const BUSY = `<!doctype html><body style="margin:0">
  <div id="captcha" style="position:absolute;left:60px;top:80px;width:300px;height:200px;background:#cde">
    <b style="position:absolute;left:0;top:80px;width:40px;height:40px;background:#246"></b></div>
  <script>
    const knob = document.querySelector("b");
    addEventListener("pointermove", ({ clientX }) => {
      for (const end = performance.now() + 70; performance.now() < end; );
      knob.style.left = clientX - 80 + "px";
    });
  </script>`;
const KNOB = { x: 80, y: 180 };

const MOVES_A_STROKE = 60;

/** Drags to and fro, one stroke after the other, until `isEnough`; the button is down then. */
async function drag(client: LiveClient, isEnough: () => boolean): Promise<void> {
  const mouse = { type: "mouse_event", ...KNOB, button: "left" };
  let moves = 0;
  await expect
    .poll(
      () => {
        if (isEnough()) return true;
        if (moves % MOVES_A_STROKE === 0) {
          client.send({ ...mouse, event_type: "up", buttons: 0 });
          client.send({ ...mouse, event_type: "down", buttons: 1 });
        }
        moves += 1;
        client.send({ ...mouse, event_type: "move", x: KNOB.x + 5 * (moves % 40), buttons: 1 });
        return false;
      },
      { intervals: [16] },
    )
    .toBe(true);
}

test("[W60] [W22] where pictures of a guest come slowly they get smaller, and are sharp again at rest", async ({
  botBrowser,
  bot,
  site,
  connect,
}) => {
  await botBrowser.open(site.serve("/busy", BUSY), VIEWPORT);
  const { ws_url } = await bot.create({ cdp: { endpoint: botBrowser.endpoint, url_contains: "/busy" } });
  const client = await connect(ws_url, { protocols: ["captcha.binary.v1"] });
  client.acks = true;
  await client.nextPicture(() => true, 0);
  // A slow line alone never asks for less than a half.
  const isSmall = ({ kind, scale }: { kind: string; scale: number }) => kind === "motion" && scale < 0.35;
  await drag(client, () => client.pictures.some(isSmall));
  const seen = client.pictures.filter(({ kind }) => kind === "motion").map(({ scale }) => scale);
  expect(seen[0]).toBeGreaterThan(0.7);
  const small = client.pictures.find(isSmall);
  expect(small?.view).toEqual({ x: 50, y: 70, width: 320, height: 220 });
  // Under the button that is still down.
  await client.nextPicture(({ kind, scale, quality }) => kind === "still" && scale === 1 && quality === 80);
});
