/** A person's keys, text and mouse over the wire: what the page gets is what it gets in a browser. */
import { BRIEF_SEARCH_MS, expect, test } from "../support/fixtures.ts";
import { openHands, reportsOf } from "../support/hands.ts";
import { testDrags, testTextInFrame } from "../support/hands-in-frames.ts";
import { longUnless } from "../support/long-run.ts";

/** Its pages have no challenge. */
test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

const lastOf = (reports: unknown[][], name: string) => reports.findLast(([type]) => type === name)?.slice(1);

test("[W41] each key is a trusted key with its code, its key code, its side and its repeats", async ({
  site,
  bot,
  connect,
}) => {
  const reports = reportsOf(site);
  const client = await openHands(
    { site, bot, connect },
    `<input id="field" value="ab"><script>
      field.focus();
      field.setSelectionRange(0, 0);
      for (const type of ["keydown", "keyup"]) addEventListener(type, (event) => tell(type, event.key, event.code, event.keyCode, event.location, event.repeat, event.isTrusted));
      addEventListener("beforeinput", (event) => tell("beforeinput", event.data, event.isTrusted));
      addEventListener("input", tellValues);
    </script>`,
  );
  const down = (key: string, code: string, more: object = {}) =>
    client.send({ type: "key", event_type: "down", key, code, ...more });
  const up = (key: string, code: string) => client.send({ type: "key", event_type: "up", key, code });
  // A full stop has the number that Delete has as a key.
  down(".", "");
  up(".", "");
  await expect.poll(() => lastOf(reports, "values")).toEqual([".ab"]);
  down("q", "KeyA", { repeat: false });
  down("q", "KeyA", { repeat: true });
  up("q", "KeyA");
  down("ф", "KeyA");
  up("ф", "KeyA");
  down("5", "Numpad5", { location: 3 });
  up("5", "Numpad5");
  down("Shift", "ShiftRight", { location: 2 });
  up("Shift", "ShiftRight");
  await expect.poll(() => reports.at(-1)).toEqual(["keyup", "Shift", "ShiftRight", 16, 2, false, true]);
  expect(lastOf(reports, "values")).toEqual([".qqф5ab"]);
  expect(reports.filter(([type]) => type === "keydown").map((report) => report.slice(1))).toEqual([
    [".", "", 190, 0, false, true],
    ["q", "KeyA", 81, 0, false, true],
    ["q", "KeyA", 81, 0, true, true],
    ["ф", "KeyA", 65, 0, false, true],
    ["5", "Numpad5", 101, 3, false, true],
    ["Shift", "ShiftRight", 16, 2, false, true],
  ]);
  expect(reports).toContainEqual(["beforeinput", "ф", true]);
  // Ctrl and A selects on a keyboard of another script, too; what is typed then replaces all.
  down("ф", "KeyA", { modifiers: 2 });
  up("ф", "KeyA");
  down("x", "KeyX");
  up("x", "KeyX");
  await expect.poll(() => lastOf(reports, "values")).toEqual(["x"]);
  expect(client.received.filter(({ type }) => type === "error")).toEqual([]);
});

test("[W41] Space and Enter press what has the focus, and a page that hears keys alone hears them", async ({
  site,
  bot,
  connect,
}) => {
  const reports = reportsOf(site);
  const client = await openHands(
    { site, bot, connect },
    `<input type="checkbox" id="box"><button id="button">Go</button><script>
      box.focus();
      box.addEventListener("click", (event) => { tell("box", event.isTrusted); button.focus(); });
      button.addEventListener("click", (event) => { tell("button", event.isTrusted); button.blur(); });
      let pin = "";
      addEventListener("keydown", (event) => { if (/^\\d$/.test(event.key)) { pin += event.key; tell("pin", pin); } });
    </script>`,
  );
  const tap = (key: string, code: string) => {
    client.send({ type: "key", event_type: "down", key, code });
    client.send({ type: "key", event_type: "up", key, code });
  };
  tap(" ", "Space");
  await expect.poll(() => reports).toContainEqual(["box", true]);
  tap("Enter", "Enter");
  await expect.poll(() => reports).toContainEqual(["button", true]);
  for (const digit of "47") tap(digit, `Digit${digit}`);
  // What comes whole is typed where no field has the focus.
  client.send({ type: "text", text: "21" });
  await expect.poll(() => reports).toContainEqual(["pin", "4721"]);
});

test("[W41] [W24] keys that are down are let go of when control is lost, however many a client presses @long", async ({
  site,
  bot,
  connect,
}) => {
  const reports = reportsOf(site);
  const client = await openHands(
    { site, bot, connect },
    `<script>
      const downs = new Set();
      addEventListener("keydown", (event) => downs.add(event.code));
      addEventListener("keyup", (event) => { downs.delete(event.code); tell("left", downs.size); });
      addEventListener("keydown", () => tell("down", downs.size));
    </script>`,
  );
  for (let index = 0; index < 80; index += 1)
    client.send({ type: "key", event_type: "down", key: "x", code: `Code${index}` });
  await expect.poll(() => reports.filter(([type]) => type === "down").length).toBe(80);
  expect(Math.max(...reports.map(([, count]) => Number(count)))).toBeLessThanOrEqual(33);
  client.send({ type: "release_control" });
  await expect.poll(() => lastOf(reports, "left")).toEqual([0]);
});

test("[W41] [W24] a key that a lost socket held down is let go of a second later", async ({ site, bot, connect }) => {
  const reports = reportsOf(site);
  const client = await openHands(
    { site, bot, connect },
    `<script>for (const type of ["keydown", "keyup"]) addEventListener(type, ({ code }) => tell(type, code));</script>`,
  );
  client.send({ type: "key", event_type: "down", key: "ArrowRight", code: "ArrowRight" });
  await expect.poll(() => lastOf(reports, "keydown")).toEqual(["ArrowRight"]);
  client.terminate();
  await expect.poll(() => lastOf(reports, "keyup")).toEqual(["ArrowRight"]);
});

test("[W41] letters are those of the person's CapsLock, with Shift and without", async ({ site, bot, connect }) => {
  const reports = reportsOf(site);
  const client = await openHands(
    { site, bot, connect },
    `<input autofocus><script>
      document.querySelector("input").focus();
      addEventListener("input", tellValues);
      addEventListener("keydown", ({ key, code, keyCode, shiftKey }) => tell("keydown", key, code, keyCode, shiftKey));
    </script>`,
  );
  const SHIFT = 8;
  for (const [key, modifiers] of [
    ["A", 0],
    ["a", SHIFT],
  ] as const) {
    client.send({ type: "key", event_type: "down", key, code: "KeyA", modifiers });
    client.send({ type: "key", event_type: "up", key, code: "KeyA", modifiers });
  }
  await expect.poll(() => lastOf(reports, "values")).toEqual(["Aa"]);
  expect(reports).toContainEqual(["keydown", "A", "KeyA", 65, false]);
  expect(reports).toContainEqual(["keydown", "a", "KeyA", 65, true]);
});

const BOXES = (attributes: string, script: string) =>
  `${`<input ${attributes} style="width:34px">`.repeat(6)}<script>
    const boxes = [...document.querySelectorAll("input")];
    boxes[0].focus();
    addEventListener("input", tellValues);
    boxes.forEach((box, index) => { ${script} });
  </script>`;

/** How pages make six boxes of one code. */
const CODE_PAGES: Readonly<Record<string, string>> = {
  "a page that handles the paste": BOXES(
    'maxlength="1"',
    `box.addEventListener("paste", (event) => {
      event.preventDefault();
      [...event.clipboardData.getData("text")].forEach((digit, at) => (boxes[at].value = digit));
      tellValues();
    });`,
  ),
  "a page that handles the paste later": BOXES(
    'maxlength="1"',
    `box.addEventListener("paste", (event) => {
      event.preventDefault();
      const text = event.clipboardData.getData("text/plain");
      setTimeout(() => { [...text].forEach((digit, at) => (boxes[at].value = digit)); tellValues(); }, 50);
    });`,
  ),
  "a page that refuses a paste": BOXES(
    'maxlength="1"',
    `box.addEventListener("paste", (event) => event.preventDefault());
     box.addEventListener("input", () => boxes[index + 1]?.focus());`,
  ),
  "a page that moves the focus at once": BOXES(
    'maxlength="1"',
    `box.addEventListener("input", () => boxes[index + 1]?.focus());`,
  ),
  "a page that moves the focus later": BOXES(
    'maxlength="1"',
    `box.addEventListener("input", () => setTimeout(() => boxes[index + 1]?.focus(), 30));`,
  ),
  "a page that moves the focus on keyup": BOXES(
    'maxlength="1"',
    `box.addEventListener("keyup", () => boxes[index + 1]?.focus());`,
  ),
  "a page without maxlength": BOXES(
    "",
    `box.addEventListener("input", () => { box.value = box.value.slice(-1); boxes[index + 1]?.focus(); tellValues(); });`,
  ),
  "a page that moves no focus": BOXES('maxlength="1"', ""),
};

/** One for each way that the text takes: the page's own paste, keys at once, and keys that wait. */
const KEPT_CODE_PAGES = [
  "a page that handles the paste",
  "a page that refuses a paste",
  "a page that moves the focus later",
];

for (const [name, html] of Object.entries(CODE_PAGES)) {
  const tag = longUnless(KEPT_CODE_PAGES.includes(name));
  test(`[W42] a code that comes whole fills its boxes: ${name}${tag}`, async ({ site, bot, connect }) => {
    const reports = reportsOf(site);
    const client = await openHands({ site, bot: { create: bot.createGuest }, connect }, html);
    client.send({ type: "text", text: "246813" });
    await expect.poll(() => lastOf(reports, "values")).toEqual(["2", "4", "6", "8", "1", "3"]);
  });
}

test("[W42] fields that format, count, limit or are dates have what came whole", async ({ site, bot, connect }) => {
  const reports = reportsOf(site);
  const client = await openHands(
    { site, bot, connect },
    `<input id="phone"><input type="number"><input type="date"><input type="time"><input type="datetime-local"><input type="month">
     <input maxlength="4" class="part"><input maxlength="4" class="part"><div contenteditable>A</div><textarea></textarea><script>
      phone.addEventListener("input", () => { phone.value = phone.value.replace(/\\D/g, "").replace(/^(\\d{3})(?=\\d)/, "$1-"); });
      for (const part of document.querySelectorAll(".part")) part.addEventListener("input", () => part.value.length === 4 && part.nextElementSibling.focus());
      addEventListener("input", tellValues);
      const fields = [...document.querySelectorAll("input, [contenteditable], textarea")];
      addEventListener("keydown", (event) => { const [, number] = /^F(\\d+)$/.exec(event.key) ?? []; fields[number - 1]?.focus(); });
    </script>`,
  );
  const long = `${"A long text. ".repeat(60)}\nIts end.`;
  const given: [number, string][] = [
    [0, "5551234"],
    [1, "-1.5"],
    [2, "1990-12-31"],
    [3, "19:42"],
    [4, "1990-12-31T07:05"],
    [5, "1990-12"],
    [6, "ABCD-EFGH"],
    [8, "Ünïcode ✓"],
    [9, long],
  ];
  for (const [field, text] of given) {
    client.send({ type: "key", event_type: "down", key: `F${field + 1}` });
    client.send({ type: "key", event_type: "up", key: `F${field + 1}` });
    client.send({ type: "text", text, whole: true });
  }
  await expect
    .poll(() => lastOf(reports, "values"))
    .toEqual([
      "555-1234",
      "-1.5",
      "1990-12-31",
      "19:42",
      "1990-12-31T07:05",
      "1990-12",
      "ABCD",
      "EFGH",
      expect.stringMatching(/^(AÜnïcode ✓|Ünïcode ✓A)$/),
      long,
    ]);
  expect(client.received.filter(({ type }) => type === "error")).toEqual([]);
});

for (const locale of ["de-DE", "zh-CN"]) {
  test(`[W42] dates and times that come whole are right in ${locale}, and what is too long does no harm @long`, async ({
    site,
    bot,
    connect,
  }) => {
    const reports = reportsOf(site);
    const client = await openHands(
      { site, bot, connect },
      `<input type="date"><input type="time"><input type="datetime-local"><input maxlength="1"><script>
        const fields = [...document.querySelectorAll("input")];
        addEventListener("input", tellValues);
        addEventListener("keydown", (event) => { const [, number] = /^F(\\d+)$/.exec(event.key) ?? []; fields[number - 1]?.focus(); });
      </script>`,
      { locale },
    );
    for (const [index, text] of ["1990-12-31", "19:42", "1990-02-01T07:05", "8".repeat(10_000)].entries()) {
      client.send({ type: "key", event_type: "down", key: `F${index + 1}` });
      client.send({ type: "key", event_type: "up", key: `F${index + 1}` });
      client.send({ type: "text", text, whole: true });
    }
    await expect.poll(() => lastOf(reports, "values")).toEqual(["1990-12-31", "19:42", "1990-02-01T07:05", "8"]);
  });
}

test("[W43] the page sees modifiers, double and triple clicks, the back button and a wheel to the side", async ({
  site,
  bot,
  connect,
}) => {
  const reports = reportsOf(site);
  const client = await openHands(
    { site, bot, connect },
    `<div style="width:3000px;height:3000px"></div><script>
      for (const type of ["mousedown", "click", "auxclick", "mouseup", "mousemove"]) addEventListener(type, (event) => {
        if (type !== "auxclick" || event.button !== 1) event.preventDefault();
        tell(type, event.button, event.buttons, event.detail, event.shiftKey, event.ctrlKey, event.altKey);
      });
      addEventListener("wheel", (event) => tell("wheel", event.deltaX, event.shiftKey, event.ctrlKey));
      addEventListener("scroll", () => tell("scroll", scrollX));
    </script>`,
  );
  let t = 0;
  const click = (button: string, buttons: number, modifiers: number, later = 1_000) => {
    t += later;
    const event = { type: "mouse_event", x: 100, y: 100, button, modifiers, t };
    client.send({ ...event, event_type: "down", buttons });
    client.send({ ...event, event_type: "up", buttons: 0 });
  };
  click("left", 1, 8);
  click("left", 1, 2);
  await expect.poll(() => reports).toContainEqual(["click", 0, 0, 1, false, true, false]);
  expect(reports).toContainEqual(["click", 0, 0, 1, true, false, false]);
  // The times are the client's: however late they come, three presses of a person are a triple click.
  click("left", 1, 0);
  await expect.poll(() => reports.at(-1)).toEqual(["click", 0, 0, 1, false, false, false]);
  click("left", 1, 0, 300);
  await expect.poll(() => reports.at(-1)).toEqual(["click", 0, 0, 2, false, false, false]);
  click("left", 1, 1, 300);
  await expect.poll(() => reports.at(-1)).toEqual(["click", 0, 0, 3, false, false, true]);
  click("back", 8, 0);
  click("forward", 16, 0);
  await expect
    .poll(() => reports.filter(([type]) => type === "mousedown").slice(-2))
    .toEqual([
      ["mousedown", 3, 8, 1, false, false, false],
      ["mousedown", 4, 16, 1, false, false, false],
    ]);
  client.send({ type: "wheel", x: 100, y: 100, delta_x: 120, delta_y: 0, modifiers: 8 });
  await expect.poll(() => reports).toContainEqual(["scroll", 120]);
  expect(reports).toContainEqual(["wheel", 120, true, false]);
});

testDrags("the same site");
testDrags("another site");
testTextInFrame();
