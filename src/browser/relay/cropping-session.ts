/** The session of a page whose bot shows a part of it: only the bot's own session may override the page's metrics. */
import type { CDPSession } from "playwright";
import type { CdpSession, PageSession } from "../cdp/connection.ts";

type Send = (method: string, params?: Clipped) => Promise<unknown>;
interface Clipped {
  readonly viewport?: object;
  readonly clip?: object;
  readonly quality?: number;
}

/** Asks the bot's side for the crop, and passes everything else on. */
export function croppingSession(session: CdpSession): PageSession {
  const passOn: Send = session.send as Send;
  const send: Send = (method, params = {}) => {
    const { viewport = null, clip, quality } = params;
    if (method === "Emulation.setDeviceMetricsOverride") return passOn("Relay.setCrop", { clip: viewport } as Clipped);
    if (method === "Page.captureScreenshot") return passOn("Relay.capture", { clip, quality } as Clipped);
    return passOn(method, params);
  };
  return {
    send: send as CDPSession["send"],
    on: (event, listener) => session.on(event, listener),
  };
}
