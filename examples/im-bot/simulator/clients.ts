// The chat server's WebSocket clients: who has registered, who is silent, and what is answered to each request.
import type { WebSocket } from "ws";
import { type Frame, isRequest, OK, PATHS, parseFrame, type Request, STALE } from "../frames.ts";
import type { Access } from "./access.ts";
import type { Mailbox, Message } from "./mailbox.ts";

const BAD_FRAME = 400;
const UNKNOWN_PATH = 404;
const KNOWN_PATHS = new Set<string>([PATHS.register, PATHS.heartbeat, PATHS.sync]);
const CLOSE_FULL = 1013;
const MOST_CLIENTS = 20;
/** Who does not read is not written to for ever. */
const MOST_UNREAD_BYTES = 1_000_000;

interface Client {
  readonly socket: WebSocket;
  readonly silence: NodeJS.Timeout;
  token: string | null;
  isSynced: boolean;
  isDeaf: boolean;
}

export class Clients {
  /** Bad days: the line breaks as the next reply comes in, before or after it is kept, or as the next acknowledgement does. */
  readonly faults = { losesReply: false, losesConfirmation: false, losesAcknowledgement: false };
  readonly #access: Access;
  readonly #mailbox: Mailbox;
  readonly #silentForMs: number;
  readonly #clients = new Set<Client>();

  constructor(access: Access, mailbox: Mailbox, silentForMs: number) {
    this.#access = access;
    this.#mailbox = mailbox;
    this.#silentForMs = silentForMs;
  }

  get count(): number {
    return this.#clients.size;
  }

  add(socket: WebSocket): void {
    if (this.#clients.size >= MOST_CLIENTS) {
      socket.close(CLOSE_FULL);
      return;
    }
    const silence = setTimeout(() => socket.terminate(), this.#silentForMs);
    const client: Client = { socket, silence, token: null, isSynced: false, isDeaf: false };
    this.#clients.add(client);
    socket.on("message", (data) => this.#hear(client, String(data)));
    // A frame that is too large, for one; the close follows.
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(silence);
      this.#clients.delete(client);
    });
  }

  /** Tells every client that follows. */
  push(message: Message): void {
    for (const client of this.#clients) if (client.isSynced) this.#push(client, message);
  }

  /** Breaks every line: without a word, or with a close code. */
  drop(code?: number): void {
    for (const { socket } of this.#clients) code === undefined ? socket.terminate() : socket.close(code);
  }

  /** The lines stay, and nothing that is said on them is heard or answered. */
  deafen(): void {
    for (const client of this.#clients) client.isDeaf = true;
  }

  #hear(client: Client, text: string): void {
    client.silence.refresh();
    if (client.isDeaf) return;
    const frame = parseFrame(text);
    if (frame === null) say(client, { code: BAD_FRAME, headers: { mid: "none" } });
    else if (isRequest(frame)) this.#answer(client, frame);
    else if (once(this.faults, "losesAcknowledgement")) client.socket.terminate();
    else if (frame.code === OK) this.#mailbox.acknowledge(frame.headers.mid);
  }

  #answer(client: Client, request: Request): void {
    const code = this.#codeFor(client, request);
    if (code === null) client.socket.terminate();
    else say(client, { code, headers: { mid: request.headers.mid } });
    if (code !== OK || request.lwp !== PATHS.sync) return;
    client.isSynced = true;
    for (const message of this.#mailbox.unacknowledged) this.#push(client, message);
  }

  /** Does what is asked. Null: the line breaks instead of an answer. */
  #codeFor(client: Client, { lwp, headers, body }: Request): number | null {
    if (lwp === PATHS.register) {
      client.token = body?.["token"] ?? null;
      if (this.#access.isFresh(client.token)) this.#access.count("registrations");
    }
    if (!this.#access.isFresh(client.token)) return STALE;
    if (lwp === PATHS.send) return this.#keepReply(headers.mid, body?.["text"] ?? "");
    return KNOWN_PATHS.has(lwp) ? OK : UNKNOWN_PATH;
  }

  #keepReply(mid: string, text: string): number | null {
    if (once(this.faults, "losesReply")) return null;
    if (this.#mailbox.takeReply(mid, text)) this.#access.count("replies");
    return once(this.faults, "losesConfirmation") ? null : OK;
  }

  /** Whoever has a stale token gets to know that instead. */
  #push(client: Client, { mid, text }: Message): void {
    if (this.#access.isFresh(client.token))
      say(client, { lwp: PATHS.push, headers: { mid }, body: { sender: "customer", text } });
    else say(client, { code: STALE, headers: { mid } });
  }
}

function say({ socket }: Client, frame: Frame): void {
  if (socket.bufferedAmount > MOST_UNREAD_BYTES) socket.terminate();
  else socket.send(JSON.stringify(frame));
}

/** Whether a fault is set; it is not any more afterwards. */
function once<F extends string>(faults: Record<F, boolean>, fault: F): boolean {
  const isSet = faults[fault];
  faults[fault] = false;
  return isSet;
}
