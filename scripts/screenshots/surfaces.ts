/** What the console shows beside the picture: each surface with the way there, photographed in any look. */
import type { BrowserContext, Locator, Page } from "playwright";
import type { CreateSessionInput } from "../../src/protocol/rest.ts";
import type { LookName } from "./looks.ts";
import { ACT_Y } from "./surface-site.ts";

/** The last picture has arrived and is drawn. */
const SETTLED_MS = 600;
const MOST_LOOKS = 10;
const PAGE_WIDTH = 1280;
const PHONE_PAGE_WIDTH = 390;

export interface Surface {
  readonly name: string;
  /** Of the site's page. */
  readonly path: string;
  /** How its session is created, beyond the address. */
  readonly body?: Partial<CreateSessionInput>;
  /** It is in the list of sessions, not in a session. */
  readonly isInInbox?: boolean;
  /** Looks in which there is no such thing. */
  readonly without?: readonly LookName[];
  /** The looks that are kept in docs/images/hands. */
  readonly kept: readonly LookName[];
  show(scene: Scene): Promise<void>;
}

/** The console with one open session, as a person with this screen has it. */
export class Scene {
  readonly page: Page;
  readonly #context: BrowserContext;
  readonly #isPhone: boolean;
  readonly #pageWidth: number;

  constructor(page: Page, isPhone: boolean, { device }: Partial<CreateSessionInput> = {}) {
    this.page = page;
    this.#context = page.context();
    this.#isPhone = isPhone;
    this.#pageWidth = device === "phone" ? PHONE_PAGE_WIDTH : PAGE_WIDTH;
  }

  get isPhone(): boolean {
    return this.#isPhone;
  }

  /** The session is live and its picture has come to rest. */
  async untilLive(): Promise<void> {
    await this.page.locator('body[data-phase="live"]').waitFor();
    await this.page.locator("#screen[data-seq]").waitFor();
    await this.untilStill();
  }

  async untilStill(): Promise<void> {
    const canvas = this.page.locator("#screen");
    let last: string | null = "";
    for (let look = 0; look < MOST_LOOKS; look += 1) {
      const now = await canvas.getAttribute("data-seq");
      if (now === last) return;
      last = now;
      await this.page.waitForTimeout(SETTLED_MS);
    }
    throw new Error("The picture does not come to rest.");
  }

  /** Presses what the page has for it, with a finger or a mouse. */
  async press(): Promise<void> {
    const canvas = this.page.locator("#screen");
    const box = await canvas.boundingBox();
    const view = (await canvas.getAttribute("data-view"))?.split(",").map(Number);
    if (!box || !view) throw new Error("There is no picture.");
    const [viewX = 0, viewY = 0, viewWidth = 1] = view;
    const scale = box.width / viewWidth;
    const at = [box.x + (this.#pageWidth / 2 - viewX) * scale, box.y + (ACT_Y - viewY) * scale] as const;
    if (this.#isPhone) return this.page.touchscreen.tap(...at);
    await this.page.mouse.click(...at);
    // Nothing that comes up is under it.
    await this.page.mouse.move(1, 1);
  }

  /** Presses it, and waits for the dialog that comes. */
  async ask(): Promise<Locator> {
    await this.press();
    const dialog = this.page.locator("dialog[open]");
    await dialog.waitFor();
    return dialog;
  }

  /** Writes with an input method, and does not finish. */
  async compose(...steps: string[]): Promise<void> {
    const cdp = await this.#context.newCDPSession(this.page);
    for (const text of steps) {
      await cdp.send("Input.imeSetComposition", { text, selectionStart: text.length, selectionEnd: text.length });
    }
  }
}

const ask = async (scene: Scene) => void (await scene.ask());

export const SURFACES: readonly Surface[] = [
  { name: "select", path: "select", kept: ["desktop", "phone-dark"], show: ask },
  {
    name: "several",
    path: "several",
    kept: [],
    async show(scene) {
      const picker = await scene.ask();
      for (const day of ["Tuesday", "Friday"]) await picker.getByRole("option", { name: day }).click();
    },
  },
  {
    name: "search",
    path: "search",
    kept: ["zh"],
    async show(scene) {
      const picker = await scene.ask();
      await picker.getByRole("searchbox").fill("47");
    },
  },
  {
    name: "search-all",
    path: "search",
    kept: [],
    async show(scene) {
      const picker = await scene.ask();
      await picker.locator(".picker-more").scrollIntoViewIfNeeded();
    },
  },
  {
    name: "search-none",
    path: "search",
    kept: [],
    async show(scene) {
      const picker = await scene.ask();
      await picker.getByRole("searchbox").fill("Atlantis");
    },
  },
  { name: "suggestions", path: "suggestions", kept: [], show: ask },
  { name: "date", path: "date", kept: ["phone-zh"], show: ask },
  { name: "colour", path: "colour", kept: ["phone-dark"], show: ask },
  { name: "alert", path: "alert", kept: [], show: ask },
  { name: "confirm", path: "confirm", kept: ["desktop"], show: ask },
  { name: "prompt", path: "prompt", kept: ["phone"], show: ask },
  { name: "leave", path: "leave", kept: ["zh"], show: ask },
  { name: "files", path: "files", kept: ["phone"], show: ask },
  {
    name: "files-wrong",
    path: "files",
    kept: ["phone-dark"],
    async show(scene) {
      const dialog = await scene.ask();
      await scene.page.locator("#file-choose").setInputFiles([
        { name: "front of the card.jpg", mimeType: "image/jpeg", buffer: Buffer.alloc(1) },
        { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.alloc(1) },
      ]);
      await dialog.getByRole("alert").waitFor();
      await scene.page.locator("#file-give:enabled").waitFor();
    },
  },
  {
    name: "windows",
    path: "windows",
    kept: ["desktop", "phone"],
    async show(scene) {
      for (const count of [2, 3]) {
        await scene.press();
        await scene.page
          .locator(".window-tab")
          .nth(count - 1)
          .waitFor();
        await scene.untilStill();
      }
    },
  },
  {
    name: "sounds",
    path: "sounds",
    kept: ["phone-zh"],
    async show(scene) {
      for (const count of [1, 2]) {
        await scene.press();
        await scene.page
          .locator(".sound")
          .nth(count - 1)
          .waitFor();
        await scene.untilStill();
      }
      await scene.page.locator(".sound").nth(1).click();
      await scene.untilStill();
    },
  },
  {
    name: "copied",
    path: "copied",
    kept: ["phone"],
    async show(scene) {
      await scene.press();
      await scene.page.locator("#notice button").waitFor();
    },
  },
  {
    name: "copied-by-keys",
    path: "field",
    without: ["phone", "phone-dark", "phone-zh", "landscape"],
    kept: [],
    async show(scene) {
      await scene.press();
      await scene.page.keyboard.type("Ada Lovelace");
      await scene.page.keyboard.press("Control+a");
      await scene.page.keyboard.press("Control+c");
      await scene.page.locator("#notice").waitFor();
    },
  },
  {
    name: "sign-in",
    path: "sign-in",
    kept: ["desktop"],
    async show({ page }) {
      await page.locator("dialog[open]").waitFor();
    },
  },
  {
    name: "sign-in-again",
    path: "sign-in",
    kept: ["phone-zh"],
    async show({ page }) {
      await page.locator("#question-name").fill("ada");
      await page.locator("#question-password").fill("wrong");
      await page.locator("#question-password").press("Enter");
      await page.locator("#question-text").filter({ hasText: "2" }).waitFor();
    },
  },
  {
    name: "pointer",
    path: "slider",
    kept: ["desktop"],
    async show(scene) {
      await scene.page.keyboard.press("F2");
      for (let step = 0; step < 3; step += 1) await scene.page.keyboard.press("Shift+ArrowRight");
      await scene.untilStill();
    },
  },
  {
    name: "pointer-held",
    path: "slider",
    kept: [],
    async show(scene) {
      await scene.page.keyboard.press("F2");
      for (let step = 0; step < 2; step += 1) await scene.page.keyboard.press("Shift+ArrowDown");
      await scene.page.keyboard.press("Space");
      await scene.untilStill();
    },
  },
  {
    name: "zoom",
    path: "slider",
    body: { device: "phone" },
    kept: ["phone", "landscape"],
    async show(scene) {
      const { page } = scene;
      if (scene.isPhone) await page.locator("#fingers").tap();
      for (let step = 0; step < 2; step += 1) await page.locator("#zoom-in").click();
      // To what has to be exact: the slider's handle.
      await page.locator("#frame").evaluate((frame) => frame.scrollBy(-100, 300));
      await scene.untilStill();
    },
  },
  {
    name: "whole-page",
    path: "slider",
    kept: [],
    async show(scene) {
      await scene.page.locator("#view-switch").click();
      await scene.untilStill();
    },
  },
  {
    name: "composing",
    path: "field",
    kept: ["zh"],
    async show(scene) {
      await scene.press();
      await scene.untilStill();
      await scene.compose("n", "ni", "nihao", "ni hao shi jie");
    },
  },
  {
    name: "code-row",
    path: "code",
    isInInbox: true,
    kept: ["desktop", "phone-zh"],
    async show({ page }) {
      await page.locator(".row-code:visible input").fill("402917");
    },
  },
  {
    name: "code-row-wrong",
    path: "code",
    isInInbox: true,
    kept: ["phone-dark"],
    async show({ page }) {
      await page.locator(".row-code:visible input").fill("402917");
      await page.locator(".row-code:visible button").click();
      await page.locator(".row-code-status[data-says]:not([data-says=otp_sending])").waitFor();
    },
  },
  {
    name: "code-row-mine",
    path: "code",
    isInInbox: true,
    kept: [],
    async show({ page }) {
      await page.locator("#session-list li:has(.row-code:not([hidden])) a").click();
      await page.locator('body[data-phase="live"]').waitFor();
      await page.goBack();
      await page.locator(".row-back:visible").waitFor();
      await page.locator("canvas.drawn").nth(1).waitFor();
    },
  },
];
