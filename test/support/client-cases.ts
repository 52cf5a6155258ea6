/**
 * What a client of the API does when answers come, are late, break off or stay out: one list, client-cases.json, for the
 * SDK and for the Python clients. A stand-in for the server plays the answers of each case, and notes what it was asked.
 */
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";
import { sessionStateSchema } from "../../src/protocol/common.ts";
import { CaptchaRemoteClient, CaptchaRemoteError } from "../../src/sdk/index.ts";
import { IS_LONG_RUN } from "./long-run.ts";

export const CLIENTS = ["TypeScript", "Python", "Python asyncio"] as const;
export type ClientName = (typeof CLIENTS)[number];

const answerSchema = z.strictObject({
  /** The method that it answers; left out: any. */
  to: z.string().optional(),
  status: z.int().default(200),
  headers: z.record(z.string(), z.string()).default({}),
  json: z.unknown().optional(),
  text: z.string().optional(),
  delayMs: z.int().default(0),
  /** Waits for a request with this method, then for `delayMs`. */
  holdUntil: z.string().optional(),
  /** Cuts the connection in place of an answer. */
  drop: z.boolean().optional(),
  /** Cuts it in the middle of the body. */
  breakOff: z.boolean().optional(),
  /** Never answers. */
  hang: z.boolean().optional(),
  /** Sends a byte now and then, and never ends. */
  drip: z.boolean().optional(),
});
type PlayedAnswer = z.output<typeof answerSchema>;

const expectedSchema = z.strictObject({
  value: z.unknown().optional(),
  /** The message may be a part of it. */
  error: z
    .strictObject({
      code: z.string(),
      status: z.int().nullable().optional(),
      retryAfterMs: z.number().nullable().optional(),
      details: z.unknown().optional(),
      message: z.string().optional(),
    })
    .optional(),
  /** The reason of the abort, or the cancellation of the task. */
  aborted: z.boolean().optional(),
  /** What a listener has thrown. */
  thrown: z.string().optional(),
  states: z.array(z.string()).optional(),
  links: z.array(z.string()).optional(),
});

/** `<key 1>`, `<key 2>` and `<id>` stand for what the client has drawn. */
const requestSchema = z.strictObject({
  to: z.string(),
  /** null: without it. */
  headers: z.record(z.string(), z.string().nullable()).default({}),
  body: z.unknown().optional(),
  /** At least so long after the request before. */
  notBeforeMs: z.int().optional(),
});

const argumentsSchema = z.strictObject({
  id: z.string().default(""),
  linkId: z.string().default(""),
  body: z.looseObject({ url: z.string() }).default({ url: "" }),
  seconds: z.int().default(0),
  correct: z.boolean().default(true),
  note: z.string().optional(),
  text: z.string().default(""),
  submit: z.boolean().optional(),
  state: z.union([sessionStateSchema, z.array(sessionStateSchema)]).optional(),
  role: z.enum(["control", "watch"]).optional(),
  ttlSeconds: z.int().optional(),
  qr: z.boolean().optional(),
  timeoutMs: z.int().optional(),
  unreachableMs: z.int().optional(),
  idempotencyKey: z.string().optional(),
  respondAsync: z.boolean().optional(),
  onState: z.union([z.literal(true), z.literal("throw")]).optional(),
  onLink: z.enum(["throw", "abort", "hang"]).optional(),
});

const caseSchema = z.strictObject({
  name: z.string(),
  only: z.array(z.enum(CLIENTS)).optional(),
  /** For `npm run test:long`. */
  long: z.boolean().default(false),
  client: z
    .strictObject({
      apiKey: z.string().default("k1"),
      timeoutMs: z.int().optional(),
      path: z.string().default(""),
      /** Nobody listens at its address. */
      nobody: z.boolean().default(false),
    })
    .prefault({}),
  call: z.enum([
    ...(["solve", "create", "wait", "result", "report", "answer", "extend", "cancel"] as const),
    ...(["createLink", "revokeLink", "ticket", "list"] as const),
  ]),
  with: argumentsSchema.prefault({}),
  /** Each is given once, to the first request that it is for. */
  answers: z.array(answerSchema).default([]),
  /** What all further requests get. */
  rest: answerSchema.optional(),
  abort: z.strictObject({ afterRequests: z.int() }).optional(),
  expect: expectedSchema,
  requests: z.array(requestSchema).optional(),
  firstRequest: z.string().optional(),
  lastRequest: z.string().optional(),
  mostRequests: z.int().optional(),
  leastRequests: z.int().optional(),
});
export type ClientCase = z.output<typeof caseSchema>;

/** As they stand in the file, for clients in other languages. */
export const WRITTEN: readonly unknown[] = z
  .array(z.looseObject({ long: z.boolean().optional() }))
  .parse(JSON.parse(readFileSync(new URL("client-cases.json", import.meta.url), "utf8")))
  .filter(({ long }) => IS_LONG_RUN || !long);
export const CASES: readonly ClientCase[] = caseSchema.array().parse(WRITTEN);

export function clientsOf({ only }: ClientCase): readonly ClientName[] {
  return only ?? CLIENTS;
}

/** What a client has made of a case. */
export const outcomeSchema = z.object({
  value: z.unknown().optional(),
  error: z
    .object({
      code: z.string(),
      status: z.number().nullable(),
      retryAfterMs: z.number().nullable(),
      details: z.unknown(),
      message: z.string(),
    })
    .optional(),
  aborted: z.boolean().optional(),
  thrown: z.string().optional(),
  states: z.array(z.string()),
  links: z.array(z.string()),
});
export type Outcome = z.output<typeof outcomeSchema>;

export interface NotedRequest {
  readonly method: string;
  /** Below the address of the case. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
  /** ms since the process began. */
  readonly at: number;
}

/** One case of one client: its answers, and what was asked. */
class Play {
  readonly requests: NotedRequest[] = [];
  readonly #rest: PlayedAnswer | undefined;
  readonly #left: PlayedAnswer[];
  readonly #waiting = new Set<() => void>();

  constructor({ answers, rest }: ClientCase) {
    this.#left = [...answers];
    this.#rest = rest;
  }

  async take(request: IncomingMessage, path: string, response: ServerResponse): Promise<void> {
    const text = Buffer.concat(await request.toArray()).toString();
    const { method = "", headers } = request;
    const body: unknown = text === "" ? undefined : JSON.parse(text);
    this.requests.push({ method, path, headers, body, at: performance.now() });
    for (const check of this.#waiting) check();
    const index = this.#left.findIndex(({ to }) => to === undefined || to === method);
    const [answer] = index < 0 ? [this.#rest] : this.#left.splice(index, 1);
    if (answer === undefined) {
      response.writeHead(599).end("No answer is left.");
      return;
    }
    const { holdUntil } = answer;
    if (holdUntil !== undefined) await this.until(() => this.requests.some((noted) => noted.method === holdUntil));
    setTimeout(() => give(answer, response), answer.delayMs);
  }

  /** Resolves when it holds after some request. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!holds()) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
      check();
    });
  }
}

const DRIP_MS = 50;

function give(answer: PlayedAnswer, response: ServerResponse): void {
  if (answer.drop) response.destroy();
  else if (answer.breakOff) response.writeHead(200, { "content-length": "100" }).write("{", () => response.destroy());
  else if (answer.drip) {
    response.writeHead(200, { "content-type": "application/json" });
    const timer = setInterval(() => response.write(" "), DRIP_MS);
    response.once("close", () => clearInterval(timer));
  } else if (!answer.hang) {
    const text = answer.text ?? JSON.stringify(answer.json);
    response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers }).end(text);
  }
}

/** Plays all cases at one address: `/CASE/CLIENT/...`, with numbers; `/arrived/CASE/CLIENT/N` answers after N requests. */
export class StandIn {
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #plays = new Map<string, Play>();
  /** Nobody listens here. */
  readonly nobody: string;

  private constructor(nobody: string) {
    this.nobody = nobody;
  }

  static async start(): Promise<StandIn> {
    const closed = createServer();
    const nobody = await listen(closed);
    await new Promise((resolve) => closed.close(resolve));
    const standIn = new StandIn(nobody);
    await listen(standIn.#server);
    return standIn;
  }

  get origin(): string {
    return originOf(this.#server);
  }

  requestsOf(index: number, client: ClientName): readonly NotedRequest[] {
    return this.#play(String(index), String(CLIENTS.indexOf(client))).requests;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on("error", () => {});
    const [, first = "", second = "", ...rest] = (request.url ?? "").split("/");
    if (first === "arrived") {
      const play = this.#play(second, rest[0] ?? "");
      await play.until(() => play.requests.length >= Number(rest[1]));
      response.end();
      return;
    }
    // A connection that was cut before its body came asks nothing.
    await this.#play(first, second)
      .take(request, `/${rest.join("/")}`, response)
      .catch(() => response.destroy());
  }

  #play(index: string, client: string): Play {
    const key = `${index}/${client}`;
    const known = this.#plays.get(key);
    if (known) return known;
    const one = CASES[Number(index)];
    if (one === undefined) throw new Error(`There is no case ${index}.`);
    const play = new Play(one);
    this.#plays.set(key, play);
    return play;
  }
}

function originOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return originOf(server);
}

/** Plays a case with the SDK. */
export async function runWithSdk({ origin, nobody }: StandIn, index: number, one: ClientCase): Promise<Outcome> {
  const { client: options, with: given, abort } = one;
  const place = `${index}/${CLIENTS.indexOf("TypeScript")}`;
  const client = new CaptchaRemoteClient({
    baseUrl: options.nobody ? nobody : `${origin}/${place}${options.path}`,
    apiKey: options.apiKey,
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
  });
  const states: string[] = [];
  const links: string[] = [];
  const stop = new AbortController();
  const reason = new Error("changed their mind");
  if (abort) void fetch(`${origin}/arrived/${place}/${abort.afterRequests}`).then(() => stop.abort(reason));
  const listenerError = () => new Error("the listener's own");
  const signal = stop.signal;
  const { timeoutMs, unreachableMs, idempotencyKey, respondAsync } = given;
  const onState = given.onState && {
    onState: (state: string) => {
      states.push(state);
      if (given.onState === "throw") throw listenerError();
    },
  };
  const waiting = { signal, timeoutMs, unreachableMs, ...onState };
  const key = idempotencyKey === undefined ? {} : { idempotencyKey };
  const calls: Record<ClientCase["call"], () => Promise<unknown>> = {
    solve: () =>
      client.solve(given.body, {
        ...waiting,
        ...key,
        onLink: (link) => {
          links.push(link);
          if (given.onLink === "throw") throw listenerError();
          if (given.onLink === "abort") stop.abort(reason);
          return given.onLink === "hang" ? new Promise(() => {}) : undefined;
        },
      }),
    create: () => client.create(given.body, { signal, ...key, ...(respondAsync ? { respondAsync } : {}) }),
    wait: () => client.waitUntilDone(given.id, waiting),
    result: () => client.result(given.id, { signal }),
    report: () => client.report(given.id, given.correct, given.note, { signal }),
    answer: () =>
      client.answerCode(given.id, given.text, {
        signal,
        ...key,
        ...(given.submit === undefined ? {} : { submit: given.submit }),
      }),
    extend: () => client.extend(given.id, given.seconds, { signal }),
    cancel: () => client.cancel(given.id, { signal }),
    createLink: () =>
      client.createLink(given.id, {
        signal,
        ...(given.role ? { role: given.role } : {}),
        ...(given.ttlSeconds === undefined ? {} : { ttlSeconds: given.ttlSeconds }),
        ...(given.qr === undefined ? {} : { qr: given.qr }),
      }),
    revokeLink: () => client.revokeLink(given.id, given.linkId, { signal }),
    ticket: () => client.ticket(given.id, { signal }),
    list: () => client.list({ signal, ...(given.state === undefined ? {} : { state: given.state }) }),
  };
  const told = { states, links };
  try {
    return { ...told, value: (await calls[one.call]()) ?? null };
  } catch (error) {
    if (error === reason) return { ...told, aborted: true };
    if (error instanceof CaptchaRemoteError) {
      const { code, status, retryAfterMs, details, message } = error;
      return { ...told, error: { code, status, retryAfterMs, details, message } };
    }
    return { ...told, thrown: error instanceof Error ? error.message : String(error) };
  }
}

/** The requests with `<key N>` and `<id>` in place of what the client has drawn, so that those of two runs are equal. */
export function withoutDrawn(requests: readonly NotedRequest[]): NotedRequest[] {
  const keys: string[] = [];
  let drawn = "";
  return requests.map((request) => {
    const headers = { ...request.headers };
    const key = headers["idempotency-key"];
    if (typeof key === "string" && /^[0-9a-f]{32}$/.test(key)) {
      if (!keys.includes(key)) keys.push(key);
      headers["idempotency-key"] = `<key ${keys.indexOf(key) + 1}>`;
    }
    const { session_id: id } = (request.body ?? {}) as { session_id?: unknown };
    if (typeof id === "string" && /^[\w-]{22}$/.test(id)) drawn ||= id;
    const replace = (text: string) => (drawn === "" ? text : text.replaceAll(drawn, "<id>"));
    const body = request.body === undefined ? undefined : JSON.parse(replace(JSON.stringify(request.body)));
    return { ...request, headers, body, path: replace(request.path) };
  });
}
