/** [W55] One page that a bot lends: its line, and the session that uses it, if one does. */
import { randomBytes } from "node:crypto";
import { AppError, type Code } from "../../errors.ts";
import {
  type FormerRelay,
  type GoneReason,
  type RelayBotHeader,
  type RelayHello,
  relayBotHeaderSchema,
} from "../../protocol/relay.ts";
import { RelayLagging, RelayLine, type RelayMessage, RelayViolation } from "../../protocol/relay-line.ts";
import { RELAY_RECONNECT_SECONDS } from "../../protocol/relay-terms.ts";
import type { RelayEnd, RelaySocket } from "../../session/ports/relays.ts";
import { PicturePace } from "./picture-pace.ts";
import { RelayChannel } from "./relay-channel.ts";

const ID_BYTES = 16;
const SECRET_BYTES = 32;
/** While a session uses the page, the line is measured so often; the best of the last ones is the line's own time. */
const PING_EVERY_MS = 2_000;
const ROUND_TRIPS = 5;
/** A picture of the largest page, sharp. */
const MAX_PICTURE_BYTES = 8 * 1024 * 1024;

export interface RelayDeps {
  readonly hello: RelayHello;
  /** Of a relay of an earlier server; left out: a new one. */
  readonly former?: FormerRelay | undefined;
  /** The id of the key that it is bound to; null: AUTH is off. */
  readonly owner: string | null;
  readonly maxFrameBytes: number;
  /** Called once. */
  readonly onEnd: (reason: RelayEnd) => void;
}

export class Relay {
  readonly id: string;
  readonly secret: string;
  readonly hello: RelayHello;
  readonly owner: string | null;
  readonly #onEnd: (reason: RelayEnd) => void;
  readonly #line: RelayLine<RelayBotHeader>;
  /** Of a part of the page. Pictures of half the page are so large that only fewer of them would cost less. */
  readonly #pace: PicturePace | null;
  #socket: RelaySocket | null = null;
  #channel: RelayChannel | null = null;
  /** How many sessions are over: what is still on the way of those is not looked at. */
  #epoch = 0;
  #pictures = 0;
  #hasEnded = false;
  #patience: NodeJS.Timeout | undefined;
  #pings: NodeJS.Timeout | undefined;
  #roundTrips: number[] = [];

  constructor({ hello, former, owner, maxFrameBytes, onEnd }: RelayDeps) {
    this.id = former?.relay ?? randomBytes(ID_BYTES).toString("base64url");
    this.secret = former?.secret ?? randomBytes(SECRET_BYTES).toString("base64url");
    this.#pace = hello.crop ? new PicturePace() : null;
    this.hello = hello;
    this.owner = owner;
    this.#onEnd = onEnd;
    this.#line = new RelayLine({
      maxFrameBytes,
      check: (header) => {
        const { success, data } = relayBotHeaderSchema.safeParse(header);
        if (!success) throw new RelayViolation("a header that is not of this protocol");
        return data;
      },
      onMessage: (message) => this.#onMessage(message),
    });
  }

  get received(): number {
    return this.#line.received;
  }

  /** Whether the bot is there now. */
  get isUp(): boolean {
    return this.#line.isUp;
  }

  /** The line's round trip, ms; 0 before it is known. */
  get lineMs(): number {
    return this.#roundTrips.length === 0 ? 0 : Math.min(...this.#roundTrips);
  }

  roundTrip(ms: number): void {
    this.#roundTrips = [...this.#roundTrips, ms].slice(-ROUND_TRIPS);
  }

  /** Takes this socket in place of the one before. */
  replaceSocket(socket: RelaySocket): void {
    const before = this.#socket;
    this.#socket = socket;
    this.#line.detach();
    before?.close("relay_replaced");
    this.#waitForLine();
  }

  /** Sends over `socket` what the bot has not got. Throws AppError relay_violation. */
  begin(socket: RelaySocket, theirReceived: number): void {
    if (socket !== this.#socket) return;
    clearTimeout(this.#patience);
    this.#pictures = 0;
    this.#guard(() => this.#line.attach(socket, theirReceived));
  }

  /** Takes a frame of `socket`. Throws AppError relay_violation, lagging. */
  take(socket: RelaySocket, frame: Buffer): void {
    if (socket === this.#socket && !this.#hasEnded) this.#guard(() => this.#line.take(frame));
  }

  /** The socket is gone. */
  left(socket: RelaySocket): void {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#line.detach();
    this.#waitForLine();
  }

  /** The channel of a session on this page. Throws AppError page_in_use. */
  open(): RelayChannel {
    if (this.#channel) throw new AppError("page_in_use", { field: "relay" });
    const channel = new RelayChannel({
      post: (message) => this.#post({ type: "cdp", message }),
      isUp: () => this.isUp,
      onClose: () => {
        this.#channel = null;
        clearInterval(this.#pings);
        this.#epoch += 1;
        this.#post({ type: "reset" });
      },
    });
    this.#channel = channel;
    this.#socket?.ping();
    this.#pings = setInterval(() => this.#socket?.ping(), PING_EVERY_MS).unref();
    return channel;
  }

  /** Ends the relay, and its session. */
  end(reason: RelayEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#patience);
    clearInterval(this.#pings);
    this.#line.detach();
    this.#channel?.end();
    this.#channel = null;
    this.#socket?.close(closeCodeOf(reason));
    this.#socket = null;
    this.#onEnd(reason);
  }

  #waitForLine(): void {
    clearTimeout(this.#patience);
    if (this.#hasEnded) return;
    this.#patience = setTimeout(() => this.end("line_lost"), RELAY_RECONNECT_SECONDS * 1_000).unref();
  }

  #post(header: { readonly type: string; readonly message?: object }): void {
    if (this.#hasEnded) return;
    try {
      this.#line.post(header);
    } catch {
      this.end("lagging");
    }
  }

  #onMessage({ header, body }: RelayMessage<RelayBotHeader>): void {
    if (header.type === "ack") return;
    if (header.epoch > this.#epoch) throw new RelayViolation("an epoch that has not come");
    if (header.type === "picture") this.#onPicture(header, body);
    else if (header.type === "gone") this.#onGone(header.reason);
    else if (header.epoch === this.#epoch) {
      if (!this.#channel) throw new RelayViolation("a message without a session");
      this.#channel.take(header.message, body, header.body_at);
    }
  }

  #onPicture(header: Extract<RelayBotHeader, { type: "picture" }>, jpeg: Buffer): void {
    if (header.picture !== this.#pictures + 1) throw new RelayViolation("a picture is missing");
    if (jpeg.length > MAX_PICTURE_BYTES) throw new RelayViolation("a picture of more than 8 MiB");
    this.#pictures = header.picture;
    this.#acknowledge(header.picture, jpeg.length);
    if (header.epoch === this.#epoch) this.#channel?.takePicture(header.message, jpeg);
  }

  /** First of all, as the bot sends the next one then; later where its line has carried much. */
  #acknowledge(pictures: number, bytes: number): void {
    const wait = this.#pace ? this.#pace.delay(bytes, performance.now()) : 0;
    const socket = this.#socket;
    const send = () => {
      // Another socket counts from 1 again.
      if (socket === this.#socket && !this.#hasEnded) this.#line.postOnce({ type: "ack", pictures });
    };
    if (wait > 0) setTimeout(send, wait);
    else send();
  }

  #onGone(reason: GoneReason): void {
    // Whoever uses the page learns that it is the page which is gone, and lets go of it.
    if (reason !== "browser_lost") this.#channel?.pageGone();
    const channel = this.#channel;
    if (!channel || reason === "browser_lost") this.end(reason);
    else void channel.closed.then(() => this.end(reason));
  }

  /** Runs what takes of the bot's: an unforeseen error is its fault, too, as only its messages are looked at here. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (cause) {
      const code = cause instanceof RelayLagging ? "lagging" : "relay_violation";
      const why = cause instanceof RelayViolation ? { why: cause.message } : undefined;
      this.#socket = null;
      this.end(code);
      throw new AppError(code, why, { cause });
    }
  }
}

/** The code of the error that a relay's socket closes with; null: it closes as usual. */
function closeCodeOf(reason: RelayEnd): Code | null {
  return reason === "lagging" || reason === "relay_violation" || reason === "shutting_down" ? reason : null;
}
