/** The console behind proxies that drop the header of subprotocols, or let no socket through. */
import { en } from "../../public/console/shared/en.js";
import { type DroppingProxy, type Fault, startDroppingProxy } from "../support/dropping-proxy.ts";
import { createPressable, IN_CHALLENGE } from "../support/embedded.ts";
import { BRIEF_SEARCH_MS, expect } from "../support/fixtures.ts";
import { eachSecond } from "../support/long-run.ts";
import { test as base, type OwnServer } from "../support/requests.ts";

const test = base.extend<{
  /** A server that is reached through a proxy with this fault. */
  behind: (fault: Fault) => Promise<{ proxy: DroppingProxy; server: OwnServer }>;
}>({
  behind: async ({ startServer }, use) => {
    const proxies: DroppingProxy[] = [];
    await use(async (fault) => {
      const proxy = await startDroppingProxy(fault);
      proxies.push(proxy);
      const server = await startServer({ PUBLIC_URL: proxy.url });
      proxy.leadTo(server.listening);
      return { proxy, server };
    });
    for (const proxy of proxies) await proxy.close();
  },
});

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

// The SDK's tests have all of them, on the same connection.
for (const fault of eachSecond([
  "drops the header both ways",
  "drops the header of answers",
  "answers 400 to the header",
] as const)) {
  test(`[W59] a person solves a session through a proxy that ${fault}`, async ({ behind, bot, site, operator }) => {
    const { proxy, server } = await behind(fault);
    const session = await createPressable(server, bot, site);
    expect(new URL(session.control_url).origin).toBe(proxy.url);
    await operator.open(session.control_url);
    await operator.click(IN_CHALLENGE);
    await expect(operator.page.locator("body")).toHaveAttribute("data-outcome", "solved");
    const path = `/api/captcha/ws/${session.session_id}`;
    expect(proxy.upgrades).toEqual([
      { path, offers: true },
      { path: `${path}?protocols=message`, offers: false },
    ]);
  });
}

test("[W59] where no socket gets through the console says what is in the way, and goes on by itself once one does", async ({
  behind,
  bot,
  site,
  page,
}) => {
  const { proxy, server } = await behind("lets no socket through");
  const session = await createPressable(server, bot, site);
  await page.goto(session.control_url);
  await expect(page.locator("#notice")).toHaveText(en.code_sockets_blocked);
  await expect(page.locator("#log")).toContainText(en.code_sockets_blocked);
  proxy.become("drops the header both ways");
  await expect(page.locator("body")).toHaveAttribute("data-phase", "live");
  await expect(page.locator("#notice")).toBeHidden();
});
