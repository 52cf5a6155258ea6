/** Challenge widgets made by others, on static pages: an operator clears them over the console's canvas. */
import { createHash, createHmac, randomBytes, randomInt } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import svgCaptcha from "svg-captcha";
import type { Rule } from "../../src/protocol/rest.ts";
import { type Bot, expect, inside, type Operator, type TestSite, test } from "../support/fixtures.ts";
import { longUnless } from "../support/long-run.ts";

/** Where the test's own pages put the widget, and where the outer page puts its frame (CSS px). */
const WIDGET = { x: 140, y: 90 };
const FRAME = { x: 60, y: 40, width: 640, height: 480 };

const PLACEMENTS = ["page", "cross"] as const;
type Placement = (typeof PLACEMENTS)[number];

/** Where a widget's top left corner is on the page that the bot opened. */
function cornerOf(placement: Placement): { x: number; y: number } {
  return placement === "page" ? WIDGET : inside(FRAME, WIDGET);
}

const PAGE_STYLE = `html, body { margin: 0; font: 16px sans-serif }
  #widget { position: absolute; left: ${WIDGET.x}px; top: ${WIDGET.y}px }
  iframe { position: absolute; left: ${FRAME.x}px; top: ${FRAME.y}px; width: ${FRAME.width}px;
    height: ${FRAME.height}px; border: 0 }`;

function page(body: string, attributes = ""): string {
  return `<!doctype html><html><head><meta charset="utf-8"><style>${PAGE_STYLE}</style></head>
    <body ${attributes}>${body}</body></html>`;
}

/** Serves the widget's page, and for "cross" a page of another origin that holds it in a frame; answers what to open. */
function place(site: TestSite, placement: Placement, widgetPage: string): string {
  const url = site.serve("/widget", widgetPage);
  if (placement === "page") return url;
  // Like a real site around a widget: it takes the widget's word and remembers it.
  const listen = `addEventListener("message", ({ data, origin }) => {
      if (origin === "${site.otherOrigin}" && data === "verified") document.cookie = "passed=" + Date.now();
    })`;
  return site.serve("/", page(`<iframe src="${site.otherOrigin}/widget"></iframe><script>${listen}</script>`));
}

const bundles = new Map<string, Promise<string>>();

/** One of test/widgets/ with all it imports, as one script. */
function bundle(name: string): Promise<string> {
  const built = bundles.get(name) ?? makeBundle(name);
  bundles.set(name, built);
  return built;
}

async function makeBundle(name: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`../widgets/${name}.js`, import.meta.url))],
    bundle: true,
    write: false,
    format: "iife",
    minify: true,
    define: { "process.env.NODE_ENV": '"production"' },
  });
  return outputFiles[0]?.text ?? "";
}

async function serveScript(site: TestSite, name: string): Promise<void> {
  const script = await bundle(name);
  site.serve(`/${name}.js`, (_request, response) => {
    response.setHeader("content-type", "text/javascript").end(script);
  });
}

/** A sign of success that the server knows by itself, as evidence names it. */
interface KnownSign {
  readonly kind: string;
  readonly done: object;
}

/** Opens a session with this one rule (a known sign: with none), lets the operator work, and checks what the bot is told. */
async function clear(
  { bot, operator }: { bot: Bot; operator: Operator },
  url: string,
  rule: Rule | KnownSign,
  work: (sessionId: string) => Promise<void>,
): Promise<void> {
  const session = await bot.create({ url, ...("kind" in rule ? {} : { completion: { all: [rule] } }) });
  const ended = bot.waitForEnd(session.session_id);
  await operator.open(session.control_url);
  await work(session.session_id);
  expect(await ended).toMatchObject({ state: "solved", completed: true, verified: "checked", reason: "rules_met" });
  const { evidence, outcome } = await bot.result(session.session_id);
  expect(outcome).toBe("solved");
  expect(evidence.map((one) => JSON.parse(one.rule))).toEqual([rule]);
  await expect(operator.page.locator("body")).toHaveAttribute("data-outcome", "solved");
}

test.describe("rc-slider-captcha", () => {
  const SIZE = { width: 320, height: 160 };
  /** As wide as the widget's handle with its borders: handle and piece then travel alike. */
  const PIECE = 42;
  /** The middle of the resting handle: below the picture (160) and its padding (15), inside a border (1). */
  const HANDLE = { x: 21, y: 196 };
  const TOLERANCE_PX = 4;
  const PIECE_TOP = 60;

  /** The test's server of this widget: it chose where the piece belongs, and judges the drops. */
  function serveSlider(site: TestSite): { gaps: number[]; drops: number[] } {
    const gaps: number[] = [];
    const drops: number[] = [];
    const svg = (width: number, content: string) =>
      `data:image/svg+xml,${encodeURIComponent(
        `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${SIZE.height}">${content}</svg>`,
      )}`;
    const square = (x: number, fill: string) =>
      `<rect x="${x}" y="${PIECE_TOP}" width="${PIECE}" height="${PIECE}" fill="${fill}" stroke="white"/>`;
    site.serve("/slider/pictures", (_request, response) => {
      const gap = randomInt(90, SIZE.width - PIECE - 10);
      gaps.push(gap);
      const scene = `<rect width="320" height="160" fill="#69c"/><circle cx="70" cy="40" r="30" fill="#fc6"/>`;
      answerJson(response, {
        bgUrl: svg(SIZE.width, scene + square(gap, "#345")),
        puzzleUrl: svg(PIECE, square(0, "#fc6")),
      });
    });
    site.serve("/slider/drop", async (request, response) => {
      const { x } = JSON.parse(await bodyOf(request)) as { x: number };
      drops.push(x);
      answerJson(response, { right: Math.abs(x - (gaps.at(-1) ?? Number.NaN)) <= TOLERANCE_PX });
    });
    return { gaps, drops };
  }

  const sliderPage = page(
    `<div id="widget"></div><script src="/slider.js"></script>`,
    `data-layout='${JSON.stringify({ size: SIZE, piece: PIECE })}'`,
  );

  async function slide(operator: Operator, placement: Placement, travel: number): Promise<void> {
    const from = inside(cornerOf(placement), HANDLE);
    await operator.drag(from, { x: from.x + travel, y: from.y });
  }

  const KNOWN = { kind: "rc-slider-captcha", done: { visible: ".rc-slider-captcha-control-success" } };

  for (const [placement, rule] of [
    ["page", { visible: ".rc-slider-captcha-control-success" }],
    ["cross", { cookie: "passed", changed: true }],
    ["page", KNOWN],
  ] as const) {
    const given = rule === KNOWN ? "[K1] without rules," : "[R21]";
    test(`${given} rc-slider-captcha, ${placement}: a wrong drop, then a right one @long`, async ({
      site,
      bot,
      operator,
    }) => {
      await serveScript(site, "slider");
      const { gaps, drops } = serveSlider(site);
      const url = place(site, placement, sliderPage);
      await clear({ bot, operator }, url, rule, async (sessionId) => {
        await expect.poll(() => gaps.length).toBe(1);
        const { captcha_info: box } = await bot.info(sessionId);
        expect(box).toMatchObject({ ...cornerOf(placement), width: SIZE.width, in_iframe: placement === "cross" });

        await slide(operator, placement, Number(gaps[0]) - 50);
        // The widget shows another one after a wrong drop.
        await expect.poll(() => gaps.length).toBe(2);
        await operator.untilStill();
        expect((await bot.info(sessionId)).state).toBe("active");

        await slide(operator, placement, Number(gaps[1]));
      });
      expect(drops).toHaveLength(2);
      expect(Math.abs(Number(drops[1]) - Number(gaps[1]))).toBeLessThanOrEqual(TOLERANCE_PX);
    });
  }
});

test.describe("altcha", () => {
  /** The middle of the widget's checkbox, at the left of its box. */
  const CHECKBOX = { x: 25, y: 24 };
  const KEY = randomBytes(32);
  /** Two hexadecimal digits: some 256 hashes, a blink in the browser. */
  const PREFIX = "00";

  interface Proof {
    readonly challenge: { readonly parameters: Parameters; readonly signature: string };
    readonly solution: { readonly counter: number; readonly derivedKey: string };
  }
  interface Parameters {
    readonly nonce: string;
    readonly salt: string;
    readonly keyPrefix: string;
  }

  /** The test's server of this widget. It makes challenges and checks proofs; the work is done by the widget alone. */
  function serveCheckbox(site: TestSite): { challenges: number; proofs: boolean[] } {
    const seen = { challenges: 0, proofs: [] as boolean[] };
    site.serve("/checkbox/challenge", (_request, response) => {
      seen.challenges += 1;
      const [nonce, salt] = [randomBytes(16).toString("hex"), randomBytes(16).toString("hex")];
      const parameters = { algorithm: "SHA-256", nonce, salt, cost: 1, keyLength: 32, keyPrefix: PREFIX };
      answerJson(response, { parameters, signature: sign(parameters) });
    });
    site.serve("/checkbox/proof", async (request, response) => {
      const text = Buffer.from(await bodyOf(request), "base64").toString();
      seen.proofs.push(isProven(JSON.parse(text) as Proof));
      response.end();
    });
    return seen;
  }

  function sign({ nonce, salt, keyPrefix }: Parameters): string {
    return createHmac("sha256", KEY).update(`${nonce}.${salt}.${keyPrefix}`).digest("hex");
  }

  function isProven({ challenge: { parameters, signature }, solution }: Proof): boolean {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(solution.counter);
    const hash = createHash("sha256")
      .update(Buffer.from(parameters.salt, "hex"))
      .update(Buffer.from(parameters.nonce, "hex"))
      .update(counter)
      .digest("hex");
    return signature === sign(parameters) && hash.startsWith(PREFIX) && hash === solution.derivedKey;
  }

  const checkboxPage = page(`<form id="widget">
    <altcha-widget challenge="/checkbox/challenge"></altcha-widget></form><script src="/checkbox.js"></script>`);

  const KNOWN = { kind: "altcha", done: { visible: '.altcha[data-state="verified"]' } };

  for (const [placement, rule] of [
    ["page", { value: 'input[name="altcha"]' }],
    ["cross", { text: "altcha-widget label", matches: "^\\s*Verified\\s*$" }],
    ["page", KNOWN],
  ] as const) {
    const given = rule === KNOWN ? "[K1] without rules," : "[R21]";
    const tag = longUnless(rule === KNOWN);
    test(`${given} altcha, ${placement}: the operator ticks the box${tag}`, async ({ site, bot, operator }) => {
      await serveScript(site, "checkbox");
      const seen = serveCheckbox(site);
      await clear({ bot, operator }, place(site, placement, checkboxPage), rule, async (sessionId) => {
        const { captcha_info: box } = await bot.info(sessionId);
        expect(box).toMatchObject({ kind: "altcha", ...cornerOf(placement), in_iframe: placement === "cross" });
        // Nothing is worked on before the person has ticked the box.
        expect(seen).toEqual({ challenges: 0, proofs: [] });
        await operator.click(inside(cornerOf(placement), CHECKBOX));
      });
      await expect.poll(() => seen.proofs).toEqual([true]);
      expect(seen.challenges).toBe(1);
    });
  }
});

test.describe("svg-captcha", () => {
  const PICTURE = { width: 200, height: 70 };
  const FIELD = { x: 0, y: 80, width: 200, height: 36 };

  /** The test's server of this widget: it drew the text, so it knows it. */
  function serveText(site: TestSite): { texts: string[]; typed: string[] } {
    const texts: string[] = [];
    const typed: string[] = [];
    site.serve("/text/picture.svg", (_request, response) => {
      const { text, data } = svgCaptcha.create({ size: 5, noise: 2, ...PICTURE, background: "#f4f4f4" });
      texts.push(text);
      response.setHeader("content-type", "image/svg+xml").end(data);
    });
    site.serve("/text/check", (request, response) => {
      const code = new URL(request.url ?? "", site.origin).searchParams.get("code") ?? "";
      typed.push(code);
      const location = code === texts.at(-1) ? "/welcome/back" : "/widget";
      response.writeHead(303, { location }).end();
    });
    site.serve("/welcome/back", page(`<p id="welcome">Welcome back</p>`));
    return { texts, typed };
  }

  const textPage =
    page(`<form id="widget" class="text-captcha" action="/text/check" style="width: 240px; height: 130px">
    <img src="/text/picture.svg" width="${PICTURE.width}" height="${PICTURE.height}" alt="" style="display: block">
    <input name="code" autocomplete="off" style="position: absolute; box-sizing: border-box; left: ${FIELD.x}px;
      top: ${FIELD.y}px; width: ${FIELD.width}px; height: ${FIELD.height}px"></form>`);

  async function typeAndEnter(operator: Operator, text: string): Promise<void> {
    await operator.type(text);
    await operator.page.locator('[data-key="Enter"]').click();
  }

  for (const [placement, rule] of [
    ["page", { url: "http://*/welcome/**" }],
    ["cross", { text: "#welcome", matches: "^Welcome" }],
  ] as const) {
    const tag = longUnless(placement === "page");
    test(`[R21] [W12] svg-captcha, ${placement}: a wrong text, then the right one${tag}`, async ({
      site,
      bot,
      operator,
    }) => {
      const { texts, typed } = serveText(site);
      await clear({ bot, operator }, place(site, placement, textPage), rule, async (sessionId) => {
        await expect.poll(() => texts.length).toBe(1);
        const field = inside(cornerOf(placement), { x: FIELD.x + FIELD.width / 2, y: FIELD.y + FIELD.height / 2 });
        await operator.click(field);
        await typeAndEnter(operator, "wrong!");
        await expect.poll(() => texts.length).toBe(2);
        await operator.untilStill();
        expect((await bot.info(sessionId)).state).toBe("active");
        await operator.click(field);
        await typeAndEnter(operator, String(texts[1]));
      });
      expect(typed).toEqual(["wrong!", texts[1]]);
    });
  }
});

function answerJson(response: ServerResponse, value: unknown): void {
  response.setHeader("content-type", "application/json").end(JSON.stringify(value));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
