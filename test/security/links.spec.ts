/** Attacks with links and tickets, and by watchers. Each is refused by its code, and nothing changes. */
import { createHmac } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { WebSocket } from "ws";
import { linksCommand } from "../../src/cli/links.ts";
import { type ClientMessageInput, clientMessageSchema, WATCHER_MESSAGES } from "../../src/protocol/live.ts";
import type { SessionAnswer } from "../../src/protocol/rest.ts";
import { BRIEF_SEARCH_MS, expect } from "../support/fixtures.ts";
import { NO_KEY, TEST_KEY_SPEC } from "../support/key.ts";
import { expectWithin } from "../support/pace.ts";
import { call, type OwnServer, REPORTING, reportsOf, test as withServers } from "../support/requests.ts";

const PAGE = `<!doctype html><style>body{margin:0}</style>
<div id="captcha-box" style="width:300px;height:200px;background:#ddd"><input autofocus></div>${REPORTING}
<script>
for (const type of ["mousedown", "mouseup", "mousemove", "wheel", "keydown", "keyup", "input"])
  addEventListener(type, () => report(type), true);
</script>`;
const JSON_ONLY = "captcha.json.v1";

const test = withServers.extend<{ target: OwnServer; session: SessionAnswer; other: SessionAnswer }>({
  target: async ({ startServer }, use) => {
    await use(await startServer({ URL_ALLOW_PRIVATE: "on", AUTHENTICATE_SECONDS: "2" }));
  },
  session: async ({ target, site, bot }, use) => {
    const body = await bot.guest({ url: site.serve("/", PAGE) });
    await use((await call("POST", `${target.api}/sessions`, body)).body);
  },
  other: async ({ target, site, bot }, use) => {
    const body = await bot.guest({ url: site.serve("/", PAGE) });
    await use((await call("POST", `${target.api}/sessions`, body)).body);
  },
});

/** Its pages have no challenge. */
test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

function tokenOf({ control_url }: Pick<SessionAnswer, "control_url">): string {
  return new URL(control_url).hash.slice(1);
}

function ticket({ api }: OwnServer, id: string, token: string) {
  return call("POST", `${api}/session/${id}/ticket`, undefined, { authorization: `Bearer ${token}` });
}

async function watchToken({ api }: OwnServer, id: string, ttl_seconds?: number): Promise<string> {
  const { body } = await call("POST", `${api}/session/${id}/links`, { role: "watch", ttl_seconds });
  return new URL(body.url).hash.slice(1);
}

interface Heard {
  readonly messages: { type: string; [field: string]: unknown }[];
  readonly closed: Promise<number>;
  readonly socket: WebSocket;
}

/** A socket that nobody knows: without a key. */
async function stranger(wsUrl: string, protocols: string[] = [JSON_ONLY]): Promise<Heard> {
  const socket = new WebSocket(wsUrl, protocols);
  const messages: Heard["messages"] = [];
  socket.on("message", (data) => messages.push(JSON.parse(String(data))));
  socket.on("error", () => {});
  const closed = new Promise<number>((resolve) => socket.once("close", resolve));
  await new Promise<void>((resolve) => socket.once("open", () => resolve()));
  return { socket, messages, closed };
}

function ticketProtocols(ticket: string): string[] {
  return [JSON_ONLY, `captcha.ticket.${ticket}`];
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** The claims of a token, changed, and signed anew with this secret. */
function forged(token: string, header: object, claims: object, secret: Uint8Array | string): string {
  const [head = "", body = ""] = token.split(".");
  const read = (text: string) => JSON.parse(Buffer.from(text, "base64url").toString()) as object;
  const text = `${part({ ...read(head), ...header })}.${part({ ...read(body), ...claims })}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

async function stateOf({ api }: OwnServer, id: string) {
  const { body } = await call("GET", `${api}/session/${id}`);
  return { state: body.state, operators: body.operators, expires_at: body.expires_at };
}

test("[R16] a token that is forged, raised, swapped, unsigned or cut opens nothing", async ({
  target,
  session,
  other,
}) => {
  const id = session.session_id;
  const token = tokenOf(session);
  const watching = await watchToken(target, id);
  const [head = "", body = "", signature = ""] = token.split(".");
  const unsigned = `${part({ alg: "none", typ: "captcha-link+jwt" })}.${body}.`;
  const attacks: readonly (readonly [string, string])[] = [
    ["signed by a guess", forged(token, {}, {}, "secret")],
    ["its role raised", forged(watching, {}, { role: "control" }, "secret")],
    ["its role raised, with the old signature", `${watching.split(".")[0]}.${body}.${watching.split(".")[2]}`],
    ["alg none", unsigned],
    ["alg none in capitals", `${part({ alg: "NONE" })}.${body}.`],
    ["alg none with the signature", `${part({ alg: "none", typ: "captcha-link+jwt" })}.${body}.${signature}`],
    ["no signature", `${head}.${body}.`],
    ["a kid that is a path", forged(token, { kid: "../../etc/passwd" }, {}, "")],
    ["a kid of a secret that is empty", forged(token, { kid: "" }, {}, "")],
    ["its expiry moved", forged(token, {}, { exp: 99_999_999_999 }, "secret")],
    ["of another session", tokenOf(other)],
    ["empty", "."],
    ["too long", `${token}${"a".repeat(5_000)}`],
    ["no JSON", "e30.e30.e30"],
  ];
  const before = await stateOf(target, id);
  for (const [what, attack] of attacks) {
    const { status, body: told } = await ticket(target, id, attack);
    expect(`${status} ${told.error?.code}`, what).toBe("401 unauthorized");
    const { socket, messages, closed } = await stranger(session.ws_url);
    socket.send(JSON.stringify({ type: "authenticate", token: attack.slice(0, 2_048) }));
    expect(await closed, what).toBe(4401);
    expect(messages[0], what).toMatchObject({ type: "authentication_result", success: false, code: "unauthorized" });
    expect(
      messages.map(({ type }) => type),
      what,
    ).not.toContain("session_info");
  }
  expect(await stateOf(target, id)).toEqual(before);
});

test("[R13] who merely operates makes links of a quarter of an hour, of the sessions of its labels", async ({
  bot,
  startServer,
  site,
}) => {
  const OPERATOR = { authorization: "Bearer operator-key-0123456789" };
  const MAKER = { authorization: "Bearer maker-key-0123456789ab" };
  const server = await startServer({
    API_KEYS: [
      TEST_KEY_SPEC,
      "anna:operator-key-0123456789:operate labels=shop",
      "maker:maker-key-0123456789ab:sessions:create+operate labels=shop",
    ].join(),
  });
  const url = site.serve("/", PAGE);
  const { body: session } = await call("POST", `${server.api}/sessions`, await bot.guest({ url, label: "shop" }));
  const { body: other } = await call("POST", `${server.api}/sessions`, await bot.guest({ url, label: "bank" }));
  const foreign = await call("POST", `${server.api}/session/${other.session_id}/links`, {}, OPERATOR);
  expect([foreign.status, foreign.body.error.code]).toEqual([404, "session_not_found"]);
  // Its own, and it may not act there: what it may not do it cannot hand out.
  const { body: own } = await call("POST", `${server.api}/sessions`, await bot.guest({ url, label: "shop" }), MAKER);
  expect((await call("POST", `${server.api}/session/${own.session_id}/ticket`, undefined, MAKER)).status).toBe(200);
  const beyond = await call("POST", `${server.api}/session/${own.session_id}/links`, {}, MAKER);
  expect([beyond.status, beyond.body.error.code]).toEqual([403, "forbidden"]);
  const links = `${server.api}/session/${session.session_id}/links`;
  const made = await call("POST", links, { qr: true }, OPERATOR);
  expect(made).toMatchObject({
    status: 201,
    body: { role: "control", qr: expect.stringMatching(/^data:image\/png;base64,/) },
  });
  const secondsOf = ({ body }: typeof made) => (Date.parse(body.expires_at) - Date.now()) / 1_000;
  expect(secondsOf(made)).toBeLessThanOrEqual(900);
  expect(secondsOf(made)).toBeGreaterThan(800);
  const refused = await call("POST", links, { ttl_seconds: 901 }, OPERATOR);
  expect(refused.status).toBe(403);
  expect(refused.body.error).toMatchObject({ code: "forbidden", details: { field: "ttl_seconds", max: 900 } });
  expect(secondsOf(await call("POST", links, {}))).toBeGreaterThan(900);
  expect((await call("DELETE", `${links}/${made.body.link_id}`, undefined, OPERATOR)).status).toBe(403);
  // However many it makes, its bot can still make some.
  let last = made;
  for (let count = 0; count < 60 && last.status === 201; count += 1) last = await call("POST", links, {}, OPERATOR);
  expect([last.status, last.body.error.code, last.body.error.details.field]).toEqual([429, "rate_limited", "links"]);
  expect((await call("POST", links, {})).status).toBe(201);
});

test("[R16] even signed with the server's own secret a token says no more than the link it is of", async ({
  target,
  session,
}) => {
  const ring = JSON.parse(await readFile(join(target.dataDir, "link-keys.json"), "utf8"));
  const secret = Buffer.from(ring[0].secret, "base64url");
  const watching = await watchToken(target, session.session_id);
  for (const claims of [{ role: "control" }, { sub: "another" }, { jti: "another" }, { exp: 1 }]) {
    const { status } = await ticket(target, session.session_id, forged(watching, {}, claims, secret));
    expect(status, JSON.stringify(claims)).toBe(401);
  }
  for (const header of [{ typ: "JWT" }, { alg: "HS512" }, { kid: "other" }, { crit: ["x"], x: 1 }]) {
    const { status } = await ticket(target, session.session_id, forged(watching, header, {}, secret));
    expect(status, JSON.stringify(header)).toBe(401);
  }
  expect((await ticket(target, session.session_id, watching)).status).toBe(200);
});

test("[R13] an expired link opens nothing, and who is in by it is cut off", async ({ target, session }) => {
  const token = await watchToken(target, session.session_id, 1);
  const { body } = await ticket(target, session.session_id, token);
  const watcher = await stranger(session.ws_url, ticketProtocols(body.ticket));
  expect(await watcher.closed).toBe(4401);
  expect(watcher.messages.at(-1)).toMatchObject({ type: "error", code: "unauthorized" });
  expect((await ticket(target, session.session_id, token)).status).toBe(401);
});

test("[R13] a revoked link opens nothing, who is in by it is cut off at once, and others are not", async ({
  target,
  session,
}) => {
  const id = session.session_id;
  const { body: link } = await call("POST", `${target.api}/session/${id}/links`, { role: "control" });
  const token = new URL(link.url).hash.slice(1);
  const mine = await ticket(target, id, tokenOf(session));
  const stays = await stranger(session.ws_url, ticketProtocols(mine.body.ticket));
  const theirs = await ticket(target, id, token);
  const goes = await stranger(session.ws_url, ticketProtocols(theirs.body.ticket));
  const spare = (await ticket(target, id, token)).body.ticket;
  await expect.poll(() => goes.messages.length).toBeGreaterThan(0);
  expect((await call("DELETE", `${target.api}/session/${id}/links/${link.link_id}`)).status).toBe(200);
  expect(await goes.closed).toBe(4401);
  expect((await ticket(target, id, token)).status).toBe(401);
  const late = await stranger(session.ws_url, ticketProtocols(spare));
  expect(await late.closed).toBe(4401);
  const again = await call("DELETE", `${target.api}/session/${id}/links/${link.link_id}`);
  expect(again.body.error.code).toBe("link_not_found");
  expect(stays.socket.readyState).toBe(WebSocket.OPEN);
  stays.socket.terminate();
});

test("[R13] a link that is revoked while its holder is still joining lets nobody in @long", async ({
  target,
  site,
}) => {
  const never = { url: site.serve("/never", () => {}) };
  const created = await call("POST", `${target.api}/sessions`, never, { prefer: "respond-async" });
  const { session_id: id, ws_url } = created.body;
  const { body: link } = await call("POST", `${target.api}/session/${id}/links`, { role: "control" });
  const token = new URL(link.url).hash.slice(1);
  // An older client is told of a page that starts only after a while: so long it is joining.
  const socket = new WebSocket(ws_url, { headers: { authorization: `Bearer ${token}` } });
  const closed = new Promise<number>((resolve) => socket.once("close", resolve));
  socket.on("error", () => {});
  await expect.poll(async () => (await call("GET", `${target.api}/session/${id}`)).body.operators).toBe(1);
  await call("DELETE", `${target.api}/session/${id}/links/${link.link_id}`);
  expect(await closed).toBe(4401);
  await expect.poll(async () => (await call("GET", `${target.api}/session/${id}`)).body.operators).toBe(0);
});

test("[R16] [W23] a ticket opens its session once, and no other", async ({ target, session, other }) => {
  const first = (await ticket(target, session.session_id, tokenOf(session))).body.ticket;
  const entered = await stranger(session.ws_url, ticketProtocols(first));
  expect(entered.socket.protocol).toBe(JSON_ONLY);
  await expect.poll(() => entered.messages[0]?.type).toBe("session_info");
  const twice = await stranger(session.ws_url, ticketProtocols(first));
  expect(await twice.closed).toBe(4401);
  const swapped = (await ticket(target, other.session_id, tokenOf(other))).body.ticket;
  const foreign = await stranger(session.ws_url, ticketProtocols(swapped));
  expect(await foreign.closed).toBe(4401);
  expect(foreign.messages.map(({ type }) => type)).toEqual(["error"]);
  // Tried at another session's door it is used up.
  const back = await stranger(other.ws_url, ticketProtocols(swapped));
  expect(await back.closed).toBe(4401);
  for (const guess of ["", "a", "__proto__", "constructor", "a".repeat(4_000)]) {
    const guessed = await stranger(session.ws_url, ticketProtocols(guess));
    expect(await guessed.closed, guess).toBe(4401);
  }
  entered.socket.terminate();
});

test("[W27] before it is known who comes, nothing is told and little is read", async ({ target, session }) => {
  for (const [what, first] of [
    ["another message", JSON.stringify({ type: "mouse_event", event_type: "down", x: 1, y: 1 })],
    ["a ping", JSON.stringify({ type: "ping" })],
    ["no JSON", "authenticate me"],
    ["a token that is no text", JSON.stringify({ type: "authenticate", token: { $ne: "" } })],
    ["no token", JSON.stringify({ type: "authenticate" })],
  ] as const) {
    const { socket, messages, closed } = await stranger(session.ws_url);
    socket.send(first);
    expect(await closed, what).toBe(4401);
    expect(
      messages.map(({ type }) => type),
      what,
    ).toEqual(["error"]);
  }
  const large = await stranger(session.ws_url);
  large.socket.send(JSON.stringify({ type: "authenticate", token: "a".repeat(8_000) }));
  expect(await large.closed).toBe(1009);
  const unknown = await stranger(session.ws_url.replace(session.session_id, "nobody"));
  const silent = await stranger(session.ws_url);
  expect([await silent.closed, await unknown.closed]).toEqual([4401, 4401]);
  const words = ({ messages }: Heard) => messages.map(({ timestamp: _timestamp, ...rest }) => rest);
  expect(words(silent)).toEqual(words(unknown));
  expect(await stateOf(target, session.session_id)).toMatchObject({ state: "waiting", operators: 0 });
});

test("[W27] a token, or a key, as the first message opens the session", async ({ target, session }) => {
  for (const token of [tokenOf(session), await watchToken(target, session.session_id)]) {
    const { socket, messages } = await stranger(session.ws_url, []);
    socket.send(JSON.stringify({ type: "authenticate", token, id: "me" }));
    await expect.poll(() => messages.map(({ type }) => type)).toContain("session_info");
    expect(messages[0]).toMatchObject({ type: "authentication_result", success: true, reply_to: "me" });
    socket.terminate();
  }
});

test("[W16] a watcher sends every kind of message: nothing of it reaches the page, and what acts is forbidden", async ({
  target,
  session,
  site,
}) => {
  const reports = reportsOf(site);
  const id = session.session_id;
  const { body } = await ticket(target, id, await watchToken(target, id));
  const { socket, messages } = await stranger(session.ws_url, ticketProtocols(body.ticket));
  await expect.poll(() => messages[0]).toMatchObject({ type: "session_info", role: "watch" });
  const at = { x: 20, y: 20 };
  const attacks: readonly ClientMessageInput[] = [
    { type: "take_control" },
    ...(["down", "move", "up"] as const).map((event_type) => ({ type: "mouse_event" as const, event_type, ...at })),
    { type: "wheel", ...at, delta_x: 0, delta_y: 100 },
    { type: "key", event_type: "down", key: "a" },
    { type: "key", event_type: "up", key: "a" },
    { type: "text", text: "hello" },
    { type: "check_completion" },
    { type: "finish", outcome: "done" },
    { type: "finish", outcome: "cannot", note: "no" },
    { type: "extend", seconds: 60 },
    { type: "release_control" },
    { type: "answer_dialog", question_id: "none", accept: true },
    { type: "answer_files", question_id: "none", files: [] },
    { type: "answer_pick", question_id: "none", options: [0] },
    { type: "answer_sign_in", question_id: "none", username: "a", password: "b" },
    { type: "navigate", action: "reload" },
    { type: "touch_event", event_type: "start", touches: [{ id: 1, ...at }] },
    { type: "window", window_id: "none", action: "close" },
  ];
  const acting = new Set(attacks.map(({ type }) => type));
  const harmless = [...WATCHER_MESSAGES];
  const all = clientMessageSchema.options.map(({ shape }) => shape.type.value);
  expect([...acting, ...harmless].toSorted()).toEqual(all.toSorted());
  const before = await stateOf(target, id);
  for (const [index, attack] of attacks.entries()) socket.send(JSON.stringify({ ...attack, id: index }));
  socket.send(JSON.stringify({ type: "ping", id: "last" }));
  await expect.poll(() => messages.some((message) => message["reply_to"] === "last")).toBe(true);
  for (const [index, { type }] of attacks.entries()) {
    const answer = messages.find((message) => message["reply_to"] === index);
    expect(answer, type).toMatchObject({ type: "error", code: "forbidden" });
  }
  expect(messages.filter(({ type }) => type === "control")).not.toContainEqual(expect.objectContaining({ you: true }));
  expect(await stateOf(target, id)).toEqual({ ...before, operators: 1 });
  // What a person in control does reaches the page after all of that would have.
  const control = await stranger(
    session.ws_url,
    ticketProtocols((await ticket(target, id, tokenOf(session))).body.ticket),
  );
  await expect.poll(() => control.messages.some((message) => message["you"] === true)).toBe(true);
  control.socket.send(JSON.stringify({ type: "mouse_event", event_type: "move", x: 30, y: 30 }));
  await expect.poll(() => reports).toEqual(["mousemove"]);
  socket.terminate();
  control.socket.terminate();
});

test("[W27] one address waiting to say who it is does not shut the door to others", async ({
  bot,
  startServer,
  site,
}) => {
  const { api } = await startServer({
    MAX_PENDING_CONNECTIONS: "8",
    TRUST_PROXY: "loopback",
    AUTHENTICATE_SECONDS: "30",
  });
  const { body } = await call("POST", `${api}/sessions`, await bot.guest({ url: site.serve("/", PAGE) }));
  const silent = [1, 2, 3].map(() => new WebSocket(body.ws_url, { headers: { "x-forwarded-for": "192.0.2.1" } }));
  const codes = silent.map((socket) => new Promise((resolve) => socket.once("close", resolve)));
  expect(await Promise.race(codes)).toBe(4429);
  const good = await stranger(body.ws_url);
  good.socket.send(JSON.stringify({ type: "authenticate", token: tokenOf(body) }));
  await expect.poll(() => good.messages.map(({ type }) => type)).toContain("session_info");
  for (const socket of [...silent, good.socket]) socket.terminate();
});

test("a socket is served at its own route and at no other, and holds up nobody's end", async ({ startServer }) => {
  const server = await startServer();
  for (const path of ["control/x?token=PLANTED", "healthz", "console/console.js", "sessions", "nowhere"]) {
    const socket = new WebSocket(`${server.api.replace("http", "ws")}/${path}`);
    const status = await new Promise((resolve) => {
      socket.once("unexpected-response", (request, response) => {
        resolve(response.statusCode);
        request.destroy();
      });
      socket.once("open", () => resolve(101));
      socket.on("error", () => {});
    });
    expect([401, 404], path).toContain(status);
  }
  // What a client offers with every request is not a wish for a socket.
  const offered = await new Promise((resolve) => {
    const headers = { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "AAMAAABkAAQAAP__" };
    request(`${server.url}/healthz`, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).end();
  });
  expect(offered).toBe(200);
  const start = performance.now();
  await server.close();
  expectWithin(performance.now() - start, 3_000);
});

test("[R8] a preview robot that fetches the link burns nothing, and the secret reaches no server", async ({
  target,
  session,
}) => {
  const asked: string[] = [];
  for (const method of ["HEAD", "GET", "GET"]) {
    const response = await call(method, session.control_url, undefined, NO_KEY);
    expect(response.status).toBe(200);
    asked.push(JSON.stringify(response.body));
  }
  expect(asked.join()).not.toContain(tokenOf(session).slice(-20));
  const opened = await ticket(target, session.session_id, tokenOf(session));
  expect(opened.status).toBe(200);
  const entered = await stranger(session.ws_url, ticketProtocols(opened.body.ticket));
  await expect.poll(() => entered.messages[0]?.type).toBe("session_info");
  entered.socket.terminate();
});

test("the secret of links is its owner's file, survives a restart, and can be changed with and without the old links", async ({
  startServer,
  site,
}) => {
  const env = { URL_ALLOW_PRIVATE: "on" };
  const first = await startServer(env);
  const path = join(first.dataDir, "link-keys.json");
  const before = await readFile(path, "utf8");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await first.close();
  const second = await startServer(env);
  expect(await readFile(path, "utf8")).toBe(before);
  const session: SessionAnswer = (await call("POST", `${second.api}/sessions`, { url: site.serve("/", PAGE) })).body;
  const token = tokenOf(session);
  const usual = process.env["DATA_DIR"];
  process.env["DATA_DIR"] = second.dataDir;
  await linksCommand.run(["rotate"], () => {});
  expect((await ticket(second, session.session_id, token)).status).toBe(200);
  const entered = (await ticket(second, session.session_id, token)).body.ticket;
  const inside = await stranger(session.ws_url, ticketProtocols(entered));
  await expect.poll(() => inside.messages[0]?.type).toBe("session_info");
  const unused = (await ticket(second, session.session_id, token)).body.ticket;
  await linksCommand.run(["rotate", "--revoke-old"], () => {});
  // The command is another process as a rule: the server looks every few seconds.
  expect(await inside.closed).toBe(4401);
  expect(await (await stranger(session.ws_url, ticketProtocols(unused))).closed).toBe(4401);
  if (usual === undefined) delete process.env["DATA_DIR"];
  else process.env["DATA_DIR"] = usual;
  expect((await ticket(second, session.session_id, token)).status).toBe(401);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const { body } = await call("POST", `${second.api}/session/${session.session_id}/links`, {});
  expect((await ticket(second, session.session_id, new URL(body.url).hash.slice(1))).status).toBe(200);
});

const BY_MESSAGE = "?protocols=message";

test("[W59] by message a ticket opens its session once and no other, and nothing is told before", async ({
  target,
  session,
  other,
}) => {
  const open = async (url: string, ...protocols: string[]) => {
    const heard = await stranger(url + BY_MESSAGE, []);
    expect(heard.socket.protocol).toBe("");
    heard.socket.send(JSON.stringify({ type: "authenticate", id: 1, protocols }));
    return heard;
  };
  const first = (await ticket(target, session.session_id, tokenOf(session))).body.ticket;
  const entered = await open(session.ws_url, ...ticketProtocols(first), "captcha.view.page-1");
  await expect.poll(() => entered.messages.map(({ type }) => type)).toContain("session_info");
  expect(entered.messages[0]).toMatchObject({ type: "authentication_result", success: true, reply_to: 1 });
  const view = entered.messages.find(({ type }) => type === "session_info")?.["view"];
  expect(view).toEqual({ x: 0, y: 0, width: 1280, height: 720 });
  const swapped = (await ticket(target, other.session_id, tokenOf(other))).body.ticket;
  for (const attack of [first, swapped, "", "__proto__"]) {
    const refused = await open(session.ws_url, ...ticketProtocols(attack));
    expect(await refused.closed, attack).toBe(4401);
    expect(refused.messages).toMatchObject([{ type: "authentication_result", success: false }, { type: "error" }]);
  }
  const nothing = await open(session.ws_url, JSON_ONLY);
  const unknown = await open(session.ws_url.replace(session.session_id, "nobody"), JSON_ONLY);
  expect([await nothing.closed, await unknown.closed]).toEqual([4401, 4401]);
  expect(await stateOf(target, session.session_id)).toMatchObject({ state: "active", operators: 1 });
  // A watcher stays one.
  const watching = (await ticket(target, session.session_id, await watchToken(target, session.session_id))).body.ticket;
  const watcher = await open(session.ws_url, ...ticketProtocols(watching));
  await expect
    .poll(() => watcher.messages.find(({ type }) => type === "session_info"))
    .toMatchObject({ role: "watch" });
  for (const { socket } of [entered, watcher]) socket.terminate();
});

test("[W59] who says that a message follows waits for it, whatever the upgrade shows: also with AUTH=off", async ({
  bot,
  startServer,
  site,
}) => {
  const { api } = await startServer({ AUTH: "off", AUTHENTICATE_SECONDS: "1" });
  const { body } = await call("POST", `${api}/sessions`, await bot.guest({ url: site.serve("/", PAGE) }));
  const silent = await stranger(body.ws_url + BY_MESSAGE, []);
  expect(await silent.closed).toBe(4401);
  expect(silent.messages.map(({ type }) => type)).toEqual(["error"]);
  const good = await stranger(body.ws_url + BY_MESSAGE, []);
  good.socket.send(
    JSON.stringify({ type: "authenticate", protocols: ["captcha.json.v1", "captcha.client.k3f9x2mbq07zt1cd"] }),
  );
  // No plain client: to those nothing is confirmed.
  await expect.poll(() => good.messages.find(({ type }) => type === "session_info")).toMatchObject({ confirms: true });
  // The same client again, which ends the socket before [W31].
  const again = await stranger(body.ws_url + BY_MESSAGE, []);
  again.socket.send(
    JSON.stringify({ type: "authenticate", protocols: ["captcha.json.v1", "captcha.client.k3f9x2mbq07zt1cd"] }),
  );
  expect(await good.closed).toBe(1006);
  // Anything else in the query, and other messages, are as ever.
  const other = await stranger(`${body.ws_url}?protocols=offer`);
  await expect.poll(() => other.messages[0]?.type).toBe("session_info");
  for (const { socket } of [again, other]) socket.terminate();
});
