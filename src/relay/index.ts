/** `captcha-remote/relay`: lends one page of the bot's browser to a server that cannot reach that browser. For Node. */
import { env } from "node:process";
import { CropLine } from "./crop-line.ts";
import { type Croppable, croppedPage } from "./cropped-page.ts";
import { DevToolsPage, type PageChoice } from "./devtools-page.ts";
import { relayAddress, socketAddress } from "./dial.ts";
import type { LentPage } from "./lent-page.ts";
import type { LocalPage } from "./local-page.ts";
import { PlaywrightPage } from "./playwright-page.ts";
import { Relay } from "./relay.ts";

export type { CropLine } from "./crop-line.ts";
export type { Croppable } from "./cropped-page.ts";
export { RelayError } from "./errors.ts";
export type { LentPage } from "./lent-page.ts";
export type { GoneReason } from "./local-page.ts";
export type { Relay } from "./relay.ts";

/** A Playwright page of a Chromium; the port of a browser's debugging endpoint, or its address. */
export type Lent = LentPage | number | string;

export interface RelayOptions extends PageChoice {
  /** Who answers alert, confirm and prompt; the bot when left out. */
  readonly dialogs?: "bot" | "operator" | undefined;
  /** Whether windows that the page opens are lent, too; they are when left out. */
  readonly windows?: "follow" | "leave" | undefined;
  /** Whether a Playwright page is emulated as a phone's; as its context says when left out. */
  readonly isMobile?: boolean | undefined;
  /** Called when the line is up, and when it is broken. */
  readonly onLine?: ((isUp: boolean) => void) | undefined;
}

export interface RelayServer {
  /** The server's address; plain http only to this machine. */
  readonly server: string;
  readonly key?: string | undefined;
}

const CLIENT = "captcha-remote";

/**
 * Lends a page; resolves once the relay has an id, which `create({ relay: id })` takes. RelayError: the server's code,
 * server_unreachable, cdp_unreachable, target_not_found, target_ambiguous, invalid_message.
 */
export async function startRelay(lent: Lent, { server, key }: RelayServer, options: RelayOptions = {}): Promise<Relay> {
  const { dialogs = "bot", windows = "follow", onLine } = options;
  const url = relayAddress(server);
  const page = await localPage(lent, options);
  try {
    return await Relay.begin(page, { url, key, environment: env, client: CLIENT, dialogs, windows, onLine });
  } catch (error) {
    await page.close();
    throw error;
  }
}

export interface CropOptions {
  /** Whether a Playwright page is emulated as a phone's; as its context says when left out. */
  readonly isMobile?: boolean | undefined;
  /** Called when the server may ask for a part of the page, and when it may not any more. */
  readonly onLine?: ((isUp: boolean) => void) | undefined;
}

/** A page that its bot can crop. */
export interface PageToCrop {
  /** DevTools' id of the page: `cdp.target_id` of a creation takes it. */
  readonly targetId: string;
  /** Shows people what they ask for and no more, from now on until the session ends. */
  begin(sessionId: string): CropLine;
}

/**
 * [R32] Prepares a page that a server reaches by its debugging endpoint to be cropped by its bot. Null where the bot
 * emulates no viewport: people get the whole page then. RelayError: invalid_message.
 */
export async function openCrop(
  page: Croppable,
  { server, key }: RelayServer,
  { isMobile, onLine }: CropOptions = {},
): Promise<PageToCrop | null> {
  const cropped = await croppedPage(page, { isMobile });
  if (!cropped) return null;
  return {
    targetId: cropped.targetId,
    begin: (sessionId) => {
      const url = socketAddress(server, `/session/${encodeURIComponent(sessionId)}/crop`);
      return new CropLine(cropped, { url, key, environment: env, onLine });
    },
  };
}

function localPage(lent: Lent, options: RelayOptions): Promise<LocalPage> {
  const isAddress = typeof lent === "string" || typeof lent === "number";
  return isAddress ? DevToolsPage.open(lent, options) : PlaywrightPage.open(lent, options);
}
