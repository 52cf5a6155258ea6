/** Permissions: who may do what with which session. Pure, and the only place that decides it. */
import type { Role } from "../protocol/common.ts";
import type { Caller, Grants, Scope } from "./caller.ts";

/** The access that a route requires of its caller; a route without one is refused. */
export type Access =
  | "public"
  /** The operator socket: a ticket, a header or the first message authenticates the caller. */
  | "socket"
  | RouteAccess;

export interface RouteAccess {
  /** Any of these is enough. `ops` counts as all of them, unless `onlyOwner` is set. */
  readonly scopes: readonly Scope[];
  /** Where the request names its session; left out: the route is about none. */
  readonly session?: "params" | "body";
  /** Only for the key that created the session: `ops` is not enough. */
  readonly onlyOwner?: true;
  /** Also for a caller that only knows the id of a `legacy_open` session: an older client. */
  readonly byId?: true;
  /** Also for the holder of a link of this session. */
  readonly byLink?: true;
  /** The route also opens sockets, which authenticate as with "socket". */
  readonly orSocket?: true;
  /** The route itself answers for an unknown session and for a foreign one, for both alike. */
  readonly answersUnknown?: true;
}

/** The facts about a session that permissions depend on. */
export interface Subject {
  readonly uid: string;
  /** The id of the key that created the session; null: nobody owns it. */
  readonly owner: string | null;
  readonly label: string | null;
  readonly legacy_open: boolean;
  /** ms since 1970; null while the session lives. */
  readonly ended_at: number | null;
}

/** Whether this caller may use the route at all, whatever the session. */
export function mayCall(caller: Caller, { scopes, onlyOwner, byId, byLink }: RouteAccess): boolean {
  switch (caller.kind) {
    case "anybody":
      return true;
    case "id_holder":
      return byId === true;
    case "link":
      return byLink === true;
    case "key":
      return scopes.some((scope) => hasScope(caller.grants, scope)) || (!onlyOwner && hasScope(caller.grants, "ops"));
  }
}

/** Whether this caller may use the route on this session. mayCall() is checked first. */
export function maySee(caller: Caller, { scopes, onlyOwner, byId }: RouteAccess, subject: Subject): boolean {
  switch (caller.kind) {
    case "anybody":
      return true;
    case "id_holder":
      return subject.legacy_open;
    case "link":
      return caller.uid === subject.uid;
    case "key":
      if (subject.owner === caller.id || (byId && subject.legacy_open)) return true;
      if (onlyOwner) return false;
      return hasScope(caller.grants, "ops") || (scopes.includes("operate") && mayOperate(caller.grants, subject));
  }
}

/** Whether this caller may read the result: it is the key that created the session, or AUTH is off. */
export function isOwner(caller: Caller, subject: Subject | undefined): boolean {
  return caller.kind === "anybody" || (caller.kind === "key" && subject?.owner === caller.id);
}

/** [M7] Whether an agent with this caller's key may have cookies and local storage. `ops` is not enough. */
export function mayGiveStateToAgents(caller: Caller): boolean {
  return caller.kind === "anybody" || (caller.kind === "key" && hasScope(caller.grants, "state:read"));
}

/** Whether this caller may make links to the session: a key that may merely operate it may not. */
export function mayInvite(caller: Caller, subject: Subject): boolean {
  if (caller.kind !== "key") return caller.kind === "anybody";
  const { grants } = caller;
  return hasScope(grants, "ops") || (isOwner(caller, subject) && hasScope(grants, "sessions:control"));
}

/** The caller's role on the operator socket of this session; null: it may not open one. */
export function roleIn(caller: Caller, subject: Subject): Role | null {
  if (caller.kind === "link") return caller.uid === subject.uid ? caller.role : null;
  const access: RouteAccess = { scopes: ["sessions:control", "operate"], byId: true };
  if (caller.kind === "key" && subject.owner === caller.id) {
    return hasScope(caller.grants, "sessions:control") || hasScope(caller.grants, "ops") ? "control" : null;
  }
  return mayCall(caller, access) && maySee(caller, access, subject) ? "control" : null;
}

/** Whether the session is in this caller's list. */
export function mayList(caller: Caller, subject: Subject): boolean {
  return maySee(caller, { scopes: ["sessions:read", "operate"] }, subject);
}

/** The sessions of a key, and those of other keys under the labels that it operates. */
export interface SessionScope {
  readonly owner: string;
  readonly operates: readonly string[] | "all" | "none";
}

/** The sessions that this caller's lists and history are selected from; null: all sessions. */
export function scopeOf(caller: Caller): SessionScope | null {
  if (caller.kind !== "key" || hasScope(caller.grants, "ops")) return null;
  const { id: owner, grants } = caller;
  if (!hasScope(grants, "operate")) return { owner, operates: "none" };
  return { owner, operates: grants.labels.length === 0 ? "all" : grants.labels };
}

function hasScope({ scopes }: Grants, scope: Scope): boolean {
  return scopes.includes(scope);
}

/** Whether a key may operate this session: a living one of a key, under the key's labels if it has any. */
function mayOperate({ scopes, labels }: Grants, { owner, label, ended_at }: Subject): boolean {
  if (!scopes.includes("operate") || owner === null || ended_at !== null) return false;
  return labels.length === 0 || (label !== null && labels.includes(label));
}
