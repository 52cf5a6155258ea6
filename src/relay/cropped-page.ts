/** [R32] A page that its bot can crop, whichever library the bot drives it with. */
import { isPuppeteerPage, type PuppeteerPage, playwrightEmulation, puppeteerEmulation } from "./emulation.ts";
import { RelayError } from "./errors.ts";
import { isPlaywrightPage, type LentPage, type LentSession, type PlaywrightOptions } from "./lent-page.ts";
import { PageCrop } from "./page-crop.ts";
import { asSession, sessionOf, targetOf } from "./playwright-page.ts";

/** A page of Playwright's or Puppeteer's, of a Chromium. */
export type Croppable = LentPage | PuppeteerPage;

export interface CroppedPage {
  readonly targetId: string;
  readonly crop: PageCrop;
}

/** The session of a crop stays for as long as its page, so there is one for each. */
const cropped = new WeakMap<Croppable, Promise<CroppedPage | null>>();

/** Null where the bot emulates no size: an override would show in the page. RelayError invalid_message: no open page of a Chromium. */
export async function croppedPage(page: Croppable, options: PlaywrightOptions = {}): Promise<CroppedPage | null> {
  const known = await cropped.get(page);
  if (known) {
    await known.crop.refresh();
    return known;
  }
  const opening = opened(page, options).catch((cause: unknown) => {
    throw new RelayError("invalid_message", "not an open page of a Chromium", { cause });
  });
  cropped.set(page, opening);
  const given = await opening.catch(() => null);
  if (!given) cropped.delete(page);
  return opening;
}

async function opened(page: Croppable, options: PlaywrightOptions): Promise<CroppedPage | null> {
  const { session, emulation } = await partsOf(page, options);
  const targetId = await targetOf(session);
  const crop = await PageCrop.begin(emulation, session);
  if (crop) return { targetId, crop };
  await session.detach().catch(() => {});
  return null;
}

async function partsOf(page: Croppable, options: PlaywrightOptions) {
  if (isPlaywrightPage(page)) {
    return { session: await sessionOf(page), emulation: playwrightEmulation(page, options) };
  }
  if (!isPuppeteerPage(page)) throw new TypeError("neither Playwright's page nor Puppeteer's");
  const session: LentSession = asSession(await page.createCDPSession());
  return { session, emulation: puppeteerEmulation(page) };
}
