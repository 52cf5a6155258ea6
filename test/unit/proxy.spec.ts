/** The proxy of a browser by itself: what it connects to, what it answers, what it leaves behind. */
import { createServer, get, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { test as base, expect } from "@playwright/test";
import { cachedResolver } from "../../src/egress/cached-resolver.ts";
import { type Destinations, urlPatternSchema } from "../../src/egress/destination.ts";
import { type EgressProxy, startProxy } from "../../src/egress/proxy.ts";

interface Site {
  readonly port: number;
  readonly server: Server;
  readonly hits: string[];
}

interface Told {
  readonly kind: "warn" | "info";
  readonly facts: object;
}

interface Started {
  readonly proxy: EgressProxy;
  readonly told: Told[];
}

const test = base.extend<{
  /** On 127.0.0.1 and 127.0.0.2, one port; each answers with its own name. */
  sites: { readonly first: Site; readonly second: Site };
  start: (given: Partial<Omit<Destinations, "allow">> & { allow?: readonly string[] }) => Promise<Started>;
}>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  sites: async ({}, use) => {
    const second = await listen("127.0.0.2", 0);
    const first = await listen("127.0.0.1", second.port);
    await use({ first, second });
    for (const { server } of [first, second]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  },
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  start: async ({}, use) => {
    const proxies: EgressProxy[] = [];
    await use(async ({ allow = [], ...given }) => {
      const told: Told[] = [];
      const proxy = await startProxy({
        destinations: {
          allowPrivate: false,
          neverPorts: () => new Set(),
          demoOrigin: () => undefined,
          ...given,
          allow: allow.map((text) => urlPatternSchema.parse(text)),
        },
        log: {
          warn: (facts) => void told.push({ kind: "warn", facts }),
          info: (facts) => void told.push({ kind: "info", facts }),
        },
      });
      proxies.push(proxy);
      return { proxy, told };
    });
    await Promise.all(proxies.map((proxy) => proxy.stop().catch(() => {})));
  },
});

async function listen(host: string, port: number): Promise<Site> {
  const hits: string[] = [];
  const server = createServer((request, response) => {
    hits.push(`${request.method} ${request.url}`);
    response.end(host);
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  return { port: (server.address() as AddressInfo).port, server, hits };
}

/** A plain request through the proxy: the status and the text, or the error's code. */
async function fetchBy({ port }: EgressProxy, url: string): Promise<[number | string, string]> {
  return new Promise((resolve) => {
    const asked = get({ host: "127.0.0.1", port, path: url, headers: { host: new URL(url).host } }, async (answer) =>
      resolve([answer.statusCode ?? 0, await textOf(answer)]),
    );
    asked.once("error", (error: NodeJS.ErrnoException) => resolve([error.code ?? "error", ""]));
  });
}

/** The same through a tunnel. */
async function tunnelBy({ port }: EgressProxy, host: string): Promise<[number | string, string]> {
  return new Promise((resolve) => {
    const asked = httpRequest({ host: "127.0.0.1", port, method: "CONNECT", path: host });
    asked.once("connect", (answer: IncomingMessage, socket: Socket, head: Buffer) => {
      if (answer.statusCode !== 200)
        return void socket.destroy(resolve([answer.statusCode ?? 0, head.toString()]) as never);
      const through = get({ createConnection: () => socket, path: "/", headers: { host } }, async (inner) =>
        resolve([inner.statusCode ?? 0, await textOf(inner)]),
      );
      through.once("error", (error: NodeJS.ErrnoException) => resolve([error.code ?? "error", ""]));
    });
    asked.once("error", (error: NodeJS.ErrnoException) => resolve([error.code ?? "error", ""]));
    asked.end();
  });
}

async function textOf(answer: IncomingMessage): Promise<string> {
  return Buffer.concat(await answer.toArray()).toString();
}

for (const [way, ask] of [
  ["a plain request", (proxy: EgressProxy, host: string) => fetchBy(proxy, `http://${host}/`)],
  ["a tunnel", tunnelBy],
] as const) {
  test(`${way} goes to the address that was checked, and a name that changes its mind is refused`, async ({
    sites,
    start,
  }) => {
    const { first, second } = sites;
    const answers = [["127.0.0.2"], ["127.0.0.1"]];
    let asked = 0;
    const resolve = async () => answers[asked++] ?? [];
    const { proxy } = await start({ resolve, allow: ["127.0.0.2"] });
    const host = `rebind.example:${second.port}`;
    expect(await ask(proxy, host)).toEqual([200, "127.0.0.2"]);
    expect(asked).toBe(1);
    expect((await ask(proxy, host))[0]).toBe(403);
    expect([asked, second.hits, first.hits]).toEqual([2, ["GET /"], []]);
  });

  test(`${way} that is refused is answered with the code, counted, and logged once a host without more`, async ({
    sites,
    start,
  }) => {
    const { first } = sites;
    const { proxy, told } = await start({});
    for (const name of ["127.0.0.1", "127.0.0.1", "localhost", "0x7f.1"]) {
      expect((await ask(proxy, `${name}:${first.port}`))[0]).toBe(403);
    }
    expect(proxy.reports.refusals).toBe(4);
    const why = "a private address; URL_ALLOW_PRIVATE=on allows it";
    expect(told).toEqual([
      { kind: "warn", facts: { host: "127.0.0.1", port: first.port, why } },
      { kind: "warn", facts: { host: "localhost", port: first.port, why } },
    ]);
    await proxy.stop();
    expect(told.at(-1)).toEqual({ kind: "info", facts: { refusals: 4 } });
    expect(first.hits).toEqual([]);
  });

  test(`${way} to an address without a server is no page of the proxy's own, and the reason is known`, async ({
    start,
  }) => {
    const resolve = () => Promise.reject(Object.assign(new Error("no"), { code: "ENOTFOUND" }));
    const { proxy } = await start({ allowPrivate: true, resolve });
    for (const [host, why] of [
      ["127.0.0.1:1", "net::ERR_CONNECTION_REFUSED"],
      ["nobody.example:80", "net::ERR_NAME_NOT_RESOLVED"],
    ] as const) {
      expect((await ask(proxy, host))[0]).toBe(ask === tunnelBy ? 502 : "ECONNRESET");
      expect(proxy.reports.about(new URL(`http://${host}/`))).toEqual({ refused: false, why });
    }
  });
}

test("a refusal says the code and why, never what was asked", async ({ start }) => {
  const { proxy } = await start({});
  const [status, text] = await fetchBy(proxy, "http://10.0.0.1:8080/path?token=1");
  expect([status, text]).toEqual([403, "url_not_allowed: a private address; URL_ALLOW_PRIVATE=on allows it\n"]);
});

test("what is no request to a proxy is not served", async ({ start }) => {
  const { proxy } = await start({ allowPrivate: true });
  expect((await fetch(`http://127.0.0.1:${proxy.port}/`)).status).toBe(400);
});

test("stop ends every connection, also one to a site that never closes", async ({ start }) => {
  const held = new Set<Socket>();
  const stubborn = createTcpServer({ allowHalfOpen: true }, (socket) => {
    held.add(socket);
    socket.on("error", () => {}).once("close", () => held.delete(socket));
    socket.resume();
  });
  await new Promise<void>((resolve) => stubborn.listen(0, "127.0.0.1", resolve));
  const { port } = stubborn.address() as AddressInfo;
  const { proxy } = await start({ allowPrivate: true });
  const pending = [tunnelBy(proxy, `127.0.0.1:${port}`), fetchBy(proxy, `http://127.0.0.1:${port}/`)];
  await expect.poll(() => held.size).toBe(2);
  const outside = [...held];
  await proxy.stop();
  await Promise.all(pending);
  // The other side of it: nothing of ours listens or reads any more, so that writing fails.
  for (const socket of outside) {
    const gone = new Promise((resolve) => socket.once("close", resolve));
    socket.write("anybody there?");
    socket.end();
    await gone;
  }
  expect(held.size).toBe(0);
  await expect(fetch(`http://127.0.0.1:${proxy.port}/`)).rejects.toThrow();
  await new Promise((resolve) => stubborn.close(resolve));
});

test("a browser that leaves takes its tunnel along", async ({ start }) => {
  const held = new Set<Socket>();
  const site = createTcpServer({ allowHalfOpen: true }, (socket) => {
    held.add(socket);
    socket.on("error", () => {}).once("close", () => held.delete(socket));
  });
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  const { port } = site.address() as AddressInfo;
  const { proxy } = await start({ allowPrivate: true });
  const asked = httpRequest({
    host: "127.0.0.1",
    port: proxy.port,
    method: "CONNECT",
    path: `127.0.0.1:${port}`,
  }).end();
  const browser = await new Promise<Socket>((resolve) => asked.once("connect", (_answer, socket) => resolve(socket)));
  await expect.poll(() => held.size).toBe(1);
  browser.destroy();
  const [socket] = held;
  // A write to a connection that is gone fails.
  const written = () => {
    socket?.write("x");
    return held.size;
  };
  await expect.poll(written).toBe(0);
  await new Promise((resolve) => site.close(resolve));
});

test("a name is asked for once for a while, and again where that failed", async () => {
  let now = 0;
  let asked = 0;
  const answers = [Promise.reject(new Error("no")), Promise.resolve(["1.1.1.1"]), Promise.resolve(["2.2.2.2"])];
  const resolve = cachedResolver(
    () => answers[asked++] ?? Promise.resolve([]),
    () => now,
  );
  await expect(resolve("a.example")).rejects.toThrow("no");
  expect(await Promise.all([resolve("a.example"), resolve("a.example")])).toEqual([["1.1.1.1"], ["1.1.1.1"]]);
  now = 29_000;
  expect(await resolve("a.example")).toEqual(["1.1.1.1"]);
  now = 31_000;
  expect(await resolve("a.example")).toEqual(["2.2.2.2"]);
  expect(asked).toBe(3);
});

test("[S17] a proxy without destinations reaches nothing; once it is assigned it does, and its reports begin anew", async ({
  sites,
}) => {
  const { first } = sites;
  const logs: Told[][] = [[], []];
  const [before, after] = logs.map((told) => ({
    warn: (facts: object) => void told.push({ kind: "warn" as const, facts }),
    info: (facts: object) => void told.push({ kind: "info" as const, facts }),
  }));
  if (!before || !after) throw new Error("There are two logs.");
  const proxy = await startProxy({ destinations: null, log: before });
  try {
    const host = `127.0.0.1:${first.port}`;
    expect((await fetchBy(proxy, `http://${host}/`))[0]).toBe(403);
    expect((await tunnelBy(proxy, host))[0]).toBe(403);
    expect([first.hits, proxy.reports.refusals]).toEqual([[], 2]);
    const nowhere = { neverPorts: () => new Set<number>(), demoOrigin: () => undefined };
    proxy.assign({ destinations: { allowPrivate: true, allow: [], ...nowhere }, log: after });
    expect(await fetchBy(proxy, `http://${host}/`)).toEqual([200, "127.0.0.1"]);
    expect([proxy.reports.refusals, proxy.reports.about(new URL(`http://${host}/`))]).toEqual([0, undefined]);
    expect(logs).toEqual([[{ kind: "warn", facts: expect.objectContaining({ port: first.port }) }], []]);
  } finally {
    await proxy.stop();
  }
});
