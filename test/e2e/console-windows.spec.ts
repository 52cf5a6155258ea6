/** [W47] The console with windows that the page opens: the picture goes there and back, the strip switches and closes. */
import { BRIEF_SEARCH_MS, expect, test } from "../support/fixtures.ts";
import { fetchAsBot } from "../support/key.ts";

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

const BUTTON = "position:absolute;left:0;top:0;width:300px;height:200px;font-size:30px";

test("[W47] a person signs in in a window of another site, in a frame there, and the session is solved", async ({
  site,
  bot,
  operator,
}) => {
  const other = site.otherOrigin;
  site.serve(
    "/frame",
    `<input style="${BUTTON}"><button style="${BUTTON};top:220px" onclick="parent.postMessage(document.querySelector('input').value, '*')">Sign in</button>`,
  );
  site.serve(
    "/login",
    `<title>Log in</title><body style="background:#cde"><iframe src="${site.origin}/frame" style="position:absolute;left:50px;top:100px;width:400px;height:450px"></iframe>
     <script>onmessage = ({ data }) => { opener.postMessage(data, "*"); close(); };</script>`,
  );
  const url = site.serve(
    "/shop",
    `<title>Shop</title><button style="${BUTTON}" onclick="open('${other}/login', 'login', 'width=500,height=600')">Sign in with ...</button>
     <script>onmessage = ({ data }) => { document.title = data; document.body.innerHTML = '<h1 id="in">in</h1>'; };</script>`,
  );
  const session = await bot.create({ url, completion: { all: [{ visible: "#in" }] } });
  await operator.open(session.control_url);
  const strip = operator.page.locator("#windows");
  await expect(strip).toBeHidden();
  await operator.click({ x: 150, y: 100 });
  await expect(strip.getByRole("button", { name: "Log in localhost" })).toHaveAttribute("aria-current", "true");
  await expect(operator.page.locator("#screen")).toHaveAttribute("data-view", "0,0,500,600");
  await operator.untilStill();
  await operator.click({ x: 150, y: 150 });
  await operator.type("ada");
  await operator.click({ x: 150, y: 400 });
  await expect(operator.page.locator("#ending")).toBeVisible();
  expect(await bot.result(session.session_id)).toMatchObject({ outcome: "solved", verified: "checked" });
  await expect(strip).toBeHidden();
});

test("[W47] the strip switches and closes by keyboard, in Chinese, and is for looking only for a watcher @long", async ({
  site,
  bot,
  server,
  operator,
  browser,
}) => {
  site.serve("/terms", `<title>Terms</title><body style="background:#cde">terms`);
  const link = `<a href="/terms" target="_blank" style="display:block;${BUTTON}">terms</a>`;
  const session = await bot.create({ url: site.serve("/", `<title>Shop</title>${link}`) });
  await operator.open(`${session.control_url.replace("#", "?lang=zh#")}`);
  const { page } = operator;
  const made = await fetchAsBot(`${server.api}/session/${session.session_id}/links`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ role: "watch" }),
  });
  const watching = await browser.newPage();
  await watching.goto(((await made.json()) as { url: string }).url);
  await expect(watching.locator("body")).toHaveAttribute("data-phase", "live");

  await operator.click({ x: 150, y: 100 });
  const strip = page.getByRole("navigation", { name: "页面的窗口" });
  const [shop, terms] = [strip.getByRole("button", { name: /^Shop/ }), strip.getByRole("button", { name: /^Terms/ })];
  await expect(terms).toHaveAttribute("aria-current", "true");
  await expect(watching.locator("#windows .window-show")).toHaveCount(2);
  await expect(watching.locator("#windows button:enabled")).toHaveCount(0);
  await shop.focus();
  await page.keyboard.press("Enter");
  await expect(shop).toHaveAttribute("aria-current", "true");
  await operator.untilStill();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await expect(strip.getByRole("button", { name: "关闭 Terms" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(strip).toBeHidden();
  await expect(page.locator("#frame :focus")).toHaveCount(1);
  await expect(watching.locator("#windows")).toBeHidden();
  await watching.close();
});
