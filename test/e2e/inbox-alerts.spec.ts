/** The inbox when much comes: hundreds of rows; and how it says that one has come, which it does only where it was asked to. */
import type { Page } from "@playwright/test";
import type { SessionListItem } from "../../src/protocol/rest.ts";
import { BRIEF_SEARCH_MS, expect } from "../support/fixtures.ts";
import { test } from "../support/inbox-page.ts";
import { IS_LONG_RUN } from "../support/long-run.ts";

const MANY = 300;

/** Its pages have no challenge. */
test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

function waiting(index: number): SessionListItem {
  const now = Date.now();
  return {
    session_id: `many-${index}`,
    state: "waiting",
    label: `Row ${index}`,
    instructions: "Drag the slider until the piece fits.",
    operators: 0,
    claimed_by: null,
    claimed_until: null,
    created_at: new Date(now - 5_000).toISOString(),
    expires_at: new Date(now + 60_000 + index * 1_000).toISOString(),
  } as SessionListItem;
}

/** As many browsers would be another test: what the list says stands for them. */
async function serveMany(page: Page, sessions: () => readonly SessionListItem[]): Promise<Set<string>> {
  const pictured = new Set<string>();
  await page.route("**/api/captcha/sessions", (route) =>
    route.fulfill({ json: { success: true, sessions: sessions() } }),
  );
  await page.route("**/api/captcha/screenshot/**", (route) => {
    pictured.add(new URL(route.request().url()).pathname.split("/").at(-1) ?? "");
    return route.abort();
  });
  return pictured;
}

test("[R19] 300 rows: pictures only of those on the screen, and the keyboard stays where it is when rows come and go", async ({
  inbox,
}) => {
  let sessions = Array.from({ length: MANY }, (_, index) => waiting(index));
  const pictured = await serveMany(inbox, () => sessions);
  await inbox.reload();
  const rows = inbox.locator("#session-list li");
  await expect(rows).toHaveCount(MANY);
  await expect(inbox).toHaveTitle(`(${MANY}) Captcha Remote`);
  await expect.poll(() => pictured.size).toBeGreaterThan(3);
  await inbox.locator("#session-list .row").nth(1).focus();
  for (let step = 0; step < 3; step += 1) await inbox.keyboard.press("ArrowDown");
  const focused = inbox.locator("#session-list li:has(.row:focus)");
  await expect(focused).toHaveAttribute("data-id", "many-4");
  sessions = [waiting(MANY), ...sessions.filter(({ session_id }) => session_id !== "many-2")];
  // No event tells of what only this list says.
  await inbox.evaluate(() => dispatchEvent(new Event("online")));
  await expect(rows.last()).toHaveAttribute("data-id", `many-${MANY}`);
  await expect(rows.nth(2)).toHaveAttribute("data-id", "many-3");
  await expect(focused).toHaveAttribute("data-id", "many-4");
  expect(pictured).toContain("many-0");
  expect(pictured.size).toBeLessThan(MANY / 10);
  await rows.nth(250).scrollIntoViewIfNeeded();
  await expect.poll(() => pictured.has("many-251")).toBe(true);
});

interface Signs {
  readonly asked: number;
  readonly tones: number;
  readonly notices: readonly { title: string; body: string }[];
}
declare global {
  interface Window {
    signs: Signs;
    /** What document.hidden says. */
    isAway: boolean;
    /** What a person answers to the browser's question; "default": dismisses it. */
    answersPrompt: NotificationPermission;
    clickNotice: () => void;
  }
}

test("[S11] a session whose page works by itself has no row and is not announced until a person is needed @long", async ({
  inbox,
}) => {
  await inbox.addInitScript(standIns);
  const [plain, first, second, late] = [waiting(0), waiting(1), waiting(2), waiting(3)];
  const working = { ...first, needs_person: false };
  let sessions: readonly SessionListItem[] = [plain, working];
  await serveMany(inbox, () => sessions);
  await inbox.reload();
  const rows = inbox.locator("#session-list .row-name");
  const becomes = async (now: readonly SessionListItem[], ...names: string[]) => {
    sessions = now;
    const fetched = inbox.waitForResponse("**/api/captcha/sessions");
    await inbox.evaluate(() => dispatchEvent(new Event("online")));
    await fetched;
    await expect(rows).toHaveText(names);
  };
  await becomes(sessions, "Row 0");
  await expect(inbox).toHaveTitle("(1) Captcha Remote");
  await inbox.locator("#alert-sound").click();
  const tones = () => inbox.evaluate(() => window.signs.tones);
  const heardAtOnce = await tones();
  expect(heardAtOnce).toBeGreaterThan(0);
  // Another one that works has come, and goes without anybody.
  await becomes([plain, working, { ...second, needs_person: false }], "Row 0");
  await becomes([plain, working, late], "Row 0", "Row 3");
  expect(await tones()).toBe(2 * heardAtOnce);
  await becomes([plain, { ...first, needs_person: true }, late], "Row 0", "Row 1", "Row 3");
  await expect(inbox).toHaveTitle("(3) Captcha Remote");
  expect(await tones()).toBe(3 * heardAtOnce);
  // Somebody who has opened one by a link is seen at it.
  await becomes([plain], "Row 0");
  await becomes([plain, { ...working, operators: 1, state: "active" }], "Row 0", "Row 1");
});

/** A headless browser has neither loudspeaker nor notices: these stand for the system's own. */
function standIns(): void {
  const signs = { asked: 0, tones: 0, notices: [] as { title: string; body: string }[] };
  Object.assign(window, { signs, isAway: false, answersPrompt: "granted" });
  Object.defineProperty(document, "hidden", { get: () => window.isAway });
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (when) {
    signs.tones += 1;
    start.call(this, when);
  };
  class StandIn {
    static permission: NotificationPermission = "default";
    onclick: (() => void) | null = null;
    static async requestPermission(): Promise<void> {
      signs.asked += 1;
      StandIn.permission = window.answersPrompt;
    }
    constructor(title: string, { body }: { body: string }) {
      signs.notices.push({ title, body });
      window.clickNotice = () => this.onclick?.();
    }
    close(): void {}
  }
  Object.assign(window, { Notification: StandIn });
}

test("[R19] an arrival is told by sound and by the system's notice where somebody asked for that, and never before", async ({
  inbox,
  site,
  bot,
}) => {
  await inbox.addInitScript(standIns);
  await inbox.reload();
  const url = site.serve("/", "<p>x</p>");
  const signs = () => inbox.evaluate(() => window.signs);
  /** Waits in the list: that is when it has arrived. */
  const arrive = async (label: string, instructions?: string) => {
    const { session_id } = await bot.createGuest({ url, label, ...(instructions ? { instructions } : {}) });
    await expect(inbox.locator(`li[data-id="${session_id}"] .chip`)).toHaveText("Waiting");
    return session_id;
  };
  await arrive("first");
  expect(await signs()).toEqual({ asked: 0, tones: 0, notices: [] });

  const [sound, notice] = [inbox.locator("#alert-sound"), inbox.locator("#alert-notice")];
  await notice.click();
  await expect(notice).toHaveAttribute("aria-pressed", "true");
  await sound.click();
  await expect(sound).toHaveAttribute("aria-pressed", "true");
  const { tones: heardAtOnce } = await signs();
  expect(heardAtOnce).toBeGreaterThan(0);
  await arrive("second");
  // Who looks at the list needs no notice.
  expect(await signs()).toEqual({ asked: 1, tones: 2 * heardAtOnce, notices: [] });

  await inbox.evaluate(() => {
    window.isAway = true;
  });
  await arrive("third", "Slide it.");
  expect((await signs()).notices).toEqual([{ title: "third", body: "Slide it." }]);
  await sound.click();
  await expect(sound).toHaveAttribute("aria-pressed", "false");
  const { tones } = await signs();
  // What the browser would still allow is not wished any more.
  await notice.click();
  await expect(notice).toHaveAttribute("aria-pressed", "false");
  await arrive("fourth");
  expect((await signs()).notices).toHaveLength(1);
  await notice.click();
  const last = await arrive("fifth");
  expect((await signs()).notices.map(({ title }) => title)).toEqual(["third", "fifth"]);
  expect(await signs()).toMatchObject({ asked: 1, tones });
  await inbox.evaluate(() => window.clickNotice());
  await inbox.waitForURL(`**/control/${last}`);
});

test("[R19] notices whose prompt was dismissed once are switched on by the next press, when the browser allows them @long", async ({
  inbox,
  site,
  bot,
}) => {
  await inbox.addInitScript(standIns);
  await inbox.reload();
  const url = site.serve("/", "<p>x</p>");
  // The buttons stand above a list that has something in it.
  await bot.createGuest({ url, label: "first" });
  await expect(inbox.locator("#session-list .chip")).toHaveText(["Waiting"]);
  const notice = inbox.locator("#alert-notice");
  await inbox.evaluate(() => {
    window.answersPrompt = "default";
  });
  await notice.click();
  await expect.poll(() => inbox.evaluate(() => window.signs.asked)).toBe(1);
  await expect(notice).toHaveAttribute("aria-pressed", "false");
  await inbox.evaluate(() => {
    window.answersPrompt = "granted";
    window.isAway = true;
  });
  await notice.click();
  await expect(notice).toHaveAttribute("aria-pressed", "true");
  await bot.createGuest({ url, label: "second" });
  await expect.poll(() => inbox.evaluate(() => window.signs.notices)).toEqual([{ title: "second", body: "" }]);
  await notice.click();
  await expect(notice).toHaveAttribute("aria-pressed", "false");
  expect(await inbox.evaluate(() => window.signs.asked)).toBe(2);
});

(IS_LONG_RUN ? test : test.skip)(
  "[R19] a phone that knows no such notices still lists what arrives",
  async ({ inbox, site, bot }) => {
    await inbox.addInitScript(standIns);
    await inbox.addInitScript(() => {
      class Illegal {
        static permission = "granted";
        constructor() {
          throw new TypeError("Illegal constructor");
        }
      }
      Object.assign(window, { Notification: Illegal, isAway: true });
      localStorage.setItem("captcha-remote.notices", "on");
    });
    const errors: Error[] = [];
    inbox.on("pageerror", (error) => errors.push(error));
    await inbox.reload();
    const chips = inbox.locator("#session-list .chip");
    for (const label of ["first", "second"]) {
      await bot.createGuest({ url: site.serve("/", "<p>x</p>"), label });
      await expect(chips).toHaveText(label === "first" ? ["Waiting"] : ["Waiting", "Waiting"]);
    }
    await expect(inbox).toHaveTitle("(2) Captcha Remote");
    expect(errors).toEqual([]);
  },
);
