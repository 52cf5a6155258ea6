/** Arrival notices: people are told once that a session needs one of them, with a link that opens it; and of its end. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BRIEF_SEARCH_MS, expect } from "../support/fixtures.ts";
import { NO_KEY } from "../support/key.ts";
import { expectWithin } from "../support/pace.ts";
import { test as base, call } from "../support/requests.ts";
import { WebhookReceiver } from "../support/webhook-receiver.ts";

const test = base.extend<{
  /** Receivers of their own, ended with the test. */
  receive: () => Promise<WebhookReceiver>;
  /** The setting that names these channels. */
  channels: (...channels: object[]) => Promise<{ ARRIVAL_NOTICES_FILE: string }>;
}>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  receive: async ({}, use) => {
    const receivers: WebhookReceiver[] = [];
    await use(async () => {
      const receiver = await WebhookReceiver.start();
      receivers.push(receiver);
      return receiver;
    });
    for (const receiver of receivers) await receiver.stop();
  },
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  channels: async ({}, use, info) => {
    await use(async (...channels) => {
      const path = join(info.outputDir, "channels.json");
      await mkdir(info.outputDir, { recursive: true });
      await writeFile(path, JSON.stringify(channels));
      return { ARRIVAL_NOTICES_FILE: path };
    });
  },
});

/** Its pages have no challenge. */
test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

test("one message a session, with a link that opens it, to the channels of its label; and one at its end", async ({
  bot,
  startServer,
  site,
  receive,
  channels,
  connect,
}) => {
  const receiver = await receive();
  const all = { url: receiver.url, form: "plain", end: "{label}: {outcome}" };
  const server = await startServer(await channels(all, { ...all, form: "slack", labels: ["bank"], end: "over" }));
  const url = site.serve("/", "<p>x</p>");
  const { body: session } = await call("POST", `${server.api}/sessions`, {
    url,
    label: "shop",
    instructions: "Slide.",
  });
  const said = () => receiver.received.map(({ body }) => JSON.parse(body));
  await expect.poll(said).toHaveLength(1);
  expect(said()[0]).toMatchObject({ event: "arrival", label: "shop", instructions: "Slide.", site: new URL(url).host });
  // The link lets its holder in.
  const [address, token] = said()[0].link.split("#");
  expect(address).toBe(`${server.api}/control/${session.session_id}`);
  const knock = (headers: Record<string, string | undefined>) =>
    call("POST", `${server.api}/session/${session.session_id}/ticket`, undefined, headers);
  expect((await knock({ authorization: `Bearer ${token}` })).status).toBe(200);
  expect((await knock(NO_KEY)).status).toBe(401);
  // Somebody takes it and gives it back: it waits again, and nobody is told again.
  const operator = await connect(session.ws_url, { protocols: ["captcha.json.v1"] });
  await operator.next("control", ({ you }) => you);
  operator.send({ type: "release_control" });
  await operator.next("session_state", ({ state }) => state === "waiting");
  operator.terminate();
  await call("DELETE", `${server.api}/session/${session.session_id}`);
  await expect.poll(said).toHaveLength(2);
  expect(said()[1]).toMatchObject({ event: "end", text: "shop: cancelled", link: null });
  const other = await call("POST", `${server.api}/sessions`, await bot.guest({ url, label: "bank" }));
  await expect.poll(said).toHaveLength(4);
  const texts = said()
    .slice(2)
    .map(({ text }) => text);
  expect(texts).toContainEqual(expect.stringMatching(/^bank needs a person .*<http.*\|Open>$/));
  await call("DELETE", `${server.api}/session/${other.body.session_id}`);
  await expect.poll(said).toHaveLength(6);
});

test("a channel that hangs, refuses or is away holds up nobody: not the session, not the others, not the server's end", async ({
  bot,
  startServer,
  site,
  receive,
  channels,
}) => {
  const [hanging, refusing, good] = [await receive(), await receive(), await receive()];
  hanging.answer = () => {};
  refusing.answer = (response) => response.writeHead(200).end(JSON.stringify({ errcode: 310_000 }));
  const server = await startServer(
    await channels(
      { url: hanging.url, form: "slack" },
      { url: refusing.url, form: "dingtalk" },
      { url: "http://127.0.0.1:1/", form: "feishu" },
      { url: good.url, form: "plain" },
    ),
  );
  const body = await bot.guest({ url: site.serve("/", "<p>x</p>") });
  const startedAt = Date.now();
  expect((await call("POST", `${server.api}/sessions`, body)).status).toBe(201);
  for (const receiver of [good, hanging, refusing]) await expect.poll(() => receiver.received.length).toBe(1);
  expectWithin(Date.now() - startedAt, 8_000);
  const closingAt = Date.now();
  await server.close();
  expectWithin(Date.now() - closingAt, 5_000);
});
