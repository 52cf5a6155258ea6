/** A connected operator: its identity, its lens, and its socket with messages in order and room for pictures. */
import { AppError } from "../../errors.ts";
import type { Rect, Role } from "../../protocol/common.ts";
import type { ClientFeature, ClientMessageOf, ServerMessage, ServerMessageOf } from "../../protocol/live.ts";
import { publishMetric } from "../../util/diagnostics.ts";
import type { RecordOperatorAct } from "../ports/operator-acts.ts";
import type { Damage, Level, Picture, ViewMode } from "../ports/page.ts";
import { BandwidthEstimator } from "./bandwidth-estimator.ts";
import { damageOf, frameOf, pictureUpdate } from "./picture-encoding.ts";
import { ViewerCanvas } from "./viewer-canvas.ts";

/** The most pictures under way to one viewer [W15]. */
const MAX_UNACKED_PICTURES = 2;
/** More may be under way to a viewer that gets what has changed, while all of them together have no more bytes [W63]. */
const MAX_UNACKED_DAMAGE_BYTES = 12_000;
/** A smaller picture is sent whole: the rectangles would save less than comparing costs. */
const SMALL_PICTURE_BYTES = 2_000;
/** Above this, the socket gets no picture: the client does not read. With one more picture it stays below 1 MB. */
const MAX_BUFFERED_BYTES = 256 * 1024;
/** The most messages queued for a viewer before its first session_info; the oldest are dropped first. */
const MAX_EARLY_MESSAGES = 100;

/** The socket as a viewer needs it; implemented in http/. */
export interface ViewerSocket {
  /** Closes the socket if too much waits for a client that does not read. */
  sendText(text: string): void;
  sendBinary(message: Uint8Array): void;
  /** Sends a WebSocket ping behind a picture; its pong shows that the picture has arrived. */
  pingBehind(seq: number): void;
  bufferedBytes(): number;
  close(code: number, reason: string): void;
}

/**
 * `plain`: an older client, no subprotocol, no acks, no take_control. `binary`: pictures as frames [W23]. `damage`: also
 * what has changed of a picture [W63].
 */
export type ViewerForm = "plain" | "json" | "binary" | "damage";

/** What has changed from the picture `base`. */
export interface Change {
  readonly base: Picture;
  readonly damage: Damage;
}

/** What a viewer wants to see [W14]. */
export interface Lens {
  readonly mode: ViewMode;
  readonly scale: number;
}

/** A change of the lens; a field that is left out stays as it is. */
export type LensChange = Pick<ClientMessageOf<"view">, "mode" | "scale">;

/** What a viewer may do, and the recorder of its acts. */
export interface ViewerRights {
  readonly role?: Role;
  /** Its link or key, by which it is recognised when it reconnects; left out or null: it is not. */
  readonly who?: string | null;
  readonly recordAct?: RecordOperatorAct | undefined;
}

export class Viewer {
  readonly name: string;
  readonly form: ViewerForm;
  /** `watch`: is never in control, and sees no secret fields. */
  readonly role: Role;
  readonly who: string | null;
  readonly recordAct: RecordOperatorAct | undefined;
  readonly #socket: ViewerSocket;
  readonly #bandwidth = new BandwidthEstimator();
  readonly #canvas = new ViewerCanvas();
  #lens: Lens = { mode: "challenge", scale: 1 };
  /** Messages from before this viewer's first session_info, in order; null from then on [W2]. */
  #early: string[] | null = [];
  #features: ReadonlySet<string> = new Set();
  #view: Rect | null = null;
  #acks = false;
  /** Monotonic ms; null once it has a picture. */
  #joinedAt: number | null = performance.now();

  constructor(
    name: string,
    socket: ViewerSocket,
    form: ViewerForm,
    { role = "control", who = null, recordAct }: ViewerRights = {},
  ) {
    this.name = name;
    this.role = role;
    this.who = who;
    this.recordAct = recordAct;
    this.#socket = socket;
    this.form = form;
    // Measures the round trip of an empty message before pictures are under way.
    this.#bandwidth.sent(0, 0, performance.now());
    socket.pingBehind(0);
  }

  get plain(): boolean {
    return this.form === "plain";
  }

  get isBinary(): boolean {
    return this.form === "binary" || this.takesDamage;
  }

  /** [W63] Whether it can be sent what has changed of a picture. */
  get takesDamage(): boolean {
    return this.form === "damage";
  }

  get lens(): Lens {
    return this.#lens;
  }

  /** The level for this viewer's connection while something moves; older clients need 1 px per CSS px. */
  get motion(): Level {
    const { quality, scale } = this.#bandwidth.level;
    return { quality, scale: this.plain ? 1 : scale };
  }

  /** The view of its last session_info, in CSS px of the page; null before the first. */
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
    return this.#bandwidth.underWay < this.#slots && this.#socket.bufferedBytes() <= MAX_BUFFERED_BYTES;
  }

  /** The most pictures that may be under way now. */
  get #slots(): number {
    const { isSlow, slots, bytesUnderWay } = this.#bandwidth;
    const takesMore = this.takesDamage && isSlow && bytesUnderWay <= MAX_UNACKED_DAMAGE_BYTES;
    return takesMore ? slots : MAX_UNACKED_PICTURES;
  }

  /** The highest number of a sent picture; -1 before the first. */
  get lastSent(): number {
    return this.#bandwidth.lastSent;
  }

  /** [W40] Whether its console can do this for the person. */
  can(feature: ClientFeature): boolean {
    return this.#features.has(feature);
  }

  setFeatures(features: readonly string[]): void {
    this.#features = new Set(features);
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
      this.#socket.sendText(text);
    }
  }

  /** Sends a session_info before any other message; `picture` is in it, or follows it as a frame. */
  sendInfo(info: ServerMessageOf<"session_info">, picture: Picture | null): void {
    this.#view = info.view;
    this.#socket.sendText(JSON.stringify({ ...info, timestamp: Date.now() }));
    if (!picture) return;
    if (this.isBinary) this.sendPicture(picture);
    else this.#follow(picture, picture.jpeg, true);
  }

  /** Sends the messages from before the first session_info. */
  sendEarly(): void {
    const early = this.#early ?? [];
    this.#early = null;
    for (const text of early) this.#socket.sendText(text);
  }

  sendPicture(picture: Picture): void {
    if (this.isBinary) this.#socket.sendBinary(frameOf(picture));
    else this.#socket.sendText(JSON.stringify({ ...pictureUpdate(picture), timestamp: Date.now() }));
    if (this.takesDamage) this.#canvas.sentWhole(picture, performance.now());
    this.#follow(picture, picture.jpeg, true);
  }

  /**
   * [W63] The picture on its canvas that this one is worth comparing with; null: this one goes whole, as all do on a fast
   * line, where a hand would wait for the comparison.
   */
  baseFor(picture: Picture): Picture | null {
    if (!this.takesDamage || !this.#bandwidth.isSlow || picture.jpeg.length < SMALL_PICTURE_BYTES) return null;
    return this.#canvas.baseFor(picture, performance.now());
  }

  /** [W63] Sends what has changed, if anything. False, and nothing sent, if `base` is not on its canvas any more. */
  sendDamage(picture: Picture, { base, damage }: Change): boolean {
    if (!this.#canvas.shows(base)) return false;
    if (damage.rects.length === 0) return true;
    this.#socket.sendBinary(damageOf(picture, base, damage));
    this.#canvas.sentDamage(picture);
    this.#follow(picture, damage.jpeg, false);
    return true;
  }

  /** [W63] The next picture goes whole. */
  forgetCanvas(): void {
    this.#canvas.forget();
  }

  /** [W63] Its client could not draw the picture `seq`. Returns whether it needs a whole one now. */
  lost(seq: number): boolean {
    return this.#canvas.lost(seq);
  }

  /**
   * [W15] The viewer acknowledges the picture `seq`, and all later ones itself. Throws invalid_message for one never
   * sent.
   */
  acknowledge(seq: number): void {
    if (seq > this.lastSent) throw new AppError("invalid_message", { field: "seq", why: "never sent" });
    this.#acks = true;
    this.arrived(seq);
  }

  /** The picture `seq` and all before it have arrived. */
  arrived(seq: number): void {
    this.#bandwidth.arrived(seq, performance.now());
  }

  close(code: number, reason: string): void {
    this.sendEarly();
    this.#socket.close(code, reason);
  }

  /**
   * A picture is under way; unless this viewer acknowledges pictures itself, a ping behind it finds out when it
   * arrives.
   */
  #follow({ seq, quality }: Picture, jpeg: Buffer, isWhole: boolean): void {
    publishMetric("picture", { bytes: jpeg.length, quality });
    if (this.#joinedAt !== null) publishMetric("first_picture", performance.now() - this.#joinedAt);
    this.#joinedAt = null;
    this.#bandwidth.sent(seq, jpeg.length, performance.now(), isWhole);
    if (!this.#acks) this.#socket.pingBehind(seq);
  }
}
