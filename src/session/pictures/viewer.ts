/** One connected operator: who it is, what it wants to see, and its socket: messages in order, and room for pictures. */

import { AppError } from "../../errors.ts";
import type { Rect, Role } from "../../protocol/common.ts";
import type { ClientMessageOf, ServerMessage, ServerMessageOf } from "../../protocol/live.ts";
import { publishMetric } from "../../util/diagnostics.ts";
import type { Witness } from "../operators/control-lease.ts";
import type { Level, Picture, ViewMode } from "../ports/page.ts";
import { BandwidthEstimator } from "./bandwidth-estimator.ts";
import { frameOf, pictureUpdate } from "./picture-encoding.ts";

/** At most this many pictures on their way to one viewer [W15]. */
const MAX_UNACKED_PICTURES = 2;
/** Above this no picture is handed to the socket: the reader is stuck. With one picture more it stays below 1 MB. */
const MAX_BUFFERED_BYTES = 256 * 1024;
/** Messages kept for a viewer that has not been welcomed yet; the oldest go first. */
const MAX_EARLY_MESSAGES = 100;

/** The socket as a viewer needs it; implemented in http/. */
export interface ViewerSocket {
  /** Gives the line up when too much waits for a reader who does not read. */
  sendText(text: string): void;
  sendBinary(message: Uint8Array): void;
  /** A WebSocket ping behind a picture; its pong tells that the picture has arrived. */
  pingBehind(seq: number): void;
  bufferedBytes(): number;
  close(code: number, reason: string): void;
}

/** `plain`: an older client, no subprotocol, no acks, no take_control. `binary`: pictures as frames [W23]. */
export type ViewerForm = "plain" | "json" | "binary";

/** What a viewer wants to see [W14]. */
export interface Lens {
  readonly mode: ViewMode;
  readonly scale: number;
}

/** What is left out stays as it is. */
export type LensWish = Pick<ClientMessageOf<"view">, "mode" | "scale">;

/** What a viewer may do, and who is told what it does. */
export interface ViewerRights {
  readonly role?: Role;
  /** By what it is recognised when it comes back; left out or null: not at all. */
  readonly who?: string | null;
  readonly witness?: Witness | undefined;
}

export class Viewer {
  readonly name: string;
  readonly form: ViewerForm;
  /** `watch`: is never in control, and sees no secret fields. */
  readonly role: Role;
  readonly who: string | null;
  readonly witness: Witness | undefined;
  readonly #line: ViewerSocket;
  readonly #bandwidth = new BandwidthEstimator();
  #lens: Lens = { mode: "challenge", scale: 1 };
  /** Messages that came up before this viewer's first session_info, in order; null from then on [W2]. */
  #early: string[] | null = [];
  #view: Rect | null = null;
  #acks = false;
  /** Null once it has a picture. */
  #joinedAt: number | null = performance.now();

  constructor(
    name: string,
    line: ViewerSocket,
    form: ViewerForm,
    { role = "control", who = null, witness }: ViewerRights = {},
  ) {
    this.name = name;
    this.role = role;
    this.who = who;
    this.witness = witness;
    this.#line = line;
    this.form = form;
    // How long a message without weight takes, before there are pictures under way.
    this.#bandwidth.sent(0, 0, performance.now());
    line.pingBehind(0);
  }

  get plain(): boolean {
    return this.form === "plain";
  }

  get lens(): Lens {
    return this.#lens;
  }

  /** How a picture that moves should be made for this viewer's connection; older clients count on 1 px per CSS px. */
  get motion(): Level {
    const { quality, scale } = this.#bandwidth.level;
    return { quality, scale: this.plain ? 1 : scale };
  }

  /** What its last session_info says that pictures show, in CSS px of the page; null before the first. */
  get view(): Rect | null {
    return this.#view;
  }

  /** Whether it has had its first session_info [W2]. */
  get isWelcomed(): boolean {
    return this.#early === null;
  }

  /** Whether its socket can take a picture now. */
  get hasRoom(): boolean {
    if (!this.isWelcomed) return false;
    return this.#bandwidth.underWay < MAX_UNACKED_PICTURES && this.#line.bufferedBytes() <= MAX_BUFFERED_BYTES;
  }

  /** The highest number of a picture that was sent; -1 before the first. */
  get lastSent(): number {
    return this.#bandwidth.lastSent;
  }

  setLens(lens: Lens): void {
    this.#lens = lens;
  }

  send(message: ServerMessage, replyTo?: string | number): void {
    const extra = replyTo === undefined ? {} : { reply_to: replyTo };
    const text = JSON.stringify({ ...message, timestamp: Date.now(), ...extra });
    if (this.#early) {
      this.#early.push(text);
      if (this.#early.length > MAX_EARLY_MESSAGES) this.#early.shift();
    } else {
      this.#line.sendText(text);
    }
  }

  /** A session_info, before any other message; `picture` is in it, or follows it as a frame. */
  sendInfo(info: ServerMessageOf<"session_info">, picture: Picture | null): void {
    this.#view = info.view;
    this.#line.sendText(JSON.stringify({ ...info, timestamp: Date.now() }));
    if (!picture) return;
    if (this.form === "binary") this.sendPicture(picture);
    else this.#follow(picture);
  }

  /** Sends what came up before the first session_info. */
  sendEarly(): void {
    const early = this.#early ?? [];
    this.#early = null;
    for (const text of early) this.#line.sendText(text);
  }

  sendPicture(picture: Picture): void {
    if (this.form === "binary") this.#line.sendBinary(frameOf(picture));
    else this.#line.sendText(JSON.stringify({ ...pictureUpdate(picture), timestamp: Date.now() }));
    this.#follow(picture);
  }

  /** [W15] The picture `seq` is on the screen, and from here on this viewer says so itself. Throws invalid_message for one never sent. */
  acknowledge(seq: number): void {
    if (seq > this.lastSent) throw new AppError("invalid_message", { field: "seq", why: "never sent" });
    this.#acks = true;
    this.arrived(seq);
  }

  /** The picture `seq`, and all before it, have arrived. */
  arrived(seq: number): void {
    this.#bandwidth.arrived(seq, performance.now());
  }

  close(code: number, reason: string): void {
    this.sendEarly();
    this.#line.close(code, reason);
  }

  /** A picture is under way; unless this viewer acknowledges by itself, a ping behind it finds out when it has arrived. */
  #follow({ seq, jpeg, quality }: Picture): void {
    publishMetric("picture", { bytes: jpeg.length, quality });
    if (this.#joinedAt !== null) publishMetric("first_picture", performance.now() - this.#joinedAt);
    this.#joinedAt = null;
    this.#bandwidth.sent(seq, jpeg.length, performance.now());
    if (!this.#acks) this.#line.pingBehind(seq);
  }
}
