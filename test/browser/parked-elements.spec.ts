/** Elements that a page keeps where nobody can scroll to, as a browser lays them out. */
import { chromium, type Page } from "playwright";
import { isParked } from "../../src/browser/challenge/in-page-visibility.ts";
import { expect, test } from "../support/fixtures.ts";

const BOX = "width:200px;height:80px";
const at = (id: string, style: string) => `<div id="${id}" style="${BOX};${style}"></div>`;
const ABSOLUTE = "position:absolute";
const FIXED = "position:fixed";
const BODY = [
  at("seen", `${ABSOLUTE};left:20px;top:20px`),
  at("left", `${ABSOLUTE};left:-900px;top:20px`),
  at("right", `${ABSOLUTE};left:1500px;top:20px`),
  at("above", `${ABSOLUTE};left:20px;top:-900px`),
  at("below", `${ABSOLUTE};left:20px;top:3000px`),
  at("fixed-seen", `${FIXED};left:20px;top:20px`),
  at("fixed-left", `${FIXED};left:-900px;top:20px`),
  at("fixed-right", `${FIXED};left:1500px;top:20px`),
  at("fixed-below", `${FIXED};left:20px;top:3000px`),
  `<div id="in-fixed-below" style="${FIXED};left:20px;top:3000px">${at("inside", "")}</div>`,
  `<div style="${FIXED};left:0;top:0;width:300px;height:200px;overflow:auto"><div style="height:2000px"></div>
    ${at("fixed-scrolled", "")}</div>`,
].join("");
const IDS = [...BODY.matchAll(/id="([^"]+)"/g)].map(([, id]) => id ?? "");

async function parked(page: Page, html: string): Promise<string[]> {
  await page.setContent(html);
  return page.evaluate(
    ([ids, script]) => {
      const isOut = new Function(`return (${script})`)();
      return ids.filter((id) => isOut(document.querySelector(`#${id}`)));
    },
    [IDS, String(isParked)] as const,
  );
}

test("what is left of the page is out of reach, right of it where the page goes from right to left", async ({
  sessionBrowser,
}) => {
  const browser = await chromium.launch({ executablePath: sessionBrowser ?? process.env["CHROMIUM_PATH"] ?? "" });
  try {
    const page = await browser.newPage({ viewport: { width: 800, height: 600 } });
    const fixed = ["fixed-left", "fixed-right", "fixed-below", "in-fixed-below", "inside"];
    const scrolled = "<script>scrollTo({ left: SCROLL, top: 200, behavior: 'instant' })</script>";
    expect(await parked(page, `<body>${BODY}`)).toEqual(["left", "above", ...fixed]);
    expect(await parked(page, `<body>${BODY}${scrolled.replace("SCROLL", "600")}`)).toEqual([
      "left",
      "above",
      ...fixed,
    ]);
    for (const start of ['<html dir="rtl"><body>', '<body dir="rtl">']) {
      expect(await parked(page, start + BODY)).toEqual(["right", "above", ...fixed]);
      expect(await parked(page, start + BODY + scrolled.replace("SCROLL", "-600"))).toEqual([
        "right",
        "above",
        ...fixed,
      ]);
      // The browser agrees: it has scrolled to the left, and cannot scroll to the right.
      expect(await page.evaluate(() => scrollX)).toBe(-600);
    }
  } finally {
    await browser.close();
  }
});
