/** The person's own word in the console: Done that is asked once more, and the question whether a page that went on is done. */
import sharp from "sharp";
import type { Verdict } from "../../src/session/ports/page.ts";
import { loseSocketOnDemand } from "../support/console-socket.ts";
import { UNKNOWN } from "../support/fake-page.ts";
import { type FakeSession, test } from "../support/fake-session.ts";
import { expect, type Operator } from "../support/fixtures.ts";
import { longUnless } from "../support/long-run.ts";

const RULE = { rule: '{"kind":"image-text","done":{"gone":true}}', frame: "http://127.0.0.1/login" };
const NO_SIGN: Verdict = { ...UNKNOWN, value: false, contradictions: [RULE], mayOverride: true };

/** Opens the session in the console, with a picture of a text captcha. */
async function openInConsole(operator: Operator, { session, page }: FakeSession): Promise<void> {
  const jpeg = await sharp({ create: { width: 400, height: 300, channels: 3, background: "#eef" } })
    .jpeg()
    .toBuffer();
  page.jpegOf = () => jpeg;
  await operator.page.goto(session.control_url);
  await expect(operator.page.locator("body")).toHaveAttribute("data-phase", "live");
  await expect(operator.page.locator("#done")).toBeEnabled();
}

test("[W17] [S2] Done on a challenge that still shows asks once more in plain words; Not yet goes on, Yes ends it", async ({
  createFake,
  operator,
  bot,
}) => {
  const { page } = operator;
  const fake = await createFake();
  const { session_id } = fake.session;
  fake.page.verdict = NO_SIGN;
  await openInConsole(operator, fake);
  const question = page.getByRole("dialog", { name: "Is it really done?" });
  await page.getByRole("button", { name: "Done", exact: true }).click();
  await expect(question).toBeVisible();
  await expect(question).toContainText("The page does not look solved yet.");
  // Enter must not say it by chance.
  await expect(page.getByRole("button", { name: "Not yet" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(question).toBeHidden();
  expect((await bot.info(session_id)).state).toBe("active");

  await page.getByRole("button", { name: "Done", exact: true }).click();
  await page.getByRole("button", { name: "Yes, it is done" }).click();
  await expect(page.getByRole("heading", { name: "Solved. Thank you!" })).toBeVisible();
  await expect(page.locator("#ending-text")).toContainText("on your word");
  await expect(question).toBeHidden();
  expect(await bot.result(session_id)).toMatchObject({
    outcome: "solved",
    verified: "operator",
    reason: "operator_done",
    contradicted_by: [RULE],
  });
});

test("[W17] [S2] Done where the page has a sign of success and does not show it is refused, and nothing is asked", async ({
  createFake,
  operator,
  bot,
}) => {
  const { page } = operator;
  const fake = await createFake();
  fake.page.verdict = { ...NO_SIGN, mayOverride: false };
  await openInConsole(operator, fake);
  await page.getByRole("button", { name: "Done", exact: true }).click();
  await expect(page.locator("#notice")).toHaveText("The page does not look solved yet.");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  expect((await bot.info(fake.session.session_id)).state).toBe("active");
});

test("[W17] the question goes when the session ends meanwhile", async ({ createFake, operator }) => {
  const { page } = operator;
  const fake = await createFake();
  fake.page.verdict = NO_SIGN;
  await openInConsole(operator, fake);
  await page.getByRole("button", { name: "Done", exact: true }).click();
  await expect(page.getByRole("dialog")).toBeVisible();
  fake.events.solved({ ...UNKNOWN, value: true, stable: true });
  await expect(page.getByRole("heading", { name: "Solved. Thank you!" })).toBeVisible();
  await expect(page.getByRole("dialog")).toHaveCount(0);
});

for (const embed of [false, true]) {
  test(`[W33] a page that went on is asked about at once${embed ? ", also where the picture stands alone" : ""}: No goes on, Yes ends it${longUnless(!embed)}`, async ({
    createFake,
    operator,
    bot,
  }) => {
    const { page } = operator;
    const fake = await createFake();
    const { session } = fake;
    const url = embed ? session.control_url.replace("#", "?embed=1#") : session.control_url;
    await openInConsole(operator, { ...fake, session: { ...session, control_url: url } });
    const question = page.getByText("It went on. Done?", { exact: true });
    await expect(question).toBeHidden();
    fake.events.movedOn();
    await expect(question).toBeVisible();
    await expect(page.locator("#announcer")).toHaveText("The page went on. Is it done?");
    // One question at a time.
    await expect(page.locator("#done")).toBeHidden();
    await page.getByRole("button", { name: "No", exact: true }).click();
    await expect(question).toBeHidden();
    if (!embed) await expect(page.locator("#done")).toBeVisible();
    expect((await bot.info(session.session_id)).state).toBe("active");

    fake.events.movedOn();
    await expect(question).toBeVisible();
    // A challenge shows again: there is nothing to ask.
    const box = { selector: "#c", x: 100, y: 50, width: 200, height: 100, in_iframe: false, kind: "generic" };
    fake.page.challenge = box;
    fake.events.challenge();
    await expect(question).toBeHidden();

    fake.page.challenge = null;
    fake.events.challenge();
    fake.events.movedOn();
    fake.page.verdict = NO_SIGN;
    await page.getByRole("button", { name: "Yes", exact: true }).click();
    await page.getByRole("button", { name: "Yes, it is done" }).click();
    await expect(page.getByRole("heading", { name: "Solved. Thank you!" })).toBeVisible();
    await expect(question).toBeHidden();
    expect(await bot.result(session.session_id)).toMatchObject({ verified: "operator", contradicted_by: [RULE] });
  });
}

test("[W33] [W16] only the person in control is asked, and an answer outlives a lost connection", async ({
  createFake,
  operator,
  connect,
}) => {
  const { page } = operator;
  await page.addInitScript(loseSocketOnDemand);
  const fake = await createFake();
  await openInConsole(operator, fake);
  const question = page.getByText("It went on. Done?", { exact: true });
  const other = await connect(fake.session.ws_url, { protocols: ["captcha.json.v1"] });
  other.send({ type: "take_control" });
  await expect(page.locator("#watching")).toBeVisible();
  fake.events.movedOn();
  await other.next("moved_on");
  await expect(page.locator("#log")).toContainText("The page went on. Is it done?");
  await expect(question).toBeHidden();
  await page.getByRole("button", { name: "Take control" }).click();
  await expect(question).toBeVisible();
  await page.getByRole("button", { name: "No", exact: true }).click();
  await page.context().setOffline(true);
  await page.evaluate(() => dispatchEvent(new Event("lose-socket")));
  await expect(page.locator("body")).toHaveAttribute("data-phase", "reconnecting");
  await page.context().setOffline(false);
  await expect(page.locator("body")).toHaveAttribute("data-phase", "live");
  await expect(page.locator("#done")).toBeEnabled();
  await expect(question).toBeHidden();
});
