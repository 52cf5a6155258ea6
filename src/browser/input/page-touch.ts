/** [W44] Whether a page takes fingers. */
import type { PageTouch } from "../../session/ports/page.ts";
import type { PageFrames } from "../tabs/frames.ts";

export const NO_TOUCH: PageTouch = { isOn: false, isMobile: false };

/** What a page of the bot's own says of itself, in a world that the page does not see. No touch where it does not answer. */
export async function readTouch(frames: PageFrames): Promise<PageTouch> {
  try {
    const [main] = await frames.list();
    if (!main) return NO_TOUCH;
    return await frames.run(
      main,
      () => ({
        isOn: navigator.maxTouchPoints > 0,
        isMobile: navigator.maxTouchPoints > 0 && matchMedia("(pointer: coarse)").matches,
      }),
      null,
    );
  } catch {
    return NO_TOUCH;
  }
}
