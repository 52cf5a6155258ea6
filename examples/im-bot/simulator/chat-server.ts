// A small simulator of a messaging server: log in over HTTP, chat over a WebSocket, and now and then a challenge.
import type { AddressInfo } from "node:net";
import websocket from "@fastify/websocket";
import Fastify from "fastify";
import { SILENT_FOR_MS } from "../frames.ts";
import { Access, type AccessOptions } from "./access.ts";
import { challengePage } from "./challenge-page.ts";
import { Clients } from "./clients.ts";
import { Mailbox } from "./mailbox.ts";

const COOKIE = "chat_session";
const LARGEST_BYTES = 16_384;
const ACCOUNT = { user: "shop", password: "demo" };

export interface ChatServerOptions extends Partial<AccessOptions> {
  /** 0, when left out: a free one. */
  readonly port?: number;
  /** Who says nothing for so long is dropped. */
  readonly silentForMs?: number;
  /** Told each reply of the bot, once. */
  readonly onReply?: (text: string) => void;
}

export interface ChatServer {
  readonly url: string;
  readonly access: Access;
  readonly mailbox: Mailbox;
  readonly clients: Clients;
  /** A customer writes: answers the message's `mid`. */
  say(text: string): string;
  close(): Promise<void>;
}

export async function startChatServer(options: ChatServerOptions = {}): Promise<ChatServer> {
  const { port = 0, silentForMs = SILENT_FOR_MS, onReply, ...access } = options;
  const gate = new Access({ ...ACCOUNT, ...access });
  const mailbox = new Mailbox(onReply);
  const clients = new Clients(gate, mailbox, silentForMs);
  const app = Fastify({ bodyLimit: LARGEST_BYTES, forceCloseConnections: true });

  await app.register(websocket, {
    options: { maxPayload: LARGEST_BYTES },
    preClose(done) {
      clients.drop();
      done();
    },
  });
  app.get("/chat", { websocket: true }, (socket) => clients.add(socket));

  app.post<{ Body: { user?: unknown; password?: unknown } | null }>("/login", (request, reply) => {
    if (!gate.isPassword(request.body?.user, request.body?.password)) return reply.code(401).send({});
    const answer = gate.signIn();
    if ("token" in answer) return reply.send(answer);
    return reply.code(403).send({ challenge_url: `http://${request.host}/challenge/${answer.challenge.id}` });
  });

  app.get<{ Params: { id: string } }>("/challenge/:id", (request, reply) => {
    if (gate.challenge?.id !== request.params.id) return reply.code(404).send();
    return reply.type("text/html").header("cache-control", "no-store").send(challengePage(gate.challenge.travel));
  });

  app.post<{ Params: { id: string }; Body: { travel?: unknown } | null }>("/challenge/:id", (request, reply) => {
    if (gate.challenge?.id !== request.params.id) return reply.code(404).send();
    const token = gate.answer(Number(request.body?.travel));
    if (token === null) return reply.code(403).send();
    return reply.header("set-cookie", `${COOKIE}=${token}; Path=/; HttpOnly; SameSite=Lax`).code(204).send();
  });

  await app.listen({ host: "127.0.0.1", port });
  return {
    url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`,
    access: gate,
    mailbox,
    clients,
    say(text) {
      const message = mailbox.write(text);
      clients.push(message);
      return message.mid;
    },
    close: () => app.close(),
  };
}
