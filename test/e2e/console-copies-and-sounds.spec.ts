/** What was copied in the page is on the person's clipboard, and the challenge's sounds are heard in the console. */
import { BRIEF_SEARCH_MS, expect, test } from "../support/fixtures.ts";
import { wav } from "../support/wav.ts";

test.use({ challengeSearchMs: BRIEF_SEARCH_MS, permissions: ["clipboard-read", "clipboard-write"] });

const FIELD = { x: 100, y: 15 };
const BUTTON = { x: 100, y: 65 };

test("[W49] Ctrl+C in the picture fills the person's clipboard, and Ctrl+V gives it back; a button of the page asks first", async ({
  site,
  bot,
  operator,
}) => {
  const { page } = operator;
  const url = site.serve(
    "/",
    `<!doctype html><style>body{margin:0}input,button{display:block;width:300px;height:30px;margin:0 0 20px}</style>
     <input value="a coupon"><button>Copy</button><input id="second"><div id="shown">empty</div><script>
     document.querySelector("button").onclick = () => {
       addEventListener("copy", (event) => { event.clipboardData.setData("text/plain", "of the page"); event.preventDefault() }, { once: true });
       document.execCommand("copy");
     };
     document.querySelector("#second").oninput = ({ target }) => fetch("/typed?" + target.value);
     </script>`,
  );
  const typed: string[] = [];
  site.serve("/typed", (request, response) => {
    typed.push(decodeURIComponent(request.url?.split("?")[1] ?? ""));
    response.end();
  });
  const session = await bot.create({ url });
  await operator.open(session.control_url);
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  await page.evaluate(() => navigator.clipboard.writeText("the person's own"));

  await operator.click(FIELD);
  await page.locator("#screen").focus();
  await page.keyboard.press("Control+a");
  await page.keyboard.press("Control+c");
  await expect(page.locator("#notice")).toHaveText("Copied, and on your clipboard: “a coupon”");
  expect(await clipboard()).toBe("a coupon");

  await operator.click({ x: 100, y: 115 });
  await page.keyboard.press("Control+v");
  await expect.poll(() => typed.at(-1)).toBe("a coupon");

  await operator.click(BUTTON);
  await expect(page.locator("#notice")).toContainText("Copied in the page: “of the page”");
  expect(await clipboard()).toBe("a coupon");
  await page.getByRole("button", { name: "Copy it here" }).click();
  await expect(page.locator("#notice")).toHaveText("It is on your clipboard.");
  expect(await clipboard()).toBe("of the page");
  expect(await page.locator("#log").textContent()).not.toContain("coupon");
});

test("[W51] a sound of the challenge is played in the console, and stopped", async ({ site, bot, operator }) => {
  const { page } = operator;
  const RATE = 8_000;
  const SECONDS = 60;
  site.serve("/sound.wav", (_request, response) => {
    response.setHeader("content-type", "audio/wav").end(wav(RATE * SECONDS));
  });
  const url = site.serve(
    "/",
    `<button style="width:300px;height:80px" onclick="new Audio('/sound.wav').play()">Listen</button>`,
  );
  await page.addInitScript(() => {
    const played: number[] = [];
    Object.assign(globalThis, { played });
    const { start } = AudioBufferSourceNode.prototype;
    AudioBufferSourceNode.prototype.start = function (...given) {
      played.push(Math.round(this.buffer?.duration ?? 0));
      return start.apply(this, given);
    };
  });
  const session = await bot.create({ url });
  await operator.open(session.control_url);
  await expect(page.locator("#sounds")).toBeHidden();
  await operator.click({ x: 100, y: 40 });
  await page.getByRole("button", { name: "Play sound 1" }).click();
  await expect(page.getByRole("button", { name: "Stop sound 1" })).toBeVisible();
  expect(await page.evaluate("played")).toEqual([SECONDS]);
  await page.getByRole("button", { name: "Stop sound 1" }).click();
  await expect(page.getByRole("button", { name: "Play sound 1" })).toBeVisible();
});
