/** Pages of other sites cannot use the server through the operator's own browser. */
import { request } from "node:http";
import { WebSocket } from "ws";
import { expect, type TestServer, test } from "../fixtures.ts";

function ask(server: TestServer, method: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(`${server.api}/sessions`, { method, headers }, (response) => {
      response.resume().once("end", () => resolve(response.statusCode));
    });
    sent.once("error", reject).end(method === "POST" ? "{}" : undefined);
  });
}

function upgrade(url: string, origin: string): Promise<number> {
  const socket = new WebSocket(url, { origin });
  return new Promise((resolve) => {
    socket.once("unexpected-response", (_request, response) => resolve(response.statusCode ?? 0));
    socket.once("open", () => {
      socket.terminate();
      resolve(101);
    });
    socket.on("error", () => {});
  });
}

test("a foreign Origin is refused on changes and sockets, its own and none are not", async ({ server, site, bot }) => {
  const json = { "content-type": "application/json" };
  expect(await ask(server, "POST", { ...json, origin: "https://elsewhere.example" })).toBe(403);
  expect(await ask(server, "POST", { ...json, origin: "null" })).toBe(403);
  expect(await ask(server, "POST", { ...json, origin: server.url })).toBe(400);
  expect(await ask(server, "POST", json)).toBe(400);

  const { ws_url } = await bot.create({ url: site.serve("/", "hello") });
  expect(await upgrade(ws_url, site.origin)).toBe(403);
  expect(await upgrade(ws_url, server.url)).toBe(101);
  const byName = new URL(ws_url);
  byName.hostname = "localhost";
  expect(await upgrade(String(byName), `http://${byName.host}`)).toBe(101);
});

test("a Host that was made to point here is refused", async ({ server }) => {
  expect(await ask(server, "GET", { host: "rebound.example" })).toBe(403);
  expect(await ask(server, "GET", { host: `localhost:${new URL(server.url).port}` })).toBe(200);
});
