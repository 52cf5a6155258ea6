/** For the tests of embedded consoles: a session whose challenge one press clears, and a person's press in the frame. */
import { expect, type FrameLocator, type Page } from "@playwright/test";
import type { Bot, Point, TestSite } from "./fixtures.ts";
import { call, type OwnServer } from "./requests.ts";

/** In CSS px of the session's page. */
const CHALLENGE = { x: 60, y: 50, width: 300, height: 200 };
/** Its view: grown by 10 px on every side [W20]. */
export const CHALLENGE_SIZE = { width: 320, height: 220 };
export const IN_CHALLENGE: Point = { x: 200, y: 150 };

const PAGE = `<!doctype html><title>Shop</title><body style="margin:0"><div id="captcha" style="position:absolute;
  left:${CHALLENGE.x}px;top:${CHALLENGE.y}px;width:${CHALLENGE.width}px;height:${CHALLENGE.height}px;background:#cde"></div>
  <script>document.querySelector("#captcha").onpointerup = (event) => event.target.remove()</script>`;

export interface EmbeddedSession {
  readonly session_id: string;
  readonly control_url: string;
}

export async function createPressable(
  { api }: Pick<OwnServer, "api">,
  bot: Pick<Bot, "guest">,
  site: TestSite,
): Promise<EmbeddedSession> {
  const completion = { any: [{ gone: "#captcha" }], stable_ms: 100 };
  const body = await bot.guest({ url: site.serve("/pressable", PAGE), completion });
  const answer = await call("POST", `${api}/sessions`, body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body;
}

/** Presses at this point of the session's page, once the console in the frame shows it. */
export async function pressInFrame(page: Page, frame: FrameLocator, { x, y }: Point): Promise<void> {
  await expect(frame.locator("body")).toHaveAttribute("data-phase", "live");
  const canvas = frame.locator("#screen");
  await expect(canvas).toHaveAttribute("data-view", /\d/);
  let last = "";
  // The frame takes the shape of the picture first.
  await expect
    .poll(async () => {
      const before = last;
      last = JSON.stringify([await canvas.boundingBox(), await canvas.getAttribute("data-view")]);
      return last === before;
    })
    .toBe(true);
  const [box, view] = JSON.parse(last);
  const [left = 0, top = 0, width = 1, height = 1] = view.split(",").map(Number);
  await page.mouse.click(box.x + ((x - left) * box.width) / width, box.y + ((y - top) * box.height) / height);
}
