/** [R10] From what a bot asks for to a session that lives: read from top to bottom. */
import { randomBytes, randomUUID } from "node:crypto";
import { type Caller, type Grants, grantsOf, ownerOf } from "../auth/caller.ts";
import type { Config } from "../config.ts";
import { refuseHost, urlPatternSchema } from "../egress/destination.ts";
import { AppError } from "../errors.ts";
import type { Callback } from "../events/event-log.ts";
import { type CreateSession, DEFAULT_VIEWPORT } from "../protocol/rest.ts";
import type { Session } from "./lifecycle/session.ts";
import type { OperatorLinks } from "./operators/operator-links.ts";
import type { OpenPage } from "./ports/page.ts";
import type { OpenPageRequest } from "./ports/page-request.ts";
import type { SessionRecord, SessionStore } from "./ports/store.ts";
import type { SessionRegistry } from "./registry.ts";

const SESSION_ID_BYTES = 16;

/** What the configuration says about sessions. */
export type SessionLimits = Pick<
  Config,
  | "maxSessions"
  | "maxSessionsPerKey"
  | "defaultTimeoutSeconds"
  | "maxTimeoutSeconds"
  | "retentionSeconds"
  | "urlAllowPrivate"
  | "keepBrowsers"
  | "webhookSecret"
>;

/** What creation is asked for beside the body that a bot sends. */
export interface CreationOptions {
  /** Whose session it will be; left out: nobody's. */
  readonly caller?: Caller;
  /** Answer at once, in `starting`. */
  readonly respondAsync?: boolean;
  /** Where the asker's own trace is: a W3C `traceparent`. */
  readonly traceparent?: string | undefined;
  readonly idempotencyKey?: string | undefined;
  /** In place of the usual way: for a page that is in hand already. */
  readonly openPage?: OpenPage;
  /** Aborted at any time, it ends the session as DELETE does. */
  readonly signal?: AbortSignal;
  /** The session has begun; a repeat with the same Idempotency-Key begins none. */
  readonly onCreated?: (sessionId: string) => void;
}

export interface CreateSessionDeps {
  readonly config: SessionLimits;
  readonly store: Pick<SessionStore, "create">;
  readonly registry: SessionRegistry;
  readonly links: Pick<OperatorLinks, "makeFirst">;
  readonly openPage: OpenPage;
  /** Ports of this machine that nothing is sent to on somebody else's word. */
  readonly neverPorts: () => ReadonlySet<number>;
}

/**
 * Resolves when the session's page is ready, or at once with `respondAsync`. Throws AppError session_exists, capacity,
 * invalid_message, url_not_allowed, and what the store and OpenPage throw; what the store refuses leaves no session.
 */
export async function createSession(
  body: CreateSession,
  options: CreationOptions,
  { config, store, registry, links, openPage, neverPorts }: CreateSessionDeps,
): Promise<Session> {
  const { caller, traceparent = null, signal, onCreated } = options;
  const owner = caller ? ownerOf(caller) : null;
  const grants = grantsOf(caller);
  const id = body.session_id ?? randomBytes(SESSION_ID_BYTES).toString("base64url");

  assertIdIsFree(id, owner, registry);
  assertCapacity(
    registry.all().map(({ record }) => record),
    owner,
    config,
  );
  const callback = callbackOf(body, config, { allow: grants?.url_allow ?? [], neverPorts });
  const record = newRecord(id, { owner, traceparent }, body, config);

  links.makeFirst(record, config);
  // Record and callback in one step: a failed write leaves nothing behind but a link to nowhere.
  store.create(record, callback);
  onCreated?.(id);

  const request = pageRequest(record, body, grants);
  registry.saveResumeState(record, { request: withoutStorageState(request) });
  const open = registry.openAfterRelease(id, options.openPage ?? openPage);
  const cancel = () => session.end("cancelled", "cancelled_by_bot");
  const session = registry.begin(record, { open, request }, () => signal?.removeEventListener("abort", cancel));
  signal?.addEventListener("abort", cancel, { once: true });

  const ready = session.start();
  if (!options.respondAsync) await ready;
  return session;
}

/** Another key's session must not be hidden behind a new one while that key can still read it. */
function assertIdIsFree(id: string, owner: string | null, registry: SessionRegistry): void {
  const last = registry.find(id);
  if (registry.living(id) || (last && last.owner !== owner)) {
    throw new AppError("session_exists", { field: "session_id" });
  }
}

/** Throws capacity where one more session would be too many: in all, or for this key, which must not take the others' share. */
function assertCapacity(living: readonly SessionRecord[], owner: string | null, limits: SessionLimits): void {
  if (living.length >= limits.maxSessions) throw new AppError("capacity", { limit: "sessions" });
  const own = living.filter((record) => record.owner === owner).length;
  if (owner === null || own < limits.maxSessionsPerKey) return;
  throw new AppError("capacity", { limit: "sessions_per_key" }, { message: "All sessions of this key are taken." });
}

/**
 * The callback that a creation asks for, or null. Throws invalid_message where nothing can sign what is sent there, and
 * url_not_allowed for a private address that the key may not reach, or a port of this server. Names are resolved, and
 * checked again, each time a webhook is sent.
 */
function callbackOf(
  { callback_url: url, callback_secret: secret }: CreateSession,
  { webhookSecret, urlAllowPrivate }: SessionLimits,
  { allow, neverPorts }: { readonly allow: readonly string[]; readonly neverPorts: () => ReadonlySet<number> },
): Callback | null {
  if (url === undefined) return null;
  if (secret === undefined && webhookSecret === undefined) {
    throw new AppError("invalid_message", {
      field: "callback_url",
      why: "needs a callback_secret: this server has no WEBHOOK_SECRET",
    });
  }
  refuseHost(url, "callback_url", {
    allowPrivate: urlAllowPrivate,
    allow: allow.map((text) => urlPatternSchema.parse(text)),
    neverPorts,
    demoOrigin: () => undefined,
  });
  return { url, secret: secret ?? null, allow };
}

/** A record in `starting`. Throws invalid_message for a timeout above the configured cap. */
function newRecord(
  id: string,
  { owner, traceparent }: Pick<SessionRecord, "owner" | "traceparent">,
  body: CreateSession,
  limits: SessionLimits,
): SessionRecord {
  const seconds = body.timeout_seconds ?? limits.defaultTimeoutSeconds;
  if (seconds > limits.maxTimeoutSeconds) {
    throw new AppError("invalid_message", { field: "timeout_seconds", why: `at most ${limits.maxTimeoutSeconds}` });
  }
  const now = Date.now();
  return {
    uid: randomUUID(),
    session_id: id,
    owner,
    legacy_open: body.legacy_open ?? false,
    state: "starting",
    reason: null,
    verified: null,
    evidence: [],
    note: null,
    label: body.label ?? null,
    instructions: body.instructions ?? null,
    metadata: body.metadata ?? null,
    // A page of the bot's own tells both once it is attached.
    url: body.url ?? "",
    viewport: body.viewport ?? DEFAULT_VIEWPORT,
    proxy_port: null,
    captcha_info: null,
    operator_came: false,
    traceparent,
    created_at: now,
    expires_at: now + seconds * 1_000,
    ended_at: null,
  };
}

/**
 * What the page's opener is asked for; `grants` are those of the key that asks. Field by field, as it is kept for a
 * restart: the callback's secret and the metadata have their own place.
 */
function pageRequest(
  { session_id, url, viewport }: SessionRecord,
  body: CreateSession,
  grants: Grants | null,
): OpenPageRequest {
  const { cdp, completion, on_crash, locale, timezone, user_agent, extra_headers, storage_state } = body;
  if (cdp) return { session_id, completion, cdp, cdp_allow: grants?.cdp_allow ?? null };
  return {
    session_id,
    url,
    viewport,
    completion,
    on_crash,
    locale,
    timezone,
    user_agent,
    extra_headers,
    storage_state,
    url_allow: grants?.url_allow ?? [],
  };
}

/** What has to be kept of it: the browser itself has the rest. */
function withoutStorageState(request: OpenPageRequest): OpenPageRequest {
  return "cdp" in request ? request : { ...request, storage_state: undefined };
}
