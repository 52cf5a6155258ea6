/**
 * Frames that pages zoom, scale, turn, mirror and put on top: whether their box is where a picture shows it, and whether a
 * press lands on what the picture shows. The same for frames in one process and in several.
 */
import sharp from "sharp";
import type { CaptchaInfo, Rect } from "../../src/protocol/common.ts";
import { BRIEF_SEARCH_MS, expect, type TestSite, test } from "./fixtures.ts";
import { longUnless } from "./long-run.ts";

const VIEWPORT = { width: 800, height: 600 };
const TOLERANCE_PX = 2;
/** All of the frame is blue or red, its button is red, and nothing else on the page is. */
const INNER = `<!doctype html><style>
    html, body { margin: 0; height: 100% } body { overflow: hidden }
    .test-captcha { height: 100%; background: rgb(0,0,255) }
    #press { position: absolute; left: 65%; top: 20%; width: 30px; height: 22px; background: rgb(255,0,0) }
    </style><div class="test-captcha"></div><div id="press"></div><script>
    addEventListener("mousedown", ({ target }) => fetch("/pressed?" + (target.id || "beside")));
    </script>`;

type FrameOf = (style: string) => string;

interface Case {
  readonly name: string;
  /** What is in the body around the frame. */
  readonly body: (frame: FrameOf) => string;
  /** Attributes of <html>. */
  readonly html?: string;
}

const AT = "position:absolute;left:90px;top:70px";

const CASES: readonly Case[] = [
  { name: "with a border and a padding", body: (frame) => frame(AT) },
  { name: "with CSS zoom on the frame", body: (frame) => frame(`${AT};zoom:1.5`) },
  { name: "with CSS zoom on what contains it", body: (frame) => `<div style="zoom:1.37">${frame(AT)}</div>` },
  { name: "with CSS zoom on both", body: (frame) => `<div style="zoom:1.5">${frame(`${AT};zoom:0.8`)}</div>` },
  { name: "with CSS zoom on <html>", html: 'style="zoom:1.25"', body: (frame) => frame(AT) },
  {
    name: "scaled by different factors",
    body: (frame) => frame(`${AT};transform:scale(1.6,0.85);transform-origin:0 0`),
  },
  { name: "zoomed in what is scaled", body: (frame) => `<div style="zoom:1.5;scale:0.8 1.1">${frame(AT)}</div>` },
  { name: "turned", body: (frame) => frame(`${AT};margin-top:90px;rotate:30deg`) },
  {
    name: "turned by a quarter in what is scaled",
    body: (frame) =>
      `<div style="transform:scale(1.3,0.8)">${frame(`${AT};margin-top:90px;transform:rotate(90deg)`)}</div>`,
  },
  { name: "mirrored", body: (frame) => frame(`${AT};transform:scaleX(-1)`) },
  { name: "skewed", body: (frame) => frame(`${AT};transform:skewX(20deg)`) },
  {
    name: "in a modal dialog",
    body: (frame) =>
      `<dialog id="top">${frame("")}</dialog><script>document.querySelector("#top").showModal()</script>`,
  },
  {
    name: "in a popover",
    body: (frame) =>
      `<div popover id="top">${frame("")}</div><script>document.querySelector("#top").showPopover()</script>`,
  },
  {
    name: "turned, in a closed shadow root in a scaled slot",
    body: (frame) => `<div id="host">${frame(`${AT};margin-top:90px;rotate:10deg`)}</div><script>
      document.querySelector("#host").attachShadow({ mode: "closed" }).innerHTML =
        '<div style="scale:1.2;transform-origin:0 0"><slot></slot></div>'</script>`,
  },
  {
    name: "zoomed, in a closed shadow root",
    body: (frame) => `<div id="host"></div><script>
      document.querySelector("#host").attachShadow({ mode: "closed" }).innerHTML = ${JSON.stringify(frame(`${AT};zoom:1.2`))}
      </script>`,
  },
  {
    name: "on a page from right to left that is scrolled both ways",
    html: 'dir="rtl"',
    body: (frame) => `<div style="width:3000px;height:2000px"></div>
      ${frame("position:absolute;right:1200px;top:300px")}<script>scrollTo(-900,150)</script>`,
  },
  {
    name: "in a frame that is zoomed and scrolled",
    body: (frame) => {
      const inner = `<body style='height:2000px'>${frame("position:absolute;left:30px;top:230px")}<script>scrollTo(0,200)</script>`;
      return `<iframe style="${AT};width:400px;height:300px;zoom:1.3" srcdoc="${inner.replaceAll('"', "&quot;")}"></iframe>`;
    },
  },
];

/** In `npm test` one of each kind: zoomed, scaled, turned, in a shadow root, in a frame, by turns. */
const BRIEF: Readonly<Record<"shared" | "isolated", readonly string[]>> = {
  shared: ["with CSS zoom on <html>", "scaled by different factors", "zoomed, in a closed shadow root"],
  isolated: ["with CSS zoom on the frame", "turned", "in a frame that is zoomed and scrolled"],
};

export function transformedFrameTests({ isolated }: { isolated: boolean }): void {
  test.use({ challengeSearchMs: BRIEF_SEARCH_MS });
  for (const { name, body, html = "" } of CASES) {
    const tag = longUnless(BRIEF[isolated ? "isolated" : "shared"].includes(name));
    test(`[W25] [W24] a frame ${name} is where the picture shows it, and takes a press there${tag}`, async ({
      site,
      bot,
      connect,
    }) => {
      const pressed = serveInner(site);
      const frame: FrameOf = (style) =>
        `<iframe src="${site.otherOrigin}/inner" style="border:5px solid #ccc;padding:7px;width:220px;height:130px;${style}"></iframe>`;
      const url = site.serve("/", `<!doctype html><html ${html}><style>body { margin: 0 }</style><body>${body(frame)}`);
      const session = await bot.create({
        url,
        viewport: VIEWPORT,
        completion: { any: [{ gone: ".test-captcha" }], poll_ms: 100 },
      });
      const client = await connect(session.ws_url, { protocols: ["captcha.binary.v1"] });
      client.send({ type: "view", mode: "page" });
      let blue: Rect | null = null;
      let red: Rect | null = null;
      const shown = () => client.pictures.findLast(({ view }) => view.width === VIEWPORT.width);
      await expect
        .poll(async () => {
          const picture = shown();
          if (!picture) return "no picture yet";
          blue = await colouredBox(picture.jpeg, (r, g, b) => g < 90 && (b > 150 || r > 150) && Math.abs(r - b) > 90);
          red = await colouredBox(picture.jpeg, (r, g, b) => r > 150 && g < 90 && b < 90);
          const info = (await bot.info(session.session_id)).captcha_info;
          return info && blue ? awayBy(info, blue) : "not found yet";
        })
        .toBeLessThanOrEqual(TOLERANCE_PX);
      if (!red) throw new Error("The picture shows no button.");
      const { x, y, width, height }: Rect = red;
      const event = { type: "mouse_event", button: "left", x: x + width / 2, y: y + height / 2 };
      client.send({ ...event, event_type: "move", buttons: 0 });
      client.send({ ...event, event_type: "down", buttons: 1 });
      client.send({ ...event, event_type: "up", buttons: 0 });
      await expect.poll(() => pressed).toEqual(["press"]);
    });
  }
}

/** Answers what was pressed in the frame. */
function serveInner(site: TestSite): string[] {
  const pressed: string[] = [];
  site.serve("/inner", INNER);
  site.serve("/pressed", (request, response) => {
    pressed.push(request.url?.split("?")[1] ?? "");
    response.end();
  });
  return pressed;
}

/** The farthest that an edge of one box is from that of the other, px. */
function awayBy(a: CaptchaInfo | Rect, b: Rect): number {
  const edges = [a.x - b.x, a.y - b.y, a.x + a.width - b.x - b.width, a.y + a.height - b.y - b.height];
  return Math.max(...edges.map(Math.abs));
}

/** The box around all px of a picture that have such a colour. */
async function colouredBox(
  jpeg: Buffer,
  fits: (red: number, green: number, blue: number) => boolean,
): Promise<Rect | null> {
  const { data, info } = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true });
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let at = 0; at < data.length; at += info.channels) {
    if (!fits(data[at] ?? 0, data[at + 1] ?? 0, data[at + 2] ?? 0)) continue;
    const x = (at / info.channels) % info.width;
    const y = Math.floor(at / info.channels / info.width);
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x + 1);
    bottom = Math.max(bottom, y + 1);
  }
  return right > left ? { x: left, y: top, width: right - left, height: bottom - top } : null;
}
