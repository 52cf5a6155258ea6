/** [W56] Pictures on their way to the server: as many as the line carries, and of those that wait only the newest. */
import { MAX_PICTURE_BYTES_ON_THE_WAY, MAX_PICTURES_ON_THE_WAY } from "../protocol/relay-terms.ts";

export interface SentPicture {
  readonly sessionId: string;
  /** The event, without its picture. */
  readonly message: object;
  readonly jpeg: Buffer;
}

export class PictureQueue {
  readonly #send: (picture: SentPicture, number: number) => void;
  /** By session: a screencast's next picture replaces the one that waits. */
  readonly #waiting = new Map<string, SentPicture>();
  #onTheWay: { readonly number: number; readonly picture: SentPicture }[] = [];
  #sent = 0;
  #isUp = false;
  #replaced = 0;

  constructor(send: (picture: SentPicture, number: number) => void) {
    this.#send = send;
  }

  /** How many pictures were never sent, as a newer one came. */
  get replaced(): number {
    return this.#replaced;
  }

  offer(picture: SentPicture): void {
    if (this.#waiting.delete(picture.sessionId)) this.#replaced += 1;
    this.#waiting.set(picture.sessionId, picture);
    this.#fill();
  }

  /** The server has taken this one, and all before it. */
  acknowledged(number: number): void {
    this.#onTheWay = this.#onTheWay.filter((sent) => sent.number > number);
    this.#fill();
  }

  /** The line is broken: what was on the way counts as lost. */
  lineDown(): void {
    this.#isUp = false;
    for (const { picture } of this.#onTheWay.toReversed()) {
      if (!this.#waiting.has(picture.sessionId)) this.#waiting.set(picture.sessionId, picture);
    }
    this.#onTheWay = [];
  }

  /** A new socket: pictures are counted from 1. */
  lineUp(): void {
    this.#sent = 0;
    this.#isUp = true;
    this.#fill();
  }

  /** Forgets everything that waits: it is of a session that is over. */
  clear(): void {
    this.#waiting.clear();
  }

  #fill(): void {
    for (const [sessionId, picture] of this.#waiting) {
      if (!this.#isUp || !this.#hasRoomFor(picture)) return;
      this.#waiting.delete(sessionId);
      this.#sent += 1;
      this.#onTheWay.push({ number: this.#sent, picture });
      this.#send(picture, this.#sent);
    }
  }

  #hasRoomFor({ jpeg }: SentPicture): boolean {
    if (this.#onTheWay.length === 0) return true;
    const bytes = this.#onTheWay.reduce((sum, { picture }) => sum + picture.jpeg.length, jpeg.length);
    return this.#onTheWay.length < MAX_PICTURES_ON_THE_WAY && bytes <= MAX_PICTURE_BYTES_ON_THE_WAY;
  }
}
