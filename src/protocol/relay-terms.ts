/** [W55] [W56] What bot and server hold to on a relay: numbers, and messages of the server. No schemas: bots load it, too. */

export const RELAY_VERSION = 1;
export const RELAY_SUBPROTOCOL = "captcha.relay.v1";
/** How long a relay without a line is kept, s. */
export const RELAY_RECONNECT_SECONDS = 30;
/** The most pictures that a bot has on the way, and the bytes above which a second one waits. */
export const MAX_PICTURES_ON_THE_WAY = 4;
export const MAX_PICTURE_BYTES_ON_THE_WAY = 64 * 1024;

/** How the audit trail names a relay: the beginning of its id, which opens nothing. */
export function relayName(id: string): string {
  return id.slice(0, 6);
}

/** What every header has, before it is known what it is. */
export interface RelayHeader {
  readonly type: string;
  readonly seq?: number | undefined;
  readonly ack?: number | undefined;
}

/** [W61] The version of the socket by which a bot crops a page that the server reaches itself. */
export const CROP_VERSION = 1;

/** [W61] What the server says on that socket: `clip` as `viewport` of Emulation.setDeviceMetricsOverride, null: the whole page. */
export interface CropWanted {
  readonly type: "crop";
  readonly id: number;
  readonly clip: Clip | null;
  /** Also if it is what was set last: the browser does not show it. */
  readonly again: boolean;
}

/** CSS px of the document; `scale` times the page's density is picture px per CSS px. */
export interface Clip {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly scale: number;
}

export interface RelayWelcome {
  readonly type: "welcome";
  readonly relay: string;
  readonly secret: string;
  readonly received: number;
  readonly max_frame_bytes: number;
  readonly reconnect_seconds: number;
}
