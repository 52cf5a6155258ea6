/** For the tests of the console: a page to work on, and what goes over the console's socket. */
import type { Page } from "@playwright/test";
import { decodeFrame } from "../../src/client/picture-frame.ts";
import type { DamageHeader, FrameHeader } from "../../src/protocol/frame.ts";
import type { ClientMessage, ServerMessage } from "../../src/protocol/live.ts";
import { expect, type Operator, type TestSite } from "./fixtures.ts";

/** In CSS px of the test's own page. */
const CHALLENGE = { x: 290, y: 200, width: 300, height: 200 };
/** Grown by 10 px on every side [W20]. */
export const CHALLENGE_VIEW = "280,190,320,220";
export const PAGE_VIEW = "0,0,1280,720";

/** A page with a challenge that shows where the pointer is, and tells the test of every press. */
export function servePage(site: TestSite): { url: string; presses: { type: string; x: number; y: number }[] } {
  const presses: { type: string; x: number; y: number }[] = [];
  site.serve("/press", (request, response) => {
    const query = new URL(request.url ?? "", site.origin).searchParams;
    presses.push({ type: query.get("type") ?? "", x: Number(query.get("x")), y: Number(query.get("y")) });
    response.end();
  });
  const url = site.serve(
    "/page",
    `<body style="margin:0">
     <div id="my-captcha" style="position:absolute;left:${CHALLENGE.x}px;top:${CHALLENGE.y}px;width:${CHALLENGE.width}px;
       height:${CHALLENGE.height}px;background:#ccf;overflow:hidden"><i style="position:absolute;width:40px;height:200px;background:#c33"></i></div>
     <script>
       for (const type of ["mousedown", "mouseup", "mousemove", "click"]) addEventListener(type, (event) => {
         const { clientX: x, clientY: y } = event;
         document.querySelector("i").style.left = x - ${CHALLENGE.x} + "px";
         if (type !== "mousemove") navigator.sendBeacon("/press?" + new URLSearchParams({ type, x, y }));
       });
     </script>`,
  );
  return { url, presses };
}

/** Everything that goes over the console's socket. */
export function listen(page: Page) {
  const sent: ClientMessage[] = [];
  const received: ServerMessage[] = [];
  const pictures: (FrameHeader | DamageHeader)[] = [];
  page.on("websocket", (socket) => {
    socket.on("framesent", ({ payload }) => sent.push(JSON.parse(String(payload))));
    socket.on("framereceived", ({ payload }) => {
      if (typeof payload === "string") received.push(JSON.parse(payload));
      else pictures.push(headerOf(payload));
    });
  });
  const ofType = <T extends ClientMessage["type"]>(type: T) =>
    sent.filter((message): message is Extract<ClientMessage, { type: T }> => message.type === type);
  return { sent, received, pictures, ofType };
}

/** Runs in the console's page: its socket closes when the window hears "lose-socket". */
export function loseSocketOnDemand(): void {
  const Native = WebSocket;
  globalThis.WebSocket = class extends Native {
    constructor(...options: ConstructorParameters<typeof Native>) {
      super(...options);
      addEventListener("lose-socket", () => this.close(), { once: true });
    }
  };
}

function headerOf(message: Buffer): FrameHeader | DamageHeader {
  const frame = decodeFrame(new Uint8Array(message).buffer);
  if (!frame) throw new Error("A binary message that is no picture.");
  return frame.header;
}

export async function untilView(operator: Operator, view: string): Promise<void> {
  await expect(operator.page.locator("#screen")).toHaveAttribute("data-view", view);
  await operator.untilStill();
}
