/** [W55] [W57] The bot's side of a relay: holds the line to the server, and lets it do what it may with the page. */
import type { WebSocket } from "ws";
import { RelayLine, type RelayMessage, RelayViolation } from "../protocol/relay-line.ts";
import { RELAY_VERSION, type RelayWelcome } from "../protocol/relay-terms.ts";
import { dial } from "./dial.ts";
import { RelayError } from "./errors.ts";
import { type Command, type DevToolsEvent, RelayFilter } from "./filter.ts";
import { AT_REST, IN_USE, keepAlive } from "./liveness.ts";
import type { GoneReason, LocalPage } from "./local-page.ts";
import { isObject } from "./methods.ts";
import { PictureQueue, type SentPicture } from "./picture-queue.ts";
import { CLOSE_RATE_LIMITED, Redial } from "./redial.ts";

type Facts = Readonly<Record<string, unknown>>;

const WELCOME_DEADLINE_MS = 10_000;
/** How long the end of the page may take to reach the server. */
const GONE_PATIENCE_MS = 1_000;
/** Close codes after which dialling again is of no use. */
const FINAL_CLOSES = new Set([1013, 4400, 4401, 4403, 4409]);
const CLOSE_UNKNOWN = 4404;
const CLOSE_SHUTTING_DOWN = 1001;

export interface RelayTerms {
  readonly dialogs: "bot" | "operator";
  readonly windows: "follow" | "leave";
}

export interface RelayDeps extends RelayTerms {
  readonly url: URL;
  readonly key: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly client: string;
  /** Called when the line is up, and when it is broken. */
  readonly onLine?: ((isUp: boolean) => void) | undefined;
}

/** A header of the server's, as far as it is looked at. */
interface ServerHeader {
  readonly type: string;
  readonly seq?: number;
  readonly ack?: number;
  readonly pictures?: number;
  readonly message?: Facts;
}

/** What the server knows a relay by. */
interface Registration extends RelayWelcome {
  readonly line: RelayLine<ServerHeader>;
}

export class Relay {
  /** Settles when the relay has ended: with null after close(), with why the page is gone, or with what went wrong. */
  readonly closed: Promise<GoneReason | RelayError | null>;
  readonly #page: LocalPage;
  readonly #deps: RelayDeps;
  readonly #filter: RelayFilter;
  readonly #pictures = new PictureQueue((picture, number) => this.#sendPicture(picture, number));
  #settleClosed: (why: GoneReason | RelayError | null) => void = () => {};
  #registration: Registration | null = null;
  /** The relay that a server has forgotten: the next one may know it by its session. */
  #former: { readonly relay: string; readonly secret: string } | null = null;
  #socket: WebSocket | null = null;
  #epoch = 0;
  #hasEnded = false;
  readonly #redial = new Redial();
  #retry: NodeJS.Timeout | undefined;

  private constructor(page: LocalPage, deps: RelayDeps) {
    this.#page = page;
    this.#deps = deps;
    this.#filter = new RelayFilter({ targetId: page.targetId, ...deps });
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
  }

  /** Connects, and resolves once the relay has its id. It owns `page` from then on. RelayError: the server's code, or server_unreachable. */
  static async begin(page: LocalPage, deps: RelayDeps): Promise<Relay> {
    const relay = new Relay(page, deps);
    await relay.#connect();
    page.onEvent((event) => relay.#onEvent(event));
    void page.gone.then((reason) => relay.#onGone(reason));
    return relay;
  }

  /** What `relay` of a creation takes. Another one, once the server has forgotten this one. */
  get id(): string {
    return this.#registration?.relay ?? "";
  }

  /** Whether the line is up. */
  get isUp(): boolean {
    return this.#registration?.line.isUp === true;
  }

  /** Pictures that were never sent, as the line was full. */
  get replacedPictures(): number {
    return this.#pictures.replaced;
  }

  /** Takes the page back: a session on it ends at once. */
  async close(): Promise<void> {
    const line = this.#registration?.line;
    if (line && !this.#hasEnded)
      this.#guard(() => line.post({ type: "gone", epoch: this.#epoch, reason: "browser_lost" }));
    await this.#end(null);
  }

  /** Dials, and sends `hello` or `resume`. Resolves when the server has welcomed it. */
  async #connect(): Promise<void> {
    const socket = dial(this.#deps.url, this.#deps.key, this.#deps.environment);
    this.#socket = socket;
    const before = this.#registration;
    const opening = before
      ? {
          type: "resume",
          version: RELAY_VERSION,
          relay: before.relay,
          secret: before.secret,
          received: before.line.received,
        }
      : {
          type: "hello",
          version: RELAY_VERSION,
          client: this.#deps.client,
          target_id: this.#page.targetId,
          dialogs: this.#deps.dialogs,
          windows: this.#deps.windows,
          crop: this.#page.crop,
          ...(this.#former ? { again: this.#former } : {}),
        };
    const onWelcome = (welcome: RelayWelcome) => {
      if (this.#hasEnded) {
        // It was closed while it dialled.
        socket.close(1000);
        return;
      }
      const registration = before ?? { ...welcome, line: this.#newLine(welcome.max_frame_bytes) };
      this.#registration = registration;
      this.#listen(socket, registration, welcome.received);
    };
    await welcomed(socket, opening, onWelcome).catch((error: unknown) => {
      socket.terminate();
      throw error;
    });
  }

  #newLine(maxFrameBytes: number): RelayLine<ServerHeader> {
    this.#epoch = 0;
    return new RelayLine({
      maxFrameBytes,
      check: serverHeader,
      onMessage: (message) => this.#onMessage(message),
    });
  }

  #listen(socket: WebSocket, { line }: Registration, theirReceived: number): void {
    this.#redial.up();
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      // A socket that was given up may still bring what it had.
      if (socket === this.#socket && isBinary) this.#guard(() => line.take(data));
    });
    socket.once("close", (code) => this.#onLost(socket, code));
    const isUsed = () => this.#filter.sessions.length > 0 || line.unacknowledged > 0;
    keepAlive(socket, () => (isUsed() ? IN_USE : AT_REST));
    this.#guard(() =>
      line.attach({ send: (frame, isDense) => socket.send(frame, { compress: !isDense }) }, theirReceived),
    );
    this.#pictures.lineUp();
    this.#deps.onLine?.(true);
    // It may have been closed between the welcome and now.
    if (socket.readyState !== socket.OPEN) this.#onLost(socket, 1006);
  }

  #onLost(socket: WebSocket, code: number): void {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#registration?.line.detach();
    this.#pictures.lineDown();
    if (this.#hasEnded) return;
    this.#deps.onLine?.(false);
    this.#again(code);
  }

  /** Dials again, unless the server has said that it is of no use. */
  #again(code: number, error: RelayError = new RelayError(codeOfClose(code), "the server has closed the relay")): void {
    if (this.#hasEnded) return;
    if (FINAL_CLOSES.has(code)) {
      void this.#end(error);
      return;
    }
    if (code === CLOSE_UNKNOWN || code === CLOSE_SHUTTING_DOWN) this.#beginAnew();
    this.#retry = setTimeout(() => {
      this.#connect().catch((failure: unknown) => {
        const known = failure instanceof RelayError ? failure : new RelayError("server_unreachable", String(failure));
        this.#again(CLOSES[known.code] ?? 1006, known);
      });
    }, this.#redial.waitAfter(code));
  }

  /** The server has forgotten the relay, unless a session of it goes on; what was attached is let go of. */
  #beginAnew(): void {
    if (this.#registration) {
      const { relay, secret } = this.#registration;
      this.#former = { relay, secret };
    }
    this.#registration = null;
    this.#reset();
  }

  #reset(): void {
    const { sessions } = this.#filter;
    this.#filter.reset();
    this.#pictures.clear();
    this.#page.reset(sessions);
  }

  #onMessage({ header }: RelayMessage<ServerHeader>): void {
    switch (header.type) {
      case "cdp":
        if (header.message) void this.#onCommand(header.message);
        break;
      case "reset":
        this.#epoch += 1;
        this.#reset();
        break;
      case "ack":
        if (header.pictures !== undefined) this.#pictures.acknowledged(header.pictures);
        break;
      default:
      // A later server may say more.
    }
  }

  /** Runs a command of the server's, if it may ask that, and answers it. Never rejects. */
  async #onCommand(message: Facts): Promise<void> {
    const epoch = this.#epoch;
    const { id, method, params, sessionId } = message;
    const command: Command = {
      method: String(method),
      params: isObject(params) ? params : {},
      sessionId: typeof sessionId === "string" ? sessionId : undefined,
    };
    const answer = await this.#run(command);
    if (epoch !== this.#epoch) return;
    const of = { id, ...(command.sessionId === undefined ? {} : { sessionId: command.sessionId }) };
    if (answer instanceof Error) {
      this.#post({ message: { ...of, error: { code: -32_000, message: answer.message.slice(0, 1_000) } } });
      return;
    }
    // Before the answer, as a browser does: these were there already.
    if (command.method === "Target.setDiscoverTargets")
      for (const event of this.#filter.discover()) this.#report(event);
    const { result, body, bodyAt } = withoutBody(command.method, answer);
    this.#post({ message: { ...of, result }, ...(bodyAt === null ? {} : { body_at: bodyAt }) }, body);
  }

  async #run(command: Command): Promise<Facts | Error> {
    if (!this.#filter.isAllowed(command)) return new Error("not allowed by the relay");
    // It was acknowledged when it came.
    if (command.method === "Page.screencastFrameAck") return {};
    try {
      return this.#filter.answer(command, await this.#page.send(command));
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  #onEvent(event: DevToolsEvent): void {
    for (const reduced of this.#filter.event(event)) this.#report(reduced);
  }

  #report({ method, params, sessionId }: DevToolsEvent): void {
    if (method === "Page.screencastFrame" && sessionId !== undefined) this.#onPicture(params, sessionId);
    else this.#post({ message: { method, params, ...(sessionId === undefined ? {} : { sessionId }) } });
  }

  #onPicture({ data, ...facts }: Facts, sessionId: string): void {
    const acknowledging = { method: "Page.screencastFrameAck", params: { sessionId: facts["sessionId"] }, sessionId };
    this.#page.send(acknowledging).catch(() => {});
    const message = { method: "Page.screencastFrame", params: { ...facts, data: "" }, sessionId };
    this.#pictures.offer({ sessionId, message, jpeg: Buffer.from(String(data), "base64") });
  }

  #sendPicture({ message, jpeg }: SentPicture, picture: number): void {
    const header = { type: "picture", picture, epoch: this.#epoch, message, body_at: "params.data" };
    this.#registration?.line.postOnce(header, jpeg, true);
  }

  #post(facts: { readonly message: object; readonly body_at?: string }, body?: Buffer): void {
    const line = this.#registration?.line;
    if (!line || this.#hasEnded) return;
    this.#guard(() => line.post({ type: "cdp", epoch: this.#epoch, ...facts }, body));
  }

  async #onGone(reason: GoneReason): Promise<void> {
    const line = this.#registration?.line;
    if (!line || this.#hasEnded) return;
    this.#guard(() => line.post({ type: "gone", epoch: this.#epoch, reason }));
    const end = performance.now() + GONE_PATIENCE_MS;
    while (line.isUp && line.unacknowledged > 0 && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await this.#end(reason);
  }

  async #end(why: GoneReason | RelayError | null): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#retry);
    const socket = this.#socket;
    this.#registration?.line.detach();
    this.#reset();
    await this.#page.close();
    socket?.close(1000);
    this.#settleClosed(why);
  }

  /** What the server sends may be anything, and what waits for it may be too much: both end the relay. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (cause) {
      const code = cause instanceof RelayViolation ? "relay_violation" : "lagging";
      const message = cause instanceof RelayViolation ? cause.message : "the server does not take what is sent";
      void this.#end(new RelayError(code, message, { cause }));
    }
  }
}

/** Sends `opening` once the socket is open. Calls `onWelcome` before anything that follows the welcome is read. */
function welcomed(socket: WebSocket, opening: object, onWelcome: (welcome: RelayWelcome) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let refusal: RelayError | null = null;
    const timer = setTimeout(() => {
      reject(new RelayError("server_unreachable", "the server does not answer"));
    }, WELCOME_DEADLINE_MS);
    const onText = (data: Buffer, isBinary: boolean) => {
      const message: unknown = isBinary ? null : parse(data.toString());
      if (!isObject(message)) return;
      if (message["type"] === "error") refusal = new RelayError(String(message["code"]), String(message["message"]));
      if (!isWelcome(message)) return;
      clearTimeout(timer);
      socket.off("message", onText);
      onWelcome(message);
      resolve();
    };
    socket.on("message", onText);
    socket.once("open", () => socket.send(JSON.stringify(opening)));
    socket.on("error", (error) => reject(new RelayError("server_unreachable", error.message, { cause: error })));
    socket.once("close", (code) => {
      clearTimeout(timer);
      reject(refusal ?? new RelayError(codeOfClose(code), "the server has closed the relay"));
    });
  });
}

function isWelcome(message: Facts): message is Facts & RelayWelcome {
  return (
    message["type"] === "welcome" &&
    typeof message["relay"] === "string" &&
    typeof message["secret"] === "string" &&
    typeof message["received"] === "number" &&
    typeof message["max_frame_bytes"] === "number"
  );
}

function serverHeader(given: unknown): ServerHeader {
  if (!isObject(given) || typeof given["type"] !== "string") throw new RelayViolation("a header without a type");
  const { type, seq, ack, pictures, message } = given;
  return {
    type,
    ...(isCount(seq) ? { seq } : {}),
    ...(isCount(ack) ? { ack } : {}),
    ...(isCount(pictures) ? { pictures } : {}),
    ...(isObject(message) ? { message } : {}),
  };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0;
}

/** Takes the one string of an answer that is base64 out of it. */
function withoutBody(method: string, result: Facts): { result: Facts; body: Buffer; bodyAt: string | null } {
  const { data, body, base64Encoded } = result;
  if ((method === "Page.captureScreenshot" || method === "Relay.capture") && typeof data === "string") {
    return { result: { ...result, data: "" }, body: Buffer.from(data, "base64"), bodyAt: "result.data" };
  }
  if (method === "Network.getResponseBody" && base64Encoded === true && typeof body === "string") {
    return { result: { ...result, body: "" }, body: Buffer.from(body, "base64"), bodyAt: "result.body" };
  }
  return { result, body: Buffer.alloc(0), bodyAt: null };
}

const CLOSES: Readonly<Record<string, number>> = {
  shutting_down: CLOSE_SHUTTING_DOWN,
  capacity: 1013,
  relay_violation: 4400,
  unauthorized: 4401,
  forbidden: 4403,
  relay_not_found: CLOSE_UNKNOWN,
  relay_replaced: 4409,
  rate_limited: CLOSE_RATE_LIMITED,
};

function codeOfClose(code: number): string {
  return Object.keys(CLOSES).find((name) => CLOSES[name] === code) ?? "server_unreachable";
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
