/** A link as a picture that a phone's camera reads. */
import sharp from "sharp";
import { renderSVG } from "uqr";

/** Modules of white around it; without them cameras do not find it. */
const QUIET_ZONE = 4;
/** px; large enough to be shown as it is. */
const MODULE = 8;

/** A PNG, as a data URL. */
export async function qrCodeOf(link: string): Promise<string> {
  const svg = renderSVG(link, { border: QUIET_ZONE, pixelSize: MODULE });
  const png = await sharp(Buffer.from(svg)).png({ palette: true, colours: 2 }).toBuffer();
  return `data:image/png;base64,${png.toString("base64")}`;
}
