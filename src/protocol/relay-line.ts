/**
 * [W56] [W57] A line that breaks and comes back without losing or repeating a message. Bot and server have one each: it
 * cuts messages into frames, numbers them, keeps what is not acknowledged, and sends it again over the next socket.
 */
import type { RelayHeader } from "./relay-terms.ts";

/** The largest message, both ways. */
export const MAX_RELAY_MESSAGE_BYTES = 16 * 1024 * 1024;
/** What may wait for an acknowledgement: more than half a minute of a busy page's events. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024;
const MAX_KEPT_MESSAGES = 10_000;
/** The other side is told what has come at latest so late, or after so many messages. */
const ACK_AFTER_MS = 100;
const ACK_AFTER_MESSAGES = 32;
const LENGTH_BYTES = 4;
const FLAG_BYTES = 1;
const GOES_ON = 1;
const NOTHING = Buffer.alloc(0);

/** A header that is sent, without the numbers that the line gives it. */
type Sent = { readonly type: string } & Readonly<Record<string, unknown>>;

export interface RelayMessage<Header extends RelayHeader = RelayHeader> {
  readonly header: Header;
  /** Bytes that are not JSON; empty: none. */
  readonly body: Buffer;
}

/** As much of a socket as a line uses. */
export interface FrameSocket {
  /** Sends one binary message. `isDense`: compressing it is of no use. */
  send(frame: Buffer, isDense: boolean): void;
}

/** What the other side has sent is not of this protocol. */
export class RelayViolation extends Error {
  override readonly name = "RelayViolation";
}

/** Too much waits for the other side, which does not read. */
export class RelayLagging extends Error {
  override readonly name = "RelayLagging";
}

/** The frames of a message, each of at most `maxFrameBytes`. `text`: its header as JSON. */
export function framesOf(text: string, body: Buffer, maxFrameBytes: number): Buffer[] {
  const json = Buffer.from(text);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(json.length);
  const message = Buffer.concat([length, json, body]);
  const frames: Buffer[] = [];
  const most = maxFrameBytes - FLAG_BYTES;
  for (let start = 0; start < message.length; start += most) {
    const part = message.subarray(start, start + most);
    const flags = Buffer.from([start + most < message.length ? GOES_ON : 0]);
    frames.push(Buffer.concat([flags, part]));
  }
  return frames;
}

/** Puts frames together again. */
export class FrameReader {
  #parts: Buffer[] = [];
  #bytes = 0;

  /** The message that this frame ends, or null. The header's shape is not checked. Throws RelayViolation. */
  read(frame: Buffer): { readonly header: unknown; readonly body: Buffer } | null {
    const [flags] = frame;
    if (flags !== 0 && flags !== GOES_ON) throw new RelayViolation("a frame without flags");
    this.#bytes += frame.length;
    if (this.#bytes > MAX_RELAY_MESSAGE_BYTES) throw new RelayViolation("a message of more than 16 MiB");
    this.#parts.push(frame.subarray(FLAG_BYTES));
    if (flags === GOES_ON) return null;
    const message = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    if (!message || message.length < LENGTH_BYTES) throw new RelayViolation("a message without a header");
    const bodyAt = LENGTH_BYTES + message.readUInt32BE();
    if (bodyAt > message.length) throw new RelayViolation("a header that is longer than its message");
    return { header: parse(message.toString("utf8", LENGTH_BYTES, bodyAt)), body: message.subarray(bodyAt) };
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new RelayViolation("a header that is no JSON");
  }
}

interface Kept {
  readonly seq: number;
  /** The header without its acknowledgement, as JSON. */
  readonly text: string;
  readonly body: Buffer;
}

export interface RelayLineDeps<Header extends RelayHeader> {
  readonly maxFrameBytes: number;
  /** The header, checked. Throws RelayViolation. */
  readonly check: (header: unknown) => Header;
  /** A message, once and in its order; acknowledgements are taken out of it. */
  readonly onMessage: (message: RelayMessage<Header>) => void;
}

export class RelayLine<Header extends RelayHeader> {
  maxFrameBytes: number;
  readonly #deps: RelayLineDeps<Header>;
  readonly #kept: Kept[] = [];
  #keptBytes = 0;
  #sent = 0;
  #received = 0;
  /** The last number that the other side was told. */
  #told = 0;
  #socket: FrameSocket | null = null;
  #reader = new FrameReader();
  #ackTimer: NodeJS.Timeout | undefined;

  constructor(deps: RelayLineDeps<Header>) {
    this.#deps = deps;
    this.maxFrameBytes = deps.maxFrameBytes;
  }

  /** The number of the last message that has come. */
  get received(): number {
    return this.#received;
  }

  get isUp(): boolean {
    return this.#socket !== null;
  }

  /** How many messages the other side has not acknowledged. */
  get unacknowledged(): number {
    return this.#kept.length;
  }

  /**
   * Uses this socket from now on, and sends what the other side has not got: it has `theirReceived`. Throws
   * RelayViolation for a number that never was.
   */
  attach(socket: FrameSocket, theirReceived: number): void {
    this.detach();
    if (theirReceived > this.#sent) throw new RelayViolation("a number that was never sent");
    const first = this.#kept[0]?.seq ?? this.#sent + 1;
    if (theirReceived < first - 1) throw new RelayViolation("a number from before an acknowledgement");
    this.#socket = socket;
    this.#acknowledged(theirReceived);
    for (const { text, body } of this.#kept) this.#write(text, body);
  }

  /** The socket is gone, or is not to be used any more. */
  detach(): void {
    this.#socket = null;
    this.#reader = new FrameReader();
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
  }

  /** Sends a message, now or when a line is back. Throws RelayLagging if too much waits already. */
  post(header: Sent, body: Buffer = NOTHING): void {
    this.#sent += 1;
    const text = JSON.stringify({ ...header, seq: this.#sent });
    this.#keptBytes += text.length + body.length;
    this.#kept.push({ seq: this.#sent, text, body });
    if (this.#keptBytes > MAX_KEPT_BYTES || this.#kept.length > MAX_KEPT_MESSAGES) throw new RelayLagging();
    this.#write(text, body);
  }

  /** Sends a message that need not arrive, and is of no use later. `isDense`: compressing it saves nothing. */
  postOnce(header: Sent, body: Buffer = NOTHING, isDense = false): void {
    this.#write(JSON.stringify(header), body, isDense);
  }

  /** Takes a frame of the socket. Throws RelayViolation, and what `onMessage` throws. */
  take(frame: Buffer): void {
    const read = this.#reader.read(frame);
    if (!read) return;
    const header = this.#deps.check(read.header);
    if (header.ack !== undefined) this.#acknowledged(header.ack);
    if (header.seq !== undefined) {
      if (header.seq <= this.#received) return;
      if (header.seq !== this.#received + 1) throw new RelayViolation("a number is missing");
      this.#received = header.seq;
      this.#acknowledgeSoon();
    }
    this.#deps.onMessage({ header, body: read.body });
  }

  #acknowledged(seq: number): void {
    if (seq > this.#sent) throw new RelayViolation("an acknowledgement of what was never sent");
    const left = this.#kept.findIndex((kept) => kept.seq > seq);
    const gone = this.#kept.splice(0, left === -1 ? this.#kept.length : left);
    for (const { text, body } of gone) this.#keptBytes -= text.length + body.length;
  }

  #acknowledgeSoon(): void {
    if (this.#received - this.#told >= ACK_AFTER_MESSAGES) this.postOnce({ type: "ack" });
    else this.#ackTimer ??= setTimeout(() => this.postOnce({ type: "ack" }), ACK_AFTER_MS);
  }

  #write(text: string, body: Buffer, isDense = false): void {
    if (!this.#socket) return;
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    this.#told = this.#received;
    const acknowledging = `${text.slice(0, -1)},"ack":${this.#received}}`;
    for (const frame of framesOf(acknowledging, body, this.maxFrameBytes)) this.#socket.send(frame, isDense);
  }
}
