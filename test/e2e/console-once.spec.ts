/** The console over a line that breaks in the worst moments: what was said arrives once, and all is back at once. */
import { listen, PAGE_VIEW, servePage, untilView } from "../support/console-socket.ts";
import { BRIEF_SEARCH_MS, test as base, expect, type TestSite } from "../support/fixtures.ts";
import { expectWithin } from "../support/pace.ts";
import { type Relay, startRelay } from "../support/relay.ts";

/** From the line's return until everything is there again. */
const ALL_BACK_MS = 1_000;

interface Return {
  /** ms from the socket's opening to the first message of each kind; a picture's also by its view. */
  readonly after: Record<string, number>;
}

const test = base.extend<{ relay: Relay }>({
  // The console's socket goes through the relay, which its policy does not know of.
  bypassCSP: true,
  relay: async ({ server, page }, use) => {
    const relay = await startRelay(server.url);
    await page.addInitScript(useRelay, new URL(relay.url).port);
    await use(relay);
    await relay.close();
  },
});

/** Its pages have no challenge. */
test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

/** Runs in the console's page: its sockets go to this port, and tell when what came on them. */
function useRelay(port: string): void {
  const Native = WebSocket;
  const returns: Return[] = [];
  Object.assign(globalThis, { returns });
  globalThis.WebSocket = class extends Native {
    constructor(url: string | URL, protocols?: string | string[]) {
      const through = new URL(url);
      through.port = port;
      super(through, protocols);
      const after: Record<string, number> = {};
      returns.push({ after });
      let openedAt = 0;
      const note = (what: string) => {
        after[what] ??= performance.now() - openedAt;
      };
      this.addEventListener("open", () => {
        openedAt = performance.now();
      });
      this.addEventListener("message", ({ data }) => {
        if (data instanceof ArrayBuffer) {
          const length = new DataView(data).getUint32(0);
          const { view } = JSON.parse(new TextDecoder().decode(data.slice(4, 4 + length)));
          note(`picture of ${[view.x, view.y, view.width, view.height]}`);
          return;
        }
        const message = JSON.parse(data);
        note(message.type === "control" ? `control ${message.you}` : message.type);
      });
    }
  };
}

/** A page whose field has the keyboard, and tells the test what is in it. */
function serveField(site: TestSite): { url: string; values: string[] } {
  const values: string[] = [];
  site.serve("/value", (request, response) => {
    values.push(new URL(request.url ?? "", site.origin).searchParams.get("is") ?? "");
    response.end();
  });
  const url = site.serve(
    "/field",
    `<div id="my-captcha" style="width:300px;height:200px;background:#ccf"><input autofocus
       style="caret-color:transparent"></div><script>
      document.querySelector("input").oninput = ({ target }) => fetch("/value?" + new URLSearchParams({ is: target.value }));
    </script>`,
  );
  return { url, values };
}

test("[W30] text that was handed to a line which is dead arrives once: not heard at all, or heard and not confirmed", async ({
  site,
  bot,
  operator,
  relay,
}) => {
  const { page } = operator;
  const line = listen(page);
  const { url, values } = serveField(site);
  const session = await bot.createGuest({ url });
  await operator.open(session.control_url);
  const idsOf = (words: string) => line.ofType("text").flatMap(({ text, id }) => (text === words ? [id] : []));
  let typed = "";
  // One report may overtake another.
  for (const [way, words] of [
    ["requests", "never heard,"],
    ["answers", "heard,"],
  ] as const) {
    relay.lose(way);
    await operator.type(words);
    await expect.poll(() => idsOf(words)).toHaveLength(1);
    typed += words;
    if (way === "answers") await expect.poll(() => values).toContain(typed);
    await relay.cut();
    await expect(page.locator("body")).toHaveAttribute("data-phase", "reconnecting");
    await relay.mend();
    await expect.poll(() => idsOf(words)).toHaveLength(2);
    expect(new Set(idsOf(words)).size).toBe(1);
    await expect.poll(() => values).toContain(typed);
  }
  // Whatever the repeats did has been done before this.
  await operator.type("end");
  await expect.poll(() => values).toContain(`${typed}end`);
});

test("[W14] [W16] [W18] state, control, view and picture are back within a second of the line, no other view before", async ({
  site,
  bot,
  operator,
  relay,
}) => {
  const { page } = operator;
  const session = await bot.createGuest({ url: servePage(site).url });
  await operator.open(session.control_url);
  await page.locator("#view-switch").click();
  await untilView(operator, PAGE_VIEW);
  // The socket before the cut had all of this too.
  const sockets = await page.evaluate(() => (globalThis as unknown as { returns: Return[] }).returns.length);
  await relay.cut();
  await expect(page.locator("body")).toHaveAttribute("data-phase", "reconnecting");
  await relay.mend();
  const back = () =>
    page.evaluate((from) => {
      const { returns } = globalThis as unknown as { returns: Return[] };
      return returns.slice(from).at(-1)?.after ?? {};
    }, sockets);
  const due = ["session_info", "control true", `picture of ${PAGE_VIEW}`];
  await expect.poll(async () => Object.keys(await back())).toEqual(expect.arrayContaining(due));
  const after = await back();
  for (const what of due) {
    expectWithin(after[what] ?? Number.POSITIVE_INFINITY, ALL_BACK_MS, what);
  }
  expect(Object.keys(after).filter((what) => what.startsWith("picture"))).toEqual([`picture of ${PAGE_VIEW}`]);
});

test("[W8] a console whose network is back, or that is shown again, tries at once @long", async ({
  site,
  bot,
  operator,
  relay,
}) => {
  const { page } = operator;
  let tries = 0;
  page.on("request", (request) => {
    if (request.url().endsWith("/ticket")) tries += 1;
  });
  await page.clock.install();
  const session = await bot.createGuest({ url: servePage(site).url });
  await operator.open(session.control_url);
  await relay.cut();
  await expect(page.locator("#retry")).toBeVisible();
  // No wait ends by itself from now on.
  await page.clock.pauseAt(Date.now() + 60_000);
  for (const event of ["online", "pageshow", "visibilitychange"]) {
    await expect(page.locator("#retry")).toBeVisible();
    const before = tries;
    await page.evaluate((type) => {
      (type === "visibilitychange" ? document : window).dispatchEvent(new Event(type));
    }, event);
    await expect.poll(() => tries, event).toBe(before + 1);
  }
});
