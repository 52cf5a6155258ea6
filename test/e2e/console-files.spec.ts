/** The page asks for files: a person gives them in the console, on a desk and on a phone. */
import { devices } from "@playwright/test";
import { BRIEF_SEARCH_MS, expect, type Operator, type TestSite, test } from "../support/fixtures.ts";
import { REPORTING, reportsOf } from "../support/requests.ts";

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

const FIELD = { x: 100, y: 50 };
const { viewport, isMobile, hasTouch } = devices["Pixel 7"];

function serveForm(site: TestSite, attributes: string): string {
  return site.serve(
    "/form",
    `<!doctype html><meta charset="utf-8"><input type="file" ${attributes} style="width:300px;height:80px">${REPORTING}<script>
      const field = document.querySelector("input");
      field.onchange = async () => {
        report(await Promise.all([...field.files].map(async (file) => [file.name, file.size, await file.text()])));
      };
      field.oncancel = () => report("cancelled");
    </script>`,
  );
}

const text = (name: string, content: string, mimeType = "text/plain") => ({
  name,
  mimeType,
  buffer: Buffer.from(content),
});

async function drop({ page }: Operator, files: readonly { name: string; content: string }[]): Promise<void> {
  const dropped = await page.evaluateHandle((given) => {
    const transfer = new DataTransfer();
    for (const { name, content } of given) transfer.items.add(new File([content], name, { type: "text/plain" }));
    return transfer;
  }, files);
  await page.locator("#file-dialog").dispatchEvent("drop", { dataTransfer: dropped });
}

test("[W48] a chosen file goes to the page; a wrong one is said and another can be chosen; closing it cancels", async ({
  site,
  bot,
  operator,
}) => {
  const reports = reportsOf(site);
  const session = await bot.create({ url: serveForm(site, `accept="text/plain,application/pdf"`) });
  await operator.open(session.control_url);
  const dialog = operator.page.getByRole("dialog", { name: "The page asks for a file" });
  await operator.click(FIELD);
  await expect(dialog).toContainText("It takes: text/plain, PDF. Up to 25 MB each.");
  await expect(operator.page.locator("#file-give")).toBeDisabled();
  const choose = operator.page.getByLabel("Choose a file");
  await choose.setInputFiles(text("photo.png", "x", "image/png"));
  await expect(dialog.getByRole("alert")).toHaveText(
    "“photo.png” did not get there: The page does not take this file.",
  );
  await choose.setInputFiles(text("名字 und Größe.txt", "the content"));
  await expect(dialog).toBeHidden();
  await expect.poll(() => reports).toEqual([[["名字 und Größe.txt", 11, "the content"]]]);

  await operator.click(FIELD);
  await expect(dialog).toBeVisible();
  await operator.page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect.poll(() => reports.at(-1)).toBe("cancelled");
  await expect(operator.page.locator("#log")).toContainText("Files given to the page: 1.");
});

test("[W48] several files are dropped at once; what is too large is said, and the others can be given @long", async ({
  site,
  bot,
  operator,
}) => {
  const reports = reportsOf(site);
  const session = await bot.create({ url: serveForm(site, "multiple") });
  await operator.open(session.control_url);
  await operator.click(FIELD);
  const dialog = operator.page.getByRole("dialog", { name: "The page asks for files" });
  await expect(dialog).toBeVisible();
  await drop(operator, [
    { name: "one.txt", content: "1" },
    { name: "large.txt", content: "x".repeat(26_214_401) },
  ]);
  await expect(dialog.getByRole("alert")).toHaveText("“large.txt” is larger than 25 MB.");
  await expect(dialog.getByRole("listitem")).toHaveText(["one.txt"]);
  await operator.page.getByRole("button", { name: "Give to the page" }).click();
  await expect.poll(() => reports).toEqual([[["one.txt", 1, "1"]]]);

  await operator.click(FIELD);
  await expect(dialog).toBeVisible();
  await drop(operator, [
    { name: "a.txt", content: "A" },
    { name: "b.txt", content: "B" },
  ]);
  await expect
    .poll(() => reports.at(-1)?.toSorted())
    .toEqual([
      ["a.txt", 1, "A"],
      ["b.txt", 1, "B"],
    ]);
  await expect(dialog).toBeHidden();
});

test.describe("on a phone", () => {
  test.use({ viewport, isMobile, hasTouch, locale: "zh-CN" });

  test("[W48] a photo is taken for a page that takes pictures @long", async ({ site, bot, operator }) => {
    const reports = reportsOf(site);
    const session = await bot.create({ url: serveForm(site, `accept="image/*"`) });
    await operator.open(session.control_url);
    await operator.click(FIELD);
    const camera = operator.page.getByLabel("拍照");
    await expect(operator.page.getByText("拍照")).toBeVisible();
    await expect(camera).toHaveAttribute("capture", "environment");
    // Each button is whole, in English, too, whose words are longer.
    const tooWide = () =>
      operator.page.locator("#file-dialog").evaluate((dialog) => dialog.scrollWidth - dialog.clientWidth);
    const switchLanguage = () => operator.page.locator("#language").dispatchEvent("click");
    expect(await tooWide()).toBe(0);
    await switchLanguage();
    await expect(operator.page.getByRole("button", { name: "Give to the page" })).toBeVisible();
    expect(await tooWide()).toBe(0);
    await switchLanguage();
    await camera.setInputFiles(text("IMG_1.jpg", "jpeg", "image/jpeg"));
    await expect.poll(() => reports).toEqual([[["IMG_1.jpg", 4, "jpeg"]]]);
  });
});
