/** The chat server of the im-bot example, lent to tests. */
import {
  type ChatServer,
  type ChatServerOptions,
  startChatServer,
} from "../../examples/im-bot/simulator/chat-server.ts";
import { test as base } from "./fixtures.ts";

export const test = base.extend<{ startChat: (options?: ChatServerOptions) => Promise<ChatServer> }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  startChat: async ({}, use) => {
    const servers: ChatServer[] = [];
    await use(async (options) => {
      const server = await startChatServer(options);
      servers.push(server);
      return server;
    });
    for (const server of servers) await server.close();
  },
});
