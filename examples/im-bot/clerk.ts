// Answers every message once, whatever the line does: what to say to each frame, decided by `mid`.
import { type Answer, type Frame, isRequest, OK, PATHS, type Request } from "./frames.ts";

/** A message that comes again later than this many others is taken for a new one. */
const MOST_REMEMBERED = 1_000;
const REPLY_PREFIX = "re-";

export class Clerk {
  readonly #write: (text: string) => string;
  /** `mid`s of the messages whose replies the server has. */
  readonly #answered = new Set<string>();

  constructor(write: (text: string) => string) {
    this.#write = write;
  }

  /**
   * What to send now. A message is acknowledged only when the server has the reply; until then it comes again on the
   * next line, and is replied to under the same `mid`, by which the server knows the reply again.
   */
  next(frame: Frame): Frame | null {
    const { mid } = frame.headers;
    if (isRequest(frame)) {
      if (frame.lwp !== PATHS.push) return null;
      return this.#answered.has(mid) ? acknowledge(mid) : this.#reply(frame);
    }
    if (!mid.startsWith(REPLY_PREFIX) || frame.code !== OK) return null;
    const message = mid.slice(REPLY_PREFIX.length);
    this.#remember(message);
    return acknowledge(message);
  }

  #reply({ headers, body }: Request): Request {
    const text = this.#write(body?.["text"] ?? "");
    const receiver = body?.["sender"] ?? "";
    return { lwp: PATHS.send, headers: { mid: REPLY_PREFIX + headers.mid }, body: { receiver, text } };
  }

  #remember(mid: string): void {
    this.#answered.add(mid);
    const [oldest] = this.#answered;
    if (this.#answered.size > MOST_REMEMBERED && oldest !== undefined) this.#answered.delete(oldest);
  }
}

function acknowledge(mid: string): Answer {
  return { code: OK, headers: { mid } };
}
