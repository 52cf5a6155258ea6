/** Callers, and what they may do: scopes and roles as data. */
import type { Role } from "../protocol/common.ts";

/**
 * The scopes of a key. sessions:create opens sessions; sessions:read looks at its own; sessions:control acts on
 * its own; operate sees and opens waiting sessions of its labels; ops does everything with all, but reads no results;
 * state:read gets the cookies of its own ended sessions where an agent asks for them [M7].
 */
export const SCOPES = ["sessions:create", "sessions:read", "sessions:control", "operate", "ops", "state:read"] as const;
export type Scope = (typeof SCOPES)[number];

/** The rights of a key, and the destinations of its sessions. */
export interface Grants {
  readonly scopes: readonly Scope[];
  /** The labels that `operate` is limited to; empty: all. */
  readonly labels: readonly string[];
  /** Allowed endpoints in place of CDP_ALLOW; null: those of the server. */
  readonly cdp_allow: readonly string[] | null;
  /** Private destinations that pages of this key may reach. */
  readonly url_allow: readonly string[];
}

export interface KeyCaller {
  readonly kind: "key";
  /** The public id, never the secret. */
  readonly id: string;
  readonly name: string;
  readonly grants: Grants;
}

export interface LinkCaller {
  readonly kind: "link";
  readonly id: string;
  /** The uid of the one session it opens, because a session_id may be used again. */
  readonly uid: string;
  readonly role: Role;
  /** ms since 1970 */
  readonly expires_at: number;
}

/**
 * `anybody`: any caller of a server with AUTH=off. `id_holder`: a caller that knows the id of a `legacy_open` session.
 */
export type Caller = KeyCaller | LinkCaller | { readonly kind: "anybody" } | { readonly kind: "id_holder" };

/** The caller's name in the audit trail and in logs: its kind and id, never a secret. */
export function nameOf(caller: Caller): string {
  return "id" in caller ? `${caller.kind}:${caller.id}` : caller.kind;
}

/** The name by which an operator is recognised when it reconnects; null: it is not. */
export function whoIs(caller: Caller): string | null {
  return "id" in caller ? nameOf(caller) : null;
}

/** The id of the key that owns the sessions this caller creates; null: nobody owns them. */
export function ownerOf(caller: Caller): string | null {
  return caller.kind === "key" ? caller.id : null;
}

/** The grants of a key; null for any other caller. */
export function grantsOf(caller: Caller | undefined): Grants | null {
  return caller?.kind === "key" ? caller.grants : null;
}
