/** Pages of other sites cannot use the server through the operator's own browser, unless they are named. */
import { request } from "node:http";
import { connect } from "node:net";
import { WebSocket } from "ws";
import { BRIEF_SEARCH_MS, expect, test } from "../support/fixtures.ts";
import { BEARER } from "../support/key.ts";
import { test as base, call } from "../support/requests.ts";

/** `base` begins with a server of the test's own. */
const own = base;
const ELSEWHERE = "https://elsewhere.example";
const SHOP = "https://shop.example";

interface Listening {
  readonly api: string;
}

function ask({ api }: Listening, method: string, headers: Record<string, string>, path = "/sessions") {
  return new Promise<number | undefined>((resolve, reject) => {
    const sent = request(`${api}${path}`, { method, headers: { ...BEARER, ...headers } }, (response) => {
      response.resume().once("end", () => resolve(response.statusCode));
    });
    sent.once("error", reject).end(method === "POST" ? "{}" : undefined);
  });
}

function upgrade(url: string, headers: Record<string, string>): Promise<number> {
  const socket = new WebSocket(url, { headers: { ...BEARER, ...headers } });
  return new Promise((resolve) => {
    socket.once("unexpected-response", (sent, response) => {
      resolve(response.statusCode ?? 0);
      sent.destroy();
    });
    socket.once("open", () => {
      socket.terminate();
      resolve(101);
    });
    socket.on("error", () => {});
  });
}

/** What Node's own client does not send. */
async function rawStatus({ api }: Listening, text: string): Promise<string> {
  const socket = connect(Number(new URL(api).port), "127.0.0.1").end(text);
  const answer = Buffer.concat(await socket.toArray()).toString();
  return answer.slice("HTTP/1.1 ".length, "HTTP/1.1 ".length + 3);
}

const JSON_BODY = { "content-type": "application/json" };

test.use({ challengeSearchMs: BRIEF_SEARCH_MS });

test("a foreign Origin is refused on changes and sockets, its own and none are not", async ({ server, site, bot }) => {
  const { port } = new URL(server.url);
  const { ws_url, session_id } = await bot.createGuest({ url: site.serve("/", "hello") });
  for (const origin of [
    ELSEWHERE,
    "null",
    "",
    site.origin,
    site.otherOrigin,
    `https://127.0.0.1:${port}`,
    `http://127.0.0.1:${port}.elsewhere.example`,
    `http://localhost.elsewhere.example:${port}`,
    `http://127.0.0.1:${port}/`,
    `http://user@127.0.0.1:${port}`,
    `${server.url}, ${server.url}`,
    "*",
  ]) {
    expect(await ask(server, "POST", { ...JSON_BODY, origin }), origin).toBe(403);
    expect(await ask(server, "DELETE", { origin }, `/session/${session_id}`), origin).toBe(403);
    expect(await upgrade(ws_url, { origin }), origin).toBe(403);
    expect(await upgrade(`${server.api.replace("http", "ws")}/relay`, { origin }), origin).toBe(403);
    expect(await ask(server, "GET", { origin }), origin).toBe(200);
  }
  expect((await bot.info(session_id)).state).toBe("waiting");

  expect(await ask(server, "POST", JSON_BODY)).toBe(400);
  for (const host of ["127.0.0.1", "localhost", "[::1]"]) {
    const origin = `http://${host}:${port}`;
    expect(await ask(server, "POST", { ...JSON_BODY, origin }), origin).toBe(400);
    expect(await upgrade(ws_url, { origin }), origin).toBe(101);
  }
  const byName = ws_url.replace("127.0.0.1", "localhost");
  expect(await upgrade(byName, { origin: `http://localhost:${port}` })).toBe(101);
});

test("a Host that was made to point here is refused, and so are two", async ({ server, site, bot }) => {
  const { port } = new URL(server.url);
  const { ws_url } = await bot.createGuest({ url: site.serve("/", "hello") });
  for (const host of [
    "rebound.example",
    `rebound.example:${port}`,
    "localhost.rebound.example",
    "a@localhost",
    "x y",
  ]) {
    expect(await ask(server, "GET", { host }), host).toBe(403);
    expect(await upgrade(ws_url, { host }), host).toBe(403);
    // What the page of the rebound name would send.
    expect(await upgrade(ws_url, { host, origin: `http://${host}` }), host).toBe(403);
  }
  expect(await rawStatus(server, "GET / HTTP/1.1\r\nhost: localhost\r\nhost: rebound.example\r\n\r\n")).toBe("403");
  expect(await rawStatus(server, "GET / HTTP/1.1\r\n\r\n")).toBe("400");
  expect(await ask(server, "GET", { host: "localhost", "x-forwarded-host": "rebound.example" })).toBe(200);
  for (const host of [`localhost:${port}`, "LOCALHOST", `127.0.0.1:${port}`, "[::1]:80"]) {
    expect(await ask(server, "GET", { host }), host).toBe(200);
  }
});

own("behind PUBLIC_URL its origin and its name count, and no header says otherwise", async ({ startServer }) => {
  const { listening } = await startServer({ PUBLIC_URL: "https://bots.example", TRUST_PROXY: "loopback" });
  const server = { api: `${listening}/api/captcha` };
  const post = (headers: Record<string, string>) => ask(server, "POST", { ...JSON_BODY, ...headers });
  const host = "bots.example";
  expect(await post({ host, origin: "https://bots.example" })).toBe(400);
  expect(await post({ host: "bots.example:443", origin: "https://bots.example" })).toBe(400);
  for (const origin of ["http://bots.example", "https://bots.example:8443", ELSEWHERE]) {
    expect(await post({ host, origin }), origin).toBe(403);
  }
  // A page at the same port of the operator's own machine is not ours.
  expect(await post({ host, origin: listening })).toBe(403);
  expect(await post({ origin: listening })).toBe(400);
  expect(await post({ host: "elsewhere.example", origin: ELSEWHERE })).toBe(403);
  expect(await post({ host, origin: ELSEWHERE, "x-forwarded-host": "elsewhere.example" })).toBe(403);
});

own("ALLOWED_HOSTS are further names, with a port or with any", async ({ startServer }) => {
  const server = await startServer({ ALLOWED_HOSTS: "captcha.internal,proxy:8080" });
  const statuses = [];
  for (const host of ["captcha.internal", "captcha.internal:81", "proxy:8080", "proxy", "proxy:80", "other.internal"]) {
    statuses.push(await ask(server, "GET", { host }));
  }
  expect(statuses).toEqual([200, 200, 200, 403, 403, 403]);
  // A name is no origin.
  expect(await ask(server, "POST", { ...JSON_BODY, host: "proxy:8080", origin: "http://proxy:8080" })).toBe(403);
});

own("ALLOWED_ORIGINS may ask, read and connect, and nobody else", async ({ startServer }) => {
  const server = await startServer({ ALLOWED_ORIGINS: `${SHOP},http://localhost:8080` });
  for (const origin of [SHOP, "http://localhost:8080"]) {
    const asked = await call("OPTIONS", `${server.api}/sessions`, undefined, {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type",
    });
    expect(asked.status).toBe(204);
    expect(asked.headers.get("access-control-allow-origin")).toBe(origin);
    expect(asked.headers.get("access-control-allow-headers")).toContain("authorization");
    expect(asked.headers.get("access-control-allow-credentials")).toBeNull();
    const answer = await call("POST", `${server.api}/sessions`, "{}", { origin });
    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([400, origin]);
    expect(await upgrade(`${server.api.replace("http", "ws")}/ws/nobody`, { origin })).toBe(101);
  }
  for (const origin of [
    ELSEWHERE,
    "http://shop.example",
    `${SHOP}.elsewhere.example`,
    "https://www.shop.example",
    "null",
  ]) {
    const asks = { origin, "access-control-request-method": "POST" };
    for (const method of ["OPTIONS", "GET", "POST"]) {
      const { headers } = await call(method, `${server.api}/sessions`, method === "POST" ? "{}" : undefined, asks);
      expect(headers.get("access-control-allow-origin"), `${method} ${origin}`).toBeNull();
    }
    expect(await ask(server, "POST", { ...JSON_BODY, origin })).toBe(403);
    expect(await upgrade(`${server.api.replace("http", "ws")}/ws/nobody`, { origin })).toBe(403);
  }
});

test("without ALLOWED_ORIGINS no other site's page may read anything", async ({ server }) => {
  for (const method of ["OPTIONS", "GET"]) {
    const asks = { origin: ELSEWHERE, "access-control-request-method": "GET" };
    const { headers } = await call(method, `${server.api}/sessions`, undefined, asks);
    expect([...headers.keys()].filter((name) => name.startsWith("access-control-"))).toEqual([]);
  }
});

const POLICY =
  "default-src 'none';script-src 'self';style-src 'self';connect-src 'self';img-src 'self';base-uri 'none';" +
  "form-action 'none';require-trusted-types-for 'script';frame-ancestors 'self'";

own("the console's headers: a strict policy, frames as allowed, HSTS behind TLS only", async ({ startServer }) => {
  const headersOf = async (env: Record<string, string>) => {
    const server = await startServer(env);
    const { headers } = await call("GET", `${server.listening}/api/captcha/control`);
    await server.close();
    return ["content-security-policy", "x-frame-options", "strict-transport-security", "x-content-type-options"].map(
      (name) => headers.get(name),
    );
  };
  expect(await headersOf({})).toEqual([POLICY, "SAMEORIGIN", null, "nosniff"]);
  expect(await headersOf({ PUBLIC_URL: "http://bots.example" })).toEqual([POLICY, "SAMEORIGIN", null, "nosniff"]);
  expect(await headersOf({ PUBLIC_URL: "https://bots.example", ALLOWED_ORIGINS: SHOP })).toEqual([
    `${POLICY} ${SHOP}`,
    null,
    "max-age=31536000",
    "nosniff",
  ]);
});

own("[R8] the console can be embedded by an allowed site, and by no other", async ({ startServer, site, page }) => {
  const server = await startServer({ ALLOWED_ORIGINS: site.origin });
  const { body } = await call("POST", `${server.api}/sessions`, { url: site.serve("/challenge", "<p>hello") });
  const frame = `<!doctype html><iframe src="${body.control_url.replace("#", "?embed=1#")}" width="600" height="400"></iframe>`;
  site.serve("/shop", frame);

  await page.goto(`${site.origin}/shop`);
  await expect(page.frameLocator("iframe").locator("body")).toHaveAttribute("data-phase", "live");

  const refused = page.waitForEvent("console", (message) => message.text().includes("frame-ancestors"));
  await page.goto(`${site.otherOrigin}/shop`);
  await refused;
  await expect(page.frameLocator("iframe").locator("body[data-phase]")).toHaveCount(0);
  await call("DELETE", `${server.api}/session/${body.session_id}`);
});

test("[R20] the API page works under its policy, without anything inline", async ({ server, page }) => {
  const violations: string[] = [];
  page.on("console", (message) => {
    if (/content security policy/i.test(message.text())) violations.push(message.text());
  });
  const response = await page.goto(`${server.url}/documentation`);
  expect(response?.headers()["content-security-policy"]).not.toContain("unsafe");
  await expect(page.locator(".opblock").first()).toBeVisible();
  await page.locator(".opblock-summary").first().click();
  await expect(page.locator(".opblock-body").first()).toBeVisible();
  expect(violations).toEqual([]);
});
