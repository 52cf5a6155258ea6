/** What a person copies in the page reaches that person alone: by a raw client, in owned pages, their frames, and guests. */
import { BRIEF_SEARCH_MS, expect } from "../support/fixtures.ts";
import { test as withGuests } from "../support/guest.ts";
import type { LiveClient } from "../support/live-client.ts";
import { longUnless } from "../support/long-run.ts";
import { REPORTING, reportsOf } from "../support/requests.ts";

const test = withGuests;
test.use({ challengeSearchMs: BRIEF_SEARCH_MS, siteIsolation: true });

const CTRL = 2;
const RAW = { protocols: ["captcha.json.v1"] };
const FIELD = { x: 50, y: 15 };
const BUTTON = { x: 50, y: 65 };
/** A field with the keyboard, a button that copies what is in no field, and a text that only the page copies by itself. */
const PAGE = `<!doctype html><style>body{margin:0}input,button{display:block;width:300px;height:30px;margin:0 0 20px}</style>
<input value="from a field"><button>Copy the code</button><p>from the page itself</p><script>
const field = document.querySelector("input");
document.querySelector("button").onclick = () => {
  addEventListener("copy", (event) => {
    event.clipboardData.setData("text/plain", "4711");
    event.preventDefault();
  }, { once: true });
  document.execCommand("copy");
};
addEventListener("message", () => {
  getSelection().selectAllChildren(document.querySelector("p"));
  document.execCommand("copy");
});
</script>`;

function press(client: LiveClient, { x, y }: { x: number; y: number }): void {
  client.send({ type: "mouse_event", event_type: "down", button: "left", x, y });
  client.send({ type: "mouse_event", event_type: "up", button: "left", x, y });
}

function shortcut(client: LiveClient, key: string): void {
  for (const event_type of ["down", "up"]) {
    client.send({ type: "key", event_type, key, code: `Key${key.toUpperCase()}`, modifiers: CTRL });
  }
}

async function ready(client: LiveClient, features = ["clipboard"]): Promise<void> {
  client.send({ type: "features", features });
  await client.next("control", ({ you }) => you);
}

for (const where of ["the page", "a frame of another site"] as const) {
  const tag = longUnless(where === "the page");
  test(`[W49] what is copied in ${where} by keys or by a press comes to who is in control, and to nobody else${tag}`, async ({
    site,
    bot,
    connect,
  }) => {
    site.serve("/inner", PAGE);
    const framed = `<!doctype html><style>body{margin:0}</style><iframe src="${site.otherOrigin}/inner" style="border:0;width:500px;height:300px"></iframe>`;
    const session = await bot.create({ url: where === "the page" ? site.serve("/", PAGE) : site.serve("/", framed) });
    const client = await connect(session.ws_url, RAW);
    await ready(client);
    const second = await connect(session.ws_url, RAW);
    second.send({ type: "features", features: ["clipboard"] });
    await second.next("session_info");

    press(client, FIELD);
    shortcut(client, "a");
    shortcut(client, "c");
    expect(await client.next("copied")).toMatchObject({ text: "from a field", by: "key", cut: false });
    press(client, BUTTON);
    expect(await client.next("copied", ({ text }) => text !== "from a field")).toMatchObject({
      text: "4711",
      by: "press",
    });
    press(client, FIELD);
    shortcut(client, "a");
    shortcut(client, "x");
    const before = client.received.length;
    expect(await client.next("copied", ({ text }) => text === "from a field", before)).toMatchObject({ by: "key" });

    second.send({ type: "ping" });
    await second.next("pong");
    expect(second.received.filter(({ type }) => type === "copied")).toEqual([]);
  });
}

/** A button that copies by a script, and all that the page could notice of it. */
const SCRIPTED = `<!doctype html><style>body{margin:0}button{width:300px;height:80px}</style>${REPORTING}<button>Copy</button><script>
  let count = 0;
  for (const type of ["blur", "focus", "visibilitychange", "copy", "paste"]) addEventListener(type, () => report(type), true);
  document.querySelector("button").onclick = async () => {
    count += 1;
    const { state } = await navigator.permissions.query({ name: "clipboard-read" });
    await navigator.clipboard.writeText("code " + count).then(() => report("copied, reading is " + state), (error) => report(String(error)));
  };
</script>`;

for (const where of ["the page", "a frame of another site"] as const) {
  test(`[W49] a button that copies by a script in ${where} works, and its text comes to who is in control`, async ({
    site,
    bot,
    connect,
  }) => {
    const reports = reportsOf(site);
    site.serve("/inner", SCRIPTED);
    const framed = `<!doctype html><style>body{margin:0}</style><iframe allow="clipboard-write" src="${site.otherOrigin}/inner" style="border:0;width:500px;height:300px"></iframe>`;
    const url = where === "the page" ? site.serve("/", SCRIPTED) : site.serve("/", framed);
    const client = await connect((await bot.create({ url })).ws_url, RAW);
    await ready(client, ["clipboard", "windows"]);
    for (const text of ["code 1", "code 2"]) {
      press(client, FIELD);
      expect(await client.next("copied", (copied) => copied.text === text)).toMatchObject({ by: "press", cut: false });
    }
    expect(client.received.filter(({ type }) => type === "copied")).toHaveLength(2);
    // Nor does the page notice how it was read, and no other window is told of.
    const copied = reports.filter((report) => report !== "focus");
    const state = where === "the page" ? "prompt" : "denied";
    expect(copied).toEqual([`copied, reading is ${state}`, `copied, reading is ${state}`]);
    expect(client.received.filter(({ type }) => type === "windows" || type === "page_notice")).toEqual([]);
    const from = client.pictures.length;
    press(client, FIELD);
    await client.nextPicture(() => true, from);
  });
}

test("[W49] what a page copies by itself, or where the bot forbids it, comes to nobody", async ({
  site,
  bot,
  connect,
}) => {
  const url = site.serve(
    "/",
    `${PAGE}<script>setInterval(() => { postMessage(1); navigator.clipboard.writeText("by itself"); }, 1_500)</script>`,
  );
  const alone = await connect((await bot.create({ url })).ws_url, RAW);
  await ready(alone);
  const forbidden = await connect(
    (await bot.create({ url: site.serve("/plain", PAGE), clipboard: false })).ws_url,
    RAW,
  );
  await ready(forbidden);
  press(forbidden, BUTTON);
  const older = await connect((await bot.create({ url: site.serve("/plain", PAGE) })).ws_url, RAW);
  await ready(older, []);
  press(older, BUTTON);
  // Its copies begin by themselves; one right after a press of the person's would be theirs.
  await expect.poll(() => Date.now() - (alone.received[0]?.timestamp ?? 0)).toBeGreaterThan(2_000);
  for (const client of [alone, forbidden, older]) {
    expect(client.received.filter(({ type }) => type === "copied")).toEqual([]);
  }
});

test("[W49] in a guest the person's keys read what is selected, and never touch the clipboard of that machine @long", async ({
  site,
  bot,
  connect,
  botBrowser,
}) => {
  const page = await botBrowser.open(
    site.serve(
      "/",
      `${PAGE}<script>
      const heard = [];
      for (const type of ["copy", "cut", "paste", "keydown"])
        addEventListener(type, ({ key, ctrlKey }) => heard.push([type, key, ctrlKey].join(" ")), true);
    </script>`,
    ),
  );
  const session = await bot.create({
    cdp: { endpoint: botBrowser.endpoint, target_id: await botBrowser.targetOf(page) },
  });
  const client = await connect(session.ws_url, RAW);
  await ready(client);
  press(client, FIELD);
  shortcut(client, "a");
  await expect.poll(() => page.evaluate(() => getSelection()?.toString())).toBe("from a field");
  shortcut(client, "c");
  expect(await client.next("copied")).toMatchObject({ text: "from a field", by: "key" });
  const from = client.received.length;
  shortcut(client, "x");
  await client.next("copied", () => true, from);
  await expect.poll(() => page.locator("input").inputValue()).toBe("");
  shortcut(client, "v");
  client.send({ type: "text", text: "typed" });
  await expect.poll(() => page.locator("input").inputValue()).toBe("typed");
  const heard = await page.evaluate("heard");
  expect(heard).not.toContainEqual(expect.stringMatching(/^(copy|cut)|[cxv] true$/));
});
