/** [W25] What a watcher sees of passwords and one-time codes: nothing, wherever they are and whatever they do. */
import sharp from "sharp";
import type { SessionAnswer } from "../../src/protocol/rest.ts";
import { expect, test } from "../guest.ts";
import type { LiveClient, ReceivedPicture } from "../live-client.ts";
import { Watcher } from "../watcher.ts";

const VIEWPORT = { width: 640, height: 400 };
const COMPLETION = { any: [{ visible: "#never" }] };
/** Of everything secret, and of nothing else. */
const SECRET = "rgb(255,0,255)";
/** More than this many px of that colour are a field; a smear at the edge of a mask is not. */
const FEW_PX = 30;
/** A field of the test's size has thousands. */
const MANY_PX = 1_000;
const TIMEOUT_MS = 15_000;

const STYLE = `<style>
  html, body { margin: 0; background: #fff; overflow: hidden }
  .secret { position: absolute; width: 120px; height: 40px; border: 0; padding: 0; margin: 0; background: ${SECRET};
    color: ${SECRET}; -webkit-text-security: none; display: block; box-sizing: border-box }
  iframe { position: absolute; border: 3px solid #888; width: 240px; height: 120px }
  #box { position: absolute; left: 20px; top: 20px; width: 400px; height: 240px; background: #cde }
  #beat { position: absolute; left: 600px; top: 360px; width: 30px; height: 30px }
  </style>`;
/** Repaints with every frame, so that pictures keep coming, in the whole page's and in the challenge's view. */
const BEAT = `<div id="beat"></div><script>{
    let step = 0;
    const beat = () => {
      step += 1;
      for (const element of document.querySelectorAll("#beat, #box")) element.style.outline = step % 2 + "px solid #246";
      requestAnimationFrame(beat);
    };
    beat();
  }</script>`;
const MOVING_STEPS = `let step = 0; const move = () => {
    step += 1;
    const field = document.querySelector(".secret");
    field.style.left = 10 + (step * 37) % 260 + "px";
    field.style.top = 10 + (step * 23) % 190 + "px";`;

function pageWith(body: string, script = ""): string {
  return `<!doctype html>${STYLE}${body}${BEAT}<script>${script}</script>`;
}

/** A password field; `style` places it. */
function password(style: string, attributes = 'type="password"'): string {
  return `<input class="secret" ${attributes} value="hunter2" style="${style}">`;
}

/** How many px of a picture have the secret's colour, or one that a JPEG made of it. */
async function secretPx({ jpeg }: { jpeg: Buffer }): Promise<number> {
  const { data, info } = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true });
  let count = 0;
  for (let at = 0; at < data.length; at += info.channels) {
    const [red = 0, green = 0, blue = 0] = data.subarray(at, at + 3);
    if (red > 170 && blue > 170 && green < 110) count += 1;
  }
  return count;
}

async function blackPx({ jpeg }: { jpeg: Buffer }): Promise<number> {
  const { data, info } = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true });
  let count = 0;
  for (let at = 0; at < data.length; at += info.channels) {
    if ([...data.subarray(at, at + 3)].every((value) => value < 30)) count += 1;
  }
  return count;
}

/** Waits for so many pictures more, and holds that none of all that ever came shows a secret. */
async function expectNoneLeaks(watcher: Watcher, more: number): Promise<void> {
  const due = watcher.pictures.length + more;
  await expect.poll(() => watcher.pictures.length, { timeout: TIMEOUT_MS }).toBeGreaterThanOrEqual(due);
  const leaks = await Promise.all(watcher.pictures.map(secretPx));
  expect(
    leaks.filter((px) => px > FEW_PX),
    `of ${leaks.length} pictures`,
  ).toEqual([]);
}

async function expectSeen(client: LiveClient): Promise<ReceivedPicture> {
  let seen: ReceivedPicture | undefined;
  await expect
    .poll(
      async () => {
        seen = client.pictures.at(-1);
        return seen ? secretPx(seen) : 0;
      },
      { timeout: TIMEOUT_MS },
    )
    .toBeGreaterThan(MANY_PX);
  return seen as ReceivedPicture;
}

const JSON_FORM = { protocols: ["captcha.json.v1"] };
const BINARY_FORM = { protocols: ["captcha.binary.v1"] };

interface Kit {
  readonly bot: { create(body: Record<string, unknown>): Promise<SessionAnswer> };
  readonly connect: (url: string, options?: { protocols?: string[] }) => Promise<LiveClient>;
  readonly server: { readonly controller: Parameters<typeof Watcher.join>[0] };
}

/** A session of this page with a controller, who sees everything, and a watcher. */
async function seats({ bot, connect, server }: Kit, body: Record<string, unknown>) {
  const session = await bot.create({ viewport: VIEWPORT, completion: COMPLETION, ...body });
  const client = await connect(session.ws_url, BINARY_FORM);
  const watcher = await Watcher.join(server.controller, session.session_id);
  return { session, client, watcher };
}

const FIELDS: readonly (readonly [string, string])[] = [
  ["a password", password("left:40px;top:60px")],
  ["a one-time code", password("left:40px;top:60px", 'autocomplete="one-time-code"')],
  ["one among other tokens", password("left:40px;top:60px", 'autocomplete="section-a One-Time-Code webauthn"')],
  [
    "one of several lines",
    '<textarea class="secret" autocomplete="one-time-code" style="left:40px;top:60px"></textarea>',
  ],
  ["a turned one", password("left:40px;top:60px;transform:rotate(30deg) scale(1.2)")],
  [
    "one in a shadow root",
    `<div id="host"></div><script>
      document.querySelector("#host").attachShadow({ mode: "open" }).innerHTML =
        ${JSON.stringify(STYLE + password("left:40px;top:60px"))};</script>`,
  ],
];

for (const [what, field] of FIELDS) {
  test(`[W25] ${what} is black for a watcher and there for who is in control`, async ({
    site,
    bot,
    connect,
    server,
  }) => {
    const url = site.serve("/", pageWith(field));
    const { client, watcher } = await seats({ bot, connect, server }, { url });
    await expectSeen(client);
    await expectNoneLeaks(watcher, 10);
    const last = watcher.pictures.at(-1);
    expect(last && (await blackPx(last))).toBeGreaterThan(MANY_PX);
  });
}

test("[W25] a page without secrets is not touched: the watcher's picture is the very same", async ({
  site,
  bot,
  connect,
  server,
}) => {
  const url = site.serve("/", `<!doctype html>${STYLE}<input value="public">`);
  const { client, watcher } = await seats({ bot, connect, server }, { url });
  await client.nextPicture(() => true, 0);
  const [shown] = watcher.pictures;
  expect(shown?.view).toEqual({ x: 0, y: 0, ...VIEWPORT });
  client.send({ type: "mouse_event", event_type: "move", x: 10, y: 10, buttons: 0 });
  await expect
    .poll(() => watcher.pictures.some(({ jpeg }) => client.pictures.some((picture) => picture.jpeg.equals(jpeg))), {
      timeout: TIMEOUT_MS,
    })
    .toBe(true);
});

for (const isolated of [false, true]) {
  test.describe(isolated ? "frames in processes of their own" : "frames in one process", () => {
    test.use({ siteIsolation: isolated });

    test("[W25] fields in frames of this site, of another, and inside of each other", async ({
      site,
      bot,
      connect,
      server,
    }) => {
      const inner = `<!doctype html>${STYLE}${password("left:20px;top:20px")}`;
      site.serve("/inner", inner);
      site.serve(
        "/nest",
        `<!doctype html>${STYLE}<iframe src="${site.origin}/inner" style="left:20px;top:5px;width:180px;height:90px"></iframe>`,
      );
      const frame = (src: string, style: string) => `<iframe src="${src}" style="${style}"></iframe>`;
      const url = site.serve(
        "/",
        pageWith(
          frame("/inner", "left:10px;top:10px") +
            frame(`${site.otherOrigin}/inner`, "left:300px;top:30px") +
            frame(`${site.otherOrigin}/nest`, "left:10px;top:200px;transform:scale(1.2);transform-origin:0 0") +
            frame(`${site.otherOrigin}/inner`, "left:360px;top:220px;transform:rotate(20deg)"),
        ),
      );
      const { client, watcher } = await seats({ bot, connect, server }, { url });
      await expect
        .poll(async () => secretPx(client.pictures.at(-1) as ReceivedPicture), { timeout: TIMEOUT_MS })
        .toBeGreaterThan(3 * 120 * 40);
      await expectNoneLeaks(watcher, 10);
    });

    test("[W25] a frame that moves, and one that comes and goes, shows nothing", async ({
      site,
      bot,
      connect,
      server,
    }) => {
      site.serve("/inner", `<!doctype html>${STYLE}${password("left:20px;top:20px")}`);
      const script = `let step = 0; const frame = document.querySelector("iframe"); const move = () => {
          step += 1;
          frame.style.left = (step * 7) % 300 + "px";
          if (step % 40 === 0) document.querySelector("#other")?.remove();
          if (step % 40 === 20) document.body.insertAdjacentHTML("beforeend",
            '<iframe id="other" src="${site.otherOrigin}/inner" style="left:10px;top:220px"></iframe>');
          requestAnimationFrame(move);
        }; move();`;
      const url = site.serve(
        "/",
        pageWith(`<iframe src="${site.otherOrigin}/inner" style="top:20px"></iframe>`, script),
      );
      const { client, watcher } = await seats({ bot, connect, server }, { url });
      await expectSeen(client);
      await expectNoneLeaks(watcher, 40);
    });
  });
}

const RESTLESS: readonly (readonly [string, string])[] = [
  ["moves with every frame", `${MOVING_STEPS} requestAnimationFrame(move); }; move();`],
  ["jumps between frames", `${MOVING_STEPS} setTimeout(move, 5); }; move();`],
  [
    "moves just before it is drawn",
    `${MOVING_STEPS} }; const drawn = () => { move(); requestAnimationFrame(drawn); };
    new ResizeObserver(move).observe(document.querySelector(".secret")); drawn();`,
  ],
  [
    "comes and goes",
    `const field = document.querySelector(".secret"); let step = 0; const blink = () => {
      step += 1;
      if (step % 20 === 0) field.remove();
      if (step % 20 === 10) {
        field.style.left = (step * 17) % 300 + "px";
        document.body.append(field);
      }
      requestAnimationFrame(blink);
    }; blink();`,
  ],
  [
    "is animated by the browser",
    `document.querySelector(".secret").animate(
      [{ transform: "none" }, { transform: "translate(400px, 250px) rotate(180deg)" }],
      { duration: 700, iterations: Infinity, direction: "alternate" });`,
  ],
  [
    "is animated while scripts are busy",
    `document.querySelector(".secret").animate(
      [{ transform: "none" }, { transform: "translate(400px, 250px)" }],
      { duration: 900, iterations: Infinity, direction: "alternate" });
    setInterval(() => { const end = performance.now() + 150; while (performance.now() < end); }, 200);`,
  ],
  [
    "is shown as text after a while",
    `const field = document.querySelector(".secret");
     setInterval(() => { field.type = field.type === "text" ? "password" : "text"; }, 300);`,
  ],
];

for (const [what, script] of RESTLESS) {
  test(`[W25] a field that ${what} leaks in none of 60 pictures`, async ({ site, bot, connect, server }) => {
    const url = site.serve("/", pageWith(password("left:10px;top:10px"), script));
    const { client, watcher } = await seats({ bot, connect, server }, { url });
    await expectSeen(client);
    await expectNoneLeaks(watcher, 60);
  });
}

test("[W25] a password that was shown as text before anybody watched stays one", async ({
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
  await expectNoneLeaks(watcher, 10);
});

test("[W25] in every view, at every scale, in every form, and for whoever comes late", async ({
  site,
  bot,
  connect,
  server,
}) => {
  const box = `<div id="box" class="test-captcha">${password("left:30px;top:30px")}</div>`;
  const url = site.serve("/", pageWith(box + password("left:480px;top:300px")));
  const session = await bot.create({ url, viewport: VIEWPORT, completion: COMPLETION });
  const client = await connect(session.ws_url, JSON_FORM);
  await expectSeen(client);
  for (const form of ["plain", "json", "binary"] as const) {
    const late = await Watcher.join(server.controller, session.session_id, form);
    expect(late.texts[0]).toMatchObject({ type: "session_info", role: "watch" });
    await expectNoneLeaks(late, 5);
    const { crowd } = late.seat.session;
    for (const [mode, scale] of [
      ["page", 1],
      ["page", 2],
      ["challenge", 2],
    ] as const) {
      crowd.setLens(late.seat.viewer, { mode, scale });
      const width = mode === "page" ? VIEWPORT.width : 420;
      const fits = () => late.pictures.filter(({ view }) => view.width === width).length;
      const before = fits();
      await expect.poll(fits, { timeout: TIMEOUT_MS }).toBeGreaterThanOrEqual(before + 5);
      await expectNoneLeaks(late, 5);
    }
    late.leave();
  }
});

test("[W25] the sharp picture of a page at rest, and one at twice the size, is masked too", async ({
  site,
  bot,
  connect,
  server,
}) => {
  const url = site.serve("/", `<!doctype html>${STYLE}${password("left:30px;top:30px")}`);
  const { client, watcher } = await seats({ bot, connect, server }, { url });
  client.send({ type: "view", scale: 2 });
  watcher.seat.session.crowd.setLens(watcher.seat.viewer, { scale: 2 });
  await client.nextPicture(({ scale }) => scale === 2, 0);
  await expect
    .poll(() => watcher.pictures.some(({ scale, kind }) => scale === 2 && kind === "still"), { timeout: TIMEOUT_MS })
    .toBe(true);
  await expectNoneLeaks(watcher, 0);
});

test("[W25] another document is masked from its first picture on, and is shown", async ({
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
  const isTwo = async () => {
    const last = watcher.pictures.at(-1);
    if (!last) return 0;
    const part = sharp(last.jpeg).extract({ left: 300, top: 200, width: 120, height: 40 });
    return (await part.stats()).channels[0]?.mean ?? 255;
  };
  await expect.poll(isTwo, { timeout: TIMEOUT_MS }).toBeLessThan(30);
  await expectNoneLeaks(watcher, 0);
});

test("[W25] a page that hangs gives a watcher nothing new, and takes nothing from who is in control", async ({
  site,
  bot,
  connect,
  server,
}) => {
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
  await expect.poll(() => Date.now() - pressedAt, { timeout: TIMEOUT_MS }).toBeGreaterThan(HANG_MS);
  const inHang = watcher.pictures.filter(
    ({ arrivedAt }) => arrivedAt > pressedAt + 700 && arrivedAt < pressedAt + 1_900,
  );
  expect(inHang).toEqual([]);
  client.send({ type: "mouse_event", event_type: "up", x: 500, y: 300 });
  await expectNoneLeaks(watcher, 20);
});

test("[W25] on a page of the bot's own too", async ({ site, bot, connect, server, botBrowser }) => {
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
  await expectNoneLeaks(watcher, 20);
  watcher.seat.session.crowd.setLens(watcher.seat.viewer, { mode: "page" });
  await expectNoneLeaks(watcher, 20);
});

test("[W25] nobody watches: nothing is recorded", async ({ site, bot, connect, server, botBrowser }) => {
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
      expression: "globalThis.recorder?.isRunning ?? false",
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
  await expect.poll(recordings, { timeout: TIMEOUT_MS }).toBe(false);
});
