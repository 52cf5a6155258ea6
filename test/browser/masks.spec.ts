/** [W28] What a watcher sees of passwords and one-time codes: nothing, wherever they are and whatever they do. */
import { BRIEF_SEARCH_MS } from "../support/fixtures.ts";
import { expect, test } from "../support/guest.ts";
import type { ReceivedPicture } from "../support/live-client.ts";
import { IS_LONG_RUN } from "../support/long-run.ts";
import { colourAt, isNear } from "../support/marked-page.ts";
import {
  BINARY_FORM,
  blackPx,
  COMPLETION,
  expectNoneLeaks,
  expectSeen,
  JSON_FORM,
  MANY_PX,
  PICTURES,
  pageWith,
  password,
  STYLE,
  seats,
  secretPx,
  VIEWPORT,
} from "../support/secret-page.ts";
import { Watcher } from "../support/watcher.ts";

/** All kinds on one page, none over another. */
const FIELDS: readonly string[] = [
  password("left:10px;top:20px"),
  password("left:210px;top:20px", 'autocomplete="one-time-code"'),
  password("left:410px;top:20px", 'autocomplete="section-a One-Time-Code webauthn"'),
  '<textarea class="secret" autocomplete="one-time-code" style="left:10px;top:180px"></textarea>',
  password("left:220px;top:180px;transform:rotate(30deg) scale(1.2)"),
  `<div id="host"></div><script>
      document.querySelector("#host").attachShadow({ mode: "open" }).innerHTML =
        ${JSON.stringify(STYLE + password("left:410px;top:180px"))};</script>`,
  `<div id="closed"></div><script>{
      const root = document.querySelector("#closed").attachShadow({ mode: "closed" });
      root.innerHTML = ${JSON.stringify(`${STYLE + password("left:10px;top:300px")}<p></p>`)};
      root.querySelector("p").attachShadow({ mode: "closed" }).innerHTML =
        ${JSON.stringify(STYLE + password("left:210px;top:300px", 'autocomplete="one-time-code"'))}; }</script>`,
];
/** The fields of all those. */
const FIELD_COUNT = FIELDS.length + 1;

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

test("[W28] every kind of secret field is black for a watcher and there for who is in control", async ({
  site,
  bot,
  connect,
  server,
}) => {
  const url = site.serve("/", pageWith(FIELDS.join("")));
  const { client, watcher } = await seats({ bot, connect, server }, { url });
  // Some of them ask for a code, which is a challenge.
  client.send({ type: "view", mode: "page" });
  watcher.seat.session.operators.setLens(watcher.seat.viewer, { mode: "page", scale: 1 });
  // A field has 4,800 of them.
  const all = FIELD_COUNT * 3 * MANY_PX;
  await expect.poll(async () => secretPx(client.pictures.at(-1) as ReceivedPicture)).toBeGreaterThan(all);
  await expectNoneLeaks(watcher, 5);
  const last = watcher.pictures.at(-1);
  expect(last && (await blackPx(last))).toBeGreaterThan(all);
});

test("[W28] a closed shadow root that comes late, with a field and with a frame in it, shows nothing @long", async ({
  site,
  bot,
  connect,
  server,
}) => {
  site.serve("/inner", `<!doctype html>${STYLE}${password("left:20px;top:20px")}`);
  const inside = `${STYLE}${password("left:10px;top:10px")}<iframe src="${site.otherOrigin}/inner" style="left:300px;top:30px"></iframe>`;
  const script = `onmouseup = () => {
      document.querySelector("#host").attachShadow({ mode: "closed" }).innerHTML = ${JSON.stringify(inside)};
    };`;
  const url = site.serve("/", pageWith('<div id="host"></div>', script));
  const { client, watcher } = await seats({ bot, connect, server }, { url });
  await expect.poll(() => watcher.pictures.length).toBeGreaterThan(3);
  for (const event_type of ["down", "up"]) {
    client.send({ type: "mouse_event", event_type, x: 300, y: 300, button: "left", buttons: 0 });
  }
  const twoFields = 2 * 3 * MANY_PX;
  await expect.poll(async () => secretPx(client.pictures.at(-1) as ReceivedPicture)).toBeGreaterThan(twoFields);
  await expectNoneLeaks(watcher, PICTURES);
});

test("[W28] a page without secrets is not touched: the watcher's picture is the very same", async ({
  site,
  bot,
  connect,
  server,
}) => {
  const url = site.serve("/", `<!doctype html>${STYLE}<input value="public">`);
  const { client, watcher } = await seats({ bot, connect, server }, { url });
  await client.nextPicture(() => true, 0);
  await expect.poll(() => watcher.pictures.length).toBeGreaterThan(0);
  client.send({ type: "mouse_event", event_type: "move", x: 10, y: 10, buttons: 0 });
  await expect
    .poll(() => watcher.pictures.some(({ jpeg }) => client.pictures.some((picture) => picture.jpeg.equals(jpeg))), {})
    .toBe(true);
});

test("[W28] a password that was shown as text before anybody watched stays one", async ({
  site,
  bot,
  connect,
  server,
}) => {
  let shown = false;
  site.serve("/state", (_request, response) => response.end(String(shown)));
  const script = `const poll = setInterval(async () => {
      if ((await (await fetch("/state")).text()) !== "true") return;
      document.querySelector(".secret").type = "text";
      clearInterval(poll);
      fetch("/done");
    }, 50);`;
  let done = false;
  site.serve("/done", (_request, response) => {
    done = true;
    response.end();
  });
  const url = site.serve("/", pageWith(password("left:10px;top:10px"), script));
  const session = await bot.create({ url, viewport: VIEWPORT, completion: COMPLETION });
  const client = await connect(session.ws_url, BINARY_FORM);
  await expectSeen(client);
  shown = true;
  await expect.poll(() => done).toBe(true);
  const watcher = await Watcher.join(server.controller, session.session_id);
  await expectNoneLeaks(watcher, 5);
});

test("[W28] in every view, at every scale, in every encoding, and for a watcher who joins late @long", async ({
  site,
  bot,
  connect,
  server,
}) => {
  test.slow();
  const box = `<div id="box" class="test-captcha">${password("left:30px;top:30px")}</div>`;
  const url = site.serve("/", pageWith(box + password("left:480px;top:300px")));
  const session = await bot.create({ url, viewport: VIEWPORT, completion: COMPLETION });
  const client = await connect(session.ws_url, JSON_FORM);
  await expectSeen(client);
  for (const [index, form] of (["plain", "json", "binary"] as const).entries()) {
    const late = await Watcher.join(server.controller, session.session_id, form);
    expect(late.texts[0]).toMatchObject({ type: "session_info", role: "watch" });
    await expectNoneLeaks(late, 1);
    const { operators } = late.seat.session;
    const lenses = [
      ["page", 1],
      ["page", 2],
      ["challenge", 2],
    ] as const;
    // A form is only how a masked picture travels: each with one of the views will do.
    for (const [mode, scale] of IS_LONG_RUN ? lenses : lenses.slice(index, index + 1)) {
      operators.setLens(late.seat.viewer, { mode, scale });
      const width = mode === "page" ? VIEWPORT.width : 420;
      const fits = () => late.pictures.filter(({ view }) => view.width === width).length;
      const before = fits();
      await expect.poll(fits).toBeGreaterThanOrEqual(before + 3);
      await expectNoneLeaks(late, 3);
    }
    late.leave();
  }
});

test("[W28] the sharp picture of a page at rest, and one at twice the size, is masked too", async ({
  site,
  bot,
  connect,
  server,
}) => {
  const url = site.serve("/", `<!doctype html>${STYLE}${password("left:30px;top:30px")}`);
  const { client, watcher } = await seats({ bot, connect, server }, { url });
  client.send({ type: "view", scale: 2 });
  watcher.seat.session.operators.setLens(watcher.seat.viewer, { scale: 2 });
  await client.nextPicture(({ scale }) => scale === 2, 0);
  await expect.poll(() => watcher.pictures.some(({ scale, kind }) => scale === 2 && kind === "still")).toBe(true);
  await expectNoneLeaks(watcher, 0);
});

test("[W28] another document is masked from its first picture on, and is shown", async ({
  site,
  bot,
  connect,
  server,
}) => {
  site.serve("/two", `<!doctype html>${STYLE}<h1>two</h1>${password("left:300px;top:200px")}`);
  const url = site.serve(
    "/",
    pageWith(password("left:10px;top:10px"), 'addEventListener("click", () => { location = "/two"; });'),
  );
  const { client, watcher } = await seats({ bot, connect, server }, { url });
  await expectSeen(client);
  for (const event_type of ["down", "up"]) client.send({ type: "mouse_event", event_type, x: 400, y: 300 });
  const isTwoMasked = async () => {
    const last = watcher.pictures.at(-1);
    return last !== undefined && isNear(await colourAt(last, { x: 360, y: 220 }), [0, 0, 0]);
  };
  await expect.poll(isTwoMasked).toBe(true);
  await expectNoneLeaks(watcher, 0);
});

(IS_LONG_RUN ? test : test.skip)(
  "[W28] a page that hangs gives a watcher nothing new, and takes nothing from who is in control",
  async ({ site, bot, connect, server }) => {
    const HANG_MS = 2_500;
    const script = `addEventListener("pointerdown", () => {
      document.querySelector(".secret").animate([{ transform: "none" }, { transform: "translate(400px, 250px)" }],
        { duration: 500, iterations: Infinity });
      requestAnimationFrame(() => requestAnimationFrame(() => {
        const end = performance.now() + ${HANG_MS}; while (performance.now() < end);
      }));
    });`;
    const url = site.serve("/", pageWith(password("left:10px;top:10px"), script));
    const { client, watcher } = await seats({ bot, connect, server }, { url });
    await expectSeen(client);
    await expectNoneLeaks(watcher, 5);
    const pressedAt = Date.now();
    client.send({ type: "mouse_event", event_type: "down", x: 500, y: 300 });
    await expect.poll(() => Date.now() - pressedAt).toBeGreaterThan(HANG_MS);
    const inHang = watcher.pictures.filter(
      ({ arrivedAt }) => arrivedAt > pressedAt + 700 && arrivedAt < pressedAt + 1_900,
    );
    expect(inHang).toEqual([]);
    client.send({ type: "mouse_event", event_type: "up", x: 500, y: 300 });
    await expectNoneLeaks(watcher, PICTURES);
  },
);

(IS_LONG_RUN ? test : test.skip)(
  "[W28] on a page of the bot's own too",
  async ({ site, bot, connect, server, botBrowser }) => {
    site.serve("/inner", `<!doctype html>${STYLE}${password("left:20px;top:20px")}`);
    const box = `<div id="box" class="test-captcha">${password("left:30px;top:30px")}</div>`;
    const frame = `<iframe src="${site.otherOrigin}/inner" style="left:300px;top:270px"></iframe>`;
    const page = await botBrowser.open(site.serve("/", pageWith(box + frame)), VIEWPORT);
    const session = await bot.create({
      cdp: { endpoint: botBrowser.endpoint, target_id: await botBrowser.targetOf(page) },
      completion: COMPLETION,
    });
    const client = await connect(session.ws_url, BINARY_FORM);
    const watcher = await Watcher.join(server.controller, session.session_id);
    await expectSeen(client);
    await expectNoneLeaks(watcher, PICTURES);
    watcher.seat.session.operators.setLens(watcher.seat.viewer, { mode: "page" });
    await expectNoneLeaks(watcher, PICTURES);
  },
);

test("[W28] without watchers nothing is recorded @long", async ({ site, bot, connect, server, botBrowser }) => {
  const page = await botBrowser.open(site.serve("/", pageWith(password("left:10px;top:10px"))), VIEWPORT);
  const session = await bot.create({
    cdp: { endpoint: botBrowser.endpoint, target_id: await botBrowser.targetOf(page) },
    completion: COMPLETION,
  });
  const devtools = await page.context().newCDPSession(page);
  const recordings = async () => {
    const { frameTree } = await devtools.send("Page.getFrameTree");
    const { executionContextId } = await devtools.send("Page.createIsolatedWorld", {
      frameId: frameTree.frame.id,
      worldName: "captcha-remote",
    });
    const { result } = await devtools.send("Runtime.evaluate", {
      expression: "globalThis.captchaRemoteRecorder?.isRunning ?? false",
      contextId: executionContextId,
    });
    return result.value;
  };
  const client = await connect(session.ws_url, BINARY_FORM);
  await expectSeen(client);
  expect(await recordings()).toBe(false);
  const watcher = await Watcher.join(server.controller, session.session_id);
  await expectNoneLeaks(watcher, 3);
  expect(await recordings()).toBe(true);
  watcher.leave();
  await expect.poll(recordings).toBe(false);
});
