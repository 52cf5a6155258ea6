/** A page that tells the test what fingers do to it, in itself and in a frame of another site. */
import type { TestSite } from "./fixtures.ts";

/** One event of the page, or of its frame. */
export interface Heard {
  /** "page" or "frame". */
  readonly in: string;
  readonly type: string;
  readonly trusted: boolean;
  /** The fingers that are on the screen: number, x, y in CSS px of the document. */
  readonly touches: readonly (readonly [number, number, number])[];
  readonly x?: number;
  readonly y?: number;
  readonly button?: number;
}

export interface Screen {
  readonly width: number;
  readonly height: number;
  readonly density: number;
  readonly fingers: number;
  readonly hasTouchEvents: boolean;
  readonly isCoarse: boolean;
  readonly userAgent: string;
}

export interface TouchPage {
  readonly url: string;
  readonly heard: Heard[];
  readonly screens: Map<string, Screen>;
  /** The types of events that came, in order. */
  types(where: "page" | "frame"): string[];
}

/** Where the frame is on the page, CSS px. */
export const FRAME = { x: 20, y: 420, width: 340, height: 300 };
const TYPES = ["touchstart", "touchmove", "touchend", "touchcancel", "mousedown", "mousemove", "click", "contextmenu"];

/** `extra` is markup for the page itself; a finger on the blue box moves nothing. */
export function serveTouchPage(site: TestSite, extra = ""): TouchPage {
  const heard: Heard[] = [];
  const screens = new Map<string, Screen>();
  site.serve("/heard", (request, response) => {
    const { screen, ...event } = JSON.parse(new URL(request.url ?? "", site.origin).searchParams.get("what") ?? "{}");
    if (screen) screens.set(event.in, screen);
    else heard.push(event);
    response.setHeader("access-control-allow-origin", "*").end();
  });
  const script = (where: string) => `<script>
    const tell = (what) => navigator.sendBeacon("/heard?what=" + encodeURIComponent(JSON.stringify({ in: "${where}", ...what })));
    for (const type of ${JSON.stringify(TYPES)}) addEventListener(type, (event) => {
      const { isTrusted: trusted, touches = [], clientX: x, clientY: y, button } = event;
      const round = Math.round;
      tell({ type, trusted, touches: [...touches].map((one) => [one.identifier, round(one.clientX), round(one.clientY)]), x, y, button });
    }, { passive: false });
    addEventListener("load", () => tell({ screen: {
      width: innerWidth, height: innerHeight, density: devicePixelRatio, fingers: navigator.maxTouchPoints,
      hasTouchEvents: "ontouchstart" in window, isCoarse: matchMedia("(pointer: coarse)").matches, userAgent: navigator.userAgent } }));
  </script>`;
  const head = `<!doctype html><meta name="viewport" content="width=device-width, initial-scale=1">`;
  const box = `<div style="position:absolute;left:20px;top:40px;width:340px;height:300px;background:#cdf;touch-action:none"></div>`;
  site.serve(
    "/touch-frame",
    `${head}<body style="margin:0;height:100vh;background:#dfd;touch-action:none">${script("frame")}`,
  );
  const url = site.serve(
    "/touch",
    `${head}<body style="margin:0">${box}${extra}
     <iframe src="${site.otherOrigin}/touch-frame" style="position:absolute;left:${FRAME.x}px;top:${FRAME.y}px;width:${FRAME.width}px;height:${FRAME.height}px;border:0"></iframe>
     ${script("page")}`,
  );
  const types = (where: string) => heard.filter((event) => event.in === where).map(({ type }) => type);
  return { url, heard, screens, types };
}
