/** One connected operator: messages out in order, and of the pictures only the newest that its line can take. */
import type { Rect } from "../protocol/common.ts";
import type { ServerMessage } from "../protocol/live.ts";
import type { Picture } from "./page.ts";

/** At most this many pictures on their way to one viewer [W15]. */
const MAX_UNACKED_PICTURES = 2;
/** Above this nothing more is handed to the socket: the reader is stuck. */
const MAX_BUFFERED_BYTES = 512 * 1024;
/** Messages kept for a viewer that has not been welcomed yet; the oldest go first. */
const MAX_EARLY_MESSAGES = 100;

/** The socket as a viewer needs it; implemented in http/. */
export interface ViewerLine {
  /** Gives the line up when too much waits for a reader who does not read. */
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
  #waiting: { readonly picture: Picture; readonly message: () => ServerMessage } | null = null;
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
      if (this.#early.length > MAX_EARLY_MESSAGES) this.#early.shift();
      return;
    }
    this.#line.sendText(text);
    if (message.type === "session_info" && message.seq > 0) this.#follow(message.seq);
    this.#sendEarly();
  }

  /** Shows this picture, in the message made of it then, when the line can take one, unless a newer one comes first. */
  show(picture: Picture, message: () => ServerMessage = () => pictureUpdate(picture)): void {
    this.#waiting = { picture, message };
    this.#flush();
  }

  /** Pictures of another view than this one are not wanted any more. */
  dropOtherViews(view: Rect): void {
    if (this.#waiting && !sameRect(this.#waiting.picture.view, view)) this.#waiting = null;
  }

  /** The picture `seq`, and all before it, are on the screen or at least across the line. */
  arrived(seq: number): void {
    this.#unacked = this.#unacked.filter((sent) => sent > seq);
    this.#flush();
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
    const waiting = this.#waiting;
    if (!waiting || this.#early || performance.now() < this.#heldUntil) return;
    if (this.#unacked.length >= MAX_UNACKED_PICTURES || this.#line.bufferedBytes() > MAX_BUFFERED_BYTES) return;
    this.#waiting = null;
    const message = waiting.message();
    this.send(message);
    if (message.type !== "session_info") this.#follow(waiting.picture.seq);
  }

  /** A picture is on its way: a ping behind it tells when it has arrived. */
  #follow(seq: number): void {
    this.#unacked.push(seq);
    this.#line.pingBehind(seq);
  }
}

export function pictureUpdate(picture: Picture): ServerMessage {
  return { type: "screenshot_update", screenshot: base64Of(picture), view: picture.view, seq: picture.seq };
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
