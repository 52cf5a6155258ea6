/** [R10] Creates a session from a bot's request: checks, record, link, page. */
import { randomBytes, randomUUID } from "node:crypto";
import { type Caller, type Grants, grantsOf, ownerOf } from "../auth/caller.ts";
import type { Config } from "../config.ts";
import { refuseHost, urlPatternSchema } from "../egress/destination.ts";
import { AppError } from "../errors.ts";
import type { Callback } from "../events/event-log.ts";
import { type CreateSession, DEFAULT_VIEWPORT, PHONE_VIEWPORT } from "../protocol/rest.ts";
import type { Session } from "./lifecycle/session.ts";
import type { OperatorLinks } from "./operators/operator-links.ts";
import type { OpenPage } from "./ports/page.ts";
import type { OpenPageRequest } from "./ports/page-request.ts";
import type { SessionRecord, SessionStore } from "./ports/store.ts";
import type { SessionRegistry } from "./registry.ts";

const SESSION_ID_BYTES = 16;

/** The part of the configuration that is about sessions. */
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

/** What a creation needs beside the body that the bot sends. */
export interface CreationOptions {
  /** The owner of the session; left out: nobody. */
  readonly caller?: Caller;
  /** Resolve at once, in `starting`. */
  readonly respondAsync?: boolean;
  /** The caller's own trace: a W3C `traceparent`. */
  readonly traceparent?: string | undefined;
  readonly idempotencyKey?: string | undefined;
  /** Replaces the server's own way to open a page: for a page that a program hands over. */
  readonly openPage?: OpenPage;
  /** Ends the session as DELETE does, whenever it aborts. */
  readonly signal?: AbortSignal;
  /** Called when the session exists; not called for a repeat with the same Idempotency-Key. */
  readonly onCreated?: (sessionId: string) => void;
}

export interface CreateSessionDeps {
  readonly config: SessionLimits;
  readonly store: Pick<SessionStore, "create">;
  readonly registry: SessionRegistry;
  readonly links: Pick<OperatorLinks, "makeFirst">;
  readonly openPage: OpenPage;
  /** Ports of this machine that no URL of a caller may name. */
  readonly neverPorts: () => ReadonlySet<number>;
}

/**
 * Resolves when the session's page is ready, or at once with `respondAsync`. Throws AppError session_exists, capacity,
 * invalid_message, url_not_allowed, and as the store and OpenPage do. If the store refuses the record, there is no
 * session.
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
  // One step for record and callback: a failed write leaves nothing behind but a link to no session.
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

/** Throws session_exists if the id is taken: a new session must not hide another key's while that key can read it. */
function assertIdIsFree(id: string, owner: string | null, registry: SessionRegistry): void {
  const last = registry.find(id);
  if (registry.living(id) || (last && last.owner !== owner)) {
    throw new AppError("session_exists", { field: "session_id" });
  }
}

/**
 * Throws capacity if one more session is too many: for the server, or for this key, which must leave room for others.
 */
function assertCapacity(living: readonly SessionRecord[], owner: string | null, limits: SessionLimits): void {
  if (living.length >= limits.maxSessions) throw new AppError("capacity", { limit: "sessions" });
  const own = living.filter((record) => record.owner === owner).length;
  if (owner === null || own < limits.maxSessionsPerKey) return;
  throw new AppError("capacity", { limit: "sessions_per_key" }, { message: "All sessions of this key are taken." });
}

/**
 * The callback of a creation, or null. Throws invalid_message if there is no secret to sign webhooks with, and
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
    contradicted_by: [],
    note: null,
    label: body.label ?? null,
    instructions: body.instructions ?? null,
    metadata: body.metadata ?? null,
    // For a page of the bot's own, both are read from it once it is attached.
    url: body.url ?? "",
    viewport: body.viewport ?? (body.device === "phone" ? PHONE_VIEWPORT : DEFAULT_VIEWPORT),
    proxy_port: null,
    captcha_info: null,
    challenge_kind: null,
    needs_person: false,
    operator_came: false,
    traceparent,
    created_at: now,
    expires_at: now + seconds * 1_000,
    ended_at: null,
  };
}

/**
 * The request to open the page; `grants` are those of the creating key. It is built field by field, because it is
 * stored for a restart, until the end: the callback's secret and the metadata are stored elsewhere.
 */
function pageRequest(
  { session_id, owner, url, viewport }: SessionRecord,
  body: CreateSession,
  grants: Grants | null,
): OpenPageRequest {
  const { cdp, completion, on_crash, locale, timezone, user_agent, extra_headers, http_credentials, storage_state } =
    body;
  const { device, touch, files, clipboard, relay } = body;
  if (relay !== undefined) return { session_id, completion, clipboard, relay, owner };
  if (cdp) return { session_id, completion, clipboard, cdp, cdp_allow: grants?.cdp_allow ?? null };
  return {
    session_id,
    url,
    viewport,
    completion,
    on_crash,
    device,
    touch,
    locale,
    timezone,
    user_agent,
    extra_headers,
    http_credentials,
    storage_state,
    files,
    clipboard,
    url_allow: grants?.url_allow ?? [],
  };
}

/** The part of the request that is stored: the browser itself has the cookies and the local storage. */
function withoutStorageState(request: OpenPageRequest): OpenPageRequest {
  return "cdp" in request || "relay" in request ? request : { ...request, storage_state: undefined };
}
