/** One webhook to real receivers, most of them bad ones: every try has an end, and goes to no address that was not checked. */
import { createServer, type Server } from "node:net";
import { test as base, expect } from "@playwright/test";
import { Webhook } from "standardwebhooks";
import { deliver } from "../../src/webhooks/delivery.ts";
import { expectWithin } from "../support/pace.ts";
import { SECRET, WebhookReceiver } from "../support/webhook-receiver.ts";

const DEADLINE_MS = 700;
const GIGABYTE = 1024 ** 3;
const POST = { id: "evt_1", body: '{"type":"session.ended","data":{"note":"好 🧩"}}', secret: SECRET };

const test = base.extend<{ receiver: WebhookReceiver; send: (url?: string) => ReturnType<typeof deliver> }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  receiver: async ({}, use) => {
    const receiver = await WebhookReceiver.start();
    await use(receiver);
    await receiver.stop();
  },
  send: async ({ receiver }, use) => {
    const signal = new AbortController().signal;
    await use((url = receiver.url) =>
      deliver({ ...POST, url }, { allowPrivate: true, signal, deadlineMs: DEADLINE_MS }),
    );
  },
});

test("it is signed as Standard Webhooks says: the library takes it, and nothing that was changed", async ({
  receiver,
  send,
}) => {
  expect(await send()).toEqual({ kind: "delivered" });
  const { headers, body } = receiver.received[0] ?? { headers: {}, body: "" };
  expect(headers).toMatchObject({ "content-type": "application/json", "webhook-id": "evt_1" });
  expect(body).toBe(POST.body);
  const webhook = new Webhook(SECRET);
  expect(webhook.verify(body, headers)).toEqual(JSON.parse(POST.body));
  expect(() => webhook.verify(body.replace("ended", "begun"), headers)).toThrow("No matching signature");
  expect(() => webhook.verify(body, { ...headers, "webhook-id": "evt_2" })).toThrow("No matching signature");
  expect(JSON.stringify(headers)).not.toContain(SECRET.slice(6));
});

for (const [status, kind] of [
  [200, "delivered"],
  [204, "delivered"],
  [299, "delivered"],
  [304, "again"],
  [400, "again"],
  [404, "again"],
  [410, "gone"],
  [429, "again"],
  [500, "again"],
] as const) {
  test(`${status}: ${kind}`, async ({ receiver, send }) => {
    receiver.answer = (response) => response.writeHead(status).end();
    expect(await send()).toEqual(kind === "delivered" ? { kind } : { kind, error: `answered ${status}` });
  });
}

for (const status of [301, 302, 303, 307, 308]) {
  test(`a redirect is not followed: ${status}`, async ({ receiver, send }) => {
    const elsewhere = await WebhookReceiver.start();
    receiver.answer = (response) => response.writeHead(status, { location: elsewhere.url }).end();
    expect(await send()).toEqual({ kind: "again", error: `answered ${status}` });
    expect(elsewhere.received).toEqual([]);
    await elsewhere.stop();
  });
}

test("a receiver that hangs is left at the deadline, and the connection with it", async ({ receiver, send }) => {
  receiver.answer = () => {};
  const start = performance.now();
  expect(await send()).toEqual({ kind: "again", error: `no answer after ${DEADLINE_MS} ms` });
  expectWithin(performance.now() - start, DEADLINE_MS + 400);
  await expect.poll(() => receiver.connections()).toBe(0);
});

test("one that sends its headers letter by letter is left at the deadline", async ({ send }) => {
  const drip = await serving((write) => {
    write("HTTP/1.1 200 OK\r\nx-slow: ");
    return setInterval(() => write("a"), 20);
  });
  expect(await send(drip.url)).toEqual({ kind: "again", error: `no answer after ${DEADLINE_MS} ms` });
  await drip.stop();
});

test("an answer of 1 GB is cut off: the status counts, the rest is not read", async ({ receiver, send }) => {
  let written = 0;
  let cut = false;
  receiver.answer = (response) => {
    const block = Buffer.alloc(1024 * 1024);
    response.writeHead(200, { "content-length": GIGABYTE });
    response.once("close", () => {
      cut = written < GIGABYTE;
    });
    const write = () => {
      while (!response.destroyed && written < GIGABYTE) {
        written += block.length;
        if (!response.write(block)) return response.once("drain", write);
      }
      return response.end();
    };
    write();
  };
  const before = process.memoryUsage().rss;
  expect(await send()).toEqual({ kind: "delivered" });
  await expect.poll(() => cut).toBe(true);
  expect(written).toBeLessThan(GIGABYTE / 10);
  expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
  await expect.poll(() => receiver.connections()).toBe(0);
});

test("an answer whose body never ends holds nothing up: its status was said", async ({ receiver }) => {
  receiver.answer = (response) => void response.writeHead(200).write("a");
  const signal = new AbortController().signal;
  const start = performance.now();
  const outcome = await deliver({ ...POST, url: receiver.url }, { allowPrivate: true, signal });
  expect(outcome).toEqual({ kind: "delivered" });
  expectWithin(performance.now() - start, 2_000);
  await expect.poll(() => receiver.connections()).toBe(0);
});

for (const [name, answer] of [
  ["headers without end", `HTTP/1.1 200 OK\r\n${"x-much: more\r\n".repeat(100_000)}`],
  ["no HTTP at all", "SSH-2.0-OpenSSH_9.6\r\n\r\n"],
  ["a connection that is cut at once", null],
] as const) {
  test(`a failure with a reason: ${name}`, async ({ send }) => {
    const odd = await serving((write, end) => {
      if (answer === null) end();
      else write(answer);
      return undefined;
    });
    expect(await send(odd.url)).toMatchObject({ kind: "again", error: expect.stringMatching(/^(HPE_|ECONN)/) });
    await odd.stop();
  });
}

test("nobody there, and a name that nobody has", async ({ receiver, send }) => {
  const { url } = receiver;
  await receiver.stop();
  expect(await send(url)).toEqual({ kind: "again", error: "ECONNREFUSED" });
  const signal = new AbortController().signal;
  const resolve = () => Promise.reject(Object.assign(new Error("no such name"), { code: "ENOTFOUND" }));
  const options = { allowPrivate: true, signal, resolve };
  expect(await deliver({ ...POST, url: "http://nowhere.example/" }, options)).toEqual({
    kind: "again",
    error: "ENOTFOUND",
  });
  const hanging = { ...options, resolve: () => new Promise<never>(() => {}), deadlineMs: 100 };
  expect(await deliver({ ...POST, url: "http://slow.example/" }, hanging)).toEqual({
    kind: "again",
    error: "no answer after 100 ms",
  });
});

test("the connection goes to the address that was checked: the name is asked once, and nobody else is", async ({
  receiver,
}) => {
  const signal = new AbortController().signal;
  let asked = 0;
  const resolve = async () => {
    asked += 1;
    // A second answer would lead elsewhere, as a name does whose owner wants it to.
    return asked === 1 ? ["127.0.0.1"] : ["127.0.0.9"];
  };
  const url = `http://hooks.captcha-remote.invalid:${receiver.port}/hook`;
  expect(await deliver({ ...POST, url }, { allowPrivate: true, signal, resolve })).toEqual({ kind: "delivered" });
  expect(asked).toBe(1);
  expect(receiver.received[0]?.headers["host"]).toBe(`hooks.captcha-remote.invalid:${receiver.port}`);
});

for (const addresses of [["127.0.0.1"], ["93.184.215.14", "127.0.0.1"], ["::ffff:127.0.0.1"]]) {
  test(`a name that resolves to ${addresses.join(" and ")} is not connected to`, async ({ receiver }) => {
    const signal = new AbortController().signal;
    const url = `http://hooks.example:${receiver.port}/hook`;
    const outcome = await deliver({ ...POST, url }, { allowPrivate: false, signal, resolve: async () => addresses });
    expect(outcome).toEqual({
      kind: "again",
      error: "hooks.example is or has a private address; URL_ALLOW_PRIVATE=on allows it",
    });
    expect(await receiver.connections()).toBe(0);
    expect(receiver.received).toEqual([]);
  });
}

/** A server that answers each connection as told, below HTTP. */
async function serving(
  onConnection: (write: (text: string) => void, end: () => void) => NodeJS.Timeout | undefined,
): Promise<{ url: string; stop: () => Promise<void> }> {
  const timers: NodeJS.Timeout[] = [];
  const server: Server = createServer((socket) => {
    socket.on("error", () => {}).resume();
    const timer = onConnection(
      (text) => socket.write(text),
      () => socket.destroy(),
    );
    if (timer) timers.push(timer);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/`,
    // Ends once every connection has: what the sender did not let go of would hold it up.
    stop: async () => {
      for (const timer of timers) clearInterval(timer);
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
