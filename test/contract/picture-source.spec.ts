/** The real page and the fake one of the picture tests, held to one contract. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "@playwright/test";
import { pino } from "pino";
import { openBrowserPool } from "../../src/browser/open/browser-pool.ts";
import { loadConfig } from "../../src/config.ts";
import type { PageEvents } from "../../src/session/ports/page.ts";
import { FakePage } from "../support/fake-page.ts";
import { BRIEF_SEARCH_MS } from "../support/fixtures.ts";
import { BOX, FOLLOWING, INSIDE, markedPage, VIEWPORT } from "../support/marked-page.ts";
import { pictureSourceContract } from "./picture-source-contract.ts";

const UNHEARD: Omit<PageEvents, "nextSeq" | "picture"> = {
  challenge() {},
  solved() {},
  lost() {},
  notice() {},
  resumeStateChanged() {},
  focused() {},
  progress() {},
  attemptFailed() {},
  movedOn() {},
  ask: () => false,
  withdraw() {},
  offer() {},
  windowsChanged() {},
  windowShown() {},
  condition() {},
};
const OPEN_DEADLINE_MS = 30_000;

pictureSourceContract("a fake page", {
  async open(events) {
    const page = new FakePage(events);
    page.kept = Buffer.from("kept");
    return { page, change: () => page.draw(), close: () => page.close() };
  },
});

pictureSourceContract("a page in a browser", {
  async open(events) {
    const site = createServer((_request, response) => {
      response.setHeader("content-type", "text/html").end(markedPage(FOLLOWING));
    });
    await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
    const { port } = site.address() as AddressInfo;
    const config = loadConfig({
      ...process.env,
      DATA_DIR: test.info().outputPath("data"),
      URL_ALLOW_PRIVATE: "on",
    });
    const surroundings = { serverPorts: () => [], demoOrigin: () => undefined, challengeSearchMs: BRIEF_SEARCH_MS };
    const room = await openBrowserPool(config, surroundings, pino({ level: "silent" }));
    const page = await room.openPage(
      { session_id: "pictures", url: `http://127.0.0.1:${port}/`, viewport: VIEWPORT, completion: undefined },
      { ...UNHEARD, ...events },
      AbortSignal.timeout(OPEN_DEADLINE_MS),
    );
    let moved = 0;
    return {
      page,
      // The dot of the page follows the pointer.
      change() {
        moved += 7;
        page.input({ type: "mouse_event", event_type: "move", x: BOX.x + (moved % 180), y: INSIDE.y, buttons: 0 });
      },
      async close() {
        await page.close();
        await room.close();
        site.closeAllConnections();
        await new Promise((resolve) => site.close(resolve));
      },
    };
  },
});
