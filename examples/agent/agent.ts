// An agent with two MCP servers: @playwright/mcp is its hands in a browser, captcha-remote asks a person where it is stopped.
import console from "node:console";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type CallToolResult, Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const [
  url = "http://127.0.0.1:3001/jigsaw.html",
  server = "http://127.0.0.1:3000",
  endpoint = "http://127.0.0.1:9222",
] = process.argv.slice(2);
const headers = { authorization: `Bearer ${process.env["CAPTCHA_REMOTE_KEY"] ?? ""}` };
// The same server as `npx @playwright/mcp`, from the Playwright that is here.
const playwright = join(dirname(createRequire(import.meta.url).resolve("playwright-core/package.json")), "cli.js");
const IS_BLOCKED = `() => Boolean(document.querySelector('[id*="captcha" i], [class*="captcha" i]')?.checkVisibility())`;

/** Where the browser's server puts its snapshots. */
const output = await mkdtemp(join(tmpdir(), "agent-"));
const browser = new Client({ name: "agent", version: "1.0.0" });
const people = new Client({ name: "agent", version: "1.0.0" }, { versionNegotiation: { mode: "auto" } });
try {
  const args = [playwright, "mcp", "--cdp-endpoint", endpoint, "--output-dir", output];
  await browser.connect(new StdioClientTransport({ command: process.execPath, args, stderr: "ignore" }));
  await people.connect(
    new StreamableHTTPClientTransport(new URL(`${server}/api/captcha/mcp`), { requestInit: { headers } }),
  );
  await use(browser, "browser_navigate", { url });
  if (/\btrue\b/.test(text(await use(browser, "browser_evaluate", { function: IS_BLOCKED })))) {
    const cdp = { endpoint, url_contains: url };
    let { session_id, ended, link, outcome, reason } = facts(
      await use(people, "request_human", { cdp, reason: "Please clear the challenge." }),
    );
    console.log(`Please clear it: ${link}`);
    // The agent's hands stay off the page until the person is done.
    while (!ended) ({ ended, outcome, reason } = facts(await use(people, "wait_for_human", { session_id })));
    if (outcome !== "solved") throw new Error(`Nobody cleared it: ${reason}`);
  }
  const title = text(await use(browser, "browser_evaluate", { function: "() => document.title" }));
  console.log(`Back to work on ${/"(.*)"/.exec(title)?.[0]}`);
} finally {
  await people.close();
  await browser.close();
  await rm(output, { recursive: true, force: true });
}

async function use(client: Client, name: string, args: Record<string, unknown>): Promise<CallToolResult> {
  const answer = await client.callTool({ name, arguments: args });
  if (answer.isError) throw new Error(`${name}: ${text(answer)}`);
  return answer;
}

function text({ content }: CallToolResult): string {
  return content.map((block) => (block.type === "text" ? block.text : "")).join("\n");
}

interface Facts {
  session_id?: string;
  ended?: boolean;
  link?: string;
  outcome?: string;
  reason?: string;
}

function facts({ structuredContent }: CallToolResult): Facts {
  return typeof structuredContent === "object" && structuredContent !== null ? structuredContent : {};
}
