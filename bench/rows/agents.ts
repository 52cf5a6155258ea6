/** Rows about agents: the time from a call of `request_human` to the link for the person. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { type Bench, emptyResult, type Result, type Row, say } from "../bench.ts";
import { startBenchBrowser } from "../browser.ts";
import { BEARER } from "../key.ts";
import { latencyOf } from "../numbers.ts";
import { VIEWPORT } from "../page.ts";
import type { BenchServer } from "../server.ts";

const ROUNDS_FULL = 20;
const ROUNDS_QUICK = 5;

export const AGENT_ROWS: readonly Row[] = [{ key: "asked", run: asked }];

/** Measures the call at a client of the newest revision; a page of the server's own needs a browser first. */
async function asked(bench: Bench): Promise<Result[]> {
  const server = await bench.server();
  const agent = await connect(server);
  const { url } = bench.site.page({ kind: "plain", placed: "main" });
  const [owned, guest]: [number[], number[]] = [[], []];
  const rounds = bench.pick(ROUNDS_FULL, ROUNDS_QUICK);
  for (let round = 0; round < rounds; round += 1) {
    say(`  round ${round + 1} of ${rounds}: asked`);
    owned.push(await askOnce(agent, { url }));
    const browser = await startBenchBrowser(VIEWPORT);
    await browser.page.open(url);
    guest.push(await askOnce(agent, { cdp: { endpoint: browser.endpoint } }));
    await browser.close();
  }
  await agent.close();
  const title = "request_human: the agent's call to the link";
  return [
    { ...emptyResult("asked", title, "ours binary"), latency: latencyOf(owned) },
    { ...emptyResult("asked", title, "ours guest"), latency: latencyOf(guest) },
  ];
}

async function connect(server: BenchServer): Promise<Client> {
  const client = new Client({ name: "bench", version: "1.0.0" }, { versionNegotiation: { mode: "auto" } });
  const address = new URL("/api/captcha/mcp", server.url);
  await client.connect(new StreamableHTTPClientTransport(address, { requestInit: { headers: BEARER } }));
  return client;
}

/** ms until the link */
async function askOnce(agent: Client, page: object): Promise<number> {
  const startedAt = performance.now();
  const answer = await agent.callTool({ name: "request_human", arguments: { ...page, reason: "Bench." } });
  const ms = performance.now() - startedAt;
  const facts = answer.structuredContent;
  if (typeof facts !== "object" || facts === null || !("link" in facts) || !("session_id" in facts)) {
    throw new Error(`No link: ${JSON.stringify(answer.content)}`);
  }
  await agent.callTool({ name: "cancel_request", arguments: { session_id: facts.session_id } });
  return ms;
}
