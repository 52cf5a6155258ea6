/** The session of a page whose bot shows a part of it: only the bot's own session may override the page's metrics. */
import type { CDPSession } from "playwright";
import type { Clip } from "../../protocol/relay-terms.ts";
import type { PageSession } from "../cdp/connection.ts";
import type { PartOfPage } from "../pictures/helped-capture.ts";

interface Params {
  readonly viewport?: Clip;
  readonly clip?: Clip | null | undefined;
  readonly quality?: number | undefined;
}
type Send = (method: string, params?: Params) => Promise<unknown>;

/** Asks `part`, left out: the bot's side of the relay, for the crop, and passes everything else on. */
export function croppingSession(session: PageSession, part: PartOfPage = overRelay(session)): PageSession {
  const passOn = session.send as Send;
  const send: Send = (method, params = {}) => {
    const { viewport = null, clip, quality } = params;
    if (method === "Emulation.setDeviceMetricsOverride") return part.show(viewport);
    if (method === "Page.captureScreenshot") return part.capture(clip ?? undefined, quality);
    return passOn(method, params);
  };
  return {
    send: send as CDPSession["send"],
    on: (event, listener) => session.on(event, listener),
  };
}

function overRelay(session: PageSession): PartOfPage {
  const send = session.send as Send;
  return {
    show: (clip) => send("Relay.setCrop", { clip }),
    capture: (clip, quality) => send("Relay.capture", { clip, quality }),
  };
}
