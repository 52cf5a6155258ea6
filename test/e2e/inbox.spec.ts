/** The operator inbox: who waits, oldest deadline first, with a picture; taken by one person only; by mouse and by keyboard. */
import { devices, type Page } from "@playwright/test";
import jsQR from "jsqr";
import sharp from "sharp";
import { BRIEF_SEARCH_MS, expect, type TestServer } from "../support/fixtures.ts";
import { test as base } from "../support/inbox-page.ts";
import { fetchAsBot } from "../support/key.ts";

/** Its pages have no challenge. */
base.use({ challengeSearchMs: BRIEF_SEARCH_MS });

interface Created {
  readonly session_id: string;
}
type Create = (label: string, timeoutSeconds: number) => Promise<Created>;

const test = base.extend<{ create: Create; two: [Created, Created] }>({
  create: async ({ site, bot }, use) => {
    const url = site.serve("/", "<p>x</p>");
    await use((label, timeout_seconds) => bot.createGuest({ url, label, timeout_seconds }));
  },
  /** The first one's time is up first. */
  two: async ({ inbox, create }, use) => {
    const sessions: [Created, Created] = [await create("first", 100), await create("second", 200)];
    await expect.poll(() => names(inbox)).toEqual(["first", "second"]);
    await use(sessions);
  },
});

const names = (page: Page) => page.locator("#session-list .row-name").allTextContents();
/** As a camera does; fails where it would see nothing. */
async function readCode(png: Buffer): Promise<string> {
  const { data, info } = await sharp(png).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  const found = (jsQR as unknown as typeof jsQR.default)(new Uint8ClampedArray(data), info.width, info.height);
  if (!found) throw new Error("No QR code is to be seen.");
  return found.data;
}
const CLAIMED = { success: false, error: { code: "claimed", message: "Another person has taken this session." } };
const claim = async ({ api }: TestServer, id: string, name: string) =>
  (
    await fetchAsBot(`${api}/session/${id}/claim`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name, client: "bbbbbbbbbbbbbbbb" }),
    })
  ).status;

test("[R19] rows in the order of their deadlines, with what there is to know, and a picture of each", async ({
  inbox,
  site,
  bot,
}) => {
  const url = site.serve("/", `<body style="margin:0;background:#c33">`);
  const late = await bot.createGuest({ url, label: "late", timeout_seconds: 600 });
  await bot.createGuest({ url, label: "soon", timeout_seconds: 50, instructions: "Slide it." });
  await expect.poll(() => names(inbox)).toEqual(["soon", "late"]);
  const soon = inbox.locator("#session-list li").first();
  await expect(soon.locator(".row-what")).toHaveText("Slide it.");
  await expect(soon.locator(".row-time.soon")).toHaveText(/^0:\d\d$/);
  await expect(inbox.locator("#session-list .row-facts").last()).toContainText(late.session_id);
  await expect(inbox).toHaveTitle("(2) Captcha Remote");
  const shot = soon.locator("canvas");
  await expect(shot).toHaveClass(/drawn/);
  const colour = await soon
    .locator("canvas")
    .evaluate((canvas: HTMLCanvasElement) => [
      ...(canvas.getContext("2d")?.getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data ?? []),
    ]);
  for (const [index, value] of [0xcc, 0x33, 0x33].entries())
    expect(Math.abs((colour[index] ?? 0) - value)).toBeLessThan(12);
});

test("[R24] a code is given in the row, without the picture: a wrong one is said so, the right one ends the session", async ({
  inbox,
  site,
  bot,
}) => {
  const url = site.serve(
    "/",
    `<form><input autocomplete="one-time-code" name="code"><button>Verify</button></form>
<script>document.forms[0].onsubmit = (event) => { event.preventDefault();
  if (event.target.code.value === "402917") document.body.innerHTML = "<p id=in>Welcome</p>"; };</script>`,
  );
  const completion = { any: [{ visible: "#in" }], stable_ms: 0 };
  const { session_id } = await bot.createGuest({ url, label: "code", completion });
  await bot.createGuest({ url: site.serve("/none", "<p>x</p>"), label: "none" });
  const row = inbox.locator(`#session-list li[data-id="${session_id}"]`);
  const field = row.getByLabel("One-time code");
  await field.fill("111111");
  await field.press("Enter");
  await expect(row.getByRole("status")).toHaveText("The page did not take this code.");
  await expect(inbox.getByLabel("One-time code").filter({ visible: true })).toHaveCount(1);
  await field.fill("402917");
  await row.getByRole("button", { name: "Send code" }).click();
  expect(await bot.waitForEnd(session_id)).toMatchObject({ state: "solved", verified: "checked" });
  await expect(row).toHaveCount(0);
});

test("[R19] N takes the first that nobody has, and others see by whom; what is given back is free again", async ({
  inbox,
  server,
  two: [first, second],
}) => {
  expect(await claim(server, first.session_id, "Ben")).toBe(200);
  await expect(inbox.locator("#session-list .chip").first()).toHaveText("Ben has it");
  await inbox.locator("#my-name").fill("Anna");
  await inbox.locator("#my-name").press("Tab");
  await inbox.keyboard.press("n");
  await inbox.waitForURL(`**/control/${second.session_id}`);
  await expect(inbox.locator("body")).toHaveAttribute("data-phase", "live");
  const listed = async () =>
    (await (await fetchAsBot(`${server.api}/sessions`)).json()) as { sessions: { claimed_by: string }[] };
  expect((await listed()).sessions.map(({ claimed_by }) => claimed_by)).toContain("Anna");
  await inbox.goBack();
  const mine = inbox.locator("#session-list li").nth(1);
  await expect(mine.locator(".chip")).toHaveText("Yours");
  await mine.locator(".row-back").click();
  await expect(mine.locator(".row-back")).toBeHidden();
  await expect(mine.locator(".chip")).not.toHaveText("Yours");
});

test("[R19] who is second is told so, and stays in the list @long", async ({ inbox, server, site, bot }) => {
  const session = await bot.createGuest({ url: site.serve("/", "<p>x</p>"), label: "one" });
  await expect.poll(() => names(inbox)).toEqual(["one"]);
  // Between the last look and the click.
  await inbox.route("**/sessions", (route) => route.abort());
  expect(await claim(server, session.session_id, "Ben")).toBe(200);
  await inbox.unroute("**/sessions");
  await inbox.locator("#session-list .row").click();
  await expect(inbox.locator("#list-status")).toHaveText("Another person has taken this session.");
  expect(new URL(inbox.url()).pathname).toBe("/api/captcha/control");
});

test("[R13] [R19] a session goes on at the phone whose camera sees the code, and nobody else takes it meanwhile", async ({
  inbox,
  create,
  browser,
}) => {
  await create("one", 100);
  await expect.poll(() => names(inbox)).toEqual(["one"]);
  // Dark: what cameras read stays black on white.
  await inbox.emulateMedia({ colorScheme: "dark" });
  await inbox.locator(".row-phone").click();
  const code = inbox.locator("#phone-code");
  await expect(code).toBeVisible();
  await expect(inbox.locator("#session-list .chip")).toHaveText("Yours");
  const link = await readCode(await code.screenshot());
  expect(link).toBe(await inbox.locator("#phone-link").inputValue());
  await expect(inbox.locator("#phone-trouble")).toContainText("PUBLIC_URL");
  const phone = await browser.newPage({ ...devices["Pixel 7"] });
  await phone.goto(link);
  await expect(phone.locator("body")).toHaveAttribute("data-phase", "live");
  await expect(inbox.locator("#phone-dialog")).toBeHidden();
  await expect(inbox.locator("#phone-link")).toHaveValue("");
  await expect(inbox.locator(".row-phone")).toBeHidden();
  await phone.close();
});

test("[R19] what is shown as a code stays taken, and the code goes as soon as somebody else has it @long", async ({
  inbox,
  server,
  create,
}) => {
  const { session_id } = await create("one", 100);
  await inbox.clock.install();
  await inbox.reload();
  await expect.poll(() => names(inbox)).toEqual(["one"]);
  await inbox.locator(".row-phone").click();
  await expect(inbox.locator("#phone-code")).toBeVisible();
  const claims: string[] = [];
  inbox.on("request", (request) => request.url().endsWith("/claim") && claims.push(request.url()));
  await inbox.clock.runFor(61_000);
  await expect.poll(() => claims.length).toBe(2);
  await expect(inbox.locator("#phone-dialog")).toBeVisible();
  // As after a claim that lapsed on a machine that slept.
  await inbox.route("**/claim", (route) => route.fulfill({ status: 409, json: CLAIMED }));
  await inbox.clock.runFor(30_000);
  await expect(inbox.locator("#phone-dialog")).toBeHidden();
  await expect(inbox.locator("#list-status")).toHaveText("Another person has taken this session.");
  expect(await claim(server, session_id, "Ben")).toBe(409);
});

test("[R13] a code that cannot be had is said in the dialog, and another try is free @long", async ({
  inbox,
  create,
}) => {
  await create("one", 100);
  await expect.poll(() => names(inbox)).toEqual(["one"]);
  await inbox.route("**/links", (route) => route.abort());
  await inbox.locator(".row-phone").click();
  await expect(inbox.locator("#phone-trouble")).toHaveText("No link could be made: the server cannot be reached");
  await inbox.keyboard.press("Escape");
  await inbox.unroute("**/links");
  await inbox.locator(".row-phone").click();
  await expect(inbox.locator("#phone-code")).toBeVisible();
});

test("up, down and Enter go through the rows; arrivals and ends are seen at once, and today's ends are kept @long", async ({
  inbox,
  server,
  two: [first, second],
}) => {
  await inbox.locator("#session-list .row").first().focus();
  await inbox.keyboard.press("ArrowDown");
  await expect(inbox.locator("#session-list .row").nth(1)).toBeFocused();
  await inbox.keyboard.press("ArrowUp");
  await expect(inbox.locator("#session-list .row").first()).toBeFocused();
  await fetchAsBot(`${server.api}/session/${first.session_id}`, { method: "DELETE" });
  await expect.poll(() => names(inbox)).toEqual(["second"]);
  // Of this worker's other tests there are some already; the newest comes first.
  const newest = inbox.locator("#today-list .past").first();
  await expect(newest.locator(".past-name")).toHaveText("first");
  await expect(newest.locator(".past-why")).toHaveText("The bot does not need it any more.");
  await inbox.locator("#session-list .row").focus();
  await inbox.keyboard.press("Enter");
  await inbox.waitForURL(`**/control/${second.session_id}`);
});
