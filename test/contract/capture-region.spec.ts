/** The ways there are to have pictures of a part of a page, each held to the one contract in a real browser. */
import { FullViewportCapture, ViewportOverrideCapture } from "../../src/browser/pictures/capture-region.ts";
import { captureContract } from "./capture-region-contract.ts";

captureContract("override", {
  maxScale: 3,
  async open(browser, viewport) {
    const page = await (await browser.newContext({ viewport: null })).newPage();
    const session = await page.context().newCDPSession(page);
    return { page, session, capture: new ViewportOverrideCapture(session, viewport) };
  },
});

captureContract("the server", {
  maxScale: 1,
  async open(browser, viewport) {
    // The bot's own emulation, which no other client may undo.
    const page = await (await browser.newContext({ viewport })).newPage();
    const session = await page.context().newCDPSession(page);
    return { page, session, capture: new FullViewportCapture(session, viewport) };
  },
});
