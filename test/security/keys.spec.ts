/** Attacks with keys: none, wrong, revoked, too little, another bot's. Each is refused by its code, and nothing changes. */
import { once } from "node:events";
import { WebSocket } from "ws";
import { SCOPES } from "../../src/auth/caller.ts";
import { attachStorage } from "../../src/storage/storage.ts";
import { API_ROUTES, type ApiRoute, OTHER_ROUTES } from "../support/api-routes.ts";
import { BRIEF_SEARCH_MS, expect } from "../support/fixtures.ts";
import { addKey, NO_KEY } from "../support/key.ts";
import { longUnless } from "../support/long-run.ts";
import { type Answer, call, type OwnServer, test as withServers } from "../support/requests.ts";

const PAGE = `<!doctype html><div id="captcha-box" style="width:300px;height:200px;background:#ddd">hold</div>`;
const SECRETS = Object.fromEntries(SCOPES.map((scope) => [scope, `crk_only-${scope.replace(":", "-")}-0123456789`]));
const OWNER = "crk_owner-0123456789";
const OTHER = "crk_other-0123456789";
const OPS = SECRETS["ops"] ?? "";
const KEYS = [
  ...SCOPES.map((scope) => `only-${scope.replace(":", "-")}:${SECRETS[scope]}:${scope}`),
  `owner:${OWNER}`,
  `other:${OTHER}`,
].join(",");

const test = withServers.extend<{ target: OwnServer; living: string }>({
  target: async ({ startServer }, use) => {
    await use(await startServer({ API_KEYS: KEYS, URL_ALLOW_PRIVATE: "on" }));
  },
  /** A session of the owner's. */
  living: async ({ target, site, bot }, use) => {
    const body = await bot.guest({ url: site.serve("/", PAGE) });
    const created = await call("POST", `${target.api}/sessions`, body, bearer(OWNER));
    expect(created.status, JSON.stringify(created.body)).toBe(201);
    await use(created.body.session_id);
  },
});

/** Its pages have no challenge. */
test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

function bearer(secret: string) {
  return { authorization: `Bearer ${secret}` };
}

/** Event streams go on: their head is enough. */
async function knock({ api }: OwnServer, door: ApiRoute, id: string, headers: Record<string, string | undefined>) {
  const url = api + door.path.replace("{id}", id);
  if (!door.path.endsWith("/events")) return call(door.method, url, door.body?.(id), headers);
  const gone = new AbortController();
  const given = headers["authorization"];
  const response = await fetch(url, {
    signal: gone.signal,
    headers: given === undefined ? {} : { authorization: given },
  });
  const body: Answer["body"] = response.ok ? "" : await response.json();
  gone.abort();
  return { status: response.status, headers: response.headers, body };
}

/** All that an attacker could have changed. */
async function stateOf({ api }: OwnServer, id: string) {
  const { body } = await call("GET", `${api}/session/${id}`, undefined, bearer(OWNER));
  const { state, expires_at, operators, ended_at } = body;
  return { state, expires_at, operators, ended_at };
}

test("[R8] [R20] every route of the API is tried here", async ({ target }) => {
  const { body } = await call("GET", `${target.url}/documentation/json`, undefined, NO_KEY);
  const documented = Object.entries(body.paths as Record<string, object>).flatMap(([path, methods]) =>
    path.startsWith("/api/captcha/") ? Object.keys(methods).map((method) => `${method} ${path}`) : [],
  );
  const tried = [...API_ROUTES, ...OTHER_ROUTES.filter(({ path }) => path !== "/metrics")].map(({ method, path }) => {
    const documentedPath = path
      .replace("/links/none", "/links/{link_id}")
      .replace("/files/none?name=a.png", "/files/{chooser}")
      .replace("/sounds/none", "/sounds/{sound}")
      .replace("/session/none/code", "/session/{id}/code");
    return `${method.toLowerCase()} /api/captcha${documentedPath}`;
  });
  expect(documented.toSorted()).toEqual(tried.toSorted());
});

for (const [attack, headers] of [
  ["no key", NO_KEY],
  ["a wrong key", bearer("crk_wrong-0123456789")],
  ["an empty key", { authorization: "Bearer " }],
  ["a key of 10 kB", bearer("a".repeat(10_000))],
  ["a key by another scheme", { authorization: `Basic ${Buffer.from(`owner:${OWNER}`).toString("base64")}` }],
  ["the name of a key in place of its secret", bearer("owner")],
  ["a key with another letter", bearer(OWNER.replace("owner", "Owner"))],
] as const) {
  const tag = longUnless(["no key", "a wrong key"].includes(attack));
  test(`${attack}: 401 on every route, before the body is looked at, and nothing changes${tag}`, async ({
    target,
    living,
  }) => {
    const before = await stateOf(target, living);
    for (const door of [...API_ROUTES, ...OTHER_ROUTES]) {
      if (door.scope === null) continue;
      for (const id of [living, "nobody"]) {
        const { status, body, headers: told } = await knock(target, door, id, headers);
        expect(`${status} ${body.error?.code}`, `${door.method} ${door.path}`).toBe("401 unauthorized");
        expect(told.get("www-authenticate")).toBe("Bearer");
      }
    }
    const broken = await call("POST", `${target.api}/sessions`, "{ not json", headers);
    expect(broken.body.error.code).toBe("unauthorized");
    expect(await stateOf(target, living)).toEqual(before);
  });
}

test("a revoked key: 401 from the next request on, and its sessions go on to their end", async ({ target, site }) => {
  const storage = attachStorage(target.dataDir);
  const { key, secret } = addKey(storage.keys, "going");
  const created = await call("POST", `${target.api}/sessions`, { url: site.serve("/", PAGE) }, bearer(secret));
  expect(created.status).toBe(201);
  const { session_id: id } = created.body;
  storage.keys.revoke("going", Date.now());
  storage.close();
  for (const door of API_ROUTES) {
    const { status, body } = await knock(target, door, id, bearer(secret));
    expect(`${status} ${body.error?.code}`, `${door.method} ${door.path}`).toBe("401 unauthorized");
  }
  const listed = await call("GET", `${target.api}/sessions`, undefined, bearer(OPS));
  expect(listed.body.sessions).toMatchObject([{ session_id: id, state: "waiting" }]);
  expect(key.hash).not.toContain(secret);
});

test("another bot's session: as one that does not exist, on every route, and nothing changes", async ({
  target,
  living,
}) => {
  const before = await stateOf(target, living);
  for (const door of API_ROUTES) {
    const foreign = await knock(target, door, living, bearer(OTHER));
    const unknown = await knock(target, door, "nobody", bearer(OTHER));
    const what = `${door.method} ${door.path}`;
    expect(foreign.status, what).toBe(door.foreign ?? 404);
    if (foreign.status === 404) expect(foreign.body.error.code, what).toBe("session_not_found");
    // Word for word, but for the id and the time.
    const alike = (text: string, id: string) => text.replaceAll(id, "ID").replaceAll(/"timestamp":"[^"]*"/g, "");
    expect(alike(JSON.stringify(foreign.body), living), what).toBe(alike(JSON.stringify(unknown.body), "nobody"));
  }
  expect((await call("GET", `${target.api}/sessions`, undefined, bearer(OTHER))).body).toEqual({
    count: 0,
    sessions: [],
  });
  // Its id cannot be taken over either, nor can what a repeat is answered.
  const taken = await call(
    "POST",
    `${target.api}/sessions`,
    { session_id: living, url: "http://127.0.0.1:1/" },
    bearer(OTHER),
  );
  expect(taken.body.error.code).toBe("session_exists");
  expect(await stateOf(target, living)).toEqual(before);
});

test("a revoked key: its event streams and long polls end too", async ({ bot, target, site }) => {
  const storage = attachStorage(target.dataDir);
  const { secret } = addKey(storage.keys, "going");
  const request = await bot.guest({ url: site.serve("/", PAGE) });
  const created = await call("POST", `${target.api}/sessions`, request, bearer(secret));
  const { session_id: id } = created.body;
  const stream = await fetch(`${target.api}/session/${id}/events`, { headers: bearer(secret) });
  const poll = call("GET", `${target.api}/status/${id}?wait=50`, undefined, bearer(secret));
  // Behind it in line: by then the poll is waiting.
  await call("GET", `${target.api}/status/${id}`, undefined, bearer(secret));
  storage.keys.revoke("going", Date.now());
  storage.close();
  // Another process may have revoked it: the server looks every few seconds.
  const told = await stream.text().catch(() => "cut");
  expect(told).not.toContain("session.ended");
  expect((await poll).body).toMatchObject({ state: "waiting" });
});

test("[R11] [R14] ops follow any session, and read of its end no more than how it ended", async ({
  target,
  living,
}) => {
  const { body } = await call("POST", `${target.api}/session/${living}/ticket`, undefined, bearer(OWNER));
  const socket = new WebSocket(`${target.api.replace("http", "ws")}/ws/${living}`, [
    "captcha.json.v1",
    `captcha.ticket.${body.ticket}`,
  ]);
  await once(socket, "open");
  socket.send(JSON.stringify({ type: "finish", outcome: "cannot", note: "PLANTED" }));
  await once(socket, "close");
  const ended = async (secret: string) =>
    (await fetch(`${target.api}/session/${living}/events?after=0`, { headers: bearer(secret) })).text();
  expect(await ended(OWNER)).toContain("PLANTED");
  const told = await ended(OPS);
  expect(told).toContain("operator_gave_up");
  expect(told).not.toContain("PLANTED");
});

test("another scheme of authorization is somebody else's, and nobody's key", async ({ target, startServer }) => {
  const basic = { authorization: "Basic dXNlcjpwYXNzd29yZA==" };
  expect((await call("GET", `${target.api}/sessions`, undefined, basic)).status).toBe(401);
  await target.close();
  const open = await startServer({ AUTH: "off" });
  expect((await call("GET", `${open.api}/sessions`, undefined, basic)).status).toBe(200);
});

test("[R10] an Idempotency-Key is each key's own", async ({ target, site }) => {
  const body = { url: site.serve("/", PAGE) };
  const create = (secret: string) =>
    call("POST", `${target.api}/sessions`, body, { ...bearer(secret), "idempotency-key": "wish-1" });
  const [mine, again, theirs] = [await create(OWNER), await create(OWNER), await create(OTHER)];
  expect(again.body).toEqual(mine.body);
  expect(theirs.status).toBe(201);
  expect(theirs.body.session_id).not.toBe(mine.body.session_id);
});

test("the owner, and ops, get in where the table says, and a key of any other scope does not", async ({
  target,
  site,
}) => {
  const created = await call("POST", `${target.api}/sessions`, { url: site.serve("/", PAGE) }, bearer(OWNER));
  const id: string = created.body.session_id;
  for (const door of API_ROUTES) {
    const what = `${door.method} ${door.path}`;
    for (const scope of SCOPES) {
      if (scope === door.scope || scope === "ops") continue;
      const { status } = await knock(target, door, id, bearer(SECRETS[scope] ?? ""));
      // operate is about every session whose label fits, and this key has no labels.
      const operates = scope === "operate" ? door.operates : undefined;
      expect(status, `${what} with ${scope}`).toBe(operates ?? 403);
    }
    expect((await knock(target, door, id, bearer(OPS))).status, `${what} with ops`).toBe(door.ops ?? door.own ?? 200);
    if (door.method === "DELETE" && door.path === "/session/{id}") continue;
    expect((await knock(target, door, id, bearer(OWNER))).status, `${what}, its own`).toBe(door.own ?? 200);
  }
  // [R11] What it came to is for the key that made it alone.
  expect((await call("GET", `${target.api}/session/${id}/result`, undefined, bearer(OPS))).status).toBe(403);
  const reader = SECRETS["sessions:read"] ?? "";
  expect((await call("GET", `${target.api}/session/${id}/result`, undefined, bearer(reader))).status).toBe(404);
  expect((await call("GET", `${target.api}/session/${id}/result`, undefined, bearer(OWNER))).body).toMatchObject({
    outcome: "cancelled",
  });
});

test("routes about no session ask for their scope", async ({ target }) => {
  for (const door of OTHER_ROUTES) {
    const what = `${door.method} ${door.path}`;
    for (const scope of SCOPES) {
      const { status } = await knock(target, door, "", bearer(SECRETS[scope] ?? ""));
      const lists = scope === "operate" && door.operates !== undefined;
      const isIn = door.scope === null || door.scope === scope || scope === "ops" || lists;
      expect(status, `${what} with ${scope}`).toBe(isIn ? (door.own ?? 200) : 403);
    }
  }
});

test("operate sees the waiting sessions of its labels, and no others", async ({ bot, startServer, site }) => {
  const shop = "crk_shop-0123456789";
  const { api } = await startServer({
    API_KEYS: `owner:${OWNER},shop:${shop}:operate labels=shop`,
    URL_ALLOW_PRIVATE: "on",
  });
  const url = site.serve("/", PAGE);
  const create = async (label: string) =>
    (await call("POST", `${api}/sessions`, await bot.guest({ url, label }), bearer(OWNER))).body.session_id as string;
  const [mine, other] = [await create("shop"), await create("bank")];
  const listed = await call("GET", `${api}/sessions?state=waiting,cancelled`, undefined, bearer(shop));
  expect(listed.body.sessions.map(({ session_id }: { session_id: string }) => session_id)).toEqual([mine]);
  const ticket = (id: string) => call("POST", `${api}/session/${id}/ticket`, undefined, bearer(shop));
  expect((await ticket(mine)).status).toBe(200);
  expect((await ticket(other)).body.error.code).toBe("session_not_found");
  await call("DELETE", `${api}/session/${mine}`, undefined, bearer(OWNER));
  expect((await ticket(mine)).body.error.code).toBe("session_not_found");
});

test("failed authentications are counted by address, and a valid key is never refused for them", async ({
  startServer,
}) => {
  const { api } = await startServer({ API_KEYS: `owner:${OWNER}`, MAX_FAILED_AUTHENTICATIONS_PER_MINUTE: "5" });
  const codes: string[] = [];
  for (let guess = 0; guess < 8; guess += 1) {
    const { body } = await call("GET", `${api}/sessions`, undefined, bearer(`crk_guess-${guess}`));
    codes.push(body.error.code);
  }
  expect(codes).toEqual([...Array(5).fill("unauthorized"), ...Array(3).fill("rate_limited")]);
  expect((await call("GET", `${api}/sessions`, undefined, bearer(OWNER))).status).toBe(200);
});

test("[R10] legacy_open: whoever knows the id operates that session, and nothing else opens by an id", async ({
  target,
  living,
  site,
}) => {
  const url = site.serve("/", PAGE);
  const chosen = await call(
    "POST",
    `${target.api}/sessions`,
    { url, legacy_open: true, session_id: "mine" },
    bearer(OWNER),
  );
  expect(chosen.body.error).toMatchObject({ code: "invalid_message", details: { field: "session_id" } });
  const open = await call("POST", `${target.api}/sessions`, { url, legacy_open: true }, bearer(OWNER));
  const id: string = open.body.session_id;
  expect(Buffer.from(id, "base64url")).toHaveLength(16);
  const older = API_ROUTES.filter(
    ({ path }) => !/links|files|sounds|ticket|claim|release|extend|result|report|events|answer|invitation/.test(path),
  );
  for (const door of older) {
    expect((await knock(target, door, living, NO_KEY)).status, door.path).toBe(401);
    expect((await knock(target, door, id, NO_KEY)).status, door.path).toBe(200);
  }
  expect((await call("GET", `${target.api}/sessions`, undefined, NO_KEY)).status).toBe(401);
  expect((await call("GET", `${target.api}/session/${id}/result`, undefined, NO_KEY)).status).toBe(401);
});
