/** A receiver of webhooks, on a port of its own: remembers what came, and answers as the test says. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";
import { expect } from "./fixtures.ts";

export const SECRET = `whsec_${Buffer.from("24 bytes, or a few more.").toString("base64")}`;

export interface ReceivedWebhook {
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly at: number;
}

export class WebhookReceiver {
  /** Everything that came, oldest first. */
  readonly received: ReceivedWebhook[] = [];
  /** How it answers; what is not said is 204. */
  answer: (response: ServerResponse, request: IncomingMessage) => void = (response) => {
    response.writeHead(204).end();
  };
  readonly #server = createServer(async (request, response) => {
    request.on("error", () => {});
    response.on("error", () => {});
    const body = Buffer.concat(await request.toArray()).toString("utf8");
    this.received.push({ headers: request.headers as Record<string, string>, body, at: Date.now() });
    this.answer(response, request);
  });

  static async start(): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver();
    await new Promise<void>((resolve) => receiver.#server.listen(0, "127.0.0.1", resolve));
    return receiver;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`;
  }

  /** Connections that are open, the answered ones too. */
  connections(): Promise<number> {
    return new Promise((resolve, reject) =>
      this.#server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    );
  }

  /** The types of what came, in order. */
  types(): string[] {
    return this.received.map(({ body }) => JSON.parse(body).type);
  }

  /** Waits for an event of this type, and checks its signature with the library. */
  async next(type: string, secret = SECRET) {
    await expect.poll(() => this.types()).toContain(type);
    const found = this.received.findLast(({ body }) => JSON.parse(body).type === type) as ReceivedWebhook;
    new Webhook(secret).verify(found.body, found.headers);
    return { ...found, event: JSON.parse(found.body) };
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
