/** [R28] Attaches to a page that a bot lends over a relay: a guest page, whose bot lets through what this code asks for. */
import { AppError } from "../../errors.ts";
import type { Size } from "../../protocol/common.ts";
import type { RelayedPageRequest } from "../../session/ports/page-request.ts";
import type { CdpConnection, CdpSender } from "../cdp/connection.ts";
import type { PageWindows } from "../page/page-windows.ts";
import type { RemotePage } from "../page/remote-page.ts";
import { type Device, HalfViewportCapture, ViewportOverrideCapture } from "../pictures/capture-region.ts";
import { croppingSession } from "../relay/cropping-session.ts";
import type { RelayChannel } from "../relay/relay-channel.ts";
import type { RelayRegistry } from "../relay/relay-registry.ts";
import { CdpTab } from "../tabs/cdp-tab.ts";
import { guestOn } from "./guest-page.ts";
import type { PageDeps } from "./owned-page.ts";

/** The longest side of a page, CSS px: pictures of it are decoded here. */
const MAX_SIDE = 10_000;

export interface RelayedDeps extends PageDeps {
  readonly relays: RelayRegistry;
}

/**
 * Attaches to the page of the relay that the request names; it is not scanned yet. AppError: invalid_message,
 * relay_not_found, page_in_use, cdp_unreachable (the bot's answers are none), timeout (the page does not answer).
 */
export async function openRelayedPage(
  { relay: id, owner, completion, clipboard }: RelayedPageRequest,
  deps: RelayedDeps,
  signal: AbortSignal,
): Promise<RemotePage | PageWindows> {
  const relay = deps.relays.find(id, owner);
  const { target_id: targetId, dialogs, windows, crop } = relay.hello;
  const channel = relay.open();
  const connection = deps.connections.over(channel);
  const giveUp = () => connection.close();
  signal.addEventListener("abort", giveUp, { once: true });
  const attach = (target: string) => CdpTab.attach(connection, target, { cookiesOf: "page" });
  try {
    signal.throwIfAborted();
    const tab = await attach(targetId).catch((cause: unknown) => {
      // The browser's refusal is a plain error; another kind comes of an answer that makes no sense.
      if (cause instanceof AppError || cause instanceof TypeError) throw cause;
      throw new AppError("target_not_found", { field: "relay", why: "it has just gone" }, { cause });
    });
    const terms = {
      completion,
      clipboard,
      dialogs,
      dialogsOf: unlessBroken(channel, connection),
      windows,
      place: { kind: "relayed" as const, target_id: targetId, secret: relay.secret },
      hold: () => () => {},
      attach,
      capture: ({ pageSession, targetId: own }: CdpTab, size: Size, isOpened: boolean) => {
        if (!isScreen(size)) throw new AppError("cdp_unreachable", { field: "relay", why: "a page of no size" });
        if (!crop || isOpened) return new HalfViewportCapture(pageSession, size, () => connection.attach(own));
        const device: Device = { density: crop.density, hasTouch: crop.touch, isMobile: false };
        return new ViewportOverrideCapture(croppingSession(pageSession), size, device);
      },
      pictures: crop ? ("part" as const) : ("half" as const),
      lineMs: () => relay.lineMs,
      release: () => {},
    };
    return await guestOn(connection, tab, terms, deps);
  } catch (error) {
    connection.close();
    throw asRefusal(error, signal);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

/** Whether a page can have this size, in CSS px. */
function isScreen({ width, height }: Size): boolean {
  return [width, height].every((side) => side >= 1 && side <= MAX_SIDE);
}

/** The browser, to ask whether a dialog is open: not while the line is broken, as the answer would say nothing. */
function unlessBroken(channel: RelayChannel, connection: CdpConnection): CdpSender {
  const ask = connection.send as (method: string, params?: object) => Promise<unknown>;
  const send = (method: string, params?: object) =>
    channel.isUp ? ask(method, params) : Promise.reject(new AppError("browser_lost"));
  return { send: send as CdpSender["send"] };
}

/** What a bot answers may be anything: an answer that makes no sense is its fault. */
function asRefusal(error: unknown, signal: AbortSignal): unknown {
  if (error instanceof AppError || signal.aborted) return error;
  const why = "what its bot answers is not what a browser answers";
  return new AppError("cdp_unreachable", { field: "relay", why }, { cause: error });
}
