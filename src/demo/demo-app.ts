// The demo's own small server: its pages, its puzzles, and one-click sessions on the main API.
//
// It is another origin than the API, as a real site would be, so the console's headers do not apply to it and its pages
// may be framed.
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import Fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify";
import { z } from "zod";
import { DEMOS, findDemoPage } from "./demos.ts";
import { PuzzleStore } from "./puzzle-store.ts";
import { PUZZLE_KINDS, type Puzzle } from "./puzzle-types.ts";
import { checkAttempt, makePuzzle, shownPuzzle } from "./puzzles.ts";
import { type DemoApi, DemoError, startSession } from "./start-session.ts";

/** The longest honest body is three points. */
const BODY_LIMIT_BYTES = 4096;
const REQUEST_TIMEOUT_MS = 10_000;

export interface DemoAppOptions {
  /** The main API, with its base path if any; undefined while there is none. */
  api: () => DemoApi | undefined;
  /** Called with each puzzle that is handed out, its answer included: the tests' scripted operators need it. */
  onPuzzle?: (puzzle: Puzzle) => void;
  /** The file that keeps the puzzles for the next server; left out: they end with this one. */
  puzzleFile?: string | undefined;
  logger?: FastifyBaseLogger;
}

/** Builds the demo server; the caller listens and closes. */
export async function buildDemoApp(options: DemoAppOptions): Promise<FastifyInstance> {
  const app = Fastify({
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Idle keep-alive connections would hold close() for a minute.
    forceCloseConnections: true,
    logController: new LogController({ disableRequestLogging: true }),
    ...(options.logger ? { loggerInstance: options.logger } : {}),
  }) as unknown as FastifyInstance;
  const store = new PuzzleStore({ file: options.puzzleFile });

  // JSON only: a form on another site cannot post that without a preflight, which is never granted.
  app.removeContentTypeParser("text/plain");
  app.setErrorHandler(answerError);
  app.setNotFoundHandler((request) => {
    throw new DemoError(404, "not_found", `There is no ${request.method} ${request.url.split("?")[0]} here.`);
  });
  app.addHook("onRequest", async (request, reply) => {
    if (request.url.startsWith("/api/")) reply.header("cache-control", "no-store");
  });

  await app.register(fastifyStatic, { root: fileURLToPath(new URL("../../public/demo/", import.meta.url)) });
  // One page for all of them; it reads from its own path which challenge to show.
  for (const { path } of DEMOS) app.get(path, (_request, reply) => reply.sendFile("host.html"));

  app.get("/api/demos", async () => DEMOS);
  app.post("/api/puzzles", async (request) => handOutPuzzle(store, request, options.onPuzzle));
  app.post("/api/puzzles/:id/attempt", async (request) => attemptPuzzle(store, request));
  app.post("/api/sessions", async (request) => openSession(request, options.api()));
  return app;
}

const puzzleRequest = z.object({ kind: z.enum(PUZZLE_KINDS) });
const attemptParams = z.object({ id: z.string() });
const sessionRequest = z.object({ path: z.string().max(200) });

function handOutPuzzle(store: PuzzleStore, request: FastifyRequest, onPuzzle: DemoAppOptions["onPuzzle"]) {
  const puzzle = makePuzzle(puzzleRequest.parse(request.body).kind);
  store.add(puzzle);
  onPuzzle?.(puzzle);
  return shownPuzzle(puzzle);
}

function attemptPuzzle(store: PuzzleStore, request: FastifyRequest) {
  const { id } = attemptParams.parse(request.params);
  const puzzle = store.find(id);
  if (puzzle === "unknown") throw new DemoError(404, "puzzle_not_found", "This puzzle is unknown or too old.");
  if (puzzle === "attempted") throw new DemoError(409, "puzzle_attempted", "This puzzle had its one attempt.");
  // A malformed attempt throws here and costs nothing.
  const right = checkAttempt(puzzle, request.body);
  store.markAttempted(id);
  return right ? { ok: true, token: `demo.${randomBytes(24).toString("base64url")}` } : { ok: false };
}

async function openSession(request: FastifyRequest, api: DemoApi | undefined) {
  const page = findDemoPage(sessionRequest.parse(request.body).path);
  if (!page) throw new DemoError(400, "invalid_message", "path: not one of the demo pages.");
  const controlUrl = await startSession({ api, demoOrigin: demoOrigin(request), page });
  return { control_url: controlUrl };
}

/** The origin that the visitor used. Only loopback names are accepted: DNS could make any other name point here. */
function demoOrigin(request: FastifyRequest): string {
  const host = request.headers.host ?? "";
  if (!/^(127\.0\.0\.1|localhost)(:\d{1,5})?$/.test(host)) {
    throw new DemoError(400, "invalid_message", "Open the demo by the name 127.0.0.1 or localhost.");
  }
  return `http://${host}`;
}

function answerError(error: FastifyError | z.ZodError | DemoError, request: FastifyRequest, reply: FastifyReply) {
  const { status, code, message } = describeError(error);
  if (status >= 500) request.log.warn({ err: error }, "demo request failed");
  return reply.status(status).send({ error: { code, message } });
}

function describeError(error: FastifyError | z.ZodError | DemoError): {
  status: number;
  code: string;
  message: string;
} {
  if (error instanceof DemoError) return { status: error.status, code: error.code, message: error.message };
  if (error instanceof z.ZodError) {
    const issue = error.issues[0];
    const field = issue?.path.join(".") || "body";
    return { status: 400, code: "invalid_message", message: `${field}: ${issue?.message ?? "invalid"}` };
  }
  if (error.statusCode === 413) return { status: 413, code: "payload_too_large", message: "The body is too large." };
  if (error.statusCode && error.statusCode < 500) {
    return { status: error.statusCode, code: "invalid_message", message: error.message };
  }
  return { status: 500, code: "internal", message: "Something went wrong in the demo server." };
}
