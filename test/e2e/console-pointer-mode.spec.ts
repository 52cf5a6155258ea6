/** [W52] A keyboard is enough: a pointer that arrows move, and the buttons of a browser in the whole page. */
import { listen } from "../support/console-socket.ts";
import { BRIEF_SEARCH_MS, expect, test } from "../support/fixtures.ts";
import { serveTouchPage } from "../support/touch-page.ts";

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

const TRACK = `<!doctype html><body style="margin:0">
  <div id="my-captcha" style="position:absolute;left:300px;top:200px;width:400px;height:200px;background:#eee">
    <i style="position:absolute;left:20px;top:80px;width:40px;height:40px;background:#36c"></i>
  </div>
  <script>
    const knob = document.querySelector("i");
    let from = null;
    addEventListener("mousedown", (event) => {
      if (event.target === knob) from = event.clientX;
    });
    addEventListener("mousemove", (event) => {
      if (from !== null && event.buttons === 1) knob.style.left = 20 + event.clientX - from + "px";
    });
    addEventListener("mouseup", () => {
      from = null;
      navigator.sendBeacon("/dropped?" + knob.style.left);
    });
  </script>`;

test("[W52] the arrows move a pointer, Space holds, the arrows drag, Escape lets go and then leaves", async ({
  site,
  bot,
  operator,
}) => {
  const dropped: string[] = [];
  site.serve("/dropped", (request, response) => {
    dropped.push(request.url?.split("?")[1] ?? "");
    response.end();
  });
  const session = await bot.createGuest({ url: site.serve("/track", TRACK) });
  await operator.open(session.control_url);
  const { page } = operator;
  const line = listen(page);
  await page.reload();
  await operator.untilStill();
  const pointer = page.locator("#key-pointer");
  const said = page.locator("#pointer-said");
  await page.locator("#screen").focus();
  await expect(page.locator("#screen-hint")).toContainText("F2");
  await page.keyboard.press("F2");
  await expect(pointer).toBeVisible();
  await expect(said).toContainText("Pointer on");
  await expect(page.locator("#screen-hint")).toContainText("Space");
  await expect(page.locator("#pointer-mode")).toHaveAttribute("aria-pressed", "true");

  // From the middle of the view, which is 500, 300, to the knob at 340, 300.
  for (let step = 0; step < 4; step += 1) await page.keyboard.press("Shift+ArrowLeft");
  await page.keyboard.press("Space");
  await expect(said).toContainText("held");
  for (let step = 0; step < 10; step += 1) await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Alt+ArrowRight");
  await page.keyboard.press("Control+ArrowRight");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Escape");
  await expect.poll(() => dropped).toEqual(["102px"]);
  await expect(pointer).toBeVisible();

  // Space that stays down drags for as long as it does.
  await page.keyboard.down("Space");
  await page.keyboard.press("Shift+ArrowRight");
  await page.keyboard.up("Space");
  await expect.poll(() => dropped).toEqual(["102px", "60px"]);

  await page.keyboard.press("Escape");
  await expect(pointer).toBeHidden();
  await expect(said).toContainText("Pointer off");
  expect(line.ofType("key")).toEqual([]);
  expect(line.ofType("text")).toEqual([]);
  await page.keyboard.press("ArrowRight");
  await expect.poll(() => line.ofType("key").map(({ key }) => key)).toContain("ArrowRight");
});

test("[W52] [W44] on a phone's page the pointer is a finger, and so is a mouse @long", async ({
  site,
  bot,
  operator,
}) => {
  const served = serveTouchPage(site);
  const session = await bot.create({ url: served.url, device: "phone" });
  await operator.open(session.control_url);
  const { page } = operator;
  await page.locator("#pointer-mode").click();
  for (let step = 0; step < 6; step += 1) await page.keyboard.press("Shift+ArrowUp");
  await page.keyboard.press("Space");
  await page.keyboard.press("Shift+ArrowRight");
  await page.keyboard.press("Escape");
  const touches = () =>
    served.heard.filter(({ type }) => type.startsWith("touch")).map(({ type, touches: [first] }) => [type, first]);
  await expect.poll(touches).toEqual([
    ["touchstart", [0, 195, 182]],
    ["touchmove", [0, 235, 182]],
    ["touchend", undefined],
  ]);
  served.heard.length = 0;
  await operator.drag({ x: 100, y: 100 }, { x: 160, y: 120 });
  await expect.poll(() => touches().at(-1)).toEqual(["touchend", undefined]);
  expect(served.types("page")).not.toContain("mousemove");
});

test("[W52] the whole page has Back and reload: the page goes there, and its rules are not taken in by it @long", async ({
  site,
  bot,
  operator,
}) => {
  const loads: string[] = [];
  const html = (name: string, more: string) => `<h1>${name}</h1>${more}`;
  for (const [path, more] of [
    ["/first", '<p><a href="/second" style="position:absolute;left:20px;top:120px">on</a></p>'],
    ["/second", '<div id="my-box" style="width:200px;height:100px;background:#fcc">box</div>'],
  ] as const) {
    site.serve(path, (_request, response) => {
      loads.push(path);
      response.setHeader("cache-control", "no-store").setHeader("content-type", "text/html").end(html(path, more));
    });
  }
  const completion = { any: [{ gone: "#my-box" }], stable_ms: 0 };
  const session = await bot.create({ url: `${site.origin}/first`, completion });
  await operator.open(session.control_url);
  const { page } = operator;
  const back = page.locator("#page-back");
  await expect(back).toHaveAccessibleName("Back in the page");
  // There is no page before the first one.
  await back.click();
  await expect(page.locator("#notice")).toBeVisible();
  expect(loads).toEqual(["/first"]);
  await operator.click({ x: 25, y: 128 });
  await expect.poll(() => loads).toEqual(["/first", "/second"]);
  await operator.untilStill();
  await page.locator("#page-reload").click();
  await expect.poll(() => loads).toEqual(["/first", "/second", "/second"]);
  await operator.untilStill();
  await back.click();
  await expect.poll(() => loads).toEqual(["/first", "/second", "/second", "/first"]);
  await operator.untilStill();
  // The box is gone because somebody went back: that is no sign that it was solved.
  expect((await bot.info(session.session_id)).state).toBe("active");
});
