/** Guards every route: who calls, whether that is allowed, and whether the caller may see the session. Default: no. */
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from "fastify";
import type { Authenticator } from "../../auth/authenticator.ts";
import type { Caller } from "../../auth/caller.ts";
import { type Access, mayCall, maySee, type RouteAccess, type Subject } from "../../auth/permissions.ts";
import { AppError } from "../../errors.ts";
import type { FailedAuthentications } from "./failed-authentications.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Who may use this route. The server does not start if a route lacks it. */
    access?: Access;
  }
  interface FastifyRequest {
    caller: Caller;
    /** The named session does not exist, or the caller must not know that it does; only if the route `answersUnknown`. */
    isUnknownSession: boolean;
  }
}

/** What the guard needs of the sessions. */
export interface Sessions {
  /** The session with this id, living or ended. */
  subject(id: string): Subject | undefined;
}

export interface GuardDeps {
  readonly authenticator: Authenticator;
  readonly sessions: Sessions;
  readonly failures: FailedAuthentications;
}

/** Guards all routes of this instance that are registered after the call. */
export function guardRoutes(app: FastifyInstance, { authenticator, sessions, failures }: GuardDeps): void {
  app.decorateRequest("caller");
  app.decorateRequest("isUnknownSession", false);
  const routes: RouteOptions[] = [];
  app.addHook("onRoute", (route) => void routes.push(route));
  app.addHook("onReady", async () => {
    const open = routes.find(({ config }) => !config?.access);
    if (open) throw new Error(`${open.method} ${open.url} does not say who may use it.`);
  });
  // Before the body is read.
  app.addHook("onRequest", async (request) => {
    const access = request.is404 ? "public" : request.routeOptions.config.access;
    if (access === undefined) throw new AppError("forbidden");
    // The library would open a socket on any route, without counting it.
    const isSocket = access === "socket" || (typeof access === "object" && access.orSocket === true && request.ws);
    if (request.ws && !isSocket) throw new AppError("not_found", { why: "no socket is served here" });
    // A socket is refused by a message, which a browser can read; a refused upgrade it cannot.
    if (access === "public" || isSocket) return;
    request.caller = await callerOf(request, access);
    if (!mayCall(request.caller, access)) throw new AppError("forbidden", { needs: access.scopes });
  });
  // After validation of the part that names the session.
  app.addHook("preHandler", async (request) => {
    const { access } = request.routeOptions.config;
    if (typeof access !== "object" || access.session === undefined) return;
    if (request.caller.kind === "anybody") return;
    const id = idOf(access.session === "params" ? request.params : request.body);
    request.isUnknownSession = !sees(request.caller, access, id);
    if (request.isUnknownSession && !access.answersUnknown) throw new AppError("session_not_found", { session_id: id });
  });

  async function callerOf(request: FastifyRequest, access: RouteAccess): Promise<Caller> {
    const token = bearerOf(request);
    if (!authenticator.isOn) {
      const caller = token !== null && access.byLink ? await authenticator.bearer(token) : null;
      return caller?.kind === "link" ? caller : { kind: "anybody" };
    }
    if (token === null) {
      if (access.byId) return { kind: "id_holder" };
      throw new AppError("unauthorized");
    }
    const caller = await authenticator.bearer(token);
    if (caller) return caller;
    // Only failures count, so a valid key works from any address.
    throw refusalOf(request.ip, failures);
  }

  /** False for an unknown session and for another owner's: both are answered alike. Throws AppError unauthorized. */
  function sees(caller: Caller, access: RouteAccess, id: string): boolean {
    const subject = sessions.subject(id);
    if (subject && maySee(caller, access, subject)) return true;
    // A link opens its own session only, and an id that opens nothing is a guess.
    if (caller.kind === "id_holder" || caller.kind === "link") throw new AppError("unauthorized");
    return false;
  }
}

/**
 * The caller on a route that is open to all; null if it shows no valid key or link. An invalid token counts as a failed
 * authentication, as on other routes: otherwise keys could be guessed here without limit.
 */
export async function knownCaller(
  request: Pick<FastifyRequest, "headers" | "ip">,
  { authenticator, failures }: Pick<GuardDeps, "authenticator" | "failures">,
): Promise<Caller | null> {
  if (!authenticator.isOn) return { kind: "anybody" };
  const token = bearerOf(request);
  const caller = token === null ? null : await authenticator.bearer(token);
  if (token !== null && !caller) failures.count(request.ip);
  return caller;
}

/** Aborts when the client disconnects before it is answered, or its key or link expires or is revoked. */
export function goneSignal(
  { caller }: FastifyRequest,
  reply: FastifyReply,
  authenticator: Pick<Authenticator, "whenOver">,
): AbortSignal {
  const gone = new AbortController();
  const stop = authenticator.whenOver(caller, () => gone.abort());
  reply.raw.once("close", () => {
    stop();
    gone.abort();
  });
  return gone.signal;
}

/** Counts an invalid key, token or ticket of this address; returns the error that answers it. */
export function refusalOf(address: string, failures: FailedAuthentications): AppError {
  if (failures.isExceeded(address)) return new AppError("rate_limited");
  failures.count(address);
  return new AppError("unauthorized");
}

/** The token of an `Authorization: Bearer` header; null if there is none. */
export function bearerOf({ headers }: Pick<FastifyRequest, "headers">): string | null {
  const { authorization } = headers;
  // Another scheme is for another party, a proxy in front of this server for example.
  if (authorization === undefined) return null;
  return /^Bearer +(\S+) *$/i.exec(authorization)?.[1] ?? null;
}

function idOf(part: unknown): string {
  const { id, session_id } = part as { id?: string; session_id?: string };
  return id ?? session_id ?? "";
}
