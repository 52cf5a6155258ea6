/** Agents of the tests: the official MCP client over either transport, and single messages as no client sends them. */
import { fileURLToPath } from "node:url";
import { type CallToolResult, Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { TEST_KEY } from "./key.ts";
import { type Answer, call, test as withServers } from "./requests.ts";

const CLI = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));
/** The newest revision; a client that is not told of it speaks 2025-11-25. */
const NEWEST = "2026-07-28";

/** What a client is asked to show to its user. */
export interface Asked {
  readonly message: string;
  readonly url: string;
}
export interface AgentOptions {
  readonly key?: string;
  /** Speaks 2026-07-28. */
  readonly isNew?: boolean;
  /** The user's part; left out, the client opens no URLs. */
  readonly onAsked?: (asked: Asked) => Promise<"accept" | "decline" | "cancel">;
}

export interface Agent {
  readonly client: Client;
  /** How many requests it has sent over HTTP. */
  sent(): number;
  /** The tool's answer. */
  use(tool: string, args: Record<string, unknown>): Promise<CallToolResult>;
}

export const test = withServers.extend<{
  /** An agent at the server's own address. */
  agentAt: (api: string, options?: AgentOptions) => Promise<Agent>;
  /** An agent that starts `captcha-remote mcp`. */
  agentBeside: (url: string, options?: AgentOptions) => Promise<Agent>;
}>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  agentAt: async ({}, use) => {
    const clients: Client[] = [];
    await use(async (api, options = {}) => {
      const headers = { authorization: `Bearer ${options.key ?? TEST_KEY}` };
      let sent = 0;
      const transport = new StreamableHTTPClientTransport(new URL(`${api}/mcp`), {
        requestInit: { headers },
        fetch: (...request) => {
          sent += 1;
          return fetch(...request);
        },
      });
      return { ...(await connected(clients, transport, options)), sent: () => sent };
    });
    for (const client of clients) await client.close();
  },
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  agentBeside: async ({}, use) => {
    const clients: Client[] = [];
    await use(async (url, options = {}) => {
      const env = { CAPTCHA_REMOTE_URL: url, CAPTCHA_REMOTE_KEY: options.key ?? TEST_KEY };
      const transport = new StdioClientTransport({ command: process.execPath, args: [CLI, "mcp"], env });
      return { ...(await connected(clients, transport, options)), sent: () => 0 };
    });
    for (const client of clients) await client.close();
  },
});

async function connected(
  clients: Client[],
  transport: StreamableHTTPClientTransport | StdioClientTransport,
  { isNew = false, onAsked }: AgentOptions,
): Promise<Omit<Agent, "sent">> {
  const client = new Client(
    { name: "test-agent", version: "1.0.0" },
    {
      capabilities: onAsked ? { elicitation: { url: {} } } : {},
      ...(isNew ? { versionNegotiation: { mode: { pin: NEWEST } } } : {}),
    },
  );
  if (onAsked) {
    client.setRequestHandler("elicitation/create", async ({ params }) => {
      if (params.mode !== "url") throw new Error("not a URL");
      return { action: await onAsked({ message: params.message, url: params.url }) };
    });
  }
  clients.push(client);
  await client.connect(transport);
  return { client, use: (name, args) => client.callTool({ name, arguments: args }) };
}

/** All text of an answer. */
export function textOf({ content }: CallToolResult): string {
  return content.map((block) => (block.type === "text" ? block.text : "")).join("\n");
}

/** The facts of an answer. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes.
export function factsOf({ structuredContent }: CallToolResult): any {
  return structuredContent ?? {};
}

/** One `tools/call` of 2026-07-28 by hand, from a client that opens URLs. `more` is added to its params. */
export function callTool(
  api: string,
  key: string,
  name: string,
  args: object,
  more: Record<string, unknown> = {},
): Promise<Answer> {
  const envelope = {
    "io.modelcontextprotocol/protocolVersion": NEWEST,
    "io.modelcontextprotocol/clientInfo": { name: "by-hand", version: "1.0.0" },
    "io.modelcontextprotocol/clientCapabilities": { elicitation: { url: {} } },
  };
  const params = { name, arguments: args, _meta: envelope, ...more };
  return call(
    "POST",
    `${api}/mcp`,
    { jsonrpc: "2.0", id: 1, method: "tools/call", params },
    {
      authorization: `Bearer ${key}`,
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": NEWEST,
      "mcp-method": "tools/call",
      "mcp-name": name,
    },
  );
}
