/** One connected operator: messages out in order, and of the pictures only the newest that its line can take. */
import { CODES } from "../errors.ts";
import type { Rect } from "../protocol/common.ts";
import type { ServerMessage } from "../protocol/live.ts";
import type { Picture } from "./page.ts";

/** At most this many pictures on their way to one viewer [W15]. */
const MAX_UNACKED_PICTURES = 2;
/** Above this nothing more is handed to the socket: the reader is stuck. */
const MAX_BUFFERED_BYTES = 512 * 1024;

/** Text that waits for a reader who does not read; above it the line is given up. */
const MAX_BUFFERED_TEXT_BYTES = 1024 * 1024;

/** The socket as a viewer needs it; implemented in http/. */
export interface ViewerLine {
  sendText(text: string): void;
  /** A WebSocket ping behind a picture; its pong tells that the picture has arrived. */
  pingBehind(seq: number): void;
  bufferedBytes(): number;
  close(code: number, reason: string): void;
}

export class Viewer {
  readonly name: string;
  /** An older client: no subprotocol, no acks, no take_control. */
  readonly plain: boolean;
  readonly #line: ViewerLine;
  /** What came up before this viewer's first session_info, in order; null from then on [W2]. */
  #early: string[] | null = [];
  #waiting: Picture | null = null;
  #unacked: number[] = [];
  #heldUntil = 0;
  #holdTimer: NodeJS.Timeout | undefined;

  constructor(name: string, line: ViewerLine, plain: boolean) {
    this.name = name;
    this.#line = line;
    this.plain = plain;
  }

  send(message: ServerMessage, replyTo?: string | number): void {
    const extra = replyTo === undefined ? {} : { reply_to: replyTo };
    const text = JSON.stringify({ ...message, timestamp: Date.now(), ...extra });
    if (this.#early && message.type !== "session_info") {
      this.#early.push(text);
      return;
    }
    this.#line.sendText(text);
    this.#sendEarly();
    if (this.#line.bufferedBytes() > MAX_BUFFERED_TEXT_BYTES) this.close(CODES.rate_limited.close, "too slow");
  }

  /** Shows this picture when the line can take one, unless a newer one comes first. */
  show(picture: Picture): void {
    this.#waiting = picture;
    this.#flush();
  }

  /** Pictures of another view than this one are not wanted any more. */
  dropOtherViews(view: Rect): void {
    if (this.#waiting && !sameRect(this.#waiting.view, view)) this.#waiting = null;
  }

  /** The picture `seq`, and all before it, are on the screen or at least across the line. */
  arrived(seq: number): void {
    this.#unacked = this.#unacked.filter((sent) => sent > seq);
    this.#flush();
  }

  get holdsPictures(): boolean {
    return performance.now() < this.#heldUntil;
  }

  /** No pictures for so long; the newest one follows then. */
  holdPictures(ms: number): void {
    this.#heldUntil = performance.now() + ms;
    clearTimeout(this.#holdTimer);
    this.#holdTimer = setTimeout(() => this.#flush(), ms + 1);
  }

  close(code: number, reason: string): void {
    this.#sendEarly();
    this.dispose();
    this.#line.close(code, reason);
  }

  dispose(): void {
    clearTimeout(this.#holdTimer);
    this.#waiting = null;
  }

  #sendEarly(): void {
    const early = this.#early;
    if (!early) return;
    this.#early = null;
    for (const text of early) this.#line.sendText(text);
    this.#flush();
  }

  #flush(): void {
    const picture = this.#waiting;
    if (!picture || this.#early || this.holdsPictures) return;
    if (this.#unacked.length >= MAX_UNACKED_PICTURES || this.#line.bufferedBytes() > MAX_BUFFERED_BYTES) return;
    this.#waiting = null;
    this.#unacked.push(picture.seq);
    this.send({ type: "screenshot_update", screenshot: base64Of(picture), view: picture.view, seq: picture.seq });
    this.#line.pingBehind(picture.seq);
  }
}

const encoded = new WeakMap<Picture, string>();

/** A picture's base64 text, made once for all viewers. */
export function base64Of(picture: Picture): string {
  const known = encoded.get(picture);
  if (known !== undefined) return known;
  const text = picture.jpeg.toString("base64");
  encoded.set(picture, text);
  return text;
}

export function sameRect(a: Rect, b: Rect): boolean {
  return a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;
}
