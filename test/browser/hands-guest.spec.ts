/** [W41] [W42] [W43] A person's hands in a page of the bot's own browser; when they leave, it is as it was. */

import { BRIEF_SEARCH_MS, expect } from "../support/fixtures.ts";
import { test } from "../support/guest.ts";
import { DRAGGED } from "../support/hands-in-frames.ts";
import { fetchAsBot } from "../support/key.ts";

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

const BOXES = '<input maxlength="1">'.repeat(4);

test("[W41] [W42] [W43] keys, a code and a drop reach a guest page, and the bot's own drag is its own again", async ({
  server,
  site,
  bot,
  botBrowser,
  connect,
}) => {
  const url = site.serve(
    "/",
    `<body style="margin:0"><script>
      var told = [];
      const tell = (...what) => told.push(what.join(" "));
    </script>${DRAGGED("page")}<p style="margin-top:120px">${BOXES}</p><script>
      const boxes = [...document.querySelectorAll("input")];
      boxes.forEach((box, index) => box.addEventListener("input", () => boxes[index + 1]?.focus()));
      boxes[0].focus();
      addEventListener("keydown", (event) => tell("keydown", event.key, event.code, event.isTrusted));
    </script>`,
  );
  const page = await botBrowser.open(url);
  const told = () => page.evaluate(() => (globalThis as unknown as { told: string[] }).told);
  const values = () =>
    page.locator("input").evaluateAll((boxes) => boxes.map((box) => (box as HTMLInputElement).value));
  const target_id = await botBrowser.targetOf(page);
  const session = await bot.create({ cdp: { endpoint: botBrowser.endpoint, target_id } });
  const client = await connect(session.ws_url);
  await client.next("session_info");
  client.send({ type: "key", event_type: "down", key: "1", code: "Digit1" });
  client.send({ type: "key", event_type: "up", key: "1", code: "Digit1" });
  await expect.poll(told).toContain("keydown 1 Digit1 true");
  client.send({ type: "text", text: "234" });
  await expect.poll(values).toEqual(["1", "2", "3", "4"]);

  const mouse = (event_type: string, x: number, buttons: number) =>
    client.send({ type: "mouse_event", event_type, x, y: 50, button: "left", buttons });
  mouse("move", 50, 0);
  mouse("down", 50, 1);
  await expect.poll(told).toContain("page mousedown");
  for (let x = 60; x <= 150; x += 10) mouse("move", x, 1);
  mouse("up", 150, 0);
  await expect.poll(told).toContain("page drop a thing of page true");
  await expect.poll(told).toContain("page dragend");

  // The session is cancelled in the middle of a drag.
  mouse("move", 50, 0);
  mouse("down", 50, 1);
  for (let x = 60; x <= 100; x += 10) mouse("move", x, 1);
  await expect.poll(async () => (await told()).filter((what) => what === "page dragstart").length).toBe(2);
  await fetchAsBot(`${server.api}/session/${session.session_id}`, { method: "DELETE" });
  await expect.poll(async () => (await told()).filter((what) => what === "page dragend").length).toBe(2);
  await page.evaluate(() => (globalThis as unknown as { told: string[] }).told.splice(0));
  await page.locator("#thing").dragTo(page.locator("#place"));
  await expect.poll(told).toContain("page drop a thing of page true");
});
