/** Keeps a picture of a page, small enough for a repository. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Page } from "playwright";
import sharp from "sharp";

/** A picture of the console has hardly more; what a photo in it has is dithered. */
const COLOURS = 256;

/** Writes a PNG of what the window shows, and makes its folder. */
export async function savePicture(page: Page, file: string): Promise<void> {
  const png = await page.screenshot({ animations: "disabled" });
  await mkdir(dirname(file), { recursive: true });
  await sharp(png).png({ palette: true, colours: COLOURS, effort: 10 }).toFile(file);
}
