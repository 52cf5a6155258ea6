/** [R32] [W61] The socket over which a bot crops its page: who gets in, and bots that do what no honest one does. */
import { mergeTests } from "@playwright/test";
import { WebSocket } from "ws";
import type { Scope } from "../../src/auth/caller.ts";
import type { SessionAnswer } from "../../src/protocol/rest.ts";
import { attachStorage } from "../../src/storage/storage.ts";
import { BRIEF_SEARCH_MS } from "../support/fixtures.ts";
import { type BotBrowser, expect, test as withGuests } from "../support/guest.ts";
import { addKey, BEARER } from "../support/key.ts";
import { longUnless } from "../support/long-run.ts";
import { call, type OwnServer, test as withServers } from "../support/requests.ts";

const CHALLENGE = `<!doctype html><title>shop</title><body style="margin:0">
  <div id="captcha" style="position:absolute;left:40px;top:60px;width:300px;height:200px;background:#cde"></div>`;
const VIEWPORT = { width: 900, height: 640 };
const CROP = { density: 1, touch: false };
const SHARP = 2;

// biome-ignore lint/suspicious/noExplicitAny: tests look into messages of many shapes.
type Json = any;

/** A bot's socket that says what the test tells it to. */
class CropBot {
  readonly socket: WebSocket;
  readonly texts: Json[] = [];
  readonly closed: Promise<number>;
  /** Answers what the server asks for from now on. */
  answers: (asked: Json) => object | null = () => null;

  constructor(api: string, id: string, headers: Readonly<Record<string, string>>) {
    this.socket = new WebSocket(`${api.replace(/^http/, "ws")}/session/${id}/crop`, { headers });
    this.closed = new Promise((resolve) => this.socket.once("close", resolve));
    this.socket.on("error", () => {});
    this.socket.on("message", (data: Buffer) => {
      const message = JSON.parse(data.toString());
      this.texts.push(message);
      const answer = message.type === "crop" ? this.answers(message) : null;
      if (answer) this.say(answer);
    });
  }

  say(message: object | string): void {
    const text = typeof message === "string" ? message : JSON.stringify(message);
    if (this.socket.readyState === WebSocket.CONNECTING) this.socket.once("open", () => this.socket.send(text));
    else this.socket.send(text);
  }

  async text(type: string): Promise<Json> {
    await expect.poll(() => this.texts.some((message) => message.type === type)).toBe(true);
    return this.texts.find((message) => message.type === type);
  }
}

const test = mergeTests(withGuests, withServers).extend<{
  dial: (server: { readonly api: string }, id: string, headers?: Readonly<Record<string, string>>) => CropBot;
  guest: (server: { readonly api: string }) => Promise<{ session: SessionAnswer; hello: object }>;
}>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameter's shape.
  dial: async ({}, use) => {
    const bots: CropBot[] = [];
    await use(({ api }, id, headers = BEARER) => {
      const bot = new CropBot(api, id, headers);
      bots.push(bot);
      return bot;
    });
    for (const { socket } of bots) socket.terminate();
  },
  guest: async ({ botBrowser, site }, use) => {
    const open = async ({ api }: { readonly api: string }) => {
      const page = await botBrowser.open(site.serve("/guest", CHALLENGE), VIEWPORT);
      const target_id = await botBrowser.targetOf(page);
      const { body } = await call("POST", `${api}/sessions`, { cdp: cdpOf(botBrowser, target_id) });
      return { session: body as SessionAnswer, hello: { type: "hello", version: 1, target_id, crop: CROP } };
    };
    await use(open);
  },
});

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

function cdpOf({ endpoint }: BotBrowser, target_id: string): object {
  return { endpoint, target_id };
}

/** A key of its own on this server, as a header. */
function keyOf({ dataDir }: OwnServer, name: string, scopes?: readonly Scope[]): { authorization: string } {
  const storage = attachStorage(dataDir);
  const { secret } = addKey(storage.keys, name, scopes);
  storage.close();
  return { authorization: `Bearer ${secret}` };
}

test("[W61] only the key that created the session crops its page; it learns nothing of others", async ({
  startServer,
  dial,
  guest,
}) => {
  const own = await startServer({ AUTHENTICATE_SECONDS: "3" });
  const { session, hello } = await guest(own);
  const refusal = async (headers: Record<string, string>, id = session.session_id) => {
    const bot = dial(own, id, headers);
    bot.say(hello);
    return [(await bot.text("error")).code, await bot.closed];
  };
  expect(await refusal({})).toEqual(["unauthorized", 4401]);
  expect(await refusal({ authorization: "Bearer crk_wrong" })).toEqual(["unauthorized", 4401]);
  expect(await refusal(keyOf(own, "reader", ["sessions:read"]))).toEqual(["forbidden", 4403]);
  const thief = keyOf(own, "thief");
  expect(await refusal(thief)).toEqual(["session_not_found", 4404]);
  expect(await refusal(thief, "nothing-there")).toEqual(["session_not_found", 4404]);
  expect(await refusal(keyOf(own, "ops", ["ops"]))).toEqual(["forbidden", 4403]);
  const silent = dial(own, session.session_id);
  expect([(await silent.text("error")).code, await silent.closed]).toEqual(["relay_violation", 4400]);
  const byMessage = dial(own, session.session_id, {});
  byMessage.say({ type: "authenticate", token: BEARER.authorization.split(" ")[1] });
  await byMessage.text("authentication_result");
  byMessage.say(hello);
  await byMessage.text("welcome");
});

test("[R32] [W61] the page must be the session's, and one that cdp names; of two bots the newer one crops", async ({
  server,
  bot,
  site,
  dial,
  guest,
}) => {
  const { session, hello } = await guest(server);
  const refused = async (id: string, said: object) => {
    const other = dial(server, id);
    other.say(said);
    await other.closed;
    return (await other.text("error")).code;
  };
  expect(await refused(session.session_id, { ...hello, target_id: "0".repeat(32) })).toBe("invalid_message");
  const owned = await bot.create({ url: site.serve("/owned", CHALLENGE) });
  expect(await refused(owned.session_id, hello)).toBe("invalid_message");
  await call("DELETE", `${server.api}/session/${owned.session_id}`);

  const first = dial(server, session.session_id);
  first.say("{");
  first.say({ type: "hello", version: 2 });
  first.say({ type: "dance" });
  first.say(hello);
  await first.text("welcome");
  expect(first.texts.map(({ code }) => code).filter(Boolean)).toEqual([
    "invalid_message",
    "invalid_message",
    "unknown_type",
  ]);
  first.say({ type: "cropped", id: 99 });
  const second = dial(server, session.session_id);
  second.say(hello);
  await second.text("welcome");
  expect(await first.closed).toBe(1000);
  await call("DELETE", `${server.api}/session/${session.session_id}`);
  expect(await second.closed).toBe(4410);
});

/** What a bot answers to each crop that it is asked for, and how its socket ends. */
const BAD_BOTS: Readonly<Record<string, readonly [(asked: { readonly id: number }) => object | null, number]>> = {
  "does not answer": [() => null, 4408],
  "cannot do it": [({ id }) => ({ type: "cropped", id, error: "the page is busy" }), 4408],
  "says it has and has not": [({ id }) => ({ type: "cropped", id }), 4408],
};

for (const [what, [answers, close]] of Object.entries(BAD_BOTS)) {
  const long = longUnless(what !== "cannot do it");
  test(`[W61] from a bot that ${what} the server turns away, and people get the whole page${long}`, async ({
    server,
    connect,
    dial,
    guest,
  }) => {
    const { session, hello } = await guest(server);
    const helper = dial(server, session.session_id);
    helper.answers = answers;
    helper.say(hello);
    await helper.text("welcome");
    const operator = await connect(session.ws_url, { protocols: ["captcha.binary.v1"] });
    operator.acks = true;
    operator.send({ type: "view", mode: "challenge", scale: SHARP });
    expect(await helper.closed).toBe(close);
    expect(helper.texts.filter(({ type }) => type === "crop").length).toBeGreaterThan(0);
    const from = operator.pictures.length;
    operator.send({ type: "view", mode: "page", scale: 1 });
    const { view, scale } = await operator.nextPicture(({ view }) => view.width === VIEWPORT.width, from);
    expect([view, scale]).toEqual([{ x: 0, y: 0, ...VIEWPORT }, 1]);
    await call("DELETE", `${server.api}/session/${session.session_id}`);
  });
}
