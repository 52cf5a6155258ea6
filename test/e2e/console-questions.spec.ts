/** What a page asks of its person, in the console: dialogs and sign-ins over the dimmed picture. */
import sharp from "sharp";
import type { Question } from "../../src/protocol/live.ts";
import { type FakeSession, test } from "../support/fake-session.ts";
import { expect, type Operator } from "../support/fixtures.ts";
import { REPORTING, reportsOf } from "../support/requests.ts";

const CONFIRM: Question = {
  type: "ask_dialog",
  question_id: "q1",
  kind: "confirm",
  site: "shop.example",
  message: "Delete the order?\nIt cannot be undone.",
  default_text: "",
};
const SIGN_IN: Question = {
  type: "ask_sign_in",
  question_id: "q2",
  site: "https://shop.example",
  realm: "Staff only",
  tries_left: 2,
};

/** Opens the session in the console; resolves when the page may ask. */
async function openInConsole({ page: console }: Operator, { session, page, events }: FakeSession): Promise<void> {
  const jpeg = await sharp({ create: { width: 400, height: 300, channels: 3, background: "#eef" } })
    .jpeg()
    .toBuffer();
  page.jpegOf = () => jpeg;
  await console.goto(session.control_url);
  await expect(console.locator("#done")).toBeEnabled();
  // What the console can do comes behind its first messages.
  const probe = { ...CONFIRM, question_id: "probe" };
  await expect.poll(() => events.ask(probe)).toBe(true);
  events.withdraw("probe");
  await expect(console.getByRole("dialog")).toHaveCount(0);
}

test("[W46] a confirm of a real page stands over the picture until the person answers, who sees what happened", async ({
  site,
  bot,
  operator,
}) => {
  const reports = reportsOf(site);
  const script = `<script>addEventListener("click", () => report(confirm("Delete it?")));</script>`;
  const box = `<div id="captcha" style="position:absolute;left:0;top:0;width:400px;height:300px;background:#cde">press</div>`;
  const session = await bot.create({ url: site.serve("/", REPORTING + box + script) });
  const { page } = operator;
  await operator.open(session.control_url);
  const question = page.getByRole("dialog", { name: `${new URL(site.origin).host} says` });
  for (const [button, answer] of [
    ["OK", true],
    ["Cancel", false],
  ] as const) {
    const asked = reports.length;
    await page.locator("#screen").click();
    await expect(question).toBeVisible();
    await expect(question).toContainText("Delete it?");
    // The picture that was there last stands behind it.
    await expect(page.locator("#screen")).toBeVisible();
    expect(reports).toHaveLength(asked);
    await question.getByRole("button", { name: button }).click();
    await expect.poll(() => reports.slice(asked)).toEqual([answer]);
    await expect(question).toBeHidden();
    await expect(page.locator("#log")).toContainText(`(answered: ${button})`);
  }
});

test("[W46] [W16] one question at a time, by keyboard, only where one may act; what is withdrawn goes", async ({
  createFake,
  operator,
  connect,
}) => {
  const fake = await createFake();
  const { page } = operator;
  await openInConsole(operator, fake);
  const dialog = page.getByRole("dialog");
  expect(fake.events.ask(CONFIRM)).toBe(true);
  expect(
    fake.events.ask({ ...CONFIRM, question_id: "prompt", kind: "prompt", message: "Name?", default_text: "Ada" }),
  ).toBe(true);
  await expect(dialog).toHaveAccessibleName("shop.example says");
  await expect(dialog).toHaveAccessibleDescription("Delete the order? It cannot be undone.");
  // Enter, typed into the picture at that moment, must not say yes.
  await expect(dialog.getByRole("button", { name: "Cancel" })).toBeFocused();
  await page.keyboard.press("Escape");
  const field = dialog.getByLabel("Your answer");
  await expect(field).toHaveValue("Ada");
  await expect(field).toBeFocused();
  await field.fill("Grace");
  await page.keyboard.press("Enter");
  await expect(dialog).toHaveCount(0);
  await expect
    .poll(() => fake.page.answers)
    .toMatchObject([
      { question_id: "q1", accept: false },
      { question_id: "prompt", accept: true, text: "Grace" },
    ]);

  fake.events.ask({ ...CONFIRM, question_id: "leave", kind: "beforeunload", message: "" });
  await expect(dialog).toContainText("Leave this page?");
  await expect(dialog.getByRole("button", { name: "Stay" })).toBeFocused();
  const other = await connect(fake.session.ws_url, { protocols: ["captcha.json.v1"] });
  other.send({ type: "take_control" });
  await expect(dialog).toHaveCount(0);
  await page.getByRole("button", { name: "Take control" }).click();
  await expect(dialog).toContainText("Leave this page?");
  fake.events.withdraw("leave");
  await expect(dialog).toHaveCount(0);
});

test("[W50] a sign-in says to which site it goes, and a no leaves the page as it is", async ({
  createFake,
  operator,
}) => {
  const fake = await createFake();
  const { page } = operator;
  await openInConsole(operator, fake);
  const dialog = page.getByRole("dialog", { name: "Sign in to https://shop.example" });
  fake.events.ask(SIGN_IN);
  await expect(dialog).toContainText("It says: “Staff only”");
  await expect(dialog).toContainText("Tries left: 2");
  await dialog.getByLabel("User name").fill("ada");
  await page.keyboard.press("Tab");
  await page.keyboard.type("pass");
  await page.keyboard.press("Enter");
  await expect(dialog).toHaveCount(0);
  fake.events.ask({ ...SIGN_IN, question_id: "q3" });
  // What was typed before is not there any more.
  await expect(dialog.getByLabel("Password")).toHaveValue("");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await expect
    .poll(() => fake.page.answers)
    .toMatchObject([{ question_id: "q2", username: "ada", password: "pass" }, { question_id: "q3" }]);
  expect(fake.page.answers[1]).not.toHaveProperty("username");
});

test.describe("in Chinese", () => {
  test.use({ locale: "zh-CN" });

  test("[W46] a question is asked in the console's language", async ({ createFake, operator }) => {
    const fake = await createFake();
    const { page } = operator;
    await openInConsole(operator, fake);
    fake.events.ask(CONFIRM);
    await expect(page.getByRole("dialog", { name: "shop.example 提示" })).toBeVisible();
    await page.getByRole("button", { name: "确定" }).click();
    await expect.poll(() => fake.page.answers).toMatchObject([{ question_id: "q1", accept: true }]);
  });
});
