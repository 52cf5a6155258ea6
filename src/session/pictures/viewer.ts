/** One connected operator: messages out in order, and of the pictures only the newest that its line can take. */
import type { Role } from "../../auth/caller.ts";
import { AppError } from "../../errors.ts";
import type { ClientMessageOf, ServerMessage, ServerMessageOf } from "../../protocol/live.ts";
import { publishMetric } from "../../util/diagnostics.ts";
import type { Witness } from "../operators/control-lease.ts";
import { type Level, MAX_PICTURE_BYTES, type Picture, type ViewMode } from "../ports/page.ts";
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

/** What a viewer is shown through. */
export interface ViewerHooks {
  /** What this viewer sees of a picture: at once where that is all of it; null when it is not in there. */
  develop(picture: Picture, viewer: Viewer): Picture | Promise<Picture | null>;
  /** The session_info for this viewer; where pictures are binary, without the picture in it. */
  info(picture: Picture | null, viewer: Viewer): ServerMessageOf<"session_info">;
  /** What this viewer can take, or how much, may have changed. */
  onPace(): void;
}

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
  readonly #gauge = new BandwidthEstimator();
  #hooks: ViewerHooks | null = null;
  #lens: Lens = { mode: "challenge", scale: 1 };
  /** What came up before this viewer's first session_info, in order; null from then on [W2]. */
  #early: string[] | null = [];
  #waiting: Picture | null = null;
  /** What waits has grown old: a fresh one is on its way. */
  #isParked = false;
  #developing = false;
  /** The view has changed since this viewer was told of it: its next picture comes with a session_info [W20]. */
  #owesInfo = false;
  /** Grows when another view is due: a picture that was being cut for the one before is not sent. */
  #epoch = 0;
  /** That of the last picture that was sent. */
  #sentEpoch = 0;
  #acks = false;
  /** Null once it has a picture. */
  #joinedAt: number | null = performance.now();
  #heldUntil = 0;
  #holdTimer: NodeJS.Timeout | undefined;

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
    // What the line takes for nothing, before there are pictures on it.
    this.#gauge.sent(0, 0, performance.now());
    line.pingBehind(0);
  }

  get plain(): boolean {
    return this.form === "plain";
  }

  get lens(): Lens {
    return this.#lens;
  }

  get owesInfo(): boolean {
    return this.#owesInfo;
  }

  /** How a picture that moves should be made for this viewer's line; older clients count on 1 px per CSS px. */
  get motion(): Level {
    const { quality, scale } = this.#gauge.level;
    return { quality, scale: this.plain ? 1 : scale };
  }

  /** Whether a picture that was captured now could leave now. */
  get isFree(): boolean {
    return (this.#waiting === null || this.#isParked) && this.#canSend();
  }

  /** Comes before everything else. */
  attach(hooks: ViewerHooks): void {
    this.#hooks = hooks;
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

  /** A session_info, with the picture that it tells of; everything else comes after the first. */
  async welcome(captured: Picture | null): Promise<void> {
    const picture = captured && (await this.#hooks?.develop(captured, this));
    this.#sendInfo(picture && this.#mayGo(picture) ? picture : null);
    this.#sendEarly();
    this.#flush();
    this.#hooks?.onPace();
  }

  /** Shows this picture when the line can take one, unless a newer one comes first. */
  show(picture: Picture): void {
    this.#waiting = picture;
    this.#isParked = false;
    this.#flush();
  }

  /** Capturing stops: what waits is not sent unless nothing newer comes once it goes on. */
  park(): void {
    this.#isParked = true;
  }

  unpark(): void {
    this.#isParked = false;
    this.#flush();
  }

  /** This viewer is to see another view from now on: what waits is not of it. */
  viewChanged(): void {
    this.#waiting = null;
    this.#epoch += 1;
    this.oweInfo();
  }

  oweInfo(): void {
    this.#owesInfo = true;
  }

  setLens(lens: Lens): void {
    this.#lens = lens;
    this.#epoch += 1;
  }

  /** [W15] The picture `seq` is on the screen, and from here on this viewer tells so. Throws invalid_message for one never sent. */
  acknowledge(seq: number): void {
    if (seq > this.#gauge.lastSent) throw new AppError("invalid_message", { field: "seq", why: "never sent" });
    this.#acks = true;
    this.arrived(seq);
  }

  /** The picture `seq`, and all before it, are across the line. */
  arrived(seq: number): void {
    this.#gauge.arrived(seq, performance.now());
    this.#flush();
    this.#hooks?.onPace();
  }

  /** No pictures for so long; the newest one follows then. */
  holdPictures(ms: number): void {
    this.#heldUntil = performance.now() + ms;
    clearTimeout(this.#holdTimer);
    this.#holdTimer = setTimeout(() => {
      this.#flush();
      this.#hooks?.onPace();
    }, ms + 1);
  }

  close(code: number, reason: string): void {
    this.#sendEarly();
    this.dispose();
    this.#line.close(code, reason);
  }

  dispose(): void {
    clearTimeout(this.#holdTimer);
    this.#waiting = null;
    this.#hooks = null;
  }

  #sendEarly(): void {
    const early = this.#early ?? [];
    this.#early = null;
    for (const text of early) this.#line.sendText(text);
  }

  #canSend(): boolean {
    if (!this.#hooks || this.#early || this.#developing || performance.now() < this.#heldUntil) return false;
    return this.#gauge.underWay < MAX_UNACKED_PICTURES && this.#line.bufferedBytes() <= MAX_BUFFERED_BYTES;
  }

  #flush(): void {
    const captured = this.#waiting;
    if (!captured || this.#isParked || !this.#canSend()) return;
    this.#waiting = null;
    // Something newer has gone out in the meantime, or this very picture: two who asked share one that is taken.
    const isSent = captured.seq === this.#gauge.lastSent && this.#sentEpoch === this.#epoch && !this.#owesInfo;
    if (isSent || captured.seq < this.#gauge.lastSent) return;
    const developed = this.#hooks?.develop(captured, this);
    if (developed instanceof Promise) void this.#deliverLater(developed);
    else if (developed) this.#deliver(developed);
  }

  async #deliverLater(developed: Promise<Picture | null>): Promise<void> {
    const epoch = this.#epoch;
    this.#developing = true;
    const picture = await developed.catch(() => null);
    this.#developing = false;
    if (picture && this.#hooks && epoch === this.#epoch) this.#deliver(picture);
    this.#flush();
    this.#hooks?.onPace();
  }

  #deliver(picture: Picture): void {
    const isGood = this.#mayGo(picture);
    if (this.#owesInfo) this.#sendInfo(isGood ? picture : null);
    else if (isGood) this.#sendPicture(picture);
  }

  #mayGo({ jpeg, scale }: Picture): boolean {
    return jpeg.length <= MAX_PICTURE_BYTES && (scale === 1 || !this.plain);
  }

  #sendInfo(picture: Picture | null): void {
    const info = this.#hooks?.info(picture, this);
    if (!info) return;
    this.#owesInfo = false;
    this.#line.sendText(JSON.stringify({ ...info, timestamp: Date.now() }));
    if (!picture) return;
    if (this.form === "binary") this.#sendPicture(picture);
    else this.#follow(picture);
  }

  #sendPicture(picture: Picture): void {
    if (this.form === "binary") this.#line.sendBinary(frameOf(picture));
    else this.#line.sendText(JSON.stringify({ ...pictureUpdate(picture), timestamp: Date.now() }));
    this.#follow(picture);
  }

  /** A picture is on its way; unless this viewer tells by itself, a ping behind it finds out when it has arrived. */
  #follow({ seq, jpeg, quality }: Picture): void {
    publishMetric("picture", { bytes: jpeg.length, quality });
    if (this.#joinedAt !== null) publishMetric("first_picture", performance.now() - this.#joinedAt);
    this.#joinedAt = null;
    this.#gauge.sent(seq, jpeg.length, performance.now());
    this.#sentEpoch = this.#epoch;
    if (!this.#acks) this.#line.pingBehind(seq);
  }
}
