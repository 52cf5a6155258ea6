/** Pages with secrets in them, a controller and a watcher of each, and whether a picture shows a secret. */
import sharp from "sharp";
import type { SessionAnswer } from "../../src/protocol/rest.ts";
import { expect } from "./fixtures.ts";
import type { LiveClient, ReceivedPicture } from "./live-client.ts";
import { IS_LONG_RUN } from "./long-run.ts";
import { Watcher } from "./watcher.ts";

export const VIEWPORT = { width: 640, height: 400 };
export const COMPLETION = { any: [{ visible: "#never" }] };
/** Of everything secret, and of nothing else. */
const SECRET = "rgb(255,0,255)";
/** More than this many px of that colour are a field; a smear at the edge of a mask is not. */
const FEW_PX = 30;
/** A field of the test's size has thousands. */
export const MANY_PX = 1_000;
/** So many pictures are looked at for what must be in none of them. */
export const PICTURES = IS_LONG_RUN ? 60 : 6;

export const STYLE = `<style>
  html, body { margin: 0; background: #fff; overflow: hidden }
  .secret { position: absolute; width: 120px; height: 40px; border: 0; padding: 0; margin: 0; background: ${SECRET};
    color: ${SECRET}; -webkit-text-security: none; display: block; box-sizing: border-box }
  iframe { position: absolute; border: 3px solid #888; width: 240px; height: 120px }
  #box { position: absolute; left: 20px; top: 20px; width: 400px; height: 240px; background: #cde }
  #beat { position: absolute; left: 600px; top: 360px; width: 30px; height: 30px }
  </style>`;
/**
 * Repaints with every frame, so that pictures keep coming, in the whole page's and in the challenge's view. In many greys: a
 * busy browser shows each second frame only, and of two colours that would always be the same.
 */
const BEAT = `<div id="beat"></div><script>{
    let step = 0;
    const beat = () => {
      step += 1;
      for (const element of document.querySelectorAll("#beat, #box")) element.style.outline = "1px solid hsl(0 0% " + (step * 7) % 80 + "%)";
      requestAnimationFrame(beat);
    };
    beat();
  }</script>`;

export function pageWith(body: string, script = ""): string {
  return `<!doctype html>${STYLE}${body}${BEAT}<script>${script}</script>`;
}

/** A password field; `style` places it. */
export function password(style: string, attributes = 'type="password"'): string {
  return `<input class="secret" ${attributes} value="hunter2" style="${style}">`;
}

/** What was counted in a picture stays so; a test looks again and again at all that came. */
const counted = new WeakMap<Buffer, Promise<number>>();

/** How many px of a picture have the secret's colour, or one that a JPEG made of it. */
export async function secretPx(picture: { jpeg: Buffer }): Promise<number> {
  const count =
    counted.get(picture.jpeg) ?? countPx(picture, (red, green, blue) => red > 170 && blue > 170 && green < 110);
  counted.set(picture.jpeg, count);
  return count;
}

export async function blackPx(picture: { jpeg: Buffer }): Promise<number> {
  return countPx(picture, (red, green, blue) => red < 30 && green < 30 && blue < 30);
}

/** Of hundreds of pictures with a million px each, beside the server in the same process: nothing is made for a px. */
async function countPx(
  { jpeg }: { jpeg: Buffer },
  fits: (red: number, green: number, blue: number) => boolean,
): Promise<number> {
  const { data, info } = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true });
  let count = 0;
  for (let at = 0; at < data.length; at += info.channels) {
    if (fits(data[at] ?? 0, data[at + 1] ?? 0, data[at + 2] ?? 0)) count += 1;
  }
  return count;
}

/** Waits for so many pictures more, and holds that none of all that ever came shows a secret. */
export async function expectNoneLeaks(watcher: Watcher, more: number): Promise<void> {
  const due = watcher.pictures.length + more;
  // Until the test's own limit: how many come in a second is the machine's affair.
  await expect.poll(() => watcher.pictures.length, { timeout: 0 }).toBeGreaterThanOrEqual(due);
  const leaks = await Promise.all(watcher.pictures.map(secretPx));
  expect(
    leaks.filter((px) => px > FEW_PX),
    `of ${leaks.length} pictures`,
  ).toEqual([]);
}

export async function expectSeen(client: LiveClient): Promise<ReceivedPicture> {
  let seen: ReceivedPicture | undefined;
  await expect
    .poll(async () => {
      seen = client.pictures.at(-1);
      return seen ? secretPx(seen) : 0;
    })
    .toBeGreaterThan(MANY_PX);
  return seen as ReceivedPicture;
}

export const JSON_FORM = { protocols: ["captcha.json.v1"] };
export const BINARY_FORM = { protocols: ["captcha.binary.v1"] };

interface Kit {
  readonly bot: { create(body: Record<string, unknown>): Promise<SessionAnswer> };
  readonly connect: (url: string, options?: { protocols?: string[] }) => Promise<LiveClient>;
  readonly server: { readonly controller: Parameters<typeof Watcher.join>[0] };
}

/** A session of this page with a controller, who sees everything, and a watcher. */
export async function seats({ bot, connect, server }: Kit, body: Record<string, unknown>) {
  const session = await bot.create({ viewport: VIEWPORT, completion: COMPLETION, ...body });
  const client = await connect(session.ws_url, BINARY_FORM);
  const watcher = await Watcher.join(server.controller, session.session_id);
  return { session, client, watcher };
}
