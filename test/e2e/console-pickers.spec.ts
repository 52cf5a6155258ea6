/** [W53] Native lists, calendars and colours of the page, chosen in the console's own controls. */
import type { Page } from "@playwright/test";
import { BRIEF_SEARCH_MS, test as base, expect } from "../support/fixtures.ts";
import { longUnless } from "../support/long-run.ts";

base.use({ challengeSearchMs: BRIEF_SEARCH_MS });

/** What the page has seen: each event of its controls, and whether it is trusted. */
const LOG = `<script>
const log = []; window.onload = () => { for (const field of document.querySelectorAll("select, input"))
  for (const type of ["input", "change"]) field.addEventListener(type, (event) => {
    const value = field.multiple ? [...field.selectedOptions].map((option) => option.text).join("+") : field.value;
    log.push(type + ":" + event.isTrusted + ":" + value);
    fetch("${"ORIGIN"}/log", { method: "POST", body: log.at(-1), mode: "no-cors" }); }); };
</script>`;
const BODY = (controls: string, origin: string) =>
  `<!doctype html><body style="margin:0">${LOG.replace("ORIGIN", origin)}<div style="padding:40px;font:16px sans-serif">${controls}</div>`;

const FRUIT = `<label>Fruit <select id="fruit" style="width:200px;height:30px"><option>Apple<optgroup label="Citrus"><option disabled>Lime<option>Lemon</optgroup><option>Pear</select></label>`;

interface Shown {
  readonly seen: string[];
  readonly press: (x: number, y: number) => Promise<void>;
}

const test = base.extend<{ show: (controls: string, inFrame?: boolean) => Promise<Shown> }>({
  show: async ({ bot, site, operator }, use) => {
    await use(async (controls, inFrame = false) => {
      const seen: string[] = [];
      site.serve("/log", (request, response) => {
        let body = "";
        request.on("data", (chunk) => {
          body += chunk;
        });
        request.on("end", () => {
          seen.push(body);
          response.end();
        });
      });
      const page = BODY(controls, site.origin);
      site.serve("/controls", page);
      const frame = `<body style="margin:0"><iframe src="${site.otherOrigin}/controls" style="border:0;width:600px;height:400px"></iframe>`;
      const { control_url } = await bot.create({ url: site.serve("/", inFrame ? frame : page) });
      await operator.page.goto(control_url);
      await expect(operator.page.locator("#done")).toBeEnabled();
      await expect(operator.page.locator("body")).toHaveClass(/has-picture/);
      return { seen, press: (x, y) => pressAt(operator.page, x, y) };
    });
  },
});

/** Presses a point of the page (CSS px) in the picture of the whole viewport. */
async function pressAt(page: Page, x: number, y: number): Promise<void> {
  const box = await page.locator("#screen").boundingBox();
  if (!box) throw new Error("no picture");
  await page.mouse.click(box.x + (x * box.width) / 1280, box.y + (y * box.height) / 720);
}

for (const inFrame of [false, true]) {
  test(`[W53] an option is chosen by mouse or keys with one trusted change, ${inFrame ? "in a frame of another site" : "in the page"}${longUnless(inFrame)}`, async ({
    show,
    operator: { page },
  }) => {
    const { seen, press } = await show(FRUIT, inFrame);
    const picker = page.getByRole("dialog", { name: "Fruit" });
    await press(180, 55);
    await expect(picker.getByRole("option")).toHaveText(["Apple", "Lime", "Lemon", "Pear"]);
    await expect(picker.getByRole("option", { name: "Lime" })).toBeDisabled();
    await picker.getByRole("option", { name: "Lemon" }).click();
    await expect(picker).toBeHidden();
    await expect.poll(() => seen).toEqual(["input:true:Lemon", "change:true:Lemon"]);

    await press(180, 55);
    await expect(picker.getByRole("option", { name: "Lemon" })).toHaveAttribute("aria-selected", "true");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Enter");
    await expect.poll(() => seen.slice(2)).toEqual(["input:true:Apple", "change:true:Apple"]);

    // Escape changes nothing, and the page hears nothing.
    await press(180, 55);
    await expect(picker).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(picker).toBeHidden();
    expect(seen).toHaveLength(4);
  });
}

test("[W53] one of 5,000 options is found by a search @long", async ({ show, operator: { page } }) => {
  const options = Array.from({ length: 5_000 }, (_, at) => `<option>Town ${at}`).join("");
  const { seen, press } = await show(`<select aria-label="Town" style="width:200px;height:30px">${options}</select>`);
  await press(100, 55);
  const picker = page.getByRole("dialog", { name: "Town" });
  await expect(picker.getByRole("searchbox")).toBeFocused();
  await page.keyboard.type("4711");
  await expect(picker.getByRole("option")).toHaveText(["Town 4711"]);
  await page.keyboard.press("Enter");
  await expect.poll(() => seen).toEqual(["input:true:Town 4711", "change:true:Town 4711"]);
});

test("[W53] several options, a colour, a date and a suggestion are chosen @long", async ({
  show,
  operator: { page },
}) => {
  const { seen, press } = await show(`
<select multiple size="1" aria-label="Days" style="display:block;width:200px;height:30px"><option>Mon<option>Tue<option>Wed</select>
<input type="color" aria-label="Paint" style="display:block;width:200px;height:30px;margin-top:20px">
<input type="date" aria-label="Day" style="display:block;width:200px;height:30px;margin-top:20px">
<input list="towns" aria-label="Town" style="display:block;width:200px;height:30px;margin-top:20px;box-sizing:border-box"><datalist id="towns"><option value="Bonn"><option value="Ulm"></datalist>`);
  await press(100, 55);
  await page.getByRole("option", { name: "Mon" }).click();
  await page.getByRole("option", { name: "Wed" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Choose" }).click();
  await expect.poll(() => seen.at(-1)).toMatch(/^change:\w+:Mon\+Wed$/);

  await press(100, 105);
  await page.locator("dialog input[type=color]").fill("#336699");
  await page.getByRole("dialog").getByRole("button", { name: "Choose" }).click();
  await expect.poll(() => seen).toContain("change:false:#336699");

  await press(100, 155);
  await page.locator("dialog input[type=date]").fill("2026-11-30");
  await page.getByRole("dialog").getByRole("button", { name: "Choose" }).click();
  // The reports may overtake each other.
  await expect.poll(() => seen).toContain("change:true:2026-11-30");

  await press(100, 205);
  await page.getByRole("option", { name: "Ulm" }).click();
  await expect.poll(() => seen).toContain("input:true:Ulm");
});

test("[W53] [W45] a client that cannot is not asked; what is gone, another's or not to be chosen is refused", async ({
  bot,
  site,
  connect,
}) => {
  const page = BODY(FRUIT, site.origin);
  const { ws_url } = await bot.create({ url: site.serve("/", page) });
  const client = await connect(ws_url, { protocols: ["captcha.json.v1"] });
  await client.next("control", ({ you }) => you);
  const press = (id: number) => {
    for (const event_type of ["down", "up"]) {
      client.send({ type: "mouse_event", event_type, x: 180, y: 55, button: "left", id: `${id}${event_type}` });
    }
  };
  client.send({ type: "features", features: ["pickers", "something of tomorrow"] });
  press(1);
  const first = await client.next("ask_pick");
  expect(first).toMatchObject({ kind: "select", label: expect.stringContaining("Fruit"), multiple: false });
  press(2);
  expect(await client.next("withdrawn")).toMatchObject({ question_id: first.question_id });
  const second = await client.next("ask_pick", ({ question_id }) => question_id !== first.question_id);
  let tries = 0;
  const refused = async (answer: object) => {
    tries += 1;
    const id = `try ${tries}`;
    client.send({ type: "answer_pick", id, question_id: second.question_id, ...answer });
    return client.next("error", ({ reply_to }) => reply_to === id);
  };
  expect(await refused({ question_id: first.question_id, options: [0] })).toMatchObject({ code: "question_gone" });
  expect(await refused({ options: [1] })).toMatchObject({ code: "invalid_message", details: { field: "options" } });

  client.send({ type: "features", features: [] });
  press(3);
  client.send({ type: "check_completion", id: "later" });
  await client.next("completion_status");
  await expect.poll(() => client.received.filter(({ type }) => type === "ask_pick")).toHaveLength(2);
});
