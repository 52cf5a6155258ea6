/** The console's line: pictures as binary messages, nothing pressed that nobody holds, and a pill that says how it goes. */
import { listen, loseSocketOnDemand, servePage } from "../support/console-socket.ts";
import { BRIEF_SEARCH_MS, expect, test } from "../support/fixtures.ts";
import { slowness } from "../support/pace.ts";

/** Its pages have no challenge. */
test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

test("[W23] [W15] pictures come as binary messages, none as text, and what is on the screen is acknowledged @long", async ({
  site,
  bot,
  operator,
}) => {
  const line = listen(operator.page);
  const session = await bot.createGuest({ url: servePage(site).url });
  await operator.open(session.control_url);
  await operator.drag({ x: 300, y: 250 }, { x: 500, y: 250 });
  await operator.untilStill();
  expect(line.pictures.length).toBeGreaterThan(3);
  expect(line.received.filter((message) => "screenshot" in message)).toEqual([]);
  const shown = Number(await operator.page.locator("#screen").getAttribute("data-seq"));
  expect(line.pictures.at(-1)).toMatchObject({ seq: shown, kind: "still" });
  expect(line.ofType("ack").at(-1)?.seq).toBe(shown);
  // [W4] Each event names the picture it was aimed at.
  const seqs = new Set(line.pictures.map(({ seq }) => seq));
  for (const event of line.ofType("mouse_event")) expect(seqs).toContain(event.seq);
});

test("[W5] [W22] pictures as text, from a server that has no binary ones, do the same @long", async ({
  site,
  bot,
  operator,
}) => {
  await operator.page.addInitScript(() => {
    const Native = WebSocket;
    globalThis.WebSocket = class extends Native {
      constructor(url: string | URL, offered: string | string[] = []) {
        super(
          url,
          [offered].flat().filter((name) => !name.startsWith("captcha.binary.")),
        );
      }
    };
  });
  const line = listen(operator.page);
  const session = await bot.createGuest({ url: servePage(site).url });
  await operator.open(session.control_url);
  await operator.drag({ x: 300, y: 250 }, { x: 500, y: 250 });
  await operator.untilStill();
  expect(line.pictures).toEqual([]);
  const shown = Number(await operator.page.locator("#screen").getAttribute("data-seq"));
  const last = line.received.findLast((message) => message.type === "screenshot_update");
  expect(last).toMatchObject({ seq: shown, kind: "still" });
  expect(line.ofType("ack").at(-1)?.seq).toBe(shown);
  await expect(operator.page.locator("#pulse")).toHaveText(/page at rest$/);
});

test("[W24] nothing stays pressed after the window or the line is lost in the middle of a drag", async ({
  site,
  bot,
  operator,
}) => {
  await operator.page.addInitScript(loseSocketOnDemand);
  const line = listen(operator.page);
  const { url, presses } = servePage(site);
  const session = await bot.createGuest({ url });
  await operator.open(session.control_url);
  const box = await operator.page.locator("#screen").boundingBox();
  const move = (x: number) => operator.page.mouse.move((box?.x ?? 0) + x, (box?.y ?? 0) + 80);
  for (const event of ["blur", "lose-socket"]) {
    presses.length = 0;
    await move(40);
    await operator.page.mouse.down();
    await move(60);
    await expect.poll(() => presses.map(({ type }) => type)).toEqual(["mousedown"]);
    await operator.page.evaluate((type) => dispatchEvent(new Event(type)), event);
    await expect.poll(() => presses.map(({ type }) => type)).toContain("mouseup");
    await expect(operator.page.locator("body")).toHaveAttribute("data-phase", "live");
    const before = line.ofType("mouse_event").length;
    await move(90);
    await expect.poll(() => line.ofType("mouse_event").length).toBeGreaterThan(before);
    await operator.page.mouse.up();
    for (const { event_type, buttons } of line.ofType("mouse_event").slice(before)) {
      expect({ event_type, buttons }).toEqual({ event_type: "move", buttons: 0 });
    }
  }
});

test("[W8] [W22] the pill shows round trip and pictures a second during a drag, and then that the page is at rest @long", async ({
  site,
  bot,
  operator,
}) => {
  const session = await bot.create({ url: servePage(site).url });
  await operator.open(session.control_url);
  const pill = operator.page.locator("#pulse");
  await expect(pill).toHaveText(/^\d+ ms/);
  await expect(pill).toHaveText(/page at rest$/);
  const width = (await pill.boundingBox())?.width;
  await pill.evaluate((element) => {
    const said: string[] = [];
    new MutationObserver(() => said.push(`${element.textContent} ${element.getBoundingClientRect().width}`)).observe(
      element,
      { childList: true, characterData: true, subtree: true },
    );
    Object.assign(globalThis, { said });
  });
  await operator.drag({ x: 300, y: 250 }, { x: 560, y: 250 }, 1_500);
  await operator.drag({ x: 560, y: 250 }, { x: 300, y: 250 }, 1_500);
  await expect(pill).toHaveText(/page at rest$/);
  const said = await operator.page.evaluate(() => (globalThis as unknown as { said: string[] }).said);
  const rates = said.map((words) => Number(/^\d+ ms(\d+)\/s/.exec(words)?.[1] ?? 0));
  expect(Math.max(...rates)).toBeGreaterThan(5 / slowness());
  // Nothing moves as the numbers change.
  expect(new Set(said.map((words) => Number(words.split(" ").at(-1))))).toEqual(new Set([width]));
});
