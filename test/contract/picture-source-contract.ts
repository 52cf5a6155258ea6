/** What every page must do for the distributor of its pictures, as tests over a factory: one suite for the real page and the fake one. */
import { expect, test } from "@playwright/test";
import type { Rect } from "../../src/protocol/common.ts";
import type { CaptureRequest, PageEvents, Picture, PictureSource } from "../../src/session/ports/page.ts";

export interface PictureSourceBench {
  /** In a viewport larger than its challenge, and at rest. */
  readonly page: PictureSource;
  /** Makes the page look different than ever before. */
  change(): void;
  close(): Promise<void>;
}

type PictureEvents = Pick<PageEvents, "nextSeq" | "picture">;

export interface PictureSourceFactory {
  open(events: PictureEvents): Promise<PictureSourceBench>;
}

const REQUEST: CaptureRequest = {
  mode: "challenge",
  scale: 1,
  motion: { quality: 30, scale: 1 },
  exact: false,
  masked: false,
};

export function pictureSourceContract(name: string, { open }: PictureSourceFactory): void {
  /** A page, what it has sent, and how many numbers it has taken. */
  async function opened(use: (bench: PictureSourceBench & { sent: Picture[]; numbers: number[] }) => Promise<void>) {
    const sent: Picture[] = [];
    const numbers: number[] = [];
    const bench = await open({
      // As in a session that has had another page before.
      nextSeq: () => numbers[numbers.push(500 + numbers.length) - 1] ?? Number.NaN,
      picture: (picture) => sent.push(picture),
    });
    try {
      await use({ ...bench, sent, numbers });
    } finally {
      await bench.close();
    }
  }

  /** Changes the page until one more picture has come. */
  async function untilSent({ sent, change }: { readonly sent: readonly Picture[]; change(): void }): Promise<Picture> {
    const before = sent.length;
    const comes = () => {
      change();
      return sent[before];
    };
    await expect.poll(comes, { intervals: [50] }).toBeDefined();
    const [picture] = sent.slice(before);
    if (!picture) throw new Error("No picture came.");
    return picture;
  }

  test.describe(`pictures of ${name}`, () => {
    test("[W20] the challenge is a part of the whole page", () =>
      opened(async ({ page }) => {
        const [whole, part] = [page.view("page"), page.view("challenge")];
        expect(whole).toMatchObject({ x: 0, y: 0 });
        expect(isWithin(part, whole)).toBe(true);
        expect(part.width * part.height).toBeLessThan(whole.width * whole.height);
        expect(page.condition).toBe("page_responsive");
      }));

    test("[W3] [W5] a picture that is taken is a still of its view, with the next number of its session", () =>
      opened(async ({ page, numbers }) => {
        for (const mode of ["challenge", "page", "challenge"] as const) {
          const picture = await page.picture(mode, 1);
          expect(picture).toMatchObject({ view: page.view(mode), kind: "still", scale: 1, seq: numbers.at(-1) });
          expect(picture.jpeg.length).toBeGreaterThan(0);
        }
        expect(numbers[0]).toBe(500);
      }));

    test("[W62] one still is kept, and has the next number of its session once it is handed out", () =>
      opened(async ({ page, numbers }) => {
        await expect(async () => {
          const kept = await page.keptStill("challenge");
          expect(kept).toMatchObject({ view: page.view("challenge"), kind: "still", scale: 1, seq: 500 });
        }).toPass();
        expect(numbers).toEqual([500]);
        expect(await page.keptStill("challenge")).toBeNull();
      }));

    test("[W14] a part of a picture has its number; what a picture does not hold is refused", () =>
      opened(async ({ page }) => {
        const whole = await page.picture("page", 1);
        const part = await page.cut(whole, "challenge", 1);
        expect(part).toMatchObject({ view: page.view("challenge"), scale: 1, seq: whole.seq });
        await expect(page.cut(part, "page", 1)).rejects.toThrow();
      }));

    test("[W63] between a picture and itself nothing has changed; what has is in it, or is better sent whole", () =>
      opened(async (bench) => {
        const { page } = bench;
        page.setCaptureRequest(REQUEST);
        page.setCapturing(true);
        const [first, second] = [await untilSent(bench), await untilSent(bench)];
        expect(await page.damage(first, first)).toMatchObject({ rects: [] });
        const { width, height } = second.view;
        const damage = await page.damage(first, second);
        for (const [x, y, wide, high] of damage?.rects ?? []) {
          expect(x + wide).toBeLessThanOrEqual(width * second.scale);
          expect(y + high).toBeLessThanOrEqual(height * second.scale);
        }
      }));

    test("[W21] [W5] pictures come while they are requested and captured, and neither before nor after", () =>
      opened(async (bench) => {
        const { page, sent, change, numbers } = bench;
        // A picture that is taken comes after whatever the browser had to send.
        const settle = async () => void (await page.picture("challenge", 1));
        change();
        await settle();
        page.setCapturing(true);
        change();
        await settle();
        page.setCapturing(false);
        page.setCaptureRequest(REQUEST);
        change();
        await settle();
        expect(sent).toEqual([]);
        page.setCapturing(true);
        for (let count = 0; count < 3; count += 1) {
          expect(isWithin(page.view("challenge"), (await untilSent(bench)).view)).toBe(true);
        }
        page.setCapturing(false);
        await settle();
        const before = sent.length;
        change();
        await settle();
        expect(sent.length).toBe(before);
        const order = sent.map(({ seq }) => seq);
        expect(order).toEqual([...order].sort((a, b) => a - b));
        for (const seq of order) expect(numbers).toContain(seq);
        page.setCapturing(true);
        await untilSent(bench);
        page.setCaptureRequest(null);
        await settle();
        const last = sent.length;
        change();
        await settle();
        expect(sent.length).toBe(last);
      }));

    test("[W14] the whole page comes where it is requested", () =>
      opened(async (bench) => {
        const { page } = bench;
        page.setCaptureRequest({ ...REQUEST, mode: "page" });
        page.setCapturing(true);
        expect((await untilSent(bench)).view).toEqual(page.view("page"));
      }));

    test("[W28] a picture can be masked only while that is requested", () =>
      opened(async ({ page }) => {
        expect(await page.masked(await page.picture("challenge", 1), "challenge", 1)).toBeNull();
        page.setCaptureRequest({ ...REQUEST, masked: true });
        // Null as long as the page has not answered where its secrets are.
        await expect(async () => {
          const whole = await page.picture("page", 1, true);
          expect(await page.masked(whole, "challenge", 1)).toMatchObject({
            picture: { view: page.view("challenge"), seq: whole.seq },
            isWhole: true,
          });
        }).toPass();
        page.setCaptureRequest(REQUEST);
        expect(await page.masked(await page.picture("challenge", 1), "challenge", 1)).toBeNull();
      }));
  });
}

function isWithin(part: Rect, whole: Rect): boolean {
  const isWide = part.x >= whole.x && part.x + part.width <= whole.x + whole.width;
  return isWide && part.y >= whole.y && part.y + part.height <= whole.y + whole.height;
}
