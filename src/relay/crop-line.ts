/** [W61] The bot's side of a crop without a relay: hears which part of the page people see, and shows that and no more. */
import type { WebSocket } from "ws";
import { CROP_VERSION } from "../protocol/relay-terms.ts";
import type { CroppedPage } from "./cropped-page.ts";
import { dial } from "./dial.ts";
import { RelayError } from "./errors.ts";
import { AT_REST, keepAlive } from "./liveness.ts";
import { isClip, isObject } from "./methods.ts";
import { Redial } from "./redial.ts";

/** Close codes after which dialling again is of no use. The first and the last: the session needs no crop any more. */
const FINAL_CLOSES = new Set([1000, 1013, 4400, 4401, 4403, 4404, 4410]);
const OVER_CLOSES = new Set([1000, 4410]);
/** `not_found`: a server that is older than this socket. */
const FINAL_CODES = new Set(["invalid_message", "unknown_type", "not_found"]);
const NO_SUCH_SOCKET = /: 404$/;
const MAX_REASON = 1_000;

export interface CropLineDeps {
  readonly url: URL;
  readonly key: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Called when the line is up, and when it is broken. */
  readonly onLine?: ((isUp: boolean) => void) | undefined;
}

/** Dials from the begin, and again after each loss. While there is no line, the page is whole. */
export class CropLine {
  /** Settles when it has ended: with null after close() and with the session, else with what went wrong. Never rejects. */
  readonly closed: Promise<RelayError | null>;
  readonly #page: CroppedPage;
  readonly #deps: CropLineDeps;
  readonly #redial = new Redial();
  #settleClosed: (why: RelayError | null) => void = () => {};
  #socket: WebSocket | null = null;
  #retry: NodeJS.Timeout | undefined;
  #isUp = false;
  #hasEnded = false;

  constructor(page: CroppedPage, deps: CropLineDeps) {
    this.#page = page;
    this.#deps = deps;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#connect();
  }

  /** Whether the server may ask for a part of the page now. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Shows the whole page again, for good. */
  close(): void {
    this.#end(null);
  }

  #connect(): void {
    const { url, key, environment } = this.#deps;
    const socket = dial(url, key, environment);
    this.#socket = socket;
    let refusal: RelayError | null = null;
    socket.once("open", () => {
      keepAlive(socket, () => AT_REST);
      const { density, touch } = this.#page.crop;
      const { targetId: target_id } = this.#page;
      socket.send(JSON.stringify({ type: "hello", version: CROP_VERSION, target_id, crop: { density, touch } }));
      this.#page.crop.onRenewed = () => {
        if (socket.readyState === socket.OPEN) socket.send(JSON.stringify({ type: "renewed" }));
      };
    });
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      const message = isBinary || socket !== this.#socket ? null : parse(data.toString());
      if (message?.["type"] === "welcome") this.#line(true);
      else if (message?.["type"] === "crop") void this.#show(socket, message);
      else if (message?.["type"] === "error") {
        refusal = new RelayError(String(message["code"]), String(message["message"]));
      }
    });
    // A close follows.
    socket.on("error", (cause) => {
      const code = NO_SUCH_SOCKET.test(cause.message) ? "not_found" : "server_unreachable";
      refusal ??= new RelayError(code, cause.message, { cause });
    });
    socket.once("close", (code) => this.#lost(socket, code, refusal));
  }

  async #show(socket: WebSocket, { id, clip, again }: Readonly<Record<string, unknown>>): Promise<void> {
    if (clip !== null && !isClip(clip)) {
      this.#end(new RelayError("invalid_message", "the server asks for what is no part of a page"));
      return;
    }
    const failure = await this.#page.crop.set(clip, again === true).then(() => null, String);
    const reason = failure === null ? {} : { error: failure.slice(0, MAX_REASON) };
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify({ type: "cropped", id, ...reason }));
    if (failure !== null) this.#end(new RelayError("page_closed", failure));
  }

  #lost(socket: WebSocket, code: number, refusal: RelayError | null): void {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#page.crop.end();
    this.#line(false);
    if (this.#hasEnded) return;
    if (OVER_CLOSES.has(code)) this.#end(null);
    else if (FINAL_CLOSES.has(code) || (refusal && FINAL_CODES.has(refusal.code))) {
      this.#end(refusal ?? new RelayError("server_unreachable", "the server has closed the socket"));
    } else this.#retry = setTimeout(() => this.#connect(), this.#redial.waitAfter(code));
  }

  #line(isUp: boolean): void {
    if (isUp === this.#isUp) return;
    this.#isUp = isUp;
    if (isUp) this.#redial.up();
    this.#deps.onLine?.(isUp);
  }

  #end(why: RelayError | null): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#retry);
    const socket = this.#socket;
    this.#socket = null;
    this.#page.crop.end();
    this.#line(false);
    socket?.close(1000);
    this.#settleClosed(why);
  }
}

function parse(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const message: unknown = JSON.parse(text);
    return isObject(message) ? message : null;
  } catch {
    return null;
  }
}
