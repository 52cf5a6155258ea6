/** The session of a page whose bot shows a part of it: only the bot's own session may override the page's metrics. */
import type { CDPSession } from "playwright";
import type { CdpSession, PageSession } from "../cdp/connection.ts";

interface Params {
  readonly viewport?: object;
  readonly clip?: object | null | undefined;
  readonly quality?: number | undefined;
}
type Send = (method: string, params?: Params) => Promise<unknown>;

/** Asks the bot's side for the crop, and passes everything else on. */
export function croppingSession(session: CdpSession): PageSession {
  const passOn = session.send as Send;
  const send: Send = (method, params = {}) => {
    const { viewport = null, clip, quality } = params;
    if (method === "Emulation.setDeviceMetricsOverride") return passOn("Relay.setCrop", { clip: viewport });
    if (method === "Page.captureScreenshot") return passOn("Relay.capture", { clip, quality });
    return passOn(method, params);
  };
  return {
    send: send as CDPSession["send"],
    on: (event, listener) => session.on(event, listener),
  };
}
