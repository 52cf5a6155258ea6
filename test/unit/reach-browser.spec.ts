/** [R27] What is dialled for an endpoint: the host that was named, at addresses that were checked, with the answer's path. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test as base, expect } from "@playwright/test";
import type { DialOptions } from "../../src/browser/cdp/connection.ts";
import { endpointAddresses, parseEndpoint } from "../../src/browser/cdp/endpoint.ts";
import { type Connect, reachBrowser } from "../../src/browser/cdp/reach-browser.ts";
import type { Resolve } from "../../src/egress/resolver.ts";
import { cdpPatternSchema } from "../../src/protocol/cdp-pattern.ts";

interface Dialled {
  readonly address: string;
  /** The addresses that the name is pinned to. */
  readonly at: readonly string[];
  readonly host: string | undefined;
}

const ALLOW = ["loopback:*", "[0:0:0:0:0:0:0:1]:*", "browsers.test:*", "*.bots.test:*"];
const NAMES: Readonly<Record<string, readonly string[]>> = {
  "browsers.test": ["127.0.0.1"],
  "one.bots.test": ["10.1.2.3"],
  "here.bots.test": ["127.0.0.1"],
  "mixed.bots.test": ["10.1.2.3", "::1"],
  "cloud.bots.test": ["169.254.169.254"],
  "aws.bots.test": ["fd00:ec2::254"],
};
const STOP = new Error("that is enough");

const test = base.extend<{
  answer: (onRequest: (request: IncomingMessage, response: ServerResponse) => void) => Promise<number>;
}>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  answer: async ({}, use) => {
    const server = createServer();
    await use(async (onRequest) => {
      server.on("request", onRequest);
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return (server.address() as AddressInfo).port;
    });
    server.closeAllConnections();
    server.close();
  },
});

async function addressesOf({ lookup }: DialOptions): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    lookup?.("any", { all: true }, (error, found) => {
      if (error || !Array.isArray(found)) reject(error ?? new Error("no addresses"));
      else resolve(found.map(({ address }) => address));
    });
  });
}

function allowed() {
  return ALLOW.map((text) => cdpPatternSchema.parse(text));
}

/** All that is dialled for an endpoint, each with this failure. */
async function dialledFor(text: string, failure: Error = STOP): Promise<{ dialled: Dialled[]; error: unknown }> {
  const dialled: Dialled[] = [];
  const connect: Connect = async (address, _signal, dial) => {
    dialled.push({ address, at: await addressesOf(dial), host: dial.headers?.host });
    throw failure;
  };
  const endpoint = parseEndpoint(text, allowed());
  const resolve: Resolve = async (name) => NAMES[name] ?? [];
  const addresses = await endpointAddresses(endpoint, { allow: allowed(), ownPorts: () => new Set(), resolve });
  const { signal } = new AbortController();
  const error = await reachBrowser(endpoint, { addresses, connect, signal, withinMs: 10_000 }).catch((cause) => cause);
  return { dialled, error };
}

function naming(webSocketDebuggerUrl: string) {
  return (_request: IncomingMessage, response: ServerResponse) =>
    response.end(JSON.stringify({ webSocketDebuggerUrl }));
}

for (const { title, endpoint, named, addresses } of [
  {
    title: "an answer chooses path and query, never host, port or scheme",
    endpoint: "/",
    named: "wss://169.254.169.254:1/devtools/browser/x?a=1",
    addresses: ["/devtools/browser/x?a=1"],
  },
  {
    title: "the endpoint's query is kept where the answer has none",
    endpoint: "/?token=s3cret",
    named: "ws://0.0.0.0:3000",
    addresses: ["/?token=s3cret"],
  },
  {
    title: "the answer's query stands in place of the endpoint's",
    endpoint: "/?token=s3cret",
    named: "ws://0.0.0.0:3000/b?session=9",
    addresses: ["/b?session=9"],
  },
  {
    title: "below a sub-path the answer's path is tried there first",
    endpoint: "/seven/?token=s3cret",
    named: "ws://chrome:9222/devtools/browser/x",
    addresses: ["/seven/devtools/browser/x?token=s3cret", "/devtools/browser/x?token=s3cret"],
  },
  {
    title: "a sub-path that the answer knows is not put there twice",
    endpoint: "/seven",
    named: "ws://chrome:9222/seven/devtools/browser/x",
    addresses: ["/seven/devtools/browser/x"],
  },
  {
    title: "the address of /json/version is as good as the one above it",
    endpoint: "/seven/json/version?token=s3cret",
    named: "ws://chrome:9222/seven/devtools/browser/x",
    addresses: ["/seven/devtools/browser/x?token=s3cret"],
  },
  {
    title: "two slashes in an answer are a path, not a host",
    endpoint: "/",
    named: "ws://chrome//169.254.169.254/x",
    addresses: ["//169.254.169.254/x"],
  },
]) {
  test(`[R27] ${title}`, async ({ answer }) => {
    const port = await answer(naming(named));
    const origin = `ws://user:pass@127.0.0.1:${port}`;
    const refused = new Error("Unexpected server response: 404");
    const { dialled } = await dialledFor(`http://user:pass@127.0.0.1:${port}${endpoint}`, refused);
    expect(dialled.map(({ address }) => address)).toEqual(addresses.map((path) => `${origin}${path}`));
  });
}

test("[R27] a name is dialled at its checked address; the Host of a refusal is followed by the address", async ({
  answer,
}) => {
  const hosts: (string | undefined)[] = [];
  const port = await answer(({ headers }, response) => {
    hosts.push(headers.host);
    if (headers.host?.startsWith("127.")) return naming("ws://127.0.0.1/b")({} as IncomingMessage, response);
    return response.writeHead(500).end("Host header is specified and is not an IP address or localhost.");
  });
  const { dialled } = await dialledFor(`http://browsers.test:${port}`);
  expect(hosts).toEqual([`browsers.test:${port}`, `127.0.0.1:${port}`]);
  expect(dialled).toEqual([{ address: `ws://browsers.test:${port}/b`, at: ["127.0.0.1"], host: `127.0.0.1:${port}` }]);
});

test("[R27] a WebSocket whose Host is refused is dialled once more with the address; an address or localhost is not", async () => {
  const refused = new Error("Unexpected server response: 500");
  const hostsOf = async (endpoint: string) => (await dialledFor(endpoint, refused)).dialled.map(({ host }) => host);
  expect(await hostsOf("wss://browsers.test/b")).toEqual([undefined, "127.0.0.1"]);
  expect(await hostsOf("ws://one.bots.test:9222/b")).toEqual([undefined, "10.1.2.3:9222"]);
  expect(await hostsOf("ws://127.0.0.1:9222/b")).toEqual([undefined]);
  expect(await hostsOf("ws://localhost:9222/b")).toEqual([undefined, undefined]);
});

test("[R27] localhost is dialled at [::1], then at 127.0.0.1", async () => {
  const { dialled, error } = await dialledFor("ws://localhost:9222/b#fragment");
  expect(dialled.map(({ address, at }) => [address, ...at])).toEqual([
    ["ws://localhost:9222/b", "::1"],
    ["ws://localhost:9222/b", "127.0.0.1"],
  ]);
  expect(error).toBe(STOP);
});

test("[R27] where nobody listens at one of localhost's addresses, the other's answer is the reason", async ({
  answer,
}) => {
  const port = await answer((_request, response) => response.writeHead(401).end());
  const { error } = await dialledFor(`http://localhost:${port}`);
  expect(error).toMatchObject({ code: "cdp_unreachable", details: { why: expect.stringContaining("401") } });
});

test("[R27] a WebSocket's root is dialled as it is, and asked for the browser's path where nothing is there", async ({
  answer,
}) => {
  const port = await answer(naming("ws://127.0.0.1:1/devtools/browser/x"));
  const at = `127.0.0.1:${port}`;
  const addressesAfter = async (status: number) => {
    const { dialled } = await dialledFor(`ws://${at}`, new Error(`Unexpected server response: ${status}`));
    return dialled.map(({ address }) => address);
  };
  expect(await addressesAfter(404)).toEqual([`ws://${at}/`, `ws://${at}/devtools/browser/x`]);
  expect(await addressesAfter(401)).toEqual([`ws://${at}/`]);
});

test("[R27] an endpoint may be IPv6, in any spelling of a pattern", async () => {
  const { dialled } = await dialledFor("ws://[::1]:9222/b");
  expect(dialled).toEqual([{ address: "ws://[::1]:9222/b", at: ["::1"], host: undefined }]);
  expect(cdpPatternSchema.parse("[0:0:0:0:0:0:0:1]:9222")).toEqual({ host: "[::1]", port: "9222" });
});

for (const [name, why] of [
  ["here.bots.test", "this machine"],
  ["mixed.bots.test", "this machine by one of its addresses"],
  ["cloud.bots.test", "a cloud's metadata"],
  ["aws.bots.test", "a cloud's metadata over IPv6"],
]) {
  test(`[R27] a name that only a domain's pattern allows may not lead to ${why}`, async () => {
    await expect(dialledFor(`ws://${name}:9222/b`)).rejects.toMatchObject({ code: "url_not_allowed" });
  });
}
