/**
 * One session's DevTools messages over a relay. What a bot sends is checked here: it may answer what was asked, and
 * report what the guest code listens to, of the targets that this session is attached to.
 */
import { z } from "zod";
import { devToolsIdSchema, type RelayedMessage } from "../../protocol/relay.ts";
import { RelayViolation } from "../../protocol/relay-line.ts";
import type { CdpChannel, CdpCommand } from "../cdp/connection.ts";
import { jpegSize } from "../pictures/jpeg-size.ts";

/** The page, its windows, and their frames in processes of their own. */
const MAX_SESSIONS = 500;
const MAX_URL_LENGTH = 65_536;
/** Of a picture. */
const MAX_PIXELS = 50_000_000;

const targetInfoSchema = z.object({
  targetInfo: z.object({
    targetId: devToolsIdSchema,
    type: z.string().max(30),
    title: z.string().max(MAX_URL_LENGTH),
    url: z.string().max(MAX_URL_LENGTH),
    openerId: devToolsIdSchema.optional(),
  }),
});
const attachedSchema = targetInfoSchema.extend({ sessionId: devToolsIdSchema });
const anything = z.record(z.string(), z.unknown());

/** Events without a session, and what they must have. */
const BROWSER_EVENTS: Readonly<Record<string, z.ZodType>> = {
  "Target.targetCreated": targetInfoSchema,
  "Target.targetInfoChanged": targetInfoSchema,
  "Target.targetDestroyed": z.object({ targetId: devToolsIdSchema }),
  "Target.detachedFromTarget": z.object({ sessionId: devToolsIdSchema }),
};
const SESSION_EVENTS: Readonly<Record<string, z.ZodType>> = {
  "Target.attachedToTarget": attachedSchema,
  "Target.detachedFromTarget": z.object({ sessionId: devToolsIdSchema }),
  "Inspector.targetCrashed": anything,
  "Input.dragIntercepted": z.object({ data: z.object({ items: z.array(anything), dragOperationsMask: z.number() }) }),
  "Page.javascriptDialogOpening": z.object({ url: z.string(), message: z.string(), type: z.string() }),
  "Page.javascriptDialogClosed": z.object({ result: z.boolean() }),
  "Network.requestWillBeSent": z.object({
    requestId: z.string(),
    loaderId: z.string(),
    frameId: z.string().optional(),
    documentURL: z.string(),
    request: z.object({ url: z.string(), method: z.string(), headers: z.record(z.string(), z.string()) }),
    initiator: z.object({ type: z.string() }),
  }),
  "Network.responseReceived": z.object({
    requestId: z.string(),
    loaderId: z.string(),
    frameId: z.string().optional(),
    type: z.string(),
    response: z.object({
      url: z.string(),
      status: z.number(),
      mimeType: z.string(),
      headers: z.record(z.string(), z.string()),
    }),
  }),
  "Network.loadingFinished": z.object({ requestId: z.string() }),
  "Network.loadingFailed": z.object({ requestId: z.string() }),
  "Runtime.bindingCalled": z.object({ name: z.string().max(100), payload: z.string().max(100) }),
};
const frameSchema = z.object({
  sessionId: z.number(),
  metadata: z.object({ scrollOffsetX: z.number(), scrollOffsetY: z.number() }),
});

/** What may name the place of a body, as headers do. */
type BodyAt = "params.data" | "result.data" | "result.body" | undefined;

export interface RelayChannelDeps {
  readonly post: (command: CdpCommand) => void;
  readonly isUp: () => boolean;
  /** The session is over. */
  readonly onClose: () => void;
}

export class RelayChannel implements CdpChannel {
  readonly closed: Promise<void>;
  readonly #deps: RelayChannelDeps;
  readonly #asked = new Map<number, { readonly method: string; readonly sessionId: string | undefined }>();
  readonly #sessions = new Set<string>();
  #listener: (message: unknown) => void = () => {};
  #settleClosed: () => void = () => {};
  #isOpen = true;

  constructor(deps: RelayChannelDeps) {
    this.#deps = deps;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether there is a line now: commands wait for it otherwise. */
  get isUp(): boolean {
    return this.#isOpen && this.#deps.isUp();
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#listener = listener;
  }

  send(command: CdpCommand): void {
    const { id, method, sessionId } = command;
    if (method === "Page.screencastFrameAck") {
      // The bot has acknowledged it to its browser.
      queueMicrotask(() => this.#isOpen && this.#listener({ id, sessionId, result: {} }));
      return;
    }
    this.#asked.set(id, { method, sessionId });
    this.#deps.post(command);
  }

  /** Lets go of the page: the bot undoes everything. */
  close(): void {
    if (!this.#isOpen) return;
    this.end();
    this.#deps.onClose();
  }

  /** The page is gone, as the bot says: its windows and frames are, too. */
  pageGone(): void {
    for (const sessionId of [...this.#sessions]) {
      this.#sessions.delete(sessionId);
      this.#listener({ method: "Target.detachedFromTarget", params: { sessionId } });
    }
  }

  /** The relay has ended. */
  end(): void {
    this.#isOpen = false;
    this.#settleClosed();
  }

  /** Takes an answer or an event of the bot's. Throws RelayViolation. */
  take(message: RelayedMessage, body: Buffer, bodyAt: BodyAt): void {
    if (message.method === undefined) this.#takeAnswer(message, body, bodyAt);
    else this.#takeEvent(message, message.method);
  }

  /** Takes a frame of a screencast. Throws RelayViolation. */
  takePicture({ method, sessionId, params }: RelayedMessage, jpeg: Buffer): void {
    if (method !== "Page.screencastFrame") throw new RelayViolation("a picture that is none");
    this.#assertOwn(sessionId);
    if (!frameSchema.safeParse(params).success) throw new RelayViolation("a picture without its facts");
    assertPicture(jpeg);
    this.#listener({ method, sessionId, params: { ...params, data: jpeg.toString("base64") } });
  }

  #takeAnswer({ id, sessionId, result, error }: RelayedMessage, body: Buffer, bodyAt: BodyAt): void {
    const asked = id === undefined ? undefined : this.#asked.get(id);
    if (id === undefined || !asked) throw new RelayViolation("an answer to no command");
    if (asked.sessionId !== sessionId) throw new RelayViolation("an answer of another session");
    if ((result === undefined) === (error === undefined)) throw new RelayViolation("neither a result nor an error");
    if (bodyAt === "result.data") assertPicture(body);
    this.#asked.delete(id);
    if (asked.method === "Target.attachToTarget" && result) this.#attached(result["sessionId"]);
    if (error) this.#listener({ id, sessionId, error: { message: error.message.slice(0, 1_000) } });
    else this.#listener({ id, sessionId, result: withBody(result, body, bodyAt) });
  }

  #takeEvent({ sessionId, params = {} }: RelayedMessage, method: string): void {
    if (sessionId !== undefined) this.#assertOwn(sessionId);
    const events = sessionId === undefined ? BROWSER_EVENTS : SESSION_EVENTS;
    const schema = Object.hasOwn(events, method) ? events[method] : undefined;
    if (!schema) throw new RelayViolation("an event that is not asked for");
    if (!schema.safeParse(params).success) throw new RelayViolation("an event without what it has");
    if (method === "Target.attachedToTarget") this.#attached(params["sessionId"]);
    // A session whose end was asked for may end once more.
    if (method === "Target.detachedFromTarget") this.#sessions.delete(String(params["sessionId"]));
    this.#listener({ method, sessionId, params });
  }

  #attached(sessionId: unknown): void {
    const { success, data } = devToolsIdSchema.safeParse(sessionId);
    if (!success || this.#sessions.size >= MAX_SESSIONS)
      throw new RelayViolation("a session that is none, or too many");
    this.#sessions.add(data);
  }

  #assertOwn(sessionId: string | undefined): void {
    if (sessionId === undefined || !this.#sessions.has(sessionId)) {
      throw new RelayViolation("a message of a target that is not this session's");
    }
  }
}

/** What is decoded here may be small, and of a size that takes all memory. */
function assertPicture(jpeg: Buffer): void {
  const size = jpegSize(jpeg);
  if (!size || size.width * size.height > MAX_PIXELS) throw new RelayViolation("a picture that is none, or too large");
}

/** The result with its bytes, as base64, where they belong. */
function withBody(result: RelayedMessage["result"], body: Buffer, bodyAt: BodyAt): RelayedMessage["result"] {
  if (bodyAt === "result.data") return { ...result, data: body.toString("base64") };
  if (bodyAt === "result.body") return { ...result, body: body.toString("base64") };
  return result;
}
