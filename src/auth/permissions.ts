/** Who may do what with which session: pure, and the only place that decides it. */
import type { Role } from "../protocol/common.ts";
import type { Caller, Grants, Scope } from "./caller.ts";

/** What a route asks of whoever calls it; a route without any is refused. */
export type Access =
  | "public"
  /** The operator socket: who comes is found out by ticket, header or first message. */
  | "socket"
  | RouteAccess;

export interface RouteAccess {
  /** Any of these is enough. `ops` is as good as all of them, unless told otherwise. */
  readonly scopes: readonly Scope[];
  /** Where the request names its session; left out: it is about none. */
  readonly session?: "params" | "body";
  /** For the key that created the session alone: `ops` is not enough. */
  readonly onlyOwner?: true;
  /** Also for who merely knows the id of a `legacy_open` session: an older client. */
  readonly byId?: true;
  /** Also for the holder of a link of this session. */
  readonly byLink?: true;
  /** A socket may be opened there too: who comes is found out as with "socket". */
  readonly orSocket?: true;
  /** An unknown or foreign session is the route's own to answer, as it answers for both alike. */
  readonly answersUnknown?: true;
}

/** As much of a session as decides about it. */
export interface Subject {
  readonly uid: string;
  /** The id of the key that created it; null: nobody's. */
  readonly owner: string | null;
  readonly label: string | null;
  readonly legacy_open: boolean;
  /** ms since 1970; null while it lives. */
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

/** Whether this caller may use the route on this session: mayCall comes first. */
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

/** Whether the result is this caller's to read: the key's that created the session, or everybody's with AUTH=off. */
export function isOwner(caller: Caller, subject: Subject | undefined): boolean {
  return caller.kind === "anybody" || (caller.kind === "key" && subject?.owner === caller.id);
}

/** Whether it is theirs to open to others, for as long as it lives: not of whoever may merely operate it. */
export function mayInvite(caller: Caller, subject: Subject): boolean {
  if (caller.kind !== "key") return caller.kind === "anybody";
  const { grants } = caller;
  return hasScope(grants, "ops") || (isOwner(caller, subject) && hasScope(grants, "sessions:control"));
}

/** What the caller may do on the operator socket of this session; null: nothing. */
export function roleIn(caller: Caller, subject: Subject): Role | null {
  if (caller.kind === "link") return caller.uid === subject.uid ? caller.role : null;
  const access: RouteAccess = { scopes: ["sessions:control", "operate"], byId: true };
  if (caller.kind === "key" && subject.owner === caller.id) {
    return hasScope(caller.grants, "sessions:control") || hasScope(caller.grants, "ops") ? "control" : null;
  }
  return mayCall(caller, access) && maySee(caller, access, subject) ? "control" : null;
}

/** Whether it is in this caller's list. */
export function mayList(caller: Caller, subject: Subject): boolean {
  return maySee(caller, { scopes: ["sessions:read", "operate"] }, subject);
}

/** Sessions of a key, and those that any key has made under the labels that it operates. */
export interface SessionScope {
  readonly owner: string;
  readonly operates: readonly string[] | "all" | "none";
}

/** What lists and the history may be about, for storage to select; null: everybody's sessions. */
export function scopeOf(caller: Caller): SessionScope | null {
  if (caller.kind !== "key" || hasScope(caller.grants, "ops")) return null;
  const { id: owner, grants } = caller;
  if (!hasScope(grants, "operate")) return { owner, operates: "none" };
  return { owner, operates: grants.labels.length === 0 ? "all" : grants.labels };
}

function hasScope({ scopes }: Grants, scope: Scope): boolean {
  return scopes.includes(scope);
}

/** Living sessions that a bot made, of the key's labels; without labels, all of those. */
function mayOperate({ scopes, labels }: Grants, { owner, label, ended_at }: Subject): boolean {
  if (!scopes.includes("operate") || owner === null || ended_at !== null) return false;
  return labels.length === 0 || (label !== null && labels.includes(label));
}
