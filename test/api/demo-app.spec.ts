// The demo server over HTTP: its pages, its puzzles, and one-click sessions against a stand-in for the API.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test as base, expect } from "@playwright/test";
import type { FastifyInstance } from "fastify";
import { buildDemoApp } from "../../src/demo/demo-app.ts";
import { DEMOS } from "../../src/demo/demos.ts";
import { PUZZLE_KINDS, type Puzzle } from "../../src/demo/puzzle-types.ts";
import type { DemoApi } from "../../src/demo/start-session.ts";

interface Demo {
  app: FastifyInstance;
  puzzles: Puzzle[];
  setApiOrigin: (origin: string | undefined) => void;
}

interface StandIn {
  origin: string;
  requests: { path: string | undefined; body: unknown }[];
  answer: { status: number; body: string };
}

const test = base.extend<{ demo: Demo; api: StandIn }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixture's needs from this pattern.
  demo: async ({}, use) => {
    let api: DemoApi | undefined;
    const puzzles: Puzzle[] = [];
    const app = await buildDemoApp({ api: () => api, onPuzzle: (puzzle) => puzzles.push(puzzle) });
    await use({
      app,
      puzzles,
      setApiOrigin: (origin) => {
        api = origin === undefined ? undefined : { origin, key: "crk_demo" };
      },
    });
    await app.close();
  },
  // biome-ignore lint/correctness/noEmptyPattern: as above.
  api: async ({}, use) => {
    const standIn: StandIn = { origin: "", requests: [], answer: { status: 500, body: "" } };
    const server = createServer(async (request, response) => {
      const chunks = await request.toArray();
      standIn.requests.push({ path: request.url, body: JSON.parse(Buffer.concat(chunks).toString()) });
      response.writeHead(standIn.answer.status, { "content-type": "application/json" }).end(standIn.answer.body);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    standIn.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await use(standIn);
    server.close();
    server.closeAllConnections();
  },
});

test("serves its pages, which any page may frame", async ({ demo: { app } }) => {
  for (const url of ["/", "/widget.html", "/layout.js", ...DEMOS.map(({ path }) => path)]) {
    const response = await app.inject(url);
    expect(response.statusCode, url).toBe(200);
    expect(response.headers).not.toHaveProperty("x-frame-options");
    expect(response.headers).not.toHaveProperty("content-security-policy");
  }
});

test("lists the demos, never from a cache", async ({ demo: { app } }) => {
  const response = await app.inject("/api/demos");
  expect(response.json()).toEqual(DEMOS);
  expect(response.headers["cache-control"]).toBe("no-store");
});

for (const kind of PUZZLE_KINDS) {
  test(`a ${kind} puzzle: shown without its answer, attempted once`, async ({ demo: { app, puzzles } }) => {
    const shown = await app.inject({ method: "POST", url: "/api/puzzles", payload: { kind } });
    const puzzle = puzzles[0] as Puzzle;
    expect(shown.json()).toEqual({ id: puzzle.id, kind, picture: puzzle.picture });
    expect(shown.headers["cache-control"]).toBe("no-store");

    const attempt = () =>
      app.inject({ method: "POST", url: `/api/puzzles/${puzzle.id}/attempt`, payload: rightAttempt(puzzle) });
    expect((await attempt()).json()).toEqual({ ok: true, token: expect.stringMatching(/^demo\.[\w-]{32}$/) });
    const again = await attempt();
    expect(again.statusCode).toBe(409);
    expect(again.json().error.code).toBe("puzzle_attempted");
  });
}

test("a wrong attempt uses the puzzle up, a malformed one does not", async ({ demo: { app, puzzles } }) => {
  await app.inject({ method: "POST", url: "/api/puzzles", payload: { kind: "rotate" } });
  const url = `/api/puzzles/${puzzles[0]?.id}/attempt`;
  const malformed = await app.inject({ method: "POST", url, payload: { travel: "far" } });
  expect(malformed.statusCode).toBe(400);
  expect(malformed.json().error).toEqual({ code: "invalid_message", message: expect.stringContaining("travel") });
  expect((await app.inject({ method: "POST", url, payload: { travel: 0 } })).json()).toEqual({ ok: false });
  expect((await app.inject({ method: "POST", url, payload: { travel: 0 } })).statusCode).toBe(409);
});

for (const [what, request, status, code] of [
  ["an unknown kind", { url: "/api/puzzles", payload: { kind: "riddle" } }, 400, "invalid_message"],
  ["no body", { url: "/api/puzzles" }, 400, "invalid_message"],
  ["broken JSON", { url: "/api/puzzles", payload: "{", headers: json() }, 400, "invalid_message"],
  ["a form's body", { url: "/api/sessions", payload: "{}", headers: text() }, 415, "invalid_message"],
  ["a huge body", { url: "/api/puzzles", payload: { kind: "x".repeat(5000) } }, 413, "payload_too_large"],
  ["an unknown puzzle", { url: "/api/puzzles/none/attempt", payload: { travel: 1 } }, 404, "puzzle_not_found"],
  ["an unknown route", { url: "/api/riddles" }, 404, "not_found"],
] as const) {
  test(`${what} is answered ${status} ${code}`, async ({ demo: { app } }) => {
    const response = await app.inject({ method: "POST", ...request });
    expect(response.statusCode).toBe(status);
    expect(response.json()).toEqual({ error: { code, message: expect.any(String) } });
  });
}

test("starts a session on the page as the visitor reaches it", async ({ demo: { app, setApiOrigin }, api }) => {
  setApiOrigin(api.origin);
  const controlUrl = "http://127.0.0.1:3000/api/captcha/control/abc#t=secret";
  api.answer = { status: 201, body: JSON.stringify({ session_id: "abc", control_url: controlUrl }) };
  const response = await startSession(app, "/jigsaw.html?frame=cross", "localhost:4321");
  expect(response.json()).toEqual({ control_url: controlUrl });
  expect(api.requests).toEqual([
    {
      path: "/api/captcha/sessions",
      body: {
        url: "http://localhost:4321/jigsaw.html?frame=cross",
        label: "Jigsaw slider (cross-origin frame)",
        instructions: "Drag the slider until the piece fits the gap, then let go.",
      },
    },
  ]);
});

test("refuses to start a session on anything but its own pages, by its own names", async ({ demo, api }) => {
  demo.setApiOrigin(api.origin);
  for (const [path, host] of [
    ["https://elsewhere.example/", "127.0.0.1:4321"],
    ["//elsewhere.example/jigsaw.html", "127.0.0.1:4321"],
    ["/jigsaw.html", "elsewhere.example"],
    ["/jigsaw.html", "localhost.elsewhere.example:4321"],
    ["/jigsaw.html", "user@localhost:4321"],
  ] as const) {
    const response = await startSession(demo.app, path, host);
    expect(response.statusCode, `${path} at ${host}`).toBe(400);
    expect(response.json().error.code).toBe("invalid_message");
  }
  expect(api.requests).toEqual([]);
});

test("says why there is no session", async ({ demo: { app, setApiOrigin }, api }) => {
  const problem = async () => {
    const response = await startSession(app, "/rotate.html", "127.0.0.1:4321");
    return [response.statusCode, response.json().error.code, response.json().error.message];
  };
  expect(await problem()).toEqual([503, "api_unavailable", expect.stringContaining("not running")]);

  setApiOrigin(api.origin);
  api.answer = {
    status: 503,
    body: JSON.stringify({ error: { code: "capacity", message: "All browsers are busy." } }),
  };
  expect(await problem()).toEqual([502, "api_failed", "The API server answered 503: All browsers are busy."]);
  for (const body of ["not json", "{}", JSON.stringify({ control_url: "javascript:alert(1)" })]) {
    api.answer = { status: 201, body };
    expect(await problem()).toEqual([502, "api_failed", "The API server answered without an operator link."]);
  }

  const gone = createServer().listen(0, "127.0.0.1");
  await once(gone, "listening");
  setApiOrigin(`http://127.0.0.1:${(gone.address() as AddressInfo).port}`);
  gone.close();
  await once(gone, "close");
  expect(await problem()).toEqual([502, "api_failed", "The API server could not be reached."]);
});

function startSession(app: FastifyInstance, path: string, host: string) {
  return app.inject({ method: "POST", url: "/api/sessions", payload: { path }, headers: { host } });
}

function rightAttempt({ kind, answer }: Puzzle): object {
  switch (kind) {
    case "scratch-card":
      return { travel: (answer.min + answer.max) / 2 };
    case "jigsaw":
    case "rotate":
      return { travel: answer.x };
    case "click-order":
      return { points: answer.points };
    case "text-code":
      return { text: answer.text };
  }
}

function json() {
  return { "content-type": "application/json" };
}

function text() {
  return { "content-type": "text/plain" };
}
