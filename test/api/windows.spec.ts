/** [W47] Windows that a session's page opens: followed, switched, closed, refused, and what rules say of them. */
import sharp from "sharp";
import { MAX_WINDOWS } from "../../src/protocol/live.ts";
import { BRIEF_SEARCH_MS, expect, type TestSite } from "../support/fixtures.ts";
import { test as withBots } from "../support/guest.ts";
import type { LiveClient, ReceivedPicture } from "../support/live-client.ts";
import { IS_LONG_RUN } from "../support/long-run.ts";

const test = withBots;
test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

const BINARY = { protocols: ["captcha.binary.v1", "captcha.view.page-1"] };
const LOGIN_SIZE = { width: 500, height: 400 };

/** A page of one colour, which does this when it is pressed. */
function page(colour: string, onPress: string, more = ""): string {
  return `<title>${colour}</title><style>html { height: 100%; background: ${colour}; }</style>${more}
    <script>onmousedown = () => { ${onPress} };</script>`;
}

function press(client: LiveClient, at = { x: 20, y: 20 }): void {
  client.send({ type: "mouse_event", event_type: "down", button: "left", buttons: 1, ...at });
  client.send({ type: "mouse_event", event_type: "up", button: "left", buttons: 0, ...at });
}

async function colourOf({ jpeg }: Pick<ReceivedPicture, "jpeg">): Promise<string> {
  const { data } = await sharp(jpeg).resize(1, 1, { fit: "fill" }).raw().toBuffer({ resolveWithObject: true });
  const [red = 0, green = 0, blue = 0] = data;
  if (Math.min(red, green, blue) > 200) return "white";
  return [
    ["red", red],
    ["green", green],
    ["blue", blue],
  ].reduce((most, each) => (Number(each[1]) > Number(most[1]) ? each : most))[0] as string;
}

/** Waits for a picture of this colour, or finds that the newest one has it. */
async function seesColour(client: LiveClient, colour: string): Promise<void> {
  await expect
    .poll(async () => {
      const last = client.pictures.at(-1);
      return last && (await colourOf(last));
    })
    .toBe(colour);
}

/** The colour of the picture that an older client got last. */
async function newestOf(plain: LiveClient): Promise<string> {
  const pictures = plain.received.flatMap((message) =>
    message.type === "session_info" || message.type === "screenshot_update" ? (message.screenshot ?? []) : [],
  );
  return colourOf({ jpeg: Buffer.from(pictures.at(-1) ?? "", "base64") });
}

async function join(client: LiveClient): Promise<LiveClient> {
  await client.next("session_info");
  client.acks = true;
  client.send({ type: "features", features: ["windows"] });
  return client;
}

const lists = (client: LiveClient) => client.received.flatMap((m) => (m.type === "windows" ? [m.windows] : []));
/** Waits until the newest list has these titles; answers it. */
async function listOf(client: LiveClient, titles: readonly string[]) {
  await expect
    .poll(() =>
      lists(client)
        .at(-1)
        ?.map(({ title }) => title),
    )
    .toEqual(titles);
  return lists(client).at(-1) ?? [];
}

function shop(site: TestSite, onPress: string): string {
  return site.serve(
    "/shop",
    page(
      "red",
      onPress,
      `<script>onmessage = ({ data, origin }) => {
        document.documentElement.style.background = "green";
        document.title = JSON.stringify({ data, origin });
      };</script>`,
    ),
  );
}

test("[W47] a sign-in window of another site is followed, tells its opener, and the view goes back", async ({
  site,
  bot,
  connect,
}) => {
  const login = site.serve(
    "/login",
    page("blue", `opener.postMessage([innerWidth, innerHeight, screen.width, document.hasFocus()], "*"); close();`),
  );
  const other = login.replace(site.origin, site.otherOrigin);
  const session = await bot.create({
    url: shop(site, `open("${other}?code=SECRET", "login", "width=500,height=400")`),
  });
  const client = await join(await connect(session.ws_url, BINARY));
  await seesColour(client, "red");
  press(client);
  expect(await client.next("page_notice")).toMatchObject({ notice: "popup", url: other });
  const [first, second] = await listOf(client, ["red", "blue"]);
  expect(first).toMatchObject({ site: site.origin, active: false });
  expect(second).toMatchObject({ site: site.otherOrigin, active: true });
  expect(await client.next("session_info", ({ viewport }) => viewport.width === 500)).toMatchObject({
    viewport: LOGIN_SIZE,
    view: { x: 0, y: 0, ...LOGIN_SIZE },
    captcha_info: null,
  });
  await seesColour(client, "blue");
  press(client);
  const told = JSON.stringify({ data: [500, 400, 1280, true], origin: site.otherOrigin });
  await listOf(client, [told]);
  await seesColour(client, "green");
  expect(client.received.filter((message) => message.type === "session_info").at(-1)).toMatchObject({
    viewport: { width: 1280, height: 720 },
  });
  // No picture of one window was ever said to be of the other.
  for (const picture of client.pictures) {
    const isLogin = picture.view.width === LOGIN_SIZE.width;
    expect([isLogin ? ["blue", "white"] : ["red", "green", "white"]].flat()).toContain(await colourOf(picture));
  }
  expect(client.pictures.map(({ seq }) => seq)).toEqual(
    [...client.pictures.map(({ seq }) => seq)].sort((a, b) => a - b),
  );
  expect(JSON.stringify(client.received)).not.toContain("SECRET");
});

test("[W47] the person in control switches and closes; an older client's view follows; others may not", async ({
  site,
  bot,
  connect,
}) => {
  site.serve("/terms", page("blue", `document.title = "pressed";`));
  const link = `<a href="/terms" target="_blank" style="display:block;width:200px;height:200px">terms</a>`;
  const url = site.serve("/", page("red", "", link));
  const session = await bot.create({ url });
  const client = await join(await connect(session.ws_url, BINARY));
  const plain = await connect(session.ws_url);
  await plain.next("session_info");
  await seesColour(client, "red");
  press(client);
  const [first, second] = await listOf(client, ["red", "blue"]);
  await seesColour(client, "blue");
  press(client);
  await listOf(client, ["red", "pressed"]);
  await expect.poll(() => newestOf(plain)).toBe("blue");

  client.send({ type: "window", id: "a", window_id: first?.id, action: "show" });
  await seesColour(client, "red");
  await expect
    .poll(() =>
      lists(client)
        .at(-1)
        ?.map(({ active }) => active),
    )
    .toEqual([true, false]);
  const refused = async (message: object, from = client) => {
    const before = from.received.length;
    from.send({ type: "window", ...message });
    return (await from.next("error", () => true, before)).code;
  };
  expect(await refused({ window_id: "nobody", action: "close" })).toBe("window_gone");
  expect(await refused({ window_id: first?.id, action: "close" })).toBe("invalid_message");
  expect(await refused({ window_id: second?.id, action: "show" }, plain)).toBe("not_in_control");
  client.send({ type: "window", window_id: second?.id, action: "show" });
  await seesColour(client, "blue");
  client.send({ type: "window", window_id: second?.id, action: "close" });
  await seesColour(client, "red");
  await listOf(client, ["red"]);
  expect(await refused({ window_id: second?.id, action: "show" })).toBe("window_gone");
  expect(lists(plain)).toEqual([]);
  await expect.poll(() => newestOf(plain)).toBe("red");
});

test("[W47] a page that opens windows without end has 8 at most, and the operator learns of it @long", async ({
  site,
  bot,
  connect,
}) => {
  const count = IS_LONG_RUN ? 10_000 : 20;
  site.serve("/more", page("blue", ""));
  const url = site.serve(
    "/",
    page("red", `for (let i = 0; i < ${count}; i++) open("/more"); document.title = "done";`),
  );
  const session = await bot.create({ url });
  const client = await join(await connect(session.ws_url, BINARY));
  await seesColour(client, "red");
  press(client);
  expect(await client.next("page_notice", ({ notice }) => notice === "popup_refused")).toBeTruthy();
  await listOf(client, ["done", ...Array(MAX_WINDOWS - 1).fill("blue")]);
  expect(Math.max(...lists(client).map((list) => list.length))).toBe(MAX_WINDOWS);
  const notices = client.received.filter((message) => message.type === "page_notice");
  expect(notices.length).toBeLessThan(count);
  const last = lists(client).at(-1) ?? [];
  for (const { id } of last.slice(1)) client.send({ type: "window", window_id: id, action: "close" });
  await listOf(client, ["done"]);
  await seesColour(client, "red");
});

test("[W47] windows that close at once, and some that stay blank, leave nothing behind @long", async ({
  site,
  bot,
  connect,
}) => {
  site.serve("/more", page("blue", ""));
  const loop = `for (let i = 0; i < 15; i++) { const w = open(i % 3 ? "/more" : "", "", "width=300,height=200"); setTimeout(() => w.close(), i * 20); }`;
  const session = await bot.create({ url: site.serve("/", page("red", loop)) });
  const client = await join(await connect(session.ws_url, BINARY));
  await seesColour(client, "red");
  press(client);
  await expect.poll(() => lists(client).at(-1)?.length ?? 1).toBe(1);
  client.send({ type: "check_completion", id: "after" });
  await client.next("completion_status", ({ reply_to }) => reply_to === "after");
  await seesColour(client, "red");
  expect((await bot.info(session.session_id)).state).toBe("active");
});

test("[W47] [R21] rules are asked of the first window, or of any where they say so; a window's own challenge proves nothing", async ({
  site,
  bot,
  connect,
}) => {
  const captcha = `<div class="g-recaptcha" data-sitekey="a" style="width:304px;height:78px"></div>`;
  site.serve(
    "/window",
    page(
      "blue",
      `document.querySelector(".g-recaptcha")?.remove(); document.body.innerHTML += "<h1 id=in>in</h1>"`,
      captcha,
    ),
  );
  const url = site.serve("/", page("red", `open("/window")`));
  const rule = { visible: "#in" };
  const ends: (string | null)[] = [];
  for (const completion of [{ any: [{ ...rule, of: "any" }] }, { any: [rule] }, undefined]) {
    const session = await bot.create({ url, completion });
    const client = await join(await connect(session.ws_url, BINARY));
    await seesColour(client, "red");
    press(client);
    await listOf(client, ["red", "blue"]);
    await seesColour(client, "blue");
    await client.next("session_info", ({ captcha_info }) => captcha_info?.kind.startsWith("recaptcha") === true);
    press(client);
    if (completion?.any.some((each) => "of" in each)) {
      const result = await bot.waitForEnd(session.session_id).then(() => bot.result(session.session_id));
      expect(result).toMatchObject({ outcome: "solved", verified: "checked" });
      expect(result.evidence).toMatchObject([
        { rule: JSON.stringify({ ...rule, of: "any" }), frame: `${site.origin}/window` },
      ]);
      continue;
    }
    client.send({ type: "check_completion", id: "check" });
    const { reason } = await client.next("completion_status", ({ reply_to }) => reply_to === "check");
    ends.push(reason, (await bot.info(session.session_id)).state);
  }
  expect(ends).toEqual(["rules_not_met", "active", "rules_not_met", "active"]);
});

test("[W47] a guest's windows are followed where the bot says so, and no others are touched @long", async ({
  site,
  bot,
  connect,
  botBrowser,
}) => {
  site.serve("/window", page("blue", "close()"));
  const url = site.serve("/", page("red", `open("/window")`));
  const other = site.serve("/other", page("green", ""));
  const hidden = await botBrowser.open(other);
  const shown = await botBrowser.open(url);
  const cdp = { endpoint: botBrowser.endpoint, target_id: await botBrowser.targetOf(shown) };

  const alone = await bot.create({ cdp });
  const watcher = await join(await connect(alone.ws_url, BINARY));
  await seesColour(watcher, "red");
  const opened = shown.waitForEvent("popup");
  press(watcher);
  await (await opened).close();
  await seesColour(watcher, "red");
  expect(lists(watcher)).toEqual([]);
  watcher.send({ type: "finish", outcome: "cannot" });
  await bot.waitForEnd(alone.session_id);

  const following = await bot.create({ cdp: { ...cdp, windows: "follow" } });
  const client = await join(await connect(following.ws_url, BINARY));
  await seesColour(client, "red");
  press(client);
  const [first] = await listOf(client, ["red", "blue"]);
  await seesColour(client, "blue");
  client.send({ type: "window", window_id: first?.id, action: "show" });
  await seesColour(client, "red");
  await hidden.evaluate(() => void open("/window"));
  await expect.poll(() => botBrowser.tabs()).toHaveLength(5);
  expect(lists(client).at(-1)).toHaveLength(2);
  const second = lists(client).at(-1)?.[1];
  client.send({ type: "window", window_id: second?.id, action: "show" });
  await seesColour(client, "blue");
  press(client);
  await listOf(client, ["red"]);
  await seesColour(client, "red");
  client.send({ type: "finish", outcome: "cannot" });
  await bot.waitForEnd(following.session_id);
  expect((await botBrowser.tabs()).filter((tab) => tab === other)).toHaveLength(1);
  expect(await shown.title()).toBe("red");
  expect(await shown.evaluate(() => [innerWidth, innerHeight, screen.width])).toEqual(
    await hidden.evaluate(() => [innerWidth, innerHeight, screen.width]),
  );
});
