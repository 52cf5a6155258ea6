/** A person's keyboard, input method, clipboard and mouse over the picture, in a real browser. */
import type { CDPSession, Page } from "@playwright/test";
import { listen } from "../support/console-socket.ts";
import { BRIEF_SEARCH_MS, expect, type Operator, test } from "../support/fixtures.ts";
import { reportsOf, TELL } from "../support/hands.ts";

/** Its pages have no challenge. */
test.use({ challengeSearchMs: BRIEF_SEARCH_MS, permissions: ["clipboard-read", "clipboard-write"] });

const lastOf = (reports: unknown[][], name: string) => reports.findLast(([type]) => type === name)?.slice(1);

/** A field at 20, 20, a button behind it, and what the page hears of keys. */
const FIELDS = `${TELL}<body style="margin:0"><input style="position:absolute;left:20px;top:20px;width:300px;height:30px;caret-color:transparent">
  <button style="position:absolute;left:20px;top:80px;width:100px;height:30px">Go</button><script>
    addEventListener("input", tellValues);
    addEventListener("click", (event) => event.detail === 0 && tell("pressed", event.target.localName));
    for (const type of ["keydown", "keyup", "compositionstart", "paste"])
      addEventListener(type, (event) => tell(type, event.key ?? "", event.code ?? "", event.isTrusted, event.clipboardData?.getData("text/plain") ?? ""));
  </script>`;

async function compose(cdp: CDPSession, ...steps: string[]): Promise<void> {
  for (const text of steps)
    await cdp.send("Input.imeSetComposition", { text, selectionStart: text.length, selectionEnd: text.length });
}

test("[W41] keys over the picture are keys of the page, Tab and Space too, and nothing stays down", async ({
  site,
  bot,
  operator,
}) => {
  const reports = reportsOf(site);
  const { page } = operator;
  const session = await bot.create({ url: site.serve("/", FIELDS) });
  await operator.open(session.control_url);
  await operator.click({ x: 100, y: 35 });
  await page.keyboard.type("Ab.1");
  await expect.poll(() => lastOf(reports, "values")).toEqual(["Ab.1"]);
  expect(reports).toContainEqual(["keydown", ".", "Period", true, ""]);
  await page.keyboard.press("Control+KeyA");
  await page.keyboard.press("Delete");
  await expect.poll(() => lastOf(reports, "values")).toEqual([""]);
  await expect(page.locator("#screen-hint")).toHaveText("Your keys go to the page, Tab too.");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  await expect.poll(() => reports).toContainEqual(["pressed", "button"]);
  // A key that is down while the window goes away is let go of.
  await page.keyboard.down("KeyX");
  await expect.poll(() => lastOf(reports, "keydown")).toEqual(["x", "KeyX", true, ""]);
  await page.evaluate(() => dispatchEvent(new Event("blur")));
  await expect.poll(() => lastOf(reports, "keyup")).toEqual(["x", "KeyX", true, ""]);
});

test("[W41] by Tab the picture is entered and left in both directions", async ({ site, bot, operator }) => {
  const { page } = operator;
  const session = await bot.createGuest({ url: site.serve("/", FIELDS) });
  await operator.open(session.control_url);
  await page.locator("#screen").focus();
  const hint = page.locator("#screen-hint");
  await expect(hint).toHaveText("Your keys go to the page. Tab leaves the picture; F2 moves a pointer by keys.");
  await page.keyboard.press("Tab");
  await expect(page.locator("#frame :focus")).toHaveCount(0);
  await page.keyboard.press("Shift+Tab");
  await expect(hint).toHaveText("Your keys go to the page. Tab leaves the picture; F2 moves a pointer by keys.");
  await page.keyboard.press("Shift+Tab");
  await expect(hint).toHaveText("Click the picture, then use mouse and keyboard as usual.");
});

test("[W41] an input method composes over the picture, and its text arrives once", async ({
  site,
  bot,
  operator,
  context,
}) => {
  const reports = reportsOf(site);
  const { page } = operator;
  const line = listen(page);
  const session = await bot.createGuest({ url: site.serve("/", FIELDS) });
  await operator.open(session.control_url);
  await operator.click({ x: 100, y: 35 });
  const cdp = await context.newCDPSession(page);
  const field = page.locator("textarea.composing");
  await compose(cdp, "n", "ni", "nihao");
  await expect(field).toHaveCSS("background-color", "rgb(255, 255, 255)");
  await expect(field).toHaveValue("nihao");
  const [shown, screen] = [await field.boundingBox(), await page.locator("#screen").boundingBox()];
  expect(shown?.width).toBeGreaterThan(20);
  expect(shown?.x).toBeGreaterThan(screen?.x ?? Number.NaN);
  await cdp.send("Input.insertText", { text: "你好" });
  await expect.poll(() => lastOf(reports, "values")).toEqual(["你好"]);
  await expect(field).toHaveValue("");
  await expect(field).not.toHaveCSS("background-color", "rgb(255, 255, 255)");
  // An emoji picker sends text without keys.
  await cdp.send("Input.insertText", { text: "🧩" });
  await expect.poll(() => lastOf(reports, "values")).toEqual(["你好🧩"]);
  const sent = () => line.ofType("text").map(({ text, whole }) => [text, whole]);
  await expect.poll(sent).toEqual([
    ["你好", false],
    ["🧩", false],
  ]);
  expect(reports.filter(([type]) => type === "paste")).toEqual([]);
});

test("[W41] text is composed at the page's caret, wherever keys have taken it @long", async ({
  site,
  bot,
  operator,
  context,
}) => {
  const { page } = operator;
  const at = (left: number, top: number) =>
    `position:absolute;left:${left}px;top:${top}px;width:300px;height:60px;box-sizing:border-box;font:16px/20px monospace`;
  const session = await bot.create({
    url: site.serve(
      "/",
      `<body style="margin:0"><input style="${at(20, 20)}"><input value="abc" style="${at(600, 400)};text-align:right">
       <textarea style="${at(100, 500)}">one\ntwo</textarea><div contenteditable style="${at(800, 600)}">text</div>`,
    ),
  });
  await operator.open(session.control_url);
  await operator.click({ x: 200, y: 50 });
  const cdp = await context.newCDPSession(page);
  const field = page.locator("textarea.composing");
  /** How far the field is from a point of the page, in the page's CSS px. */
  const awayFrom = async (x: number, y: number) => {
    const [box, there, further] = [
      await field.boundingBox(),
      await onScreen(page, x, y),
      await onScreen(page, x + 100, y),
    ];
    const scale = (further.x - there.x) / 100;
    return Math.hypot((box?.x ?? Number.NaN) - there.x, (box?.y ?? Number.NaN) - there.y) / scale;
  };
  const composesAt = async (x: number, y: number) => {
    await expect.poll(() => awayFrom(x, y)).toBeLessThan(12);
    await compose(cdp, "n", "ni");
    await expect(field).toHaveValue("ni");
    expect(await awayFrom(x, y)).toBeLessThan(12);
    await cdp.send("Input.insertText", { text: "你" });
    await expect(field).toHaveValue("");
  };
  // A character of this font is some 10 px wide.
  await page.keyboard.type("hello");
  await composesAt(73, 40);
  await page.keyboard.press("Tab");
  await composesAt(897, 420);
  await page.keyboard.press("Tab");
  await composesAt(103, 503);
  await page.keyboard.press("End");
  await composesAt(143, 503);
  await page.keyboard.press("ArrowDown");
  await composesAt(133, 523);
  await page.keyboard.press("Tab");
  await composesAt(800, 600);
});

test("[W42] a paste over the picture and the text box give the page a paste, and the clipboard stays as it is", async ({
  site,
  bot,
  operator,
}) => {
  const reports = reportsOf(site);
  const { page } = operator;
  const session = await bot.create({ url: site.serve("/", FIELDS) });
  await operator.open(session.control_url);
  await operator.click({ x: 100, y: 35 });
  await page.evaluate(() => navigator.clipboard.writeText("pasted 1"));
  await page.keyboard.press("Control+KeyV");
  await expect.poll(() => lastOf(reports, "values")).toEqual(["pasted 1"]);
  expect(reports).toContainEqual(["paste", "", "", false, "pasted 1"]);
  await operator.type("boxed");
  await expect.poll(() => lastOf(reports, "values")).toEqual(["pasted 1boxed"]);
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("pasted 1");
});

/** Where a point of the whole page is in the console, CSS px. */
async function onScreen(page: Page, x: number, y: number): Promise<{ x: number; y: number }> {
  const box = await page.locator("#screen").boundingBox();
  if (!box) throw new Error("The canvas is not on the screen.");
  const { width, height } = { width: box.width / 1280, height: box.height / 720 };
  return { x: box.x + x * width, y: box.y + y * height };
}

async function side(cdp: CDPSession, operator: Operator, button: "back" | "forward"): Promise<void> {
  const at = await onScreen(operator.page, 400, 400);
  const buttons = button === "back" ? 8 : 16;
  await cdp.send("Input.dispatchMouseEvent", { type: "mousePressed", ...at, button, buttons, clickCount: 1 });
  await cdp.send("Input.dispatchMouseEvent", { type: "mouseReleased", ...at, button, buttons: 0, clickCount: 1 });
}

test("[W43] back and forward of the mouse go back and forward in the page and never leave the console", async ({
  site,
  bot,
  operator,
  context,
}) => {
  const { page } = operator;
  const reports = reportsOf(site);
  const told = (name: string) =>
    `${TELL}<script>addEventListener("pageshow", () => tell("shown", "${name}"));</script>`;
  site.serve("/two", told("two"));
  const url = site.serve("/one", `${told("one")}<a href="/two" style="position:absolute;inset:0">on</a>`);
  const session = await bot.create({ url });
  await operator.open(session.control_url);
  const console = page.url();
  await operator.click({ x: 400, y: 400 });
  await expect.poll(() => lastOf(reports, "shown")).toEqual(["two"]);
  const cdp = await context.newCDPSession(page);
  await side(cdp, operator, "back");
  await expect.poll(() => lastOf(reports, "shown")).toEqual(["one"]);
  await side(cdp, operator, "forward");
  await expect.poll(() => lastOf(reports, "shown")).toEqual(["two"]);
  expect(page.url()).toBe(console);
});

test("[W43] Shift-click, a double click and a thing that is dragged are that in the page @long", async ({
  site,
  bot,
  operator,
}) => {
  const { page } = operator;
  const reports = reportsOf(site);
  const session = await bot.create({
    url: site.serve(
      "/",
      `${TELL}<body style="margin:0"><div id="thing" draggable="true" style="position:absolute;left:400px;top:100px;width:80px;height:80px;background:#c33"></div>
       <div id="place" style="position:absolute;left:600px;top:100px;width:140px;height:80px;background:#3c3"></div><script>
        thing.ondragstart = (event) => event.dataTransfer.setData("text/plain", "it");
        place.ondragover = (event) => event.preventDefault();
        place.ondrop = (event) => { event.preventDefault(); tell("drop", event.dataTransfer.getData("text/plain"), event.isTrusted); };
        for (const type of ["click", "dblclick"]) addEventListener(type, (event) => tell(type, event.shiftKey, event.detail));
        addEventListener("wheel", (event) => tell("wheel", event.altKey));
      </script>`,
    ),
  });
  await operator.open(session.control_url);
  await page.keyboard.down("Shift");
  await operator.click({ x: 100, y: 300 });
  await page.keyboard.up("Shift");
  await expect.poll(() => lastOf(reports, "click")).toEqual([true, 1]);
  const at = await onScreen(page, 200, 400);
  await page.mouse.dblclick(at.x, at.y);
  await expect.poll(() => lastOf(reports, "dblclick")).toEqual([false, 2]);
  await page.keyboard.down("Alt");
  await page.mouse.wheel(0, 10);
  await page.keyboard.up("Alt");
  await expect.poll(() => lastOf(reports, "wheel")).toEqual([true]);
  await operator.drag({ x: 440, y: 140 }, { x: 660, y: 140 });
  await expect.poll(() => lastOf(reports, "drop")).toEqual(["it", true]);
});
